// What the page knows of the server: its rules, the backups, the jobs. Kept fresh by server-sent events; whoever shows something
// of it subscribes and is told what changed.

import * as api from "./api.js";
import { translated } from "./i18n.js";

const RETRY_AFTER = 2000;

/** What is known. `backups` is null until it was read, `trouble` what kept the server from reading it the last time; `link` is `connecting`, `live`, `lost` or `signed-out`. */
export const state = { server: null, backups: null, trouble: null, jobs: new Map(), link: "connecting", restarted: false };

const listeners = new Set();
/** What events told of jobs since their list was asked for: by id, null for one that is gone. */
const news = new Map();
let reading = Promise.resolve();
let source = null;
let retry = null;

/** Calls `listener` with `backups`, `jobs` or `link` whenever that changed; returns what ends it. */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Reads what there is and listens to what happens. */
export async function start() {
  state.server = await api.server();
  await Promise.all([reread(), refreshJobs()]);
  listen();
}

/** Reads the list of backups again. One reading waits for the other, so that an older answer never comes last. */
export function refreshBackups() {
  reading = reading.catch(() => {}).then(async () => {
    try {
      state.backups = await api.backups();
      state.trouble = null;
    } catch (error) {
      state.trouble = error.status >= 500 ? error : state.trouble;
      throw error;
    } finally {
      tell("backups");
    }
  });
  return reading;
}

/** The same where nobody asked for it: what keeps the server from it stands in the list. Only a server that does not answer is lost. */
function reread() {
  return refreshBackups().catch((error) => {
    if (!(error.status >= 500)) {
      throw error;
    }
  });
}

/** A job as the server answered when it was asked for. Where an event was faster, it told something newer. */
export function noteJob(job) {
  if (!state.jobs.has(job.id)) {
    state.jobs.set(job.id, job);
    tell("jobs");
  }
}

/** Takes a job off the list. */
export function dropJob(id) {
  news.set(id, null);
  if (state.jobs.delete(id)) {
    tell("jobs");
  }
}

/** Whether the server lets the page change anything. */
export function mayChange() {
  return Boolean(state.server) && !state.server.read_only;
}

/** The session is over: nothing is tried any more. */
export function stop(link) {
  source?.close();
  clearTimeout(retry);
  changeLink(link);
}

/** The title of a group in the page's language, as the backups have it; its name where none of them has it. */
export function groupTitle(name) {
  const group = (state.backups ?? []).flatMap((backup) => backup.groups).find((one) => one.name === name);
  return translated(group?.title) || name;
}

/** Whether a job waits or runs. */
export function isActive(job) {
  return job.state === "queued" || job.state === "running";
}

async function refreshJobs() {
  news.clear();
  const known = await api.jobs();
  // What was told while the list was on its way is newer than the list.
  const all = new Map([...known.filter((job) => !job.dismissed).map((job) => [job.id, job]), ...news]);
  state.jobs = new Map([...all].filter(([, job]) => job));
  tell("jobs");
}

function changeJob(job) {
  news.set(job.id, job);
  state.jobs.set(job.id, job);
  tell("jobs");
}

function listen() {
  source = new EventSource("/api/events");
  source.addEventListener("hello", (event) => greeted(JSON.parse(event.data)));
  source.addEventListener("job", (event) => {
    const job = JSON.parse(event.data);
    if (job.dismissed) {
      dropJob(job.id);
    } else {
      changeJob(job);
    }
  });
  source.addEventListener("job-removed", (event) => dropJob(JSON.parse(event.data).id));
  source.addEventListener("backups", () => reread().catch(lost));
  source.addEventListener("error", lost);
}

/** The line stands, for the first time or again: everything may have changed while it was down. */
async function greeted({ started_at: startedAt }) {
  const before = state.server.started_at;
  try {
    state.server = await api.server();
    await Promise.all([reread(), refreshJobs()]);
    state.restarted = Boolean(before && startedAt && before !== startedAt);
    changeLink("live");
  } catch {
    lost();
  }
}

/** A browser tries again by itself after a short break, but not after every answer that it dislikes. */
function lost() {
  if (state.link === "signed-out") {
    return;
  }
  source?.close();
  changeLink("lost");
  clearTimeout(retry);
  retry = setTimeout(async () => {
    try {
      await api.openSession();
      listen();
    } catch (error) {
      if (error.status !== 401) {
        lost();
      }
    }
  }, RETRY_AFTER);
}

function changeLink(link) {
  if (state.link !== link) {
    state.link = link;
    tell("link");
  }
}

function tell(what) {
  for (const listener of [...listeners]) {
    listener(what);
  }
}
