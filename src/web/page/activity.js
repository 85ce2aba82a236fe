// The audit log: what was done, when, by whom, and how it ended. Newest first.

import * as api from "./api.js";
import { box, button, element, mark, waiting } from "./dom.js";
import { SPOKEN, errorBox, sentence } from "./errors.js";
import { exactMoment, moment, relative } from "./format.js";
import { has, t } from "./i18n.js";

const RESULTS = { asked: ["info", "clock"], done: ["success", "check"], warnings: ["warning", "warning"], failed: ["failure", "error"], refused: ["failure", "lock"], cancelled: ["neutral", "stop"], interrupted: ["failure", "error"], dismissed: ["neutral", "check"] };

/** The view. */
export function activityView() {
  const body = element("tbody", { role: "rowgroup" });
  const foot = element("div", { class: "more" }, waiting(t("shell.loading")));
  const head = (text) => element("th", { scope: "col", role: "columnheader" }, text);
  const table = element("table", { class: "plain panel audit", role: "table" },
    element("caption", { class: "visually-hidden" }, t("activity.title")),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ["when", "action", "what", "result", "who"].map((name) => head(t(`activity.${name}`))))), body);
  const load = async (before) => {
    try {
      const page = await api.audit(before);
      body.append(...page.entries.map(line));
      foot.replaceChildren(...(page.before ? [button(t("activity.older"), { on: { click: () => load(page.before) } })] : []));
      table.hidden = body.childElementCount === 0;
      if (table.hidden) {
        foot.replaceChildren(box("neutral", t("activity.none")));
      }
    } catch (error) {
      foot.replaceChildren(errorBox(error));
    }
  };
  load();
  const node = element("div", {},
    element("div", { class: "view-head" }, element("div", {}, element("h1", { tabindex: "-1" }, t("activity.title")), element("p", { class: "muted" }, t("activity.why")))),
    table, foot);
  return { title: t("activity.title"), node };
}

function line({ at, who, address, action, backup, connection, groups, result, message }) {
  const [tone, sign] = RESULTS[result] ?? ["neutral", "info"];
  const known = (key, word) => (has(key) ? t(key) : word);
  const cell = (name, ...content) => element("td", { role: "cell", "data-head": t(`activity.${name}`) }, ...content);
  const objects = [backup, connection, groups?.join(", ")].filter(Boolean);
  return element("tr", { role: "row" },
    cell("when", element("time", { datetime: at, title: exactMoment(at) }, relative(at)), element("span", { class: "muted small" }, moment(at))),
    cell("action", known(`did.${action}`, action)),
    cell("what", element("span", { class: "break" }, objects.join(" · ") || "–"), message && element("span", { class: "muted small break", lang: SPOKEN }, sentence(message))),
    cell("result", mark(tone, sign, known(`result.${result}`, result))),
    cell("who", known(`who.${who}`, who), address && element("span", { class: "muted small" }, address)));
}
