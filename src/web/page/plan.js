// The plan of a restore, shown before anything is written: what happens to every table, what every column keeps and loses, which
// rows go, which foreign keys leave the selection, and what stands in the way.

import { box, button, element, icon, mark } from "./dom.js";
import { SPOKEN, sentence } from "./errors.js";
import { number, product } from "./format.js";
import { groupColour } from "./groups.js";
import { t } from "./i18n.js";
import { remarks } from "./jobs.js";
import { groupTitle } from "./store.js";

const TONES = { identical: "success", widening: "success", extra: "neutral", checked: "info", lossy: "warning", incompatible: "failure" };
const SIGNS = { success: "check", neutral: "info", info: "info", warning: "warning", failure: "error" };
const ACTION_TONES = { create: "success", replace: "info", recreate: "warning", append: "info", "create-empty": "success", keep: "neutral" };
const WORST_FIRST = ["incompatible", "lossy", "checked", "extra", "widening", "identical"];

/** The view of `plan`. `accept` is called with the losses that the user accepts, to plan again; `wish` holds those accepted already. */
export function planView(plan, accept, wish) {
  const collections = plan.units.flatMap((unit) => unit.collections);
  const losses = collections.flatMap((collection) => collection.columns
    .filter((column) => column.verdict === "lossy" && column.lossy_key)
    .map((column) => ({ collection, column, accepted: wish.accept_lossy.includes(column.lossy_key) })));
  return element("div", { class: "stack plan" },
    route(plan),
    plan.problems.length > 0 ? problemsBox(plan) : box(plan.overwrites ? "info" : "success", element("h3", { tabindex: "-1" }, t("plan.fine")), element("p", {}, summary(plan, collections))),
    !plan.trusted && box("warning", t("plan.untrusted")),
    losses.length > 0 && lossesBox(losses, accept),
    leavingBox(plan.leaving),
    remarks("plan.warnings", plan.warnings, "warning", true),
    remarks("plan.notes", plan.notes, "info", false),
    plan.units.map(unitSection));
}

/** From which database to which. */
function route({ source, target, backup, connection }) {
  const end = (name, database) => element("div", { class: "route-end" }, element("strong", { class: "break" }, name),
    element("span", { class: "small muted break" }, [product(database), database.version, database.database].filter(Boolean).join(" · ")));
  return element("div", { class: "route" }, end(backup, source), icon("arrow"), end(connection, target));
}

function summary(plan, collections) {
  const count = (actions) => collections.filter((collection) => actions.includes(collection.action)).length;
  const made = count(["create", "create-empty"]);
  const replaced = count(["replace", "recreate"]);
  const added = count(["append"]);
  const kept = count(["keep"]);
  return [
    made > 0 && t("plan.will_create", { count: made, n: number(made) }),
    replaced > 0 && t("plan.will_replace", { count: replaced, n: number(replaced), rows: t("format.rows_about", { count: plan.rows_overwritten, n: number(plan.rows_overwritten) }) }),
    added > 0 && t("plan.will_append", { count: added, n: number(added) }),
    kept > 0 && t("plan.will_keep", { count: kept, n: number(kept) }),
  ].filter(Boolean).join(" ");
}

function problemsBox({ problems }) {
  return box("failure",
    element("h3", { tabindex: "-1" }, t("plan.blocked", { count: problems.length, n: number(problems.length) })),
    element("ul", {}, problems.map((text) => element("li", { lang: SPOKEN }, sentence(text)))),
    element("p", {}, t("plan.nothing_done")));
}

/** Each loss is accepted by itself, or all of them at once. */
function lossesBox(losses, accept) {
  const open = losses.filter((loss) => !loss.accepted);
  const line = ({ collection, column, accepted }) => element("li", {},
    element("code", { class: "break" }, `${collection.name}.${column.name}`), ` (${column.source} → ${column.target}): ${column.reason ?? ""} `,
    accepted ? mark("success", "check", t("plan.accepted")) : element("button", {
      type: "button", class: "link-button", "aria-label": t("plan.accept_named", { column: `${collection.name}.${column.name}` }),
      on: { click: () => accept([...kept(losses), column.lossy_key]) },
    }, t("plan.accept")));
  return box("warning", element("h3", {}, t("plan.losses", { count: losses.length, n: number(losses.length) })),
    element("ul", {}, losses.map(line)),
    open.length > 1 && button(t("plan.accept_all", { count: open.length, n: number(open.length) }), {
      kind: "compact", on: { click: () => accept(losses.map((loss) => loss.column.lossy_key)) },
    }));
}

function kept(losses) {
  return losses.filter((loss) => loss.accepted).map((loss) => loss.column.lossy_key);
}

