// The list: making, explaining, downloading, checking, deleting backups.

import assert from "node:assert/strict";
import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { card, row, scene } from "./support/browser.mjs";
import { dbferry, until } from "./support/machine.mjs";
import { serve, shopDirectory } from "./support/serve.mjs";

let shop;
let served;
before(async () => {
  shop = shopDirectory();
  served = await serve(shop);
});
after(() => served?.stop());

async function openNewBackup(page) {
  await page.getByRole("button", { name: "New backup" }).first().click();
  const dialog = page.getByRole("dialog", { name: "New backup" });
  await dialog.getByLabel("Database").selectOption("shop");
  await dialog.getByRole("checkbox", { name: /User data/ }).waitFor();
  return dialog;
}

scene("an empty list says where backups are kept; the first one is made and listed", () => served, async ({ page }) => {
  await page.getByText("No backups yet").waitFor();
  const dialog = await openNewBackup(page);
  await dialog.getByLabel("Description (optional)").fill("before <b>the move</b>");
  await dialog.getByRole("button", { name: "Start the backup" }).click();
  await card(page, "Backup of shop").getByText(/1,213 rows of 22 tables are in/).waitFor();
  await card(page, "Backup of shop").getByText("User data: 1,007 rows").waitFor();
  const [name] = readdirSync(join(shop.directory, "archives")).filter((one) => one.startsWith("shop"));
  const line = row(page, name);
  await line.getByText("SQLite").waitFor();
  assert.match(await line.innerText(), /shop\.sqlite/);
  assert.match(await line.innerText(), /1,213/);
  assert.match(await line.innerText(), /just now|ago/);
  assert.match(await line.innerText(), /before <b>the move<\/b>/, "a description is text and no markup");
  for (const group of ["Required data", "User data", "Log data", "Custom collections", "Unclassified data"]) {
    await line.getByText(group, { exact: true }).waitFor();
  }
  assert.equal(dbferry("verify", join(shop.directory, "archives", name)).status, 0);
});

scene("required groups are ticked and locked, skipped ones say why they cannot be chosen, each has its figures", () => served, async ({ page }) => {
  const dialog = await openNewBackup(page);
  const required = dialog.getByRole("checkbox", { name: /Required data/ });
  assert.ok(await required.isChecked() && await required.isDisabled());
  const skipped = dialog.getByRole("checkbox", { name: /Skipped data/ });
  assert.ok(!(await skipped.isChecked()) && await skipped.isDisabled());
  const line = dialog.getByRole("listitem").filter({ has: page.getByRole("checkbox", { name: /Skipped data/ }) });
  assert.match(await line.innerText(), /Never part of a backup/);
  assert.match(await dialog.getByRole("listitem").filter({ has: page.getByRole("checkbox", { name: /Required data/ }) }).innerText(), /6 tables/);
  assert.match(await dialog.getByText(/^In all:/).innerText(), /22 tables/);
  await dialog.getByRole("button", { name: "Choose none" }).click();
  assert.match(await dialog.getByText(/^In all:/).innerText(), /6 tables/);
});

scene("a group that is left out is not in the backup, and what points to it is told", () => served, async ({ page }) => {
  const dialog = await openNewBackup(page);
  await dialog.getByRole("button", { name: "Choose none" }).click();
  await dialog.getByRole("checkbox", { name: /Custom collections/ }).check();
  await dialog.getByRole("button", { name: "Start the backup" }).click();
  await card(page, "Backup of shop").getByText("Done", { exact: true }).or(card(page, "Backup of shop").getByText("Done, with warnings")).waitFor();
  const { backups } = await until("the second backup", async () => {
    const list = await served.api("GET", "/api/backups");
    return list.backups.length === 2 && list;
  });
  assert.deepEqual(backups[0].groups.map((group) => group.name), ["required", "custom"]);
});

scene("Learn more explains every group and finds a table with the rule that put it there", () => served, async ({ page }) => {
  const dialog = await openNewBackup(page);
  await dialog.getByRole("button", { name: "Learn more about the groups" }).click();
  const learn = page.getByRole("dialog", { name: "What the groups hold" });
  await learn.getByText(/What the application needs to start/).waitFor();
  await learn.getByText(/never dumped, neither their rows nor their structure/).waitFor();
  await learn.getByRole("searchbox").fill("payments");
  await learn.locator(".learn-search").getByText("1 table", { exact: true }).waitFor();
  const found = learn.getByRole("row").filter({ hasText: "main.payments" });
  assert.match(await found.innerText(), /Rule 3: payments/);
  assert.equal(await learn.getByText("main.audit_log").isVisible(), false);
  await learn.getByRole("searchbox").fill("nothing is called so");
  await learn.getByText("No table or rule matches.").waitFor();
  await learn.getByRole("button", { name: "Close" }).last().click();
  await learn.waitFor({ state: "detached" });
  assert.ok(await dialog.getByRole("button", { name: "Start the backup" }).isEnabled());
});

