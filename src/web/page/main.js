// Starts the page: session, language, live data, and which view is shown. The address says the view: #/ the list, #/backups/NAME
// one backup, #/schedule, #/activity.

import * as api from "./api.js";
import { button, element, place, waiting } from "./dom.js";
import { errorBox } from "./errors.js";
import { activityView } from "./activity.js";
import { backupsView } from "./backups.js";
import { inspectView } from "./inspect.js";
import { scheduleView } from "./schedule.js";
import { showSettings } from "./settings.js";
import { translateShell, t } from "./i18n.js";
import * as store from "./store.js";

const main = document.getElementById("main");
let close = () => {};

window.addEventListener("hashchange", () => {
  if (!takeAwayToken()) {
    showView(true);
  }
});
window.addEventListener("language", () => {
  showFrame();
  showView(false);
});
window.addEventListener("theme", () => showSettings(signOut));
store.subscribe((what) => what === "link" && showLink());
api.onSignedOut(whenSignedOut);
start();

async function start() {
  takeAwayToken();
  translateShell();
  main.replaceChildren(waiting(t("shell.loading")));
  try {
    await api.openSession();
    await store.start();
  } catch (error) {
    if (error.status !== 401) {
      main.replaceChildren(errorBox(error), button(t("shell.again"), { sign: "refresh", on: { click: () => location.reload() } }));
    }
    return;
  }
  showFrame();
  showView(false);
}

/**
 * A link with a token that is opened while a session is alive: the token leaves the address. Where the session is over, the page that asks
 * for the token takes it, so the address is loaded anew.
 */
function takeAwayToken() {
  if (!location.hash.startsWith("#token=")) {
    return false;
  }
  if (store.state.link === "signed-out") {
    location.reload();
  } else {
    history.replaceState(null, "", "/");
  }
  return true;
}

/** The parts around the view. */
function showFrame() {
  translateShell();
  showSettings(signOut);
  document.getElementById("views").hidden = false;
  document.getElementById("about").replaceChildren(`dbferry ${store.state.server.version} · `, element("a", { href: "api/openapi.json" }, t("shell.api")));
  showLink();
}

/** Shows what the address says; with `moved`, somebody came from another view, so the focus goes to the new one. */
function showView(moved) {
  if (!store.state.server) {
    return;
  }
  close();
  const [, name = "", argument = ""] = location.hash.split("/");
  const views = { "": backupsView, backups: inspectView, schedule: scheduleView, activity: activityView };
  const open = views[name] ?? backupsView;
  const { title, node, closed = () => {} } = open(decoded(argument));
  close = closed;
  document.title = `${title} – dbferry`;
  for (const link of document.querySelectorAll("#views a")) {
    const current = link.hash === `#/${name === "backups" ? "" : name}`;
    link.toggleAttribute("aria-current", current);
    if (current) {
      link.setAttribute("aria-current", "page");
    }
  }
  main.replaceChildren(node);
  if (moved) {
    window.scrollTo(0, 0);
    (main.querySelector("h1") ?? main).focus();
  }
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Says that the line to the server is down, and what happened meanwhile when it is up again. */
function showLink() {
  const holder = document.getElementById("connection");
  const { link, restarted } = store.state;
  const texts = { lost: t("link.lost"), "signed-out": t("link.signed_out"), live: restarted ? t("link.restarted") : "" };
  const text = texts[link] ?? "";
  const act = {
    "signed-out": button(t("signin.go"), { kind: "compact", on: { click: () => location.reload() } }),
    live: restarted && button(t("link.fine"), { kind: "compact", on: { click: () => { store.state.restarted = false; showLink(); } } }),
  }[link];
  place(holder, text ? [element("div", { class: "toolbar" }, element("span", {}, text), act)] : []);
}

/** Nobody is signed in any more. Whoever is about to fill in a dialog keeps it until they have read why. */
function whenSignedOut() {
  store.stop("signed-out");
  if (!document.querySelector("dialog[open]")) {
    location.reload();
  }
}

async function signOut() {
  await api.signOut().catch(() => {});
  store.stop("signed-out");
  location.assign("/");
}
