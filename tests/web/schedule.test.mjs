// What runs by itself, and the log of what was done.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { card, scene } from "./support/browser.mjs";
import { until } from "./support/machine.mjs";
import { serve, shopDirectory } from "./support/serve.mjs";

const SCHEDULE = `[schedule.nightly]
connection = "shop"
cron = "0 3 * * *"
groups = ["user"]
keep = { last = 2, daily = 7 }
`;

let served;
before(async () => {
  served = await serve(shopDirectory({ more: SCHEDULE }));
});
after(() => served?.stop());

scene("a schedule says when it runs and what it keeps, and can be run at once", () => served, async ({ page }) => {
  await page.getByRole("link", { name: "Schedule" }).click();
  await page.getByRole("heading", { level: 2, name: "nightly" }).waitFor();
  const text = await page.getByRole("main").innerText();
  assert.match(text, /0 3 \* \* \*/);
  assert.match(text, /the last 2 and 7 daily/);
  assert.match(text, /Last run\s+not yet/);
  assert.match(text, /Next run\s+(in \d+|tomorrow)/);
  await page.getByRole("button", { name: "Run now: nightly" }).click();
  await card(page, "Backup of shop").getByText(/rows of \d+ tables are in/).waitFor();
  const { backups } = await served.api("GET", "/api/backups");
  assert.equal(backups[0].schedule, "nightly");
  await page.locator("[data-backup]").getByText("nightly", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Schedule" }).click();
  await page.getByText("Done", { exact: true }).or(page.getByText("Done, with warnings")).waitFor();
});

scene("the log of activity tells what was done and how it ended", () => served, async ({ page }) => {
  const name = await served.backup("shop", ["log"]);
  await page.goto(`${served.base}/#/activity`);
  const line = page.getByRole("row").filter({ hasText: name }).filter({ hasText: "Backup" }).first();
  await line.waitFor();
  assert.match(await line.innerText(), /done/);
  assert.match(await line.innerText(), /A script/);
  await page.getByRole("row").filter({ hasText: "Sign-in" }).filter({ hasText: "This page" }).first().waitFor();
  await page.getByRole("row").filter({ hasText: "Start of dbferry" }).first().waitFor();
});

scene("a server that is read-only offers nothing that changes anything", () => served, async ({ page }) => {
  await served.stop();
  const quiet = shopDirectory({ more: SCHEDULE });
  const first = await serve(quiet);
  const name = await first.backup("shop");
  const { id } = await first.api("POST", "/api/backups", { connection: "shop", groups: ["nothing"] });
  assert.equal((await first.jobEnd(id)).state, "failed");
  await first.stop();
  served = await serve({ ...quiet, args: ["--read-only"] });
  await page.goto(served.url);
  await page.locator(`[data-backup='${name}']`).waitFor();
  await page.locator(`[data-job='${id}']`).waitFor();
  for (const verb of ["New backup", "Dismiss: Backup of shop", "Restore from a file", `Restore ${name}`, `Delete ${name}`, `Verify ${name}`]) {
    assert.equal(await page.getByRole("button", { name: verb }).count(), 0, verb);
  }
  await page.getByRole("link", { name: `Download ${name}` }).waitFor();
  await page.getByText(/read-only/).waitFor();
  await until("the page to be calm", async () => (await page.locator(".spinner").count()) === 0);
});
