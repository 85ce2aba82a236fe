// A phone's width: nothing is cut off, rows are cards, dialogs are sheets, fingers find their buttons.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { PHONE, card, row, scene } from "./support/browser.mjs";
import { serve, shopDirectory } from "./support/serve.mjs";

let served;
let backup;
before(async () => {
  served = await serve(shopDirectory());
  backup = await served.backup("shop", null, "a description that is so long that it does not fit into a line of a phone");
});
after(() => served?.stop());

const phone = { viewport: PHONE };

/** Elements that stick out to the right, but for those that may be scrolled by themselves. */
const sticksOut = (page) => page.evaluate((width) => {
  const isScrolled = (node) => node.closest(".scroll, pre, .steps, figure, .visually-hidden") || getComputedStyle(node).clipPath !== "none"
    || node.closest("thead");
  const wide = [...document.querySelectorAll("body *")].filter((node) => node.getBoundingClientRect().right > width + 1 && !isScrolled(node));
  return wide.map((node) => `${node.tagName}.${node.getAttribute("class")}`);
}, PHONE.width);

async function assertFits(page, what) {
  assert.deepEqual(await sticksOut(page), [], what);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.width, what);
}

scene("every view fits", () => served, async ({ page }) => {
  await row(page, backup).waitFor();
  await assertFits(page, "the list");
  for (const view of [`#/backups/${backup}`, "#/schedule", "#/activity"]) {
    await page.goto(`${served.base}/${view}`);
    await page.locator("main h1").waitFor();
    await page.locator("main .spinner").waitFor({ state: "detached" });
    await assertFits(page, view);
  }
}, phone);

scene("a row is a card that names its figures and is still a row to screen readers", () => served, async ({ page }) => {
  const line = row(page, backup);
  assert.equal(await line.evaluate((node) => getComputedStyle(node).display), "grid");
  await page.getByRole("table", { name: "List of backups" }).getByRole("row").filter({ hasText: backup }).waitFor();
  const label = await line.locator("td[data-head=Rows]").evaluate((node) => getComputedStyle(node, "::before").content);
  assert.equal(label, '"Rows"');
  for (const button of await line.getByRole("button").all()) {
    const { height } = await button.boundingBox();
    assert.ok(height >= 40, `a button of ${height} pixels`);
  }
}, phone);

scene("dialogs are sheets at the bottom, and a backup is made in one", () => served, async ({ page }) => {
  await page.getByRole("button", { name: "New backup" }).click();
  const dialog = page.getByRole("dialog", { name: "New backup" });
  await dialog.getByLabel("Database").selectOption("shop");
  await dialog.getByRole("checkbox", { name: /User data/ }).waitFor();
  const box = await dialog.boundingBox();
  assert.equal(box.width, PHONE.width);
  assert.ok(Math.abs(box.y + box.height - PHONE.height) <= 1, "the sheet does not reach the bottom");
  await assertFits(page, "the dialog");
  await dialog.getByRole("button", { name: "Learn more about the groups" }).tap();
  await page.getByRole("dialog", { name: "What the groups hold" }).waitFor();
  await assertFits(page, "Learn more");
  await page.getByRole("dialog", { name: "What the groups hold" }).getByRole("button", { name: "Close" }).last().tap();
  await dialog.getByRole("button", { name: "Start the backup" }).tap();
  await card(page, "Backup of shop").getByText(/1,213 rows/).waitFor();
  await assertFits(page, "the card of a job");
}, phone);

scene("a plan is read on a phone", () => served, async ({ page }) => {
  await row(page, backup).getByRole("button", { name: `Restore ${backup}` }).tap();
  const dialog = page.getByRole("dialog", { name: `Restore ${backup}` });
  await dialog.getByRole("button", { name: "Show the plan" }).tap();
  await dialog.locator("[data-collection='main.payments']").waitFor();
  await assertFits(page, "the plan");
  await dialog.locator("[data-collection='main.payments'] summary").tap();
  await dialog.locator("[data-collection='main.payments']").getByText("amount").waitFor();
  await assertFits(page, "the columns of the plan");
}, phone);
