// What is under way and what came of it: a card for each job, kept up to date while it runs.

import * as api from "./api.js";
import { box, button, element, iconButton, mark, place, write } from "./dom.js";
import { SPOKEN, errorLines, sentence } from "./errors.js";
import { bytes, duration, list, number, percent, rate, relative } from "./format.js";
import { has, t } from "./i18n.js";
import { announce, failed } from "./notices.js";
import { dropJob, groupTitle, isActive, mayChange, state, subscribe } from "./store.js";

const ENDED_WELL = new Set(["done", "warnings", "cancelled"]);
const SHOWN_OF_THOSE = 3;
const SHOWN_FOR = 3600 * 1000;
const SIGNS = { done: ["success", "check"], warnings: ["warning", "warning"], failed: ["failure", "error"], interrupted: ["failure", "error"], cancelled: ["neutral", "stop"] };

/** The cards of the list's view. What failed stays until it is dismissed; of what ended well, the newest stay for an hour. */
export function jobList() {
  const cards = new Map();
  const holder = element("ul", { class: "jobs" });
  const node = element("section", {}, element("h2", { class: "visually-hidden" }, t("jobs.title")), holder);
  const show = () => {
    const shown = shownJobs();
    for (const job of shown) {
      if (cards.has(job.id)) {
        cards.get(job.id).update(job);
      } else {
        const card = jobCard(job);
        cards.set(job.id, { ...card, item: element("li", {}, card.node) });
      }
    }
    place(holder, shown.map((job) => cards.get(job.id).item));
    node.hidden = shown.length === 0;
  };
  show();
  return { node, closed: subscribe((what) => ["jobs", "backups"].includes(what) && show()) };
}

function shownJobs() {
  const all = [...state.jobs.values()].sort((left, right) => (left.created_at < right.created_at ? 1 : -1));
  const well = all.filter((job) => ENDED_WELL.has(job.state) && Date.now() - new Date(job.finished_at) < SHOWN_FOR).slice(0, SHOWN_OF_THOSE);
  return [...all.filter(isActive).reverse(), ...all.filter((job) => !isActive(job) && (!ENDED_WELL.has(job.state) || well.includes(job)))];
}

/** A card and what brings it up to date. */
export function jobCard(job) {
  const title = element("h3", { class: "break" });
  const side = element("div", { class: "job-side" });
  const body = element("div", { class: "job-body" });
  const node = element("article", { class: "job panel", tabindex: "-1", "data-job": job.id }, element("header", {}, title, side), body);
  let running = null;
  let shown = "";
  // The titles of groups come with the list of backups, which is read anew when the job has ended.
  const look = ({ state: end, groups }) => [end, ...(groups ?? []).map((group) => groupTitle(group.name))].join();
  const update = (now) => {
    write(title, jobTitle(now));
    node.dataset.state = now.state;
    if (isActive(now)) {
      running ??= runningBody(now, body, side);
      running.update(now);
    } else if (shown !== look(now)) {
      const focused = node.contains(document.activeElement);
      side.replaceChildren(...endedSide(now));
      body.replaceChildren(...endedBody(now));
      if (running) {
        announce(`${jobTitle(now)}: ${t(`jobs.${now.state}`)}`);
        running = null;
      }
      if (focused) {
        node.focus();
      }
    }
    shown = look(now);
  };
  update(job);
  return { node, update };
}

/** `Backing up prod`, `Restoring shop-2026 into test` */
export function jobTitle({ kind, backup, connection }) {
  return t(`jobs.title_${kind}`, { backup: backup ?? "?", connection: connection ?? "?" });
}

function runningBody(job, body, side) {
  const bar = element("progress", { max: "1", "aria-label": jobTitle(job) });
  const phase = element("span", { class: "phase" });
  const share = element("span", { class: "number share" });
  const figures = element("p", { class: "small muted number figures" });
  const active = element("p", { class: "small muted active break" });
  const groups = element("ul", { class: "chips" });
  const spoken = element("span", { class: "visually-hidden", "aria-live": "polite" });
  const cancel = button(t("jobs.cancel"), { kind: "compact", "aria-label": t("jobs.cancel_named", { title: jobTitle(job) }) });
  let told = "";
  const update = (now) => {
    const { progress } = now;
    const part = progress?.fraction ?? null;
    bar.hidden = now.state === "queued";
    if (part === null) {
      bar.removeAttribute("value");
    } else {
      bar.value = part;
    }
    write(phase, now.cancel_requested ? t("jobs.cancelling") : phaseText(now));
    write(share, part === null ? "" : percent(Math.floor(part * 100) / 100));
    write(figures, figuresText(progress));
    write(active, (progress?.active ?? []).map((one) => one.name).join(", "));
    place(groups, (now.groups ?? []).map((group) => groupMark(groups, group)));
    groups.hidden = groups.childElementCount === 0;
    // Not `disabled`: that would take the focus from whoever has just pressed it.
    cancel.setAttribute("aria-disabled", String(now.cancel_requested));
    cancel.hidden = !now.cancellable || !mayChange();
    // A screen reader hears of phases and of every quarter, not of every percent.
    const step = `${phase.textContent}${part === null ? "" : `, ${percent(Math.floor(part * 4) / 4)}`}`;
    if (step !== told) {
      told = step;
      write(spoken, step);
    }
  };
  cancel.addEventListener("click", async () => {
    if (cancel.getAttribute("aria-disabled") === "true") {
      return;
    }
    cancel.setAttribute("aria-disabled", "true");
    try {
      await api.cancelJob(job.id);
    } catch (error) {
      cancel.setAttribute("aria-disabled", "false");
      failed(error);
    }
  });
  side.replaceChildren(cancel);
  body.replaceChildren(element("p", { class: "job-line" }, phase, share), bar, figures, active, groups, spoken);
  return { update };
}

