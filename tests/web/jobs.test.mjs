// What is under way: progress, failure, cancelling, a page that is loaded anew, a server that ends in the middle.

import assert from "node:assert/strict";
import { readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { card, row, scene, signIn } from "./support/browser.mjs";
import { until } from "./support/machine.mjs";
import { serve, shopDirectory } from "./support/serve.mjs";

const ROWS = 400000;

let shop;
let served;
before(async () => {
  shop = shopDirectory({ slow: true });
  shop.query("shop.sqlite", `CREATE TABLE big_log (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
    INSERT INTO big_log SELECT i, printf('%064d', i * 7919) FROM n`);
  served = await serve(shop);
});
after(() => served?.stop());

const start = (connection = "shop") => served.api("POST", "/api/backups", { connection });
const archives = () => readdirSync(join(shop.directory, "archives")).filter((name) => !name.startsWith("."));

scene("a backup shows its phase, how far it is, and ends in a line that says what it did", () => served, async ({ page }) => {
  // Everything that the bar ever shows is noted by the page itself: looking from outside might miss it.
  await page.evaluate(() => {
    globalThis.seen = new Set();
    new MutationObserver(() => {
      const bar = document.querySelector(".job progress");
      const figures = document.querySelector(".job .figures")?.textContent;
      if (bar) {
        globalThis.seen.add(`${bar.value} ${figures}`);
      }
    }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  });
  await start();
  await card(page, "Backup of shop").getByText(/401,213 rows of 23 tables are in/).waitFor();
  const seen = await page.evaluate(() => [...globalThis.seen]);
  const shares = seen.map((text) => Number(text.split(" ")[0])).filter((share) => share > 0 && share < 1);
  assert.ok(shares.length > 0, `the bar never stood between its ends: ${seen.join(" | ")}`);
  assert.deepEqual(shares, [...shares].sort((left, right) => left - right), "the bar went back");
  assert.ok(seen.some((text) => /rows/.test(text)), `no rows were shown: ${seen.join(" | ")}`);
});

scene("a job that is cancelled stops and leaves nothing", () => served, async ({ page }) => {
  const before = archives();
  await start("slow");
  const job = card(page, "Backup of slow");
  await job.locator(".phase").getByText("Reading").waitFor();
  await job.getByRole("button", { name: "Cancel: Backup of slow" }).click();
  await job.getByText("Cancelled", { exact: true }).waitFor();
  await job.getByText("Nothing half done was kept.").waitFor();
  assert.deepEqual(archives(), before);
});

scene("a page that is loaded anew shows the job that runs, and its end", () => served, async ({ page }) => {
  const { id } = await start("slow");
  const job = card(page, "Backup of slow");
  await job.locator(".phase").getByText("Reading").waitFor();
  await page.reload();
  await job.locator(".phase").getByText("Reading").waitFor();
  await served.api("POST", `/api/jobs/${id}/cancel`);
  await job.getByText("Cancelled", { exact: true }).waitFor();
});

scene("a failure says what failed, why and what to do, until it is dismissed", () => served, async ({ page }) => {
  const file = shop.file("test.sqlite");
  renameSync(file, `${file}.aside`);
  try {
    await page.getByRole("button", { name: "New backup" }).click();
    const dialog = page.getByRole("dialog");
    writeFileSync(file, "this is no database, whatever its name says ".repeat(100));
    await dialog.getByLabel("Database").selectOption("test");
    await dialog.getByText(/not a database/).first().waitFor();
    assert.ok(await dialog.getByRole("button", { name: "Start the backup" }).isDisabled());
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await start("test");
    const job = card(page, "Backup of test");
    await job.getByText("Failed", { exact: true }).waitFor();
    assert.match(await job.innerText(), /not a database/);
    assert.match(await job.innerText(), /What to do:/);
    await page.reload();
    await job.getByText("Failed", { exact: true }).waitFor();
    await job.getByRole("button", { name: "Dismiss: Backup of test" }).click();
    await job.waitFor({ state: "detached" });
    await page.reload();
    await page.getByRole("heading", { level: 1 }).waitFor();
    assert.equal(await job.count(), 0);
  } finally {
    renameSync(`${file}.aside`, file);
  }
});

scene("a restart of the server is survived by the open page, and what it interrupted is shown so", () => served, async ({ page }) => {
  await start("slow");
  await card(page, "Backup of slow").locator(".phase").getByText("Reading").waitFor();
  await served.stop("SIGKILL");
  await page.getByText(/The connection to dbferry is lost/).waitFor();
  served = await serve({ ...shop, port: served.port });
  await page.getByText("dbferry was restarted.", { exact: false }).waitFor();
  await card(page, "Backup of slow").getByText("Interrupted", { exact: true }).waitFor();
  await card(page, "Backup of slow").getByText(/Nothing half done is listed/).waitFor();
  await page.getByRole("button", { name: "Got it" }).click();
  assert.equal(await page.getByText("dbferry was restarted.").count(), 0);
  // The page is as alive as before: what happens now comes by itself.
  const name = await served.backup("shop", ["log"]);
  await row(page, name).waitFor();
});

scene("an answer that comes after the end of its job does not undo it", () => served, async ({ page }) => {
  await page.route("**/api/backups", async (route) => {
    const answer = await route.fetch();
    if (route.request().method() === "POST") {
      const { id } = await answer.json();
      await served.jobEnd(id);
      await page.locator(`.job[data-job='${id}'][data-state=done]`).waitFor();
    }
    await route.fulfill({ response: answer });
  });
  await page.getByRole("button", { name: "New backup" }).click();
  const dialog = page.getByRole("dialog", { name: "New backup" });
  await dialog.getByLabel("Database").selectOption("shop");
  await dialog.getByRole("button", { name: "Start the backup" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.waitForTimeout(300);
  assert.equal(await card(page, "Backup of shop").getAttribute("data-state"), "done");
});

scene("two pages see the same", () => served, async ({ page, context }) => {
  const other = await context.newPage();
  await signIn(other, served);
  const name = await served.backup("shop", ["custom"]);
  await Promise.all([row(page, name).waitFor(), row(other, name).waitFor()]);
  await row(page, name).getByRole("button", { name: `Delete ${name}` }).click();
  await page.getByRole("dialog").getByRole("textbox").fill(name);
  await page.getByRole("button", { name: "Delete for good" }).click();
  await row(other, name).waitFor({ state: "detached" });
  await until("the files to go", () => !served.archives(name));
});
