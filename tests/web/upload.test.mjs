// A backup from elsewhere: sent, checked whole, listed as untrusted, restored. Or refused, and then nothing of it is kept.

import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { row, scene } from "./support/browser.mjs";
import { dbferry } from "./support/machine.mjs";
import { serve, shopDirectory } from "./support/serve.mjs";

const LIMIT = 2_000_000;

let shop;
let served;
before(async () => {
  shop = shopDirectory();
  const made = dbferry("dump", `sqlite:${shop.file("shop.sqlite")}`, shop.file("elsewhere"), "--config", shop.file("dbferry.toml"), "--quiet");
  assert.ok([0, 3].includes(made.status), made.stderr);
  assert.equal(dbferry("pack", shop.file("elsewhere"), shop.file("elsewhere.zip"), "--quiet").status, 0);
  served = await serve({ ...shop, args: ["--upload-limit", String(LIMIT)] });
});
after(() => served?.stop());

async function choose(page, file) {
  await page.getByRole("button", { name: "Restore from a file" }).click();
  const dialog = page.getByRole("dialog", { name: "Restore from a file" });
  await dialog.getByLabel("Choose a file").setInputFiles(file);
  return dialog;
}

scene("a packed backup is uploaded, checked, listed as untrusted, and can be restored at once", () => served, async ({ page }) => {
  shop.query("test.sqlite", "DELETE FROM audit_log");
  const dialog = await choose(page, shop.file("elsewhere.zip"));
  await dialog.locator(".box.success").getByText(/The file is whole and listed as/).waitFor();
  const [backup] = (await served.api("GET", "/api/backups")).backups;
  assert.equal(backup.trusted, false);
  assert.equal(backup.verified.ok, true);
  await row(page, backup.name).getByText("Uploaded").waitFor();
  await row(page, backup.name).getByText("Verified", { exact: true }).waitFor();
  await dialog.getByRole("button", { name: "Restore it" }).click();
  const restore = page.getByRole("dialog", { name: `Restore ${backup.name}` });
  await restore.getByText(/restored as untrusted: none of its SQL text is run/).waitFor();
  await restore.getByRole("button", { name: "Choose none" }).click();
  await restore.getByRole("checkbox", { name: /Log data/ }).check();
  await restore.getByRole("button", { name: "Show the plan" }).click();
  await restore.getByRole("heading", { name: "This can be restored" }).waitFor();
  await restore.getByText(/The backup is untrusted/).waitFor();
  await restore.getByRole("button", { name: "Continue" }).click();
  await restore.getByRole("textbox").fill("test");
  await restore.getByRole("button", { name: "Restore now" }).click();
  await restore.getByText(/Every row was read again and is equal/).waitFor();
  assert.equal(shop.query("test.sqlite", "SELECT count(*) FROM audit_log"), "120");
});

scene("a damaged file is refused with the reason, and not listed", () => served, async ({ page }) => {
  const before = readdirSync(join(shop.directory, "archives"));
  const bytes = readFileSync(shop.file("elsewhere.zip"));
  // In the middle are rows of some table.
  bytes[Math.floor(bytes.length / 2)] ^= 1;
  writeFileSync(shop.file("damaged.zip"), bytes);
  const dialog = await choose(page, shop.file("damaged.zip"));
  await dialog.locator(".box.failure").getByText("The backup is damaged").waitFor();
  assert.deepEqual(readdirSync(join(shop.directory, "archives")), before);
  assert.equal((await served.api("GET", "/api/backups")).backups.some((backup) => backup.name.startsWith("damaged")), false);
});

scene("what is no archive at all is refused at once", () => served, async ({ page }) => {
  writeFileSync(shop.file("holiday.zip"), "not a zip file");
  const dialog = await choose(page, shop.file("holiday.zip"));
  await dialog.locator(".box.failure").waitFor();
  await dialog.getByText("Choose a file").waitFor();
});

scene("a file over the limit is not even sent, and the limit is told", () => served, async ({ page }) => {
  writeFileSync(shop.file("large.zip"), Buffer.alloc(LIMIT + 1));
  let sent = 0;
  page.on("request", (request) => { sent += request.url().includes("/api/uploads") ? 1 : 0; });
  const dialog = await choose(page, shop.file("large.zip"));
  await dialog.getByText(/this server takes up to 2 MB/).waitFor();
  assert.equal(sent, 0);
});