scene("a download is the packed archive, whole", () => served, async ({ page }) => {
  const name = await served.backup("shop");
  const line = row(page, name);
  const [download] = await Promise.all([page.waitForEvent("download"), line.getByRole("link", { name: `Download ${name}` }).click()]);
  const file = join(shop.directory, "downloaded.zip");
  await download.saveAs(file);
  assert.match(download.suggestedFilename(), /\.zip$/);
  const checked = dbferry("verify", file);
  assert.equal(checked.status, 0, checked.stderr);
});

scene("a check leaves its mark", () => served, async ({ page }) => {
  const name = await served.backup("shop");
  const line = row(page, name);
  await line.getByText("Not verified").waitFor();
  await line.getByRole("button", { name: `Verify ${name}` }).click();
  await line.getByText("Verified", { exact: true }).waitFor();
  assert.match(await line.getByText("Verified", { exact: true }).getAttribute("title"), /Every row was decoded/);
  await page.reload();
  await row(page, name).getByText("Verified", { exact: true }).waitFor();
});

scene("a backup is deleted only after its name was typed", () => served, async ({ page }) => {
  const name = await served.backup("shop");
  await row(page, name).getByRole("button", { name: `Delete ${name}` }).click();
  const dialog = page.getByRole("dialog", { name: "Delete this backup?" });
  const go = dialog.getByRole("button", { name: "Delete for good" });
  assert.ok(await go.isDisabled());
  await dialog.getByRole("textbox").fill(name.slice(0, -1));
  assert.ok(await go.isDisabled());
  await dialog.getByRole("textbox").fill(name);
  await go.click();
  await page.getByText(`${name} is deleted.`).waitFor();
  await row(page, name).waitFor({ state: "detached" });
  assert.equal(served.archives(name), false);
});

scene("the list is sorted by what is clicked and filtered by what is typed", () => served, async ({ page }) => {
  while ((await served.api("GET", "/api/backups")).backups.length < 6) {
    await served.backup("shop", ["log"]);
  }
  const names = () => page.locator("[data-backup]").evaluateAll((rows) => rows.map((one) => one.dataset.backup));
  await until("six rows", async () => (await names()).length >= 6);
  await page.getByRole("button", { name: "Rows" }).click();
  const table = page.getByRole("table", { name: "List of backups" });
  assert.equal(await table.getByRole("columnheader", { name: "Rows" }).getAttribute("aria-sort"), "descending");
  const counts = await page.locator("[data-backup] td[data-head=Rows]").allInnerTexts();
  const sorted = [...counts].sort((left, right) => Number(right.replace(",", "")) - Number(left.replace(",", "")));
  assert.deepEqual(counts, sorted);
  assert.ok(new Set(counts).size > 1, "all backups have as many rows, which proves nothing");
  await page.getByRole("searchbox").fill("log data");
  const all = (await served.api("GET", "/api/backups")).backups;
  const wanted = all.filter((one) => one.groups.some((group) => group.name === "log")).length;
  assert.ok(wanted > 0 && wanted < all.length);
  await until("only those with logs", async () => (await names()).length === wanted);
  await page.getByRole("searchbox").fill("nothing is called so");
  await page.getByText("No backup matches.").waitFor();
});

scene("what other programs put into the directory or take out of it shows by itself or by Refresh", () => served, async ({ page }) => {
  const made = dbferry("dump", `sqlite:${shop.file("shop.sqlite")}`, join(shop.directory, "archives", "by-hand"), "--quiet");
  assert.ok([0, 3].includes(made.status), made.stderr);
  await page.getByRole("button", { name: "Refresh" }).click();
  await row(page, "by-hand").waitFor();
});

scene("a directory that is gone is told in the list, and nothing is said of a lost connection", () => served, async ({ page }) => {
  const archives = join(shop.directory, "archives");
  const list = page.getByRole("region", { name: "List of backups" });
  renameSync(archives, `${archives}-away`);
  try {
    await page.getByRole("button", { name: "Refresh" }).click();
    await list.getByText(/Cannot list/).waitFor();
    await page.reload();
    await list.getByText(/Cannot list/).waitFor();
    assert.equal(await page.getByText("The connection to dbferry is lost").count(), 0);
  } finally {
    renameSync(`${archives}-away`, archives);
  }
  await page.getByRole("button", { name: "Refresh" }).click();
  await list.getByRole("table").waitFor();
  assert.equal(await list.getByText(/Cannot list/).count(), 0);
});

scene("an archive that cannot be handled because of its name is told of, and nothing is offered that fails", () => served, async ({ page }) => {
  const made = dbferry("dump", `sqlite:${shop.file("shop.sqlite")}`, join(shop.directory, "archives", ".hidden"), "--quiet");
  assert.ok([0, 3].includes(made.status), made.stderr);
  await page.getByRole("button", { name: "Refresh" }).click();
  const line = row(page, ".hidden");
  await line.getByText(/because of its name/).waitFor();
  assert.equal(await line.getByRole("button").count(), 0);
});
