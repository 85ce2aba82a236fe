// Names, values and descriptions that are markup, scripts or addresses: all of them are shown, none of them does anything.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { card, row, scene } from "./support/browser.mjs";
import { serve, shopDirectory } from "./support/serve.mjs";

const EVIL = '<img src=x onerror="stolen=1">';
const TABLE = `evil ${EVIL}`;
const quoted = (text) => `"${text.replaceAll('"', '""')}"`;

let served;
let backup;
before(async () => {
  const shop = shopDirectory();
  shop.query("shop.sqlite", `CREATE TABLE ${quoted(TABLE)} (${quoted(`column ${EVIL}`)} TEXT);
    INSERT INTO ${quoted(TABLE)} VALUES ('${EVIL}'), ('javascript:alert(1)'), ('${"long ".repeat(400)}'), (NULL), ('')`);
  served = await serve(shop);
  backup = await served.backup("shop", null, EVIL);
});
after(() => served?.stop());

async function assertHarmless(page) {
  await page.waitForTimeout(200);
  assert.equal(await page.evaluate(() => "stolen" in globalThis), false, "a script of the database was run");
  assert.equal(await page.locator("main img, dialog img").count(), 0, "markup of the database became markup of the page");
}

scene("in the list, in Learn more and in a card", () => served, async ({ page }) => {
  await row(page, backup).getByText(EVIL).waitFor();
  await page.getByRole("button", { name: "New backup" }).click();
  await page.getByLabel("Database", { exact: true }).selectOption("shop");
  await page.getByRole("button", { name: "Learn more about the groups" }).click();
  await page.getByRole("searchbox").last().fill("evil");
  await page.getByRole("rowheader", { name: `main.${TABLE}` }).waitFor();
  await assertHarmless(page);
  await page.getByRole("dialog", { name: "What the groups hold" }).getByRole("button", { name: "Close" }).last().click();
  await page.getByRole("button", { name: "Start the backup" }).click();
  await card(page, "Backup of shop").getByText(/rows of 23 tables/).waitFor();
  await assertHarmless(page);
});

scene("in the view of the backup: names, picture, columns and rows", () => served, async ({ page }) => {
  await page.goto(`${served.base}/#/backups/${backup}`);
  const line = page.locator("details", { hasText: TABLE });
  await line.locator("summary").click();
  const rows = page.getByRole("region", { name: `First rows of main.${TABLE}` });
  await rows.getByRole("cell", { name: EVIL }).waitFor();
  await rows.getByRole("cell", { name: "javascript:alert(1)" }).waitFor();
  assert.equal(await rows.getByText("NULL", { exact: true }).count(), 1);
  assert.equal(await rows.getByTitle("The value is longer than what is shown.").count(), 1);
  assert.ok((await rows.innerText()).length < 1500, "a long value is shown whole");
  await assertHarmless(page);
});

scene("in the plan", () => served, async ({ page }) => {
  await row(page, backup).getByRole("button", { name: `Restore ${backup}` }).click();
  await page.getByRole("button", { name: "Show the plan" }).click();
  await page.getByRole("rowheader", { name: `main.${TABLE}` }).waitFor();
  await page.getByRole("row").filter({ hasText: TABLE }).locator("summary").first().click();
  await page.getByText(`column ${EVIL}`).first().waitFor();
  await assertHarmless(page);
});

scene("an address that names no backup says so", () => served, async ({ page }) => {
  await page.goto(`${served.base}/#/backups/${encodeURIComponent(`../${EVIL}`)}`);
  await page.locator("main .box.failure").waitFor();
  await assertHarmless(page);
  // This is no encoding of any text.
  await page.goto(`${served.base}/#/backups/%E0%A4%A`);
  await page.getByRole("heading", { level: 1, name: "%E0%A4%A" }).waitFor();
});
