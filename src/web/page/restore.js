// The dialog that restores a backup, in four steps: what and where, the plan, the consent, the result. Nothing is written before
// the plan was shown and the target's name typed.

import * as api from "./api.js";
import { box, button, element, icon, uniqueName, waiting } from "./dom.js";
import { connectionChoice } from "./create.js";
import { fillFoot, openDialog, typedName } from "./dialog.js";
import { errorBox } from "./errors.js";
import { number } from "./format.js";
import { contents, groupChoice } from "./groups.js";
import { t } from "./i18n.js";
import { jobCard } from "./jobs.js";
import { announce } from "./notices.js";
import { planView } from "./plan.js";
import { isActive, noteJob, state, subscribe } from "./store.js";
import { sourceText } from "./backups.js";

const STEPS = ["choose", "plan", "confirm", "result"];
const MODES = ["replace", "create", "append", "schema-only", "skip"];

/** Opens it for a backup of the list. */
export function restoreDialog(backup) {
  let unsubscribe = () => {};
  const { head, heading, body, foot, close, busy } = openDialog({
    title: t("restore.title", { name: backup.name }), size: "large", closed: () => unsubscribe(),
  });
  const steps = element("ol", { class: "steps" });
  head.after(steps);
  // What is chosen outlives a step back; what was accepted is asked again when the choice changes.
  const form = chooser(backup, () => goOn());
  const wish = { accept_lossy: [] };
  choose();

  function step(name) {
    steps.replaceChildren(...STEPS.map((one, index) => element("li", {
      "aria-current": one === name ? "step" : null, class: index < STEPS.indexOf(name) ? "done" : null,
    }, element("span", { class: "step-number", "aria-hidden": "true" }, index < STEPS.indexOf(name) ? icon("check") : String(index + 1)),
    element("span", {}, t(`restore.step_${one}`)))));
    body.scrollTop = 0;
    announce(t("restore.step_of", { n: STEPS.indexOf(name) + 1, of: STEPS.length, name: t(`restore.step_${name}`) }));
  }

  function choose() {
    step("choose");
    body.replaceChildren(form.node);
    const next = button(t("restore.show_plan"), { kind: "primary", disabled: !form.ready(), on: { click: () => goOn() } });
    form.onChange(() => { next.disabled = !form.ready(); });
    fillFoot(foot, button(t("dialog.cancel"), { on: { click: close } }), next);
  }

  function goOn() {
    if (form.ready()) {
      Object.assign(wish, form.wish(), { accept_lossy: [] });
      makePlan();
    }
  }

  async function makePlan() {
    step("plan");
    body.replaceChildren(waiting(t("restore.planning", { name: wish.connection })));
    const back = button(t("dialog.back"), { on: { click: choose } });
    fillFoot(foot, back);
    heading.focus();
    try {
      const made = await api.plan({ backup: backup.name, ...wish });
      if (!body.isConnected || !foot.contains(back)) {
        return;
      }
      showPlan(made);
    } catch (error) {
      body.replaceChildren(errorBox(error));
      fillFoot(foot, back, button(t("shell.again"), { sign: "refresh", on: { click: makePlan } }));
    }
  }

  function showPlan(made) {
    step("plan");
    const view = planView(made, (accepted) => {
      wish.accept_lossy = accepted;
      makePlan();
    }, wish);
    body.replaceChildren(view);
    const blocked = made.problems.length > 0;
    announce(blocked ? t("plan.blocked", { count: made.problems.length, n: made.problems.length }) : t("plan.fine"));
    fillFoot(foot, button(t("dialog.back"), { on: { click: choose } }),
      button(t("restore.go_on"), { kind: "primary", disabled: blocked, on: { click: () => consent(made) } }));
    view.querySelector("h3")?.focus();
  }

  function consent(made) {
    step("confirm");
    const problem = element("div", { "aria-live": "assertive" });
    const word = made.confirm;
    const field = word && typedName(word, () => refresh());
    const safety = made.overwrites && safetyChoice();
    const doIt = button(t("restore.go"), { kind: made.overwrites ? "danger" : "primary", on: { click: run } });
    const refresh = () => {
      doIt.disabled = Boolean(field) && !field.matches();
    };
    const submit = (event) => {
      event.preventDefault();
      if (!doIt.disabled) {
        run();
      }
    };
    body.replaceChildren(element("form", { class: "stack", on: { submit } },
      whatHappens(made), safety && safety.node, field && field.node, problem));
    fillFoot(foot, button(t("dialog.back"), { on: { click: () => showPlan(made) } }), doIt);
    refresh();
    (field ? field.input : doIt).focus();

    async function run() {
      busy(true);
      doIt.disabled = true;
      problem.replaceChildren();
      try {
        const job = await api.restore({
          backup: backup.name, ...wish, confirm: field ? field.input.value.trim() : null,
          safety_backup: safety ? safety.chosen() : false, fingerprint: made.fingerprint,
        });
        busy(false);
        noteJob(job);
        watch(job);
      } catch (error) {
        busy(false);
        refresh();
        const stale = error.kind === "mismatch" && button(t("restore.plan_again"), { kind: "compact", on: { click: makePlan } });
        problem.replaceChildren(errorBox(error), stale || "");
      }
    }
  }

  /** The job as it goes on. Closing the dialog leaves it running: it is on the list too. */
  function watch(job) {
    step("result");
    const card = jobCard(job);
    const hint = element("p", { class: "muted" }, t("restore.may_close"));
    const done = button(t("dialog.close"), { on: { click: close } });
    body.replaceChildren(element("div", { class: "stack" }, card.node, hint));
    fillFoot(foot, done);
    const show = () => {
      const now = state.jobs.get(job.id);
      if (now) {
        card.update(now);
        hint.hidden = !isActive(now);
      }
    };
    unsubscribe = subscribe((what) => what === "jobs" && show());
    show();
    card.node.focus();
  }
}

