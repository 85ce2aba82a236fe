// Everything by keyboard alone, with the focus always where it belongs and to be seen.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { card, row, scene } from "./support/browser.mjs";
import { serve, shopDirectory } from "./support/serve.mjs";

let shop;
let served;
let backup;
before(async () => {
  shop = shopDirectory();
  served = await serve(shop);
  backup = await served.backup("shop");
});
after(() => served?.stop());

/** What has the focus: its role and name as a screen reader tells them, near enough. */
const focused = (page) => page.evaluate(() => {
  const node = document.activeElement;
  const label = node.labels?.[0]?.textContent ?? "";
  return (node.getAttribute("aria-label") ?? (label || node.textContent)).trim();
});

/** Presses Tab until that has the focus. Fails when it never gets it, or when the focus cannot be seen on the way. */
async function tabTo(page, wanted, key = "Tab") {
  const passed = [];
  for (let step = 0; step < 80; step += 1) {
    await page.keyboard.press(key);
    const name = await focused(page);
    passed.push(name.slice(0, 40));
    if (wanted.test(name)) {
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.notEqual(outline, "none", `the focus on ${name} cannot be seen`);
      return;
    }
  }
  assert.fail(`Tab never reaches ${wanted}: ${passed.join(" > ")}`);
}

scene("the first Tab offers to skip to the content", () => served, async ({ page }) => {
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to the content");
});

scene("a backup is made with keys, and Escape gives the focus back", () => served, async ({ page }) => {
  await tabTo(page, /^New backup$/);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "New backup" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await focused(page), "New backup");

  await page.keyboard.press("Enter");
  await tabTo(page, /^Database/);
  await page.keyboard.type("shop");
  await page.getByRole("checkbox", { name: /User data/ }).waitFor();
  await tabTo(page, /^User data/);
  await page.keyboard.press("Space");
  assert.equal(await page.getByRole("checkbox", { name: /User data/ }).isChecked(), false);
  await tabTo(page, /^Start the backup$/);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await card(page, "Backup of shop").getByText(/rows of 17 tables are in/).waitFor();
});

scene("the focus stays in an open dialog", () => served, async ({ page }) => {
  await page.getByRole("button", { name: "New backup" }).click();
  const outside = [];
  for (let step = 0; step < 12; step += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement !== document.body && !document.activeElement.closest("dialog"))) {
      outside.push(await focused(page));
    }
  }
  assert.deepEqual(outside, []);
});

scene("a restore is chosen, planned, confirmed and read with keys", () => served, async ({ page }) => {
  shop.query("test.sqlite", "DELETE FROM audit_log");
  await tabTo(page, new RegExp(`^Restore ${backup}$`));
  await page.keyboard.press("Enter");
  await tabTo(page, /^Choose none$/);
  await page.keyboard.press("Enter");
  await tabTo(page, /^Log data/);
  await page.keyboard.press("Space");
  await tabTo(page, /^Show the plan$/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "This can be restored" }).waitFor();
  assert.equal(await focused(page), "This can be restored", "the plan's verdict is what is read first");
  await tabTo(page, /^Continue$/);
  await page.keyboard.press("Enter");
  assert.match(await focused(page), /^Type\s*test\s*to confirm$/, "the field to type into has the focus");
  await page.keyboard.type("test");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByText(/Every row was read again and is equal/).waitFor();
  assert.equal(shop.query("test.sqlite", "SELECT count(*) FROM audit_log"), "120");
  await tabTo(page, /^Close$/);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

scene("the focus stays in a row while the list changes around it", () => served, async ({ page }) => {
  await row(page, backup).getByRole("button", { name: `Verify ${backup}` }).focus();
  const name = await served.backup("shop", ["log"]);
  await row(page, name).waitFor();
  assert.equal(await focused(page), `Verify ${backup}`);
});

scene("views and tables of a backup are reached with keys", () => served, async ({ page }) => {
  await tabTo(page, new RegExp(`^${backup}$`));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: backup }).waitFor();
  await page.getByRole("searchbox").focus();
  await tabTo(page, /^main\.app_settings/);
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "Columns of main.app_settings" }).waitFor();
  await tabTo(page, /^Activity$/, "Shift+Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Activity" }).waitFor();
  assert.equal(await focused(page), "Activity");
});
