// What rules for accessible pages say of every state, light and dark: names, roles, contrast, order of headings.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { accessibilityProblems, row, scene } from "./support/browser.mjs";
import { serve, shopDirectory } from "./support/serve.mjs";

let served;
let backup;
before(async () => {
  const shop = shopDirectory({ slow: true, more: '[schedule.nightly]\nconnection = "shop"\ncron = "0 3 * * *"\n' });
  served = await serve(shop);
  backup = await served.backup("shop");
});
after(() => served?.stop());

async function assertAccessible(page, what) {
  // What fades in has its colours at the end only.
  await page.evaluate(() => Promise.all(document.getAnimations().filter((one) => one.effect.getComputedTiming().iterations !== Infinity).map((one) => one.finished)));
  assert.deepEqual(await accessibilityProblems(page), [], what);
}

for (const theme of ["light", "dark"]) {
  scene(`every view, ${theme}`, () => served, async ({ page }) => {
    for (const view of ["#/", `#/backups/${backup}`, "#/schedule", "#/activity"]) {
      await page.goto(`${served.base}/${view}`);
      await page.locator("main h1").waitFor();
      await page.locator("main .spinner").waitFor({ state: "detached" });
      await assertAccessible(page, view);
    }
    await page.goto(`${served.base}/#/backups/${backup}`);
    await page.locator("[data-collection='main.payments'] summary").click();
    await page.getByRole("region", { name: "First rows of main.payments" }).waitFor();
    await assertAccessible(page, "the first rows");
  }, { theme });

  scene(`a job that runs and one that ended, ${theme}`, () => served, async ({ page }) => {
    await served.api("POST", "/api/backups", { connection: "slow" });
    await page.locator(".job progress").waitFor();
    await assertAccessible(page, "running");
    await page.getByRole("button", { name: /^Cancel: / }).click();
    await page.locator(".job").getByText("Cancelled", { exact: true }).first().waitFor();
    await assertAccessible(page, "cancelled");
  }, { theme });

  scene(`every dialog, ${theme}`, () => served, async ({ page }) => {
    const heading = (name) => page.getByRole("dialog").getByRole("heading", { name }).waitFor();
    await page.getByRole("button", { name: "New backup" }).click();
    await page.getByLabel("Database", { exact: true }).selectOption("shop");
    await page.getByRole("checkbox", { name: /User data/ }).waitFor();
    await assertAccessible(page, "new backup");
    await page.getByRole("button", { name: "Learn more about the groups" }).click();
    await heading("What the groups hold");
    await assertAccessible(page, "learn more");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Restore from a file" }).click();
    await assertAccessible(page, "upload");
    await page.keyboard.press("Escape");
    await row(page, backup).getByRole("button", { name: `Delete ${backup}` }).click();
    await assertAccessible(page, "delete");
    await page.keyboard.press("Escape");
    await row(page, backup).getByRole("button", { name: `Restore ${backup}` }).click();
    await assertAccessible(page, "restore: choose");
    await page.getByRole("button", { name: "Show the plan" }).click();
    await heading("This can be restored");
    await assertAccessible(page, "restore: plan");
    await page.getByRole("button", { name: "Continue" }).click();
    await assertAccessible(page, "restore: confirm");
  }, { theme });

  scene(`the page of those who are not signed in, ${theme}`, () => served, async ({ page }) => {
    await page.goto(served.base);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await assertAccessible(page, "sign in");
  }, { theme, signedIn: false });
}
