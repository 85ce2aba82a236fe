// The first view: what is under way, and the list of backups with what can be done with each.

import * as api from "./api.js";
import { box, button, element, icon, iconButton, mark, place, uniqueName, waiting, write } from "./dom.js";
import { confirm, openDialog } from "./dialog.js";
import { createDialog } from "./create.js";
import { errorBox } from "./errors.js";
import { bytes, exactMoment, moment, number, product, relative } from "./format.js";
import { groupChips } from "./groups.js";
import { t } from "./i18n.js";
import { jobList } from "./jobs.js";
import { announce, failed, notice } from "./notices.js";
import { restoreDialog } from "./restore.js";
import * as store from "./store.js";
import { uploadDialog } from "./upload.js";

const FILTER_FROM = 6;
const SORTS = {
  name: (backup) => backup.name.toLowerCase(),
  rows: (backup) => backup.rows,
  size: (backup) => backup.size,
  created: (backup) => backup.created_at ?? "",
};

/** The view. */
export function backupsView() {
  const rows = new Map();
  const sort = { by: "created", down: true };
  const summary = element("p", { class: "muted" });
  const holder = element("div", {});
  const table = listTable(sort, () => show());
  const filter = filterField(() => show());
  const jobs = jobList();
  const node = element("div", {},
    element("div", { class: "view-head" },
      element("div", {}, element("h1", { tabindex: "-1" }, t("backups.title")), summary), toolbar()),
    jobs.node,
    element("section", { "aria-label": t("backups.list") }, filter.node, holder));

  function show() {
    const { backups, trouble } = store.state;
    if (trouble) {
      write(summary, "");
      filter.node.hidden = true;
      holder.replaceChildren(errorBox(trouble));
      return;
    }
    if (!backups) {
      holder.replaceChildren(waiting(t("shell.loading")));
      return;
    }
    write(summary, summaryText(backups));
    filter.node.hidden = backups.length < FILTER_FROM;
    const shown = sorted(backups.filter((backup) => filter.matches(backup)), sort);
    place(table.body, shown.map((backup) => rowOf(rows, backup)));
    place(holder, [backups.length === 0 ? emptyList() : shown.length === 0 ? box("neutral", t("backups.none_match")) : table.node]);
  }
  const ends = [store.subscribe((what) => what === "backups" && show()), jobs.closed];
  const ticking = setInterval(() => tick(node), 30000);
  show();
  return { title: t("backups.title"), node, closed: () => { ends.forEach((end) => end()); clearInterval(ticking); } };
}

function toolbar() {
  const { can_upload: canUpload, can_restore: canRestore } = store.state.server;
  const refresh = async () => {
    try {
      await store.refreshBackups();
      announce(t("backups.refreshed"));
    } catch (error) {
      failed(error);
    }
  };
  return element("div", { class: "toolbar" },
    button(t("backups.refresh"), { sign: "refresh", on: { click: refresh } }),
    store.mayChange() && canUpload && button(t(canRestore ? "backups.from_file" : "backups.upload"), { sign: "upload", on: { click: () => uploadDialog() } }),
    store.mayChange() && button(t("backups.new"), { sign: "plus", kind: "primary", on: { click: () => createDialog() } }));
}

function summaryText(backups) {
  const size = backups.reduce((sum, backup) => sum + backup.size, 0);
  const rule = store.state.server.read_only ? ` · ${t("backups.read_only")}` : "";
  return t("backups.summary", { count: backups.length, n: number(backups.length), size: bytes(size), place: store.state.server.archives }) + rule;
}

function emptyList() {
  return element("div", { class: "panel empty" }, icon("database"),
    element("h2", {}, t("backups.empty")),
    element("p", { class: "muted" }, t("backups.empty_why", { place: store.state.server.archives })),
    store.mayChange() && button(t("backups.new"), { sign: "plus", kind: "primary", on: { click: () => createDialog() } }));
}

