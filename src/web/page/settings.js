// The switches in the header: language, theme, signing out.

import { element, iconButton } from "./dom.js";
import { LANGUAGES, currentLanguage, keep, setLanguage, t } from "./i18n.js";

const THEMES = { auto: "auto", light: "sun", dark: "moon" };

/** Fills the header's right side; `signOut` is null while nobody is signed in. */
export function showSettings(signOut) {
  document.getElementById("settings").replaceChildren(languageSwitch(), themeSwitch(),
    ...(signOut ? [iconButton(t("shell.sign_out"), "sign-out", { on: { click: signOut } })] : []));
}

function languageSwitch() {
  const one = ([code, name]) => element("button", {
    type: "button", lang: code, title: name, "aria-label": `${code.toUpperCase()} – ${name}`, "aria-pressed": String(code === currentLanguage()),
    on: { click: () => refocused(() => setLanguage(code), `[lang="${code}"]`) },
  }, code.toUpperCase());
  return element("div", { class: "segments", role: "group", "aria-label": t("shell.language") }, Object.entries(LANGUAGES).map(one));
}

/** One button that goes from the system's theme to light to dark. */
function themeSwitch() {
  const root = document.documentElement;
  const names = Object.keys(THEMES);
  const current = root.dataset.theme ?? "auto";
  const next = names[(names.indexOf(current) + 1) % names.length];
  const turn = () => {
    if (next === "auto") {
      delete root.dataset.theme;
    } else {
      root.dataset.theme = next;
    }
    keep("dbferry.theme", next === "auto" ? null : next);
    window.dispatchEvent(new Event("theme"));
  };
  return iconButton(`${t(`shell.theme_${current}`)}. ${t("shell.theme_next", { theme: t(`shell.theme_${next}`) })}`, THEMES[current],
    { class: "button quiet only-icon theme", on: { click: () => refocused(turn, ".theme") } });
}

/** Both switches are made anew when they are used; the focus stays on them. */
function refocused(change, selector) {
  change();
  document.querySelector(`#settings ${selector}`)?.focus();
}
