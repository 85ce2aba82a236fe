// Restoring: choose, see the plan, confirm, see the result. Nothing is written without the last two.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { row, scene } from "./support/browser.mjs";
import { dbferry } from "./support/machine.mjs";
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

const test = (sql) => shop.query("test.sqlite", sql);

async function openPlan(page, groups) {
  await row(page, backup).getByRole("button", { name: `Restore ${backup}` }).click();
  const dialog = page.getByRole("dialog", { name: `Restore ${backup}` });
  assert.equal(await dialog.getByRole("option", { name: /^shop/ }).count(), 0, "a source is offered as a target");
  // A single target is chosen already.
  assert.equal(await dialog.getByLabel("Into which database").inputValue(), "test");
  await dialog.getByRole("button", { name: "Choose none" }).click();
  for (const group of groups) {
    await dialog.getByRole("checkbox", { name: group }).check();
  }
  await dialog.getByRole("button", { name: "Show the plan" }).click();
  return dialog;
}

scene("one group is restored: planned, confirmed by the target's name, proven, the other groups left alone", () => served, async ({ page }) => {
  test("DELETE FROM payments; UPDATE customers SET name = 'Nobody'; INSERT INTO audit_log SELECT * FROM audit_log LIMIT 5");
  const logged = test("SELECT count(*) FROM audit_log");
  const dialog = await openPlan(page, [/User data/]);
  await dialog.getByRole("heading", { name: "This can be restored" }).waitFor();
  const planned = dialog.locator("[data-collection='main.payments']");
  assert.match(await planned.innerText(), /replace/);
  assert.match(await planned.innerText(), /178/);
  assert.match(await planned.innerText(), /6 identical|7 identical/);
  assert.equal(await dialog.locator("[data-collection='main.audit_log']").count(), 0);
  assert.equal(test("SELECT count(*) FROM payments"), "0", "the plan has written something");

  await dialog.getByRole("button", { name: "Continue" }).click();
  const go = dialog.getByRole("button", { name: "Restore now" });
  assert.ok(await go.isDisabled());
  const field = dialog.getByRole("textbox");
  await field.fill("shop");
  assert.ok(await go.isDisabled(), "another name is enough");
  await field.fill("test");
  assert.ok(await dialog.getByRole("checkbox", { name: "First make a safety backup" }).isChecked());
  assert.equal(test("SELECT count(*) FROM payments"), "0", "something was written before the consent");
  await go.click();

  await dialog.getByText(/Every row was read again and is equal/).waitFor();
  // Both were replaced in one go, and are counted apart.
  await dialog.getByText("User data: 1,007 rows", { exact: true }).waitFor();
  await dialog.getByText("Required data: 63 rows", { exact: true }).waitFor();
  assert.equal(test("SELECT count(*) FROM payments"), "178");
  assert.equal(test("SELECT count(*) FROM customers WHERE name = 'Nobody'"), "0");
  assert.equal(test("SELECT count(*) FROM audit_log"), logged);
  await dialog.getByRole("button", { name: "Close" }).last().click();
  const safety = (await served.api("GET", "/api/backups")).backups.find((one) => one.origin === "safety");
  await row(page, safety.name).getByText("Safety backup", { exact: true }).waitFor();
  assert.ok(safety.groups.some((group) => group.name === "user"));
});

scene("a plan with problems names each of them and lets nobody go on", () => served, async ({ page }) => {
  test("ALTER TABLE payments RENAME COLUMN fee TO charge");
  try {
    const dialog = await openPlan(page, [/User data/]);
    await dialog.getByRole("heading", { name: /problems? stands? in the way/ }).waitFor();
    assert.match(await dialog.locator(".box.failure").innerText(), /main\.payments.*fee/s);
    const planned = dialog.locator("[data-collection='main.payments']");
    assert.match(await planned.innerText(), /refused/);
    assert.match(await planned.innerText(), /fee/);
    assert.ok(await dialog.getByRole("button", { name: "Continue" }).isDisabled());
    await dialog.getByRole("button", { name: "Back" }).click();
    assert.ok(await dialog.getByRole("checkbox", { name: /User data/ }).isChecked(), "the choice is lost");
    assert.equal(test("SELECT count(*) FROM payments"), "178");
  } finally {
    test("ALTER TABLE payments RENAME COLUMN charge TO fee");
  }
});

