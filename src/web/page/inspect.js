// One backup: where it came from, a picture of what is in it, its tables with their columns and first rows.

import * as api from "./api.js";
import { box, button, element, icon, mark, uniqueName, waiting, write } from "./dom.js";
import { errorBox, sentence } from "./errors.js";
import { bytes, exactMoment, moment, number, relative } from "./format.js";
import { groupColour } from "./groups.js";
import { t, translated } from "./i18n.js";
import { learnDialog, ruleText } from "./learn.js";
import { picture } from "./picture.js";
import { ownWords, rowActions, sourceText, stateMarks } from "./backups.js";
import { subscribe, state } from "./store.js";

/** The view of the backup `name`. */
export function inspectView(name) {
  const holder = element("div", {}, waiting(t("shell.loading")));
  const node = element("div", {}, element("p", { class: "crumb" }, element("a", { href: "#/" }, icon("back"), t("inspect.back"))), holder);
  let actions = null;
  const load = async () => {
    try {
      const detail = await api.backup(name);
      actions = element("div", { class: "toolbar" }, rowActions(detail.backup));
      holder.replaceChildren(...content(detail, actions));
    } catch (error) {
      holder.replaceChildren(element("h1", { tabindex: "-1", class: "break" }, name), errorBox(error));
    }
  };
  // A check that ends meanwhile changes the marks and what may be done; what is open stays open.
  const unsubscribe = subscribe((what) => {
    const now = what === "backups" && state.backups.find((backup) => backup.name === name);
    if (now && actions) {
      actions.replaceChildren(rowActions(now));
      holder.querySelector(".marks").replaceChildren(...stateMarks(now).filter(Boolean));
    }
  });
  load();
  return { title: name, node, closed: unsubscribe };
}

function content({ backup, consistency, collections, objects, not_carried: missing }, actions) {
  const explained = {
    groups: backup.groups.map((group) => ({ ...group, skipped: false, collections: collections.filter((one) => one.group === group.name) })),
  };
  const table = collectionList(backup, collections);
  return [
    element("div", { class: "view-head" },
      element("div", {}, element("h1", { tabindex: "-1", class: "break" }, backup.name),
        element("p", { class: "muted" }, sourceText(backup)),
        element("div", { class: "marks" }, stateMarks(backup))),
      actions),
    ownWords(backup) && element("p", { class: "prose description about" }, ownWords(backup)),
    facts(backup, consistency),
    element("section", { class: "panel picture-panel" },
      element("div", { class: "section-head" }, element("h2", {}, t("inspect.picture")),
        button(t("create.learn"), { kind: "compact quiet", sign: "info", on: { click: () => learnDialog(explained) } })),
      picture(backup.groups, collections, (collection) => table.open(collection))),
    table.node,
    objects.length > 0 && namedList(t("inspect.objects", { count: objects.length, n: number(objects.length) }),
      objects.map(({ kind, name, group }) => [name, [kind, group].filter(Boolean).join(" · ")])),
    missing.length > 0 && namedList(t("inspect.not_carried", { count: missing.length, n: number(missing.length) }),
      missing.map(({ kind, name, reason }) => [name, `${kind} – ${sentence(reason)}`])),
  ].filter(Boolean);
}

function facts(backup, { method, readers, proven }) {
  const fact = (name, ...value) => element("div", {}, element("dt", {}, name), element("dd", { class: "break" }, ...value));
  return element("dl", { class: "facts panel" },
    fact(t("backups.created"), element("time", { datetime: backup.created_at, title: exactMoment(backup.created_at) }, moment(backup.created_at)),
      element("span", { class: "muted small" }, ` ${relative(backup.created_at)}`)),
    fact(t("inspect.contents"), `${t("format.tables", { count: backup.collections, n: number(backup.collections) })}, ${t("format.rows", { count: backup.rows, n: number(backup.rows) })}`),
    fact(t("backups.size"), bytes(backup.size)),
    fact(t("inspect.consistency"), proven ? mark("success", "check", t("inspect.proven")) : mark("warning", "warning", t("inspect.not_proven")),
      element("span", { class: "muted small below" }, `${method} · ${t("inspect.readers", { count: readers, n: number(readers) })}`)),
    backup.connection && fact(t("create.connection"), backup.connection),
    fact(t("inspect.tool"), backup.tool ?? "–"),
    fact(t("inspect.id"), element("code", { class: "small" }, backup.id ?? "–")));
}

