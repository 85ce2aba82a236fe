// The page's language: chosen by the browser, switched by the user, remembered. Texts are in en.js and fr.js.

import { en } from "./en.js";
import { fr } from "./fr.js";

/** The languages with their own names. */
export const LANGUAGES = { en: "English", fr: "Français" };

const TEXTS = { en, fr };
const KEPT_AS = "dbferry.language";

let language = chosen();
let plural = new Intl.PluralRules(language);

/** The language's code. */
export function currentLanguage() {
  return language;
}

/** Switches the language and remembers it. Whoever shows texts listens to the event `language` of the window. */
export function setLanguage(code) {
  if (!(code in TEXTS)) {
    return;
  }
  language = code;
  plural = new Intl.PluralRules(code);
  keep(KEPT_AS, code);
  translateShell();
  window.dispatchEvent(new Event("language"));
}

/**
 * The text `key` with its `{names}` filled in. A text that depends on a number has forms, told apart by `values.count`; the number
 * as it is to be read is `values.n`.
 */
export function t(key, values = {}) {
  const found = TEXTS[language][key] ?? en[key] ?? key;
  const text = typeof found === "string" ? found : (found[plural.select(values.count ?? 0)] ?? found.other);
  return spaced(text).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** In French no line begins with a colon, a semicolon, a question or exclamation mark, or a closing quotation mark. */
function spaced(text) {
  return language === "fr" ? text.replace(/ ([:;!?»])/g, "\u00a0$1").replace(/« /g, "«\u00a0") : text;
}

/** Whether there is a text `key`. */
export function has(key) {
  return key in en;
}

/** The text of something that the server sends in several languages. */
export function translated(text) {
  if (text === null || text === undefined || typeof text === "string") {
    return text ?? "";
  }
  return text[language] ?? text.en ?? "";
}

/** Puts the language on the parts of index.html that are always there. */
export function translateShell() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-text]")) {
    node.textContent = t(node.dataset.text);
  }
  for (const node of document.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", t(node.dataset.label));
  }
}

/** Remembers a choice in this browser, if it lets us. */
export function keep(name, value) {
  try {
    if (value === null) {
      localStorage.removeItem(name);
    } else {
      localStorage.setItem(name, value);
    }
  } catch {
    // The choice then holds until the page is closed.
  }
}

/** What was remembered. */
export function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function chosen() {
  const wanted = [kept(KEPT_AS), ...(navigator.languages ?? [])];
  const known = wanted.map((code) => code?.slice(0, 2).toLowerCase()).find((code) => code in TEXTS);
  return known ?? "en";
}