function phaseText({ state: now, progress }) {
  if (now === "queued" || !progress) {
    return t("jobs.queued");
  }
  const key = `phase.${progress.phase}`;
  const text = has(key) ? t(key) : progress.phase;
  return progress.group ? t("jobs.phase_of_group", { phase: text, group: groupTitle(progress.group) }) : text;
}

function figuresText(progress) {
  if (!progress) {
    return "";
  }
  const { rows: done, rows_planned: planned, estimated, bytes: moved, rows_per_second: speed, seconds_left: left, collections, collections_done: ready } = progress;
  return [
    planned === null || planned < done ? t("format.rows", { count: done, n: number(done) })
      : t(estimated ? "jobs.rows_of_about" : "jobs.rows_of", { count: planned, done: number(done), n: number(planned) }),
    collections && t("jobs.tables_of", { count: collections, done: number(ready), n: number(collections) }),
    moved > 0 && bytes(moved),
    speed > 0 && t("jobs.speed", { n: rate(speed) }),
    left !== null && left !== undefined && t("jobs.left", { time: duration(left) }),
  ].filter(Boolean).join(" · ");
}

const GROUP_SIGNS = { done: ["success", "check"], failed: ["failure", "error"], waiting: ["neutral", "clock"] };

/** What became of a group; the mark that is there already is kept if nothing has changed. */
function groupMark(holder, group) {
  const content = `${groupTitle(group.name)} ${group.state} ${group.rows}`;
  const there = holder && [...holder.children].find((node) => node.dataset.content === content);
  if (there) {
    return there;
  }
  const [tone, sign] = GROUP_SIGNS[group.state] ?? GROUP_SIGNS.waiting;
  const state = group.state === "done" && group.rows === null ? "done_uncounted" : group.state;
  const text = t(`jobs.group_${state}`, { group: groupTitle(group.name), count: group.rows ?? 0, n: number(group.rows ?? 0) });
  return element("li", { "data-content": content }, mark(`${tone} boxed`, sign, text));
}

function endedSide(job) {
  const [tone, sign] = SIGNS[job.state];
  const dismiss = async () => {
    try {
      await api.dismissJob(job.id);
      dropJob(job.id);
      document.querySelector("dialog[open] h2, main h1")?.focus();
    } catch (error) {
      failed(error);
    }
  };
  return [
    mark(`${tone} boxed`, sign, t(`jobs.${job.state}`)),
    job.finished_at && element("time", { class: "small muted", datetime: job.finished_at, "data-relative": true }, relative(job.finished_at)),
    mayChange() && iconButton(t("jobs.dismiss_named", { title: jobTitle(job) }), "close", { on: { click: dismiss } }),
  ].filter(Boolean);
}

function endedBody(job) {
  const { result, error, state: now } = job;
  const left = job.kind === "restore" ? t("jobs.interrupted_restore") : t("jobs.interrupted_why");
  return [
    result && element("p", {}, resultText(job), ["backup", "upload"].includes(job.kind) && result.backup && [" ", backupLink(result.backup, t("jobs.show"))]),
    result?.safety_backup && element("p", {}, t("jobs.safety"), backupLink(result.safety_backup)),
    result?.pruned?.length > 0 && element("p", { class: "small muted" }, t("jobs.pruned", { names: list(result.pruned) })),
    now === "interrupted" && box("failure", element("p", {}, left), element("p", {}, element("strong", {}, `${t("error.remedy")} `), t("jobs.interrupted_remedy"))),
    now === "cancelled" && element("p", { class: "muted" }, t(job.kind === "restore" ? "jobs.cancelled_restore" : "jobs.cancelled_why")),
    now === "failed" && error && box("failure", ...errorLines(error)),
    job.groups?.length > 0 && element("ul", { class: "chips" }, job.groups.map((group) => groupMark(null, group))),
    remarks("jobs.warnings_list", job.warnings, "warning", now === "warnings"),
    remarks("jobs.notes_list", job.notes, "info", false),
  ].filter(Boolean);
}

function backupLink(name, text) {
  return element("a", { href: `#/backups/${encodeURIComponent(name)}`, "aria-label": text && t("jobs.show_named", { name }) }, text ?? name);
}

function resultText({ kind, result, backup }) {
  const values = {
    count: result.rows, rows: t("format.rows", { count: result.rows, n: number(result.rows) }),
    tables: t("format.tables", { count: result.collections, n: number(result.collections) }),
    // Nothing takes no time at all.
    time: duration(Math.max(result.seconds, 0.1)), backup: result.backup ?? backup ?? "",
  };
  const key = kind === "restore" && result.proven ? "jobs.result_restore_proven" : `jobs.result_${kind}`;
  return t(key, values);
}

/** Sentences of the engine, folded unless they are what matters. */
export function remarks(key, sentences, tone, open) {
  if (!sentences || sentences.length === 0) {
    return null;
  }
  return element("details", { class: "remarks", open },
    element("summary", {}, mark(tone, tone === "warning" ? "warning" : "info", t(key, { count: sentences.length, n: number(sentences.length) }))),
    element("ul", {}, sentences.map((text) => element("li", { class: "break", lang: SPOKEN }, sentence(text)))));
}

