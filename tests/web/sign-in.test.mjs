// Who gets in: the printed link, and nobody else. What the page leaves of the token: nothing.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { scene } from "./support/browser.mjs";
import { serve, shopDirectory } from "./support/serve.mjs";

let served;
before(async () => {
  served = await serve({ directory: shopDirectory().directory, makesToken: true });
});
after(() => served?.stop());

const visitor = { signedIn: false };

scene("the printed link signs in, and its token leaves the address and the history", () => served, async ({ page }) => {
  await page.goto(served.url);
  await page.getByRole("heading", { level: 1, name: "Backups" }).waitFor();
  assert.equal(page.url(), `${served.base}/`);
  await page.getByRole("link", { name: "Activity" }).click();
  await page.getByRole("heading", { level: 1, name: "Activity" }).waitFor();
  await page.goBack();
  assert.ok(!page.url().includes("token"), page.url());
  assert.ok(!(await page.content()).includes(served.token), "the token stands in the page");
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Backups" }).waitFor();
}, visitor);

scene("without a token there is a page that says how to get in, and the link can be pasted", () => served, async ({ page }) => {
  const answer = await page.goto(served.base);
  assert.equal(answer.status(), 401);
  await page.getByRole("heading", { name: "This page opens with a link" }).waitFor();
  const field = page.getByLabel("Paste the link or its token");
  await field.fill("not the token");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("This token is not valid").waitFor();
  await page.getByLabel("Paste the link or its token").fill(served.url);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Backups" }).waitFor();
}, visitor);

scene("who signs out is out, in every tab", () => served, async ({ page, context }) => {
  const other = await context.newPage();
  await other.goto(served.base);
  await other.getByRole("heading", { level: 1, name: "Backups" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "This page opens with a link" }).waitFor();
  await other.getByRole("button", { name: "Refresh" }).click();
  await other.getByRole("heading", { name: "This page opens with a link" }).waitFor();
});

scene("the link pasted into the address of the page that asks for it signs in", () => served, async ({ page }) => {
  await page.goto(served.base);
  await page.getByRole("heading", { name: "This page opens with a link" }).waitFor();
  // Only what is behind the # changes, so no page is loaded.
  await page.goto(served.url);
  await page.getByRole("heading", { level: 1, name: "Backups" }).waitFor();
  assert.equal(page.url(), `${served.base}/`);
}, visitor);
