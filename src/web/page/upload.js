// The dialog that takes a backup from this computer: it is sent as it is, checked whole on the server, and only then listed.

import * as api from "./api.js";
import { box, button, element, icon, uniqueName, write } from "./dom.js";
import { fillFoot, openDialog } from "./dialog.js";
import { errorBox } from "./errors.js";
import { bytes, duration, percent } from "./format.js";
import { t } from "./i18n.js";
import { jobCard } from "./jobs.js";
import { announce } from "./notices.js";
import { restoreDialog } from "./restore.js";
import { isActive, noteJob, refreshBackups, state, subscribe } from "./store.js";

/** Opens it. */
export function uploadDialog() {
  let end = () => {};
  const { body, foot, close, busy } = openDialog({ title: t("upload.title"), size: "small", closed: () => end() });
  const limit = state.server.upload_limit;
  pick();

  function pick(problem) {
    const name = uniqueName("file");
    const input = element("input", { id: name, type: "file", accept: ".zip", class: "visually-hidden", on: { change: () => input.files[0] && send(input.files[0]) } });
    const drop = element("label", { class: "drop", for: name }, icon("upload"), element("strong", {}, t("upload.pick")), element("span", { class: "muted" }, t("upload.drop")));
    const over = (value) => (event) => {
      event.preventDefault();
      drop.classList.toggle("over", value);
    };
    drop.addEventListener("dragover", over(true));
    drop.addEventListener("dragleave", over(false));
    drop.addEventListener("drop", (event) => {
      over(false)(event);
      const [file] = event.dataTransfer.files;
      if (file) {
        send(file);
      }
    });
    body.replaceChildren(element("div", { class: "stack" }, element("p", {}, t("upload.what")), input, drop,
      element("p", { class: "hint" }, t("upload.limit", { size: bytes(limit) })),
      element("div", { "aria-live": "assertive" }, problem)));
    fillFoot(foot, button(t("dialog.cancel"), { on: { click: close } }));
    input.focus();
  }

  async function send(file) {
    if (file.size > limit) {
      pick(box("failure", t("upload.too_large", { name: file.name, size: bytes(file.size), limit: bytes(limit) })));
      return;
    }
    const started = performance.now();
    const bar = element("progress", { max: String(file.size || 1), value: "0", "aria-label": t("upload.sending", { name: file.name }) });
    const figures = element("p", { class: "small muted number" });
    const sending = api.upload(file, (sent) => {
      bar.value = sent;
      const speed = sent / ((performance.now() - started) / 1000);
      write(figures, [percent(sent / (file.size || 1)), t("upload.of", { sent: bytes(sent), size: bytes(file.size) }),
        speed > 0 && sent < file.size && t("jobs.left", { time: duration((file.size - sent) / speed) })].filter(Boolean).join(" · "));
    });
    end = sending.stop;
    body.replaceChildren(element("div", { class: "stack" }, element("p", { class: "break" }, t("upload.sending", { name: file.name })), bar, figures));
    fillFoot(foot, button(t("dialog.cancel"), { on: { click: () => { sending.stop(); pick(); } } }));
    try {
      const job = await sending.finished;
      end = () => {};
      noteJob(job);
      watch(job);
    } catch (error) {
      if (error.kind !== "cancelled") {
        pick(errorBox(error));
      }
    }
  }

  /** The check of what has arrived. Closing the dialog leaves it running. */
  function watch(job) {
    const card = jobCard(job);
    const checking = element("p", {}, t("upload.checking"));
    body.replaceChildren(element("div", { class: "stack" }, checking, card.node));
    fillFoot(foot, button(t("dialog.close"), { on: { click: close } }));
    const show = async () => {
      const now = state.jobs.get(job.id) ?? job;
      card.update(now);
      if (isActive(now)) {
        return;
      }
      checking.hidden = true;
      end();
      if (now.state === "done" || now.state === "warnings") {
        await refreshBackups();
        finish(now);
      }
    };
    end = subscribe((what) => what === "jobs" && show());
    busy(false);
    show();
  }

  function finish(job) {
    const name = job.result?.backup ?? job.backup;
    const backup = state.backups.find((one) => one.name === name);
    announce(t("upload.listed", { name }));
    body.replaceChildren(box("success", element("p", {}, t("upload.listed", { name })), element("p", {}, t("backups.untrusted_why"))));
    fillFoot(foot, button(t("dialog.close"), { on: { click: close } }), backup && state.server.can_restore && button(t("upload.restore"), {
      sign: "restore", kind: "primary", on: { click: () => { close(); restoreDialog(backup); } },
    }));
  }
}