scene("recreating takes away what another shape stands in the way of", () => served, async ({ page }) => {
  test("ALTER TABLE audit_log ADD COLUMN more TEXT NOT NULL DEFAULT ''; ALTER TABLE audit_log RENAME COLUMN action TO deed");
  await row(page, backup).getByRole("button", { name: `Restore ${backup}` }).click();
  const dialog = page.getByRole("dialog", { name: `Restore ${backup}` });
  await dialog.getByRole("button", { name: "Choose none" }).click();
  await dialog.getByRole("checkbox", { name: /Log data/ }).check();
  await dialog.getByText("More options").click();
  await dialog.getByRole("checkbox", { name: "Recreate tables of another shape" }).check();
  await dialog.getByRole("button", { name: "Show the plan" }).click();
  await dialog.getByRole("heading", { name: "This can be restored" }).waitFor();
  assert.match(await dialog.locator("[data-collection='main.audit_log']").innerText(), /recreate/);
});

scene("a plan that is no longer true is not carried out; the new one is shown on demand", () => served, async ({ page }) => {
  const dialog = await openPlan(page, [/User data/]);
  await dialog.getByRole("button", { name: "Continue" }).click();
  test("DROP TABLE payments");
  await dialog.getByRole("textbox").fill("test");
  await dialog.getByRole("button", { name: "Restore now" }).click();
  await dialog.getByRole("button", { name: "Show the new plan" }).click();
  await dialog.getByRole("heading", { name: "This can be restored" }).waitFor();
  assert.match(await dialog.locator("[data-collection='main.payments']").innerText(), /create/);
  assert.equal(test("SELECT count(*) FROM sqlite_schema WHERE name = 'payments'"), "0");
  await dialog.getByRole("button", { name: "Continue" }).click();
  await dialog.getByRole("textbox").fill("test");
  await dialog.getByRole("button", { name: "Restore now" }).click();
  await dialog.getByText(/Every row was read again and is equal/).waitFor();
  assert.equal(test("SELECT count(*) FROM payments"), "178");
});

scene("one backup is looked into: its groups as a picture, its tables, columns and first rows", () => served, async ({ page }) => {
  await row(page, backup).getByRole("link", { name: backup, exact: true }).click();
  await page.getByRole("heading", { level: 1, name: backup }).waitFor();
  const picture = page.getByRole("img", { name: /Share of each group: .*User data \d+%/ });
  await picture.waitFor();
  assert.ok(await picture.locator("rect").count() > 5);
  await page.getByRole("button", { name: "Rows", exact: true }).click();
  await page.getByRole("img", { name: /User data 8\d%/ }).waitFor();
  await page.getByRole("searchbox").fill("payments");
  await page.getByText("1 table", { exact: true }).waitFor();
  await page.locator("[data-collection='main.payments'] summary").click();
  const columns = page.getByRole("region", { name: "Columns of main.payments" });
  assert.match(await columns.getByRole("row").filter({ hasText: "amount" }).innerText(), /DECIMAL\(12,2\)\s+decimal\(12,2\)/);
  const rows = page.getByRole("region", { name: "First rows of main.payments" });
  await rows.waitFor();
  assert.match(await rows.innerText(), /0078f487-0000-4000-a000-0000063fa2c1/);
  const inspected = JSON.parse(dbferry("inspect", `${shop.directory}/archives/${backup}`, "--json").stdout);
  assert.ok(JSON.stringify(inspected).includes("payments"));
});
