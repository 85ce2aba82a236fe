// English and French: chosen by the browser, switched by hand, remembered; neither lacks a text.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { scene } from "./support/browser.mjs";
import { ROOT } from "./support/machine.mjs";
import { serve, shopDirectory } from "./support/serve.mjs";

const PAGE = join(ROOT, "src/web/page");

let served;
before(async () => {
  const shop = shopDirectory();
  served = await serve(shop);
  await served.backup("shop");
});
after(() => served?.stop());

/** Texts as the page has them. The files name no export that node knows without a package, so they are read as data. */
async function texts(language) {
  const source = readFileSync(join(PAGE, `${language}.js`), "utf8");
  return (await import(`data:text/javascript;base64,${Buffer.from(source).toString("base64")}`))[language];
}

function placeholders(text) {
  const forms = typeof text === "string" ? [text] : Object.values(text);
  return [...new Set(forms.flatMap((form) => form.match(/\{\w+\}/g) ?? []))].sort();
}

test("both languages have the same texts with the same places to fill in", async () => {
  const [en, fr] = [await texts("en"), await texts("fr")];
  assert.deepEqual(Object.keys(fr), Object.keys(en));
  for (const key of Object.keys(en)) {
    assert.deepEqual(placeholders(fr[key]), placeholders(en[key]), key);
    assert.equal(typeof fr[key], typeof en[key], key);
  }
});

test("every text that the page asks for is there, and none is left that nobody asks for", async () => {
  const en = await texts("en");
  const source = readdirSync(PAGE).filter((name) => /\.(js|html)$/.test(name) && !/^(en|fr)\.js$/.test(name))
    .map((name) => readFileSync(join(PAGE, name), "utf8")).join("\n");
  const asked = [...source.matchAll(/(?<![.\w])(?:t|has|remarks)\(\s*"([a-z][^"]*)"|data-(?:text|label)="([^"]+)"/g)].map((found) => found[1] ?? found[2]);
  assert.ok(asked.length > 200, "the search for texts finds next to nothing");
  assert.deepEqual(asked.filter((key) => !(key in en)), []);
  // Some keys are put together: `phase.${name}`.
  const families = [...source.matchAll(/`([a-z][\w.-]*)\$\{/g)].map((found) => found[1]);
  const quoted = new Set([...source.matchAll(/"([a-z]+\.[^"]+)"/g)].map((found) => found[1]));
  const unused = Object.keys(en).filter((key) => !quoted.has(key) && !families.some((family) => key.startsWith(family)));
  assert.deepEqual(unused, []);
});

/** Words that only one of the languages has, on every view. */
async function seen(page) {
  const views = ["#/", "#/schedule", "#/activity"];
  const found = [];
  for (const view of views) {
    await page.goto(`${served.base}/${view}`);
    await page.locator("main h1").waitFor();
    await page.locator("main .spinner").waitFor({ state: "detached" });
    found.push(await page.locator("body").innerText());
  }
  return found.join("\n");
}

scene("a browser that speaks French gets French, and no key stands where a text should be", () => served, async ({ page }) => {
  assert.equal(await page.locator("html").getAttribute("lang"), "fr");
  const text = await seen(page);
  for (const word of ["Sauvegardes", "Nouvelle sauvegarde", "Données utilisateur", "Planification", "Démarrage de dbferry"]) {
    assert.ok(text.includes(word), word);
  }
  for (const word of ["Backups", "New backup", "User data", "Refresh", "Sign-in", "Loading"]) {
    assert.ok(!text.includes(word), word);
  }
  const keys = Object.keys(await texts("fr"));
  assert.deepEqual(keys.filter((key) => text.includes(key) && !["log"].includes(key)), []);
  assert.match(text, /1[\u202f\u00a0]213/, "numbers are written as in French");
}, { locale: "fr-CA" });

scene("the switch changes everything at once and is remembered", () => served, async ({ page }) => {
  await page.getByRole("button", { name: "FR – Français" }).click();
  await page.getByRole("heading", { level: 1, name: "Sauvegardes" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "fr");
  assert.equal(await page.getByRole("button", { name: "FR – Français" }).getAttribute("aria-pressed"), "true");
  assert.equal(await page.evaluate(() => document.activeElement.lang), "fr", "the focus is lost");
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Sauvegardes" }).waitFor();
  await page.getByRole("button", { name: "EN – English" }).click();
  await page.getByRole("heading", { level: 1, name: "Backups" }).waitFor();
});

scene("a browser that speaks neither gets English", () => served, async ({ page }) => {
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
}, { locale: "de-DE" });

scene("Learn more explains the groups in French", () => served, async ({ page }) => {
  await page.getByRole("button", { name: "Nouvelle sauvegarde" }).click();
  await page.getByLabel("Base de données", { exact: true }).selectOption("shop");
  await page.getByRole("button", { name: "En savoir plus sur les groupes" }).click();
  const learn = page.getByRole("dialog", { name: "Ce que contiennent les groupes" });
  await learn.getByText(/Ce dont l'application a besoin pour démarrer/).waitFor();
  await learn.getByText(/Règle 3\u00a0: payments/).waitFor();
}, { locale: "fr-FR" });

scene("the theme follows the system until it is chosen, and the choice is remembered", () => served, async ({ page }) => {
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await background();
  await page.emulateMedia({ colorScheme: "light" });
  const light = await background();
  assert.notEqual(dark, light);
  await page.getByRole("button", { name: /^Theme: as the system/ }).click();
  await page.getByRole("button", { name: /^Theme: light/ }).click();
  await page.getByRole("button", { name: /^Theme: dark/ }).waitFor();
  assert.equal(await background(), dark);
  await page.reload();
  await page.getByRole("button", { name: /^Theme: dark/ }).waitFor();
  assert.equal(await background(), dark);
}, { theme: "dark" });