function leavingBox(edges) {
  const harmless = edges.filter((edge) => !edge.missing);
  if (harmless.length === 0) {
    return null;
  }
  const line = ({ child, columns, parent }) => element("li", {}, t("plan.leaving_line", { child, columns: columns.join(", "), parent }));
  return box("info", element("h3", {}, t("plan.leaving", { count: harmless.length, n: number(harmless.length) })),
    element("ul", {}, harmless.map(line)));
}

/** Groups that are replaced together. */
function unitSection(unit) {
  const head = (text, kind) => element("th", { scope: "col", role: "columnheader", class: kind }, text);
  return element("section", { class: "unit" },
    element("h3", { class: "chips" }, unit.groups.map((group) => element("span", { class: "group-name", "data-group": groupColour(group) }, element("span", { class: "dot" }), groupTitle(group))),
      unit.groups.length > 1 && element("span", { class: "small muted together" }, t("plan.together"))),
    element("table", { class: "plain planned", role: "table" },
      element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, head(t("plan.table")), head(t("plan.action")), head(t("plan.rows"), "number"),
        head(t("plan.rows_gone"), "number"), head(t("plan.columns")))),
      element("tbody", { role: "rowgroup" }, unit.collections.map(collectionRow))));
}

function collectionRow(collection) {
  const { name, target, action, verdict, rows_overwritten: gone, partial } = collection;
  const cell = (label, kind, ...content) => element("td", { role: "cell", class: kind, "data-head": label }, ...content);
  const actionMark = action ? mark(`${ACTION_TONES[action]} boxed`, SIGNS[ACTION_TONES[action]], t(`action.${action}`), { title: t(`action.${action}_why`) })
    : mark("failure boxed", "error", t("action.refused"));
  return element("tr", { role: "row", "data-verdict": verdict, "data-collection": name },
    element("th", { scope: "row", role: "rowheader" }, element("span", { class: "mono break" }, name),
      target !== name && element("span", { class: "small muted break" }, `→ ${target}`),
      partial && element("span", { class: "small muted break" }, t("plan.partial", { condition: partial }))),
    cell(t("plan.action"), "", actionMark),
    cell(t("plan.rows"), "number", collection.rows === null ? "–" : number(collection.rows)),
    cell(t("plan.rows_gone"), "number", gone ? `~${number(gone)}` : "–"),
    cell(t("plan.columns"), "columns", columnsDetails(collection)));
}

/** `7 identical, 1 lossy`, and on demand a line for each column: made when it is opened, since a plan may have thousands of them. */
function columnsDetails(collection) {
  const counts = WORST_FIRST.map((verdict) => [verdict, collection.columns.filter((column) => column.verdict === verdict).length])
    .filter(([, count]) => count > 0);
  const summaryMarks = counts.map(([verdict, count]) => mark(TONES[verdict], SIGNS[TONES[verdict]], t(`verdict.${verdict}`, { count, n: number(count) })));
  const node = element("details", {},
    element("summary", {}, element("span", { class: "verdicts" }, summaryMarks.length > 0 ? summaryMarks : t("plan.no_columns"))));
  const fill = () => {
    if (node.childElementCount === 1) {
      node.append(...columnLines(collection));
    }
  };
  node.addEventListener("toggle", fill);
  if (collection.problems.length > 0) {
    fill();
    node.open = true;
  }
  return node;
}

function columnLines(collection) {
  const told = [...collection.problems.map((text) => ["failure", text]), ...collection.warnings.map((text) => ["warning", text]),
    ...collection.notes.map((text) => ["info", text])];
  const columns = [...collection.columns].sort((left, right) => WORST_FIRST.indexOf(left.verdict) - WORST_FIRST.indexOf(right.verdict));
  return [
    element("ul", { class: "column-list" },
      told.map(([tone, text]) => element("li", { lang: SPOKEN }, mark(tone, SIGNS[tone], ""), sentence(text))),
      columns.map(columnLine)),
    collection.statements.length > 0 && element("details", { class: "statements" }, element("summary", {}, t("plan.statements")),
      element("pre", { tabindex: "0" }, collection.statements.join(";\n\n"))),
  ].filter(Boolean);
}

function columnLine({ name, source, target, verdict, reason }) {
  const types = source === target || !target ? source : !source ? target : `${source} → ${target}`;
  return element("li", {}, mark(TONES[verdict], SIGNS[TONES[verdict]], "", { title: t(`verdict.${verdict}_one`) }),
    element("span", { class: "break" }, element("code", {}, name), " ", element("span", { class: "muted" }, types),
      element("span", { class: "visually-hidden" }, ` ${t(`verdict.${verdict}_one`)}`), reason && ` – ${reason}`));
}

