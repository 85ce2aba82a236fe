// Groups as chips and as lines to tick: used for a new backup and for a restore alike.

import { element, icon, uniqueName } from "./dom.js";
import { bytes, number, rows } from "./format.js";
import { t, translated } from "./i18n.js";

const BUILT_IN = new Set(["required", "skipped", "user", "log", "third-party", "custom", "unknown"]);
const SHOWN_CHIPS = 6;

/** The colour that a group has everywhere: its own for a built-in one, one of three by its name for the others. */
export function groupColour(name) {
  if (BUILT_IN.has(name)) {
    return name;
  }
  const sum = [...name].reduce((total, letter) => (total * 31 + letter.codePointAt(0)) % 9973, 7);
  return `other-${(sum % 3) + 1}`;
}

/** A group's title as a chip. */
export function groupChip(group) {
  return element("li", { class: "chip", "data-group": groupColour(group.name), title: chipTitle(group) },
    element("span", { class: "dot" }), translated(group.title) || group.name);
}

/** Chips of groups; the last ones of many are counted only. */
export function groupChips(groups) {
  const shown = groups.length > SHOWN_CHIPS ? groups.slice(0, SHOWN_CHIPS - 1) : groups;
  const more = groups.slice(shown.length);
  return element("ul", { class: "chips" }, shown.map(groupChip),
    more.length > 0 && element("li", { class: "chip", title: more.map((group) => translated(group.title)).join(", ") }, `+${more.length}`));
}

function chipTitle({ name, collections, rows: held }) {
  return `${name} · ${contents({ collections, rows: held })}`;
}

/** `7 tables · about 1,200 rows · 23 kB` */
export function contents({ collections, rows: held, bytes: size }) {
  const count = Array.isArray(collections) ? collections.length : collections;
  return [
    t("format.tables", { count, n: number(count) }),
    held !== undefined && rows(held),
    size !== undefined && size !== null && bytes(size),
  ].filter(Boolean).join(" · ");
}

/**
 * Lines to tick, one a group. Required ones are ticked and locked; skipped ones cannot be ticked, and the reason stands there.
 * `chosen()` is the names of those that are ticked.
 */
export function groupChoice({ legend, groups, extra, changed = () => {} }) {
  const inputs = new Map();
  const line = (group) => {
    const name = uniqueName("group");
    const locked = group.required || group.skipped;
    const input = element("input", {
      type: "checkbox", id: name, name: "group", value: group.name, "aria-describedby": `${name}-what`, disabled: locked,
      checked: !group.skipped, on: { change: changed },
    });
    inputs.set(group.name, input);
    return element("li", { class: `choice ${group.skipped ? "off" : ""}`, "data-group": groupColour(group.name) },
      input,
      element("label", { for: name }, element("span", { class: "dot" }), element("strong", {}, translated(group.title)),
        translated(group.title) !== group.name && element("code", { class: "muted" }, group.name)),
      element("div", { id: `${name}-what`, class: "small muted" },
        group.required && element("p", { class: "locked" }, icon("lock"), t("groups.required")),
        group.skipped && element("p", { class: "locked" }, icon("lock"), t("groups.skipped")),
        element("p", { class: "number" }, contents(group))));
  };
  const free = groups.filter((group) => !group.required && !group.skipped);
  const setAll = (value) => {
    free.forEach((group) => { inputs.get(group.name).checked = value; });
    changed();
  };
  const node = element("fieldset", { class: "group-choice" },
    element("legend", {}, legend),
    element("div", { class: "choice-tools" }, extra,
      free.length > 1 && element("span", { class: "pair" },
        element("button", { type: "button", class: "link-button", on: { click: () => setAll(true) } }, t("groups.all")),
        element("button", { type: "button", class: "link-button", on: { click: () => setAll(false) } }, t("groups.none")))),
    element("ul", { class: "choices" }, groups.map(line)));
  const chosen = () => groups.filter((group) => inputs.get(group.name).checked).map((group) => group.name);
  return { node, chosen, all: () => free.every((group) => inputs.get(group.name).checked) };
}
