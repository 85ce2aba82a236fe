// Learn more: every group explained in full sentences, with its tables and the rule that put each of them there.

import { box, button, element, icon, mark, uniqueName, write } from "./dom.js";
import { fillFoot, openDialog } from "./dialog.js";
import { bytes, number } from "./format.js";
import { contents, groupColour } from "./groups.js";
import { t, translated } from "./i18n.js";
import { announce } from "./notices.js";

/** Opens it over what `explained` says: the groups of a connection, or those of a backup with their collections. */
export function learnDialog({ groups, unmatched_rules: unmatched = [] }) {
  const { body, foot, close } = openDialog({ title: t("learn.title"), size: "large" });
  fillFoot(foot, button(t("dialog.close"), { on: { click: close } }));
  const sections = groups.map(groupSection);
  const name = uniqueName("search");
  const input = element("input", { id: name, type: "search", placeholder: t("learn.search"), autocomplete: "off", on: { input: () => filter() } });
  const found = element("p", { class: "small muted number" });
  const none = box("neutral", t("learn.none"));
  const go = (section) => {
    section.node.scrollIntoView({ block: "start" });
    section.heading.focus({ preventScroll: true });
  };
  const nav = element("nav", { "aria-label": t("learn.groups") }, element("ul", {}, sections.map((section) => element("li", {},
    element("button", { type: "button", "data-group": groupColour(section.group.name), on: { click: () => go(section) } },
      element("span", { class: "dot" }), element("span", {}, translated(section.group.title)),
      element("span", { class: "muted number" }, number(section.group.collections.length)))))));
  body.classList.add("learn");
  body.append(nav, element("div", { class: "learn-main" },
    element("div", { class: "learn-search" },
      element("div", { class: "search" }, element("label", { for: name, class: "visually-hidden" }, t("learn.search")), icon("search"), input), found),
    sections.map((section) => section.node), none,
    unmatched.length > 0 && box("warning", element("p", {}, t("learn.unmatched")),
      element("ul", {}, unmatched.map(({ rule, reason }) => element("li", {}, `${ruleText(rule)}: ${reason}`))))));

  function filter() {
    const wanted = input.value.trim().toLowerCase();
    const count = sections.reduce((sum, section) => sum + section.filter(wanted), 0);
    none.hidden = count > 0 || !wanted;
    write(found, wanted ? t("learn.found", { count, n: number(count) }) : "");
    announce(found.textContent);
  }
  filter();
  input.focus();
}

function groupSection(group) {
  const heading = element("h3", { tabindex: "-1" }, element("span", { class: "dot" }), translated(group.title),
    translated(group.title) !== group.name && element("code", { class: "muted" }, group.name));
  const lines = group.collections.map((collection) => ({
    words: `${collection.name}\n${collection.rule}\n${ruleText(collection.rule)}`.toLowerCase(),
    node: element("tr", {},
      element("th", { scope: "row", class: "mono break" }, collection.name),
      element("td", {}, ruleText(collection.rule)),
      element("td", { class: "number" }, collection.rows === null ? "–" : number(collection.rows)),
      element("td", { class: "number" }, collection.bytes === null ? "–" : bytes(collection.bytes))),
  }));
  const head = (text, kind) => element("th", { scope: "col", class: kind }, text);
  const table = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": translated(group.title) },
    element("table", { class: "plain" },
      element("thead", {}, element("tr", {}, head(t("learn.table")), head(t("learn.rule")), head(t("learn.rows"), "number"), head(t("learn.bytes"), "number"))),
      element("tbody", {}, lines.map((line) => line.node))));
  const node = element("section", { class: "learn-group", "data-group": groupColour(group.name) }, heading,
    element("div", { class: "chips" },
      group.required && mark("info boxed", "lock", t("groups.required_short")),
      group.skipped && mark("neutral boxed", "lock", t("groups.skipped_short")),
      element("span", { class: "small muted number" }, contents(group))),
    element("p", { class: "prose" }, translated(group.description)),
    lines.length > 0 ? table : element("p", { class: "muted" }, t("learn.empty")));
  const filter = (wanted) => {
    let count = 0;
    for (const line of lines) {
      line.node.hidden = Boolean(wanted) && !line.words.includes(wanted);
      count += line.node.hidden ? 0 : 1;
    }
    node.hidden = Boolean(wanted) && count === 0;
    return count;
  };
  return { group, node, heading, filter };
}

/** Why a table is in its group, as a sentence: the server says it in few English words of a fixed form. */
export function ruleText(rule) {
  const forms = [
    [/^rule (\d+): (.*)$/s, (n, pattern) => t("rule.numbered", { n, pattern })],
    [/^rule (\d+)$/, (n) => t("rule.number", { n })],
    [/^preset ([^:]+): (.*)$/s, (preset, pattern) => t("rule.preset", { preset, pattern })],
    [/^comment tag$/, () => t("rule.comment")],
    [/^part of (.*)$/s, (owner) => t("rule.part", { owner })],
    [/^joins (.*) and (.*), both (.*)$/s, (left, right, group) => t("rule.joins", { left, right, group })],
    [/^no rule matched, a table of the engine itself$/, () => t("rule.engine")],
    [/^no rule matched$/, () => t("rule.none")],
  ];
  for (const [form, text] of forms) {
    const parts = form.exec(rule);
    if (parts) {
      return text(...parts.slice(1));
    }
  }
  return rule;
}