/** The tables of the backup. Each opens to its columns and first rows. */
function collectionList(backup, collections) {
  const name = uniqueName("search");
  const input = element("input", { id: name, type: "search", placeholder: t("inspect.search"), on: { input: () => filter() } });
  const count = element("span", { class: "small muted number", "aria-live": "polite" });
  const lines = collections.map((collection) => collectionLine(backup, collection));
  const titles = new Map(backup.groups.map((group) => [group.name, translated(group.title)]));
  function filter() {
    const wanted = input.value.trim().toLowerCase();
    let shown = 0;
    for (const line of lines) {
      line.node.hidden = !`${line.collection.name} ${line.collection.group} ${titles.get(line.collection.group)}`.toLowerCase().includes(wanted);
      shown += line.node.hidden ? 0 : 1;
    }
    write(count, t("format.tables", { count: shown, n: number(shown) }));
  }
  filter();
  const node = element("section", { class: "collections" },
    element("div", { class: "section-head" }, element("h2", {}, t("inspect.tables")), count,
      element("div", { class: "search" }, element("label", { for: name, class: "visually-hidden" }, t("inspect.search")), icon("search"), input)),
    element("div", { class: "panel lines" }, lines.map((line) => line.node)));
  const open = (wanted) => {
    const line = lines.find(({ collection }) => collection.name === wanted);
    input.value = "";
    filter();
    line.node.open = true;
    line.node.scrollIntoView({ block: "start" });
    line.node.querySelector("summary").focus({ preventScroll: true });
  };
  return { node, open };
}

function collectionLine(backup, collection) {
  const group = translated(backup.groups.find((one) => one.name === collection.group)?.title) || collection.group;
  const body = element("div", { class: "line-body" });
  const node = element("details", { "data-collection": collection.name },
    element("summary", { "data-group": groupColour(collection.group) },
      element("span", { class: "dot" }), element("span", { class: "mono break line-name" }, collection.name,
        collection.exceptions > 0 && mark("info", "info", t("backups.exceptions", { count: collection.exceptions, n: number(collection.exceptions) }))),
      element("span", { class: "small muted line-group" }, group),
      element("span", { class: "number muted line-rows" }, t("format.rows", { count: collection.rows, n: number(collection.rows) })),
      element("span", { class: "number muted line-size" }, bytes(collection.bytes))),
    body);
  node.addEventListener("toggle", () => {
    if (node.open && body.childElementCount === 0) {
      body.append(...collectionBody(backup, collection));
    }
  });
  return { collection, node };
}

function collectionBody(backup, collection) {
  const holder = element("div", {});
  if (collection.has_rows) {
    holder.append(waiting(t("inspect.reading")));
    api.preview(backup.name, collection.name).then(
      (found) => holder.replaceChildren(previewTable(collection, found)),
      (error) => holder.replaceChildren(errorBox(error)));
  }
  return [
    element("p", { class: "muted" }, `${collection.group} – ${ruleText(collection.rule)}`),
    collection.comment && element("p", { class: "prose" }, collection.comment),
    collection.partial && box("warning", t("inspect.partial", { condition: collection.partial })),
    columnTable(collection),
    collection.foreign_keys.length > 0 && element("ul", { class: "small keys" }, collection.foreign_keys.map((key) => element("li", {},
      element("code", {}, key.columns.join(", ")), " → ", element("code", {}, `${key.references} (${key.referenced_columns.join(", ")})`),
      !key.in_backup && element("span", { class: "muted" }, ` ${t("inspect.not_here")}`)))),
    holder,
  ].filter(Boolean);
}

function columnTable({ name, columns }) {
  const head = (text) => element("th", { scope: "col" }, text);
  const traits = (column) => [column.primary_key && t("inspect.key"), !column.nullable && t("inspect.not_null"), column.generated && t("inspect.generated"), column.comment].filter(Boolean).join(" · ");
  return scrolling(t("inspect.columns_of", { name }), element("table", { class: "plain" },
    element("thead", {}, element("tr", {}, head(t("inspect.column")), head(t("inspect.native")), head(t("inspect.logical")), head(t("inspect.traits")))),
    element("tbody", {}, columns.map((column) => element("tr", {},
      element("th", { scope: "row", class: "mono" }, column.name), element("td", { class: "mono" }, column.type), element("td", { class: "mono" }, column.logical),
      element("td", { class: "muted" }, traits(column)))))));
}

function previewTable({ name }, { columns, rows: lines, total }) {
  if (lines.length === 0) {
    return element("p", { class: "muted" }, t("inspect.no_rows"));
  }
  const cell = ({ text, cut, exception }) => element("td", { title: exception ? t("inspect.exception") : null, class: exception ? "exception" : null },
    text === null ? element("span", { class: "null" }, "NULL") : text, cut && element("span", { class: "muted", title: t("inspect.cut") }, "…"));
  return element("div", {},
    element("p", { class: "small muted" }, t("inspect.first_rows", { count: lines.length, n: number(lines.length), total: number(total) })),
    scrolling(t("inspect.rows_of", { name }), element("table", { class: "plain preview" },
      element("thead", {}, element("tr", {}, columns.map((column) => element("th", { scope: "col", class: "mono" }, column)))),
      element("tbody", {}, lines.map((line) => element("tr", {}, line.map(cell)))))));
}

/** What may be wider than the page can be scrolled by keyboard too. */
function scrolling(label, node) {
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, node);
}

function namedList(title, entries) {
  return element("details", { class: "panel named" }, element("summary", {}, element("strong", {}, title)),
    element("ul", {}, entries.map(([name, what]) => element("li", {}, element("code", { class: "break" }, name), element("span", { class: "muted small" }, ` ${what}`)))));
}
