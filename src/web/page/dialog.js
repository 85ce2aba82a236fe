// A window over the page: the browser's own modal <dialog>, which keeps the focus inside and gives it back.

import { button, element, iconButton, uniqueName } from "./dom.js";
import { t } from "./i18n.js";
import { notice } from "./notices.js";

/**
 * Opens a dialog and returns it: `body` and `foot` are its parts to fill, `close()` closes it, `busy(true)` keeps Escape and the cross
 * from closing it. `size` is small, medium or large. `closed` is called when it was closed, in whatever way.
 */
export function openDialog({ title, size = "medium", closed = () => {} }) {
  const name = uniqueName("dialog");
  const opener = document.activeElement;
  let isBusy = false;
  const heading = element("h2", { id: name, tabindex: "-1" }, title);
  const cross = iconButton(t("dialog.close"), "close", { on: { click: () => close() } });
  const body = element("div", { class: "dialog-body" });
  const foot = element("div", { class: "dialog-foot" });
  const head = element("header", { class: "dialog-head" }, heading, cross);
  const announcer = element("div", { class: "visually-hidden announcer", "aria-live": "polite" });
  const dialog = element("dialog", { class: size, "aria-labelledby": name }, head, body, foot, announcer);
  const close = () => {
    if (!isBusy) {
      dialog.close();
    }
  };
  dialog.addEventListener("cancel", (event) => {
    if (isBusy) {
      event.preventDefault();
    }
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed();
    // What opened the dialog may have been replaced meanwhile.
    if (!opener?.isConnected && document.activeElement === document.body) {
      document.getElementById("main").focus();
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  heading.focus();
  const busy = (value) => {
    isBusy = value;
    cross.disabled = value;
  };
  const retitle = (text) => {
    heading.textContent = text;
  };
  return { dialog, head, heading, body, foot, close, busy, retitle };
}

/** The buttons at the bottom: the one that goes back or away first, the one that goes on last. */
export function fillFoot(foot, ...buttons) {
  foot.replaceChildren(...buttons.filter(Boolean));
}

/**
 * Asks before something is destroyed: `word` must be typed. `act` does it and resolves to what is told when the
 * dialog is gone; what it throws is shown, and the dialog stays.
 */
export function confirm({ title, body, word, verb, act, showError }) {
  const { body: place, foot, close, busy } = openDialog({ title, size: "small" });
  const problem = element("div", { "aria-live": "assertive" });
  const field = typedName(word, () => refresh());
  const doIt = button(verb, { kind: "danger", on: { click: run } });
  const refresh = () => {
    doIt.disabled = !field.matches();
  };
  const submit = (event) => {
    event.preventDefault();
    if (!doIt.disabled) {
      run();
    }
  };
  async function run() {
    busy(true);
    doIt.disabled = true;
    try {
      const done = await act();
      busy(false);
      close();
      notice(done);
    } catch (error) {
      busy(false);
      refresh();
      problem.replaceChildren(showError(error));
    }
  }
  place.append(element("form", { class: "stack", on: { submit } }, body, field.node, problem));
  fillFoot(foot, button(t("dialog.cancel"), { on: { click: close } }), doIt);
  refresh();
  field.input.focus();
}

/** A field into which `word` must be typed: nobody overwrites the wrong database by a slip of the mouse. */
export function typedName(word, changed) {
  const name = uniqueName("typed");
  const input = element("input", { id: name, type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", on: { input: changed } });
  const [before, after = ""] = t("dialog.type_name", { name: "\u0000" }).split("\u0000");
  const node = element("div", { class: "field" },
    element("label", { for: name }, before, element("code", { class: "typed" }, word), after), input);
  return { node, input, matches: () => input.value.trim() === word };
}
