// The dialog that makes a new backup: which connection, which groups of it, what to say of it.

import * as api from "./api.js";
import { box, button, element, place, uniqueName, waiting, write } from "./dom.js";
import { fillFoot, openDialog } from "./dialog.js";
import { errorBox } from "./errors.js";
import { contents, groupChoice } from "./groups.js";
import { t } from "./i18n.js";
import { learnDialog } from "./learn.js";
import { notice } from "./notices.js";
import { product } from "./format.js";
import * as store from "./store.js";

const SHOWN_EDGES = 4;

/** Opens it. */
export function createDialog() {
  const { connections } = store.state.server;
  const { body, foot, close, busy } = openDialog({ title: t("create.title"), size: "medium" });
  const go = button(t("create.go"), { kind: "primary", disabled: true, on: { click: () => run() } });
  fillFoot(foot, button(t("dialog.cancel"), { on: { click: close } }), go);
  if (connections.length === 0) {
    body.append(box("info", element("p", {}, t("create.no_connections")), element("pre", {}, "[connections.shop]\nurl = \"postgres://user@host/shop\"")));
    return;
  }
  const choice = connectionChoice({ label: t("create.connection"), connections, changed: (name) => load(name) });
  const groupsPlace = element("div", { class: "stack", "aria-live": "polite" });
  const name = uniqueName("description");
  const description = element("input", { id: name, type: "text", maxlength: "500", autocomplete: "off", placeholder: t("create.description_example") });
  const problem = element("div", { "aria-live": "assertive" });
  const form = element("form", { class: "stack", on: { submit: (event) => { event.preventDefault(); if (!go.disabled) run(); } } },
    choice.node, groupsPlace,
    element("div", { class: "field" }, element("label", { for: name }, t("create.description")), description),
    problem, element("button", { type: "submit", hidden: true }));
  body.append(form);
  let groups = null;
  choice.start();

  /** Reads the groups of the database as it is now. */
  async function load(connection) {
    groups = null;
    go.disabled = true;
    problem.replaceChildren();
    groupsPlace.replaceChildren(waiting(t("create.reading", { name: connection })));
    let explained;
    try {
      explained = await api.connectionGroups(connection);
    } catch (error) {
      if (choice.chosen() === connection) {
        groupsPlace.replaceChildren(errorBox(error), button(t("shell.again"), { sign: "refresh", kind: "compact", on: { click: () => load(connection) } }));
      }
      return;
    }
    if (choice.chosen() !== connection) {
      return;
    }
    const offered = explained.groups.filter((group) => group.collections.length > 0);
    const total = element("p", { class: "total number" });
    const hints = element("div", {});
    const changed = () => {
      const chosen = groups.chosen();
      write(total, t("create.total", { what: contents(sum(offered.filter((group) => chosen.includes(group.name)))) }));
      place(hints, [edgesBox(explained.edges, chosen)]);
      go.disabled = chosen.length === 0;
    };
    const learn = element("button", { type: "button", class: "link-button", on: { click: () => learnDialog(explained) } }, t("create.learn"));
    groups = groupChoice({ legend: t("create.groups"), groups: offered, extra: learn, changed });
    groupsPlace.replaceChildren(groups.node, total, hints);
    changed();
  }

  async function run() {
    busy(true);
    go.disabled = true;
    problem.replaceChildren();
    try {
      const connection = choice.chosen();
      store.noteJob(await api.createBackup({
        connection, groups: groups.all() ? null : groups.chosen(), description: description.value.trim() || null,
      }));
      busy(false);
      close();
      location.hash = "#/";
      notice(t("create.started", { name: connection }));
    } catch (error) {
      busy(false);
      go.disabled = false;
      problem.replaceChildren(errorBox(error));
    }
  }
}

/** The sum of groups, unknown as soon as a part of it is. */
function sum(groups) {
  const add = (values) => values.reduce((total, value) => (total === null || value === null ? null : total + value), 0);
  const known = add(groups.map((group) => group.rows));
  return {
    collections: groups.reduce((total, group) => total + group.collections.length, 0),
    rows: known === null ? null : { about: known },
    bytes: add(groups.map((group) => group.bytes)),
  };
}

/** Foreign keys out of what is chosen: what a restore into an empty database would miss. */
function edgesBox(edges, chosen) {
  const leaving = edges.filter((edge) => chosen.includes(edge.from_group) && !chosen.includes(edge.to_group));
  if (leaving.length === 0) {
    return null;
  }
  const sentence = (edge) => element("li", {}, t("create.edge", { from: edge.from, columns: edge.columns.join(", "), to: edge.to, group: edge.to_group }));
  const more = leaving.length - SHOWN_EDGES;
  return box("warning", element("p", {}, t("create.edges")),
    element("ul", {}, leaving.slice(0, SHOWN_EDGES).map(sentence), more > 0 && element("li", {}, t("create.edges_more", { count: more, n: more }))));
}

/** A list of connections to choose one from. With a single one it is chosen already. */
export function connectionChoice({ label, connections, changed, hint }) {
  const name = uniqueName("connection");
  const role = (connection) => (connection.role ? ` · ${t(`role.${connection.role}`)}` : "");
  const option = (connection) => element("option", { value: connection.name },
    `${connection.name} (${product(connection)}${role(connection)})`);
  const select = element("select", { id: name, required: true, on: { change: () => select.value && changed(select.value) } },
    connections.length > 1 && element("option", { value: "" }, t("create.choose")), connections.map(option));
  const node = element("div", { class: "field" }, element("label", { for: name }, label), select, hint && element("p", { class: "hint" }, hint));
  return { node, chosen: () => select.value, start: () => select.value && changed(select.value) };
}