function filterField(changed) {
  const name = uniqueName("filter");
  const input = element("input", { id: name, type: "search", placeholder: t("backups.filter"), on: { input: changed } });
  const node = element("div", { class: "list-head", hidden: true },
    element("div", { class: "search" }, element("label", { for: name, class: "visually-hidden" }, t("backups.filter")), icon("search"), input));
  const words = (backup) => [backup.name, backup.description, backup.connection, product(backup.source), backup.source?.database,
    ...backup.groups.flatMap((group) => [group.name, group.title.en, group.title.fr])].join("\n").toLowerCase();
  return { node, matches: (backup) => words(backup).includes(input.value.trim().toLowerCase()) };
}

function sorted(backups, { by, down }) {
  const key = SORTS[by];
  return [...backups].sort((left, right) => {
    const order = key(left) < key(right) ? -1 : Number(key(left) > key(right));
    return (Boolean(left.error) - Boolean(right.error)) || (down ? -order : order);
  });
}

function listTable(sort, changed) {
  const head = (by, text, kind = "") => {
    const sorting = element("button", { type: "button", class: "sort", on: { click: () => turn(by) } }, text);
    return [by, element("th", { scope: "col", role: "columnheader", class: kind }, sorting)];
  };
  const sortable = new Map([head("name", t("backups.name")), head("rows", t("backups.rows"), "number"),
    head("size", t("backups.size"), "number"), head("created", t("backups.created"))]);
  const plain = (text, kind) => element("th", { scope: "col", role: "columnheader", class: kind }, text);
  const mark = () => sortable.forEach((cell, by) => {
    cell.setAttribute("aria-sort", by === sort.by ? (sort.down ? "descending" : "ascending") : "none");
  });
  function turn(by) {
    Object.assign(sort, { by, down: by === sort.by ? !sort.down : by !== "name" });
    mark();
    changed();
  }
  mark();
  const body = element("tbody", { role: "rowgroup" });
  // The roles are the elements' own. They are spelled out since some browsers forget them when the rows become cards.
  const node = element("table", { class: "backups panel", role: "table" },
    element("caption", { class: "visually-hidden" }, t("backups.list")),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" },
      sortable.get("name"), sortable.get("rows"), sortable.get("size"), sortable.get("created"),
      plain(t("backups.state")), plain(t("backups.actions"), "actions"))),
    body);
  return { node, body };
}

/** The row of a backup: the one that is there already if nothing has changed, so that the focus stays in it. */
function rowOf(rows, backup) {
  const content = JSON.stringify(backup);
  if (rows.get(backup.name)?.content !== content) {
    rows.set(backup.name, { content, node: backup.error ? unreadableRow(backup) : row(backup) });
  }
  return rows.get(backup.name).node;
}

function row(backup) {
  const cell = (label, kind, ...content) => element("td", { role: "cell", class: kind, "data-head": label }, ...content);
  return element("tr", { role: "row", "data-backup": backup.name },
    element("th", { scope: "row", role: "rowheader", class: "name" },
      element("a", { href: `#/backups/${encodeURIComponent(backup.name)}`, class: "break" }, backup.name),
      element("span", { class: "muted small" }, sourceText(backup)),
      ownWords(backup) && element("span", { class: "small description break" }, ownWords(backup)),
      groupChips(backup.groups)),
    cell(t("backups.rows"), "number", number(backup.rows)),
    cell(t("backups.size"), "number", bytes(backup.size)),
    cell(t("backups.created"), "created", createdTime(backup.created_at), element("span", { class: "muted small" }, moment(backup.created_at))),
    cell(t("backups.state"), "state", element("div", { class: "marks" }, stateMarks(backup))),
    cell(t("backups.actions"), "actions", rowActions(backup)));
}

/**
 * One whose manifest cannot be read: what is wrong stands where its contents would. One that cannot be asked for by its name cannot be
 * deleted by it either.
 */
function unreadableRow(backup) {
  return element("tr", { role: "row", "data-backup": backup.name },
    element("th", { scope: "row", role: "rowheader", class: "name" }, element("span", { class: "break" }, backup.name),
      element("span", { class: "muted small" }, bytes(backup.size))),
    element("td", { role: "cell", colspan: "4", class: "wide" }, errorBox(backup.error)),
    element("td", { role: "cell", class: "actions" }, element("div", { class: "row-actions" }, backup.error.kind !== "unsupported" && deleteButton(backup))));
}

