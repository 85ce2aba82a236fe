// What is told to everybody for a moment, and what is told to screen readers only.

import { element, icon } from "./dom.js";
import { has, t } from "./i18n.js";

/** A line at the bottom of the page: what was done. */
export function notice(text, sign = "check") {
  const line = element("div", { class: "notice appear" }, icon(sign), element("span", {}, text));
  // A modal dialog makes the rest of the page inert; the line is then shown inside of it.
  const dialogs = document.querySelectorAll("dialog[open]");
  const inside = dialogs[dialogs.length - 1]?.appendChild(element("div", { class: "notices", role: "status" }));
  (inside ?? document.getElementById("notices")).append(line);
  setTimeout(() => (inside ?? line).remove(), 6000);
}

/** The same for something small that failed. */
export function failed({ kind, message }) {
  notice(message || (has(`error.${kind}`) ? t(`error.${kind}`) : kind), "error");
}

/** Told by screen readers when they have nothing else to say. */
export function announce(text) {
  const dialogs = document.querySelectorAll("dialog[open] .announcer");
  (dialogs[dialogs.length - 1] ?? document.getElementById("announcer")).textContent = text;
}