/** The first step: which groups go where, and how. */
function chooser(backup, submitted) {
  let changed = () => {};
  const targets = state.server.connections.filter((connection) => connection.may_be_restored_into);
  const target = connectionChoice({ label: t("restore.target"), connections: targets, changed: () => changed(), hint: t("restore.target_hint") });
  const groups = groupChoice({ legend: t("restore.groups"), groups: backup.groups, changed: () => changed() });
  const mode = uniqueName("mode");
  const select = element("select", { id: mode }, MODES.map((one) => element("option", { value: one }, t(`mode.${one}`))));
  const again = uniqueName("recreate");
  const recreate = element("input", { id: again, type: "checkbox" });
  const submit = (event) => {
    event.preventDefault();
    submitted();
  };
  const node = element("form", { class: "stack", on: { submit } },
    element("p", { class: "muted" }, `${sourceText(backup)} · ${contents(backup)}`),
    backup.verified && !backup.verified.ok && box("failure", t("restore.damaged")),
    !backup.trusted && box("warning", t("restore.untrusted")),
    targets.length > 0 ? target.node : box("info", t("restore.no_targets")),
    groups.node,
    element("details", { class: "options" }, element("summary", {}, t("restore.options")),
      element("div", { class: "stack" },
        element("div", { class: "field" }, element("label", { for: mode }, t("restore.mode")), select),
        element("div", { class: "choice plain-choice" }, recreate, element("label", { for: again }, t("restore.recreate")),
          element("p", { class: "small muted" }, t("restore.recreate_hint"))))),
    element("button", { type: "submit", hidden: true }));
  const wish = () => ({
    connection: target.chosen(), groups: groups.all() ? null : groups.chosen(),
    mode: select.value === "replace" ? null : select.value, recreate: recreate.checked,
  });
  return {
    node, wish, ready: () => targets.length > 0 && Boolean(target.chosen()) && groups.chosen().length > 0,
    onChange: (listener) => { changed = listener; },
  };
}

function whatHappens(made) {
  const collections = made.units.flatMap((unit) => unit.collections);
  const count = collections.length;
  const tables = t("format.tables", { count, n: number(count) });
  if (!made.overwrites) {
    return box("info", element("p", {}, t("restore.nothing_lost", { tables, target: made.connection })));
  }
  return box("warning",
    element("p", {}, element("strong", {}, t("restore.overwrites", {
      count: made.rows_overwritten, n: number(made.rows_overwritten), target: made.connection, tables,
    }))),
    element("p", {}, t("restore.atomic")));
}

function safetyChoice() {
  const name = uniqueName("safety");
  const input = element("input", { id: name, type: "checkbox", checked: true, "aria-describedby": `${name}-why` });
  const node = element("div", { class: "choice plain-choice" }, input, element("label", { for: name }, element("strong", {}, t("restore.safety"))),
    element("p", { class: "small muted", id: `${name}-why` }, t("restore.safety_why")));
  return { node, chosen: () => input.checked };
}