/** What somebody wrote about a backup. What the server writes about those that it makes by itself, their marks say in the page's language. */
export function ownWords({ description, origin, schedule }) {
  return origin === "safety" || schedule ? null : description;
}

/** Engine and database. Of a version only the number: distributors add a lot to it. */
export function sourceText({ source }) {
  const version = /^[\d.]+/.exec(source?.version ?? "")?.[0] ?? source?.version;
  return [[product(source), version].filter(Boolean).join(" "), source?.database].filter(Boolean).join(" · ");
}

function createdTime(at) {
  return element("time", { datetime: at, title: exactMoment(at), "data-relative": true }, relative(at));
}

function tick(node) {
  for (const time of node.querySelectorAll("time[data-relative]")) {
    write(time, relative(time.dateTime));
  }
}

/** Whether it was checked, and where it came from if that matters. */
export function stateMarks({ verified, trusted, origin, partial, exceptions, schedule }) {
  const checked = verified && t(`backups.depth_${verified.depth}`, { when: moment(verified.at) });
  return [
    !verified && mark("neutral", "verify", t("backups.unverified"), { title: t("backups.unverified_why") }),
    verified?.ok && mark("success", "verify", t("backups.verified"), { title: checked }),
    verified && !verified.ok && mark("failure", "error", t("backups.damaged"), { title: [checked, verified.message].filter(Boolean).join(" ") }),
    !trusted && mark("warning", "upload", t("backups.untrusted"), { title: t("backups.untrusted_why") }),
    origin === "safety" && mark("info", "lock", t("backups.safety"), { title: t("backups.safety_why") }),
    schedule && mark("neutral", "clock", schedule, { title: t("backups.scheduled", { name: schedule }) }),
    partial && mark("warning", "warning", t("backups.partial"), { title: t("backups.partial_why") }),
    exceptions > 0 && mark("info", "info", t("backups.exceptions", { count: exceptions, n: number(exceptions) }), { title: t("backups.exceptions_why") }),
  ];
}

/** The buttons of a backup. Each names it, since a screen reader may list all buttons of the page. */
export function rowActions(backup) {
  const name = backup.name;
  const allowed = store.mayChange();
  return element("div", { class: "row-actions" },
    allowed && store.state.server.can_restore && button(t("backups.restore"), {
      sign: "restore", kind: "compact", "aria-label": t("backups.restore_named", { name }), on: { click: () => restoreDialog(backup) },
    }),
    element("a", {
      class: "button quiet only-icon", href: api.downloadPath(name), download: "", title: t("backups.download_named", { name }),
      "aria-label": t("backups.download_named", { name }),
    }, icon("download")),
    allowed && iconButton(t("backups.verify_named", { name }), "verify", { on: { click: () => verify(backup) } }),
    allowed && deleteButton(backup));
}

async function verify(backup) {
  try {
    store.noteJob(await api.verifyBackup(backup.name));
    notice(t("backups.verifying", { name: backup.name }));
  } catch (error) {
    openDialog({ title: t("backups.verify_named", { name: backup.name }), size: "small" }).body.append(errorBox(error));
  }
}

function deleteButton(backup) {
  const { name } = backup;
  const ask = () => confirm({
    title: t("delete.title"), word: name, verb: t("delete.go"), showError: errorBox,
    body: element("p", {}, t("delete.what", { name, rows: number(backup.rows), size: bytes(backup.size) })),
    act: async () => {
      await api.deleteBackup(name, name);
      if (location.hash.startsWith("#/backups/")) {
        location.hash = "#/";
      }
      await store.refreshBackups();
      return t("delete.done", { name });
    },
  });
  return iconButton(backup.in_use ? t("backups.in_use", { name }) : t("backups.delete_named", { name }), "trash",
    { kind: "warns", disabled: backup.in_use, on: { click: ask } });
}
