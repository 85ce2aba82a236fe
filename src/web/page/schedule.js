// What runs by itself: the schedules of dbferry.toml, with what they keep, when they run next and how the last run went.

import * as api from "./api.js";
import { box, button, element, mark, waiting } from "./dom.js";
import { openDialog } from "./dialog.js";
import { errorBox } from "./errors.js";
import { exactMoment, list, moment, number, relative } from "./format.js";
import { t } from "./i18n.js";
import { notice } from "./notices.js";
import { groupTitle, mayChange, noteJob, subscribe } from "./store.js";

const EXAMPLE = `[schedule.nightly]
connection = "prod"
cron = "0 3 * * *"
keep = { last = 3, daily = 7, weekly = 4, monthly = 6 }`;
const TONES = { done: ["success", "check"], warnings: ["warning", "warning"], failed: ["failure", "error"], interrupted: ["failure", "error"], cancelled: ["neutral", "stop"] };

/** The view. */
export function scheduleView() {
  const holder = element("div", {}, waiting(t("shell.loading")));
  const load = async () => {
    try {
      const schedules = await api.schedules();
      holder.replaceChildren(schedules.length > 0 ? element("ul", { class: "cards" }, schedules.map(card)) : none());
    } catch (error) {
      holder.replaceChildren(errorBox(error));
    }
  };
  load();
  const node = element("div", {},
    element("div", { class: "view-head" }, element("div", {}, element("h1", { tabindex: "-1" }, t("schedule.title")), element("p", { class: "muted" }, t("schedule.what")))),
    holder);
  return { title: t("schedule.title"), node, closed: subscribe((what) => what === "backups" && load()) };
}

function none() {
  return box("info", element("p", {}, t("schedule.none")), element("pre", {}, EXAMPLE));
}

function card({ name, cron, time_zone: zone, connection, groups, keep, next_at: next, last }) {
  const fact = (label, ...value) => element("div", {}, element("dt", {}, label), element("dd", {}, ...value));
  const time = (at) => element("time", { datetime: at, title: exactMoment(at) }, `${relative(at)} (${moment(at)})`);
  const run = async () => {
    try {
      noteJob(await api.runSchedule(name));
      location.hash = "#/";
      notice(t("create.started", { name: connection }));
    } catch (error) {
      openDialog({ title: name, size: "small" }).body.append(errorBox(error));
    }
  };
  const [tone, sign] = TONES[last?.state] ?? ["info", "clock"];
  return element("li", { class: "panel card" },
    element("div", { class: "section-head" }, element("h2", {}, name),
      mayChange() && button(t("schedule.run"), { kind: "compact", "aria-label": t("schedule.run_named", { name }), on: { click: run } })),
    element("dl", { class: "facts" },
      fact(t("create.connection"), connection),
      fact(t("backups.groups"), groups ? list(groups.map(groupTitle)) : t("schedule.all_groups")),
      fact(t("schedule.when"), element("code", {}, cron), ` ${zone}`),
      fact(t("schedule.next"), next ? time(next) : "–"),
      fact(t("schedule.last"), last ? [mark(tone, sign, t(`jobs.${last.state}`)), " ", time(last.at)] : t("schedule.never")),
      fact(t("schedule.keep"), keepText(keep))));
}

/** `the last 3, 7 daily, and 4 weekly` */
function keepText(keep) {
  if (!keep) {
    return t("schedule.keep_all");
  }
  const parts = ["last", "daily", "weekly", "monthly"].filter((period) => keep[period] > 0)
    .map((period) => t(`schedule.keep_${period}`, { count: keep[period], n: number(keep[period]) }));
  return parts.length > 0 ? list(parts) : t("schedule.keep_newest");
}
