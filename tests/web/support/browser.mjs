// The browser, and tests that are scenes in it: each gets a page that is signed in, and must leave no error behind.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { browserProgram, failureFile, lacks, library } from "./machine.mjs";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 390, height: 844 };

let browser = null;

/**
 * A test that needs a page. `served` gives the server when it is needed; the options are those of a browser's user: language, theme, window.
 * `signedIn: false` leaves the page empty.
 */
export function scene(name, served, play, { locale = "en", theme = "light", viewport = DESKTOP, signedIn = true } = {}) {
  test(name, { timeout: 120000 }, async (t) => {
    const program = browserProgram();
    if (!program && lacks(t, "no chromium is installed")) {
      return;
    }
    browser ??= await library("playwright-core").chromium.launch({ executablePath: program, args: FLAGS });
    const context = await browser.newContext({
      locale, colorScheme: theme, viewport, isMobile: viewport.width < 500, hasTouch: viewport.width < 500, acceptDownloads: true,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(15000);
    const errors = watched(page);
    try {
      if (signedIn) {
        await signIn(page, served());
      }
      await play({ page, served: served(), context, t });
      assert.deepEqual(errors, [], "the page reported errors");
    } catch (error) {
      await page.screenshot({ path: failureFile(name), fullPage: true }).catch(() => {});
      if (errors.length > 0) {
        console.error(`what the page reported: ${errors.join("; ")}`);
      }
      throw error;
    } finally {
      await context.close();
    }
  });
}

after(async () => {
  await browser?.close();
});

/** Opens the printed link and waits for the list. */
export async function signIn(page, { url }) {
  await page.goto(url);
  await page.getByRole("heading", { level: 1, name: /^(Backups|Sauvegardes)$/ }).waitFor();
}

/** Everything that accessibility rules say against the page as it is now. */
export async function accessibilityProblems(page) {
  await page.evaluate(readFileSync(library.resolve("axe-core/axe.min.js"), "utf8"));
  return page.evaluate(async () => {
    const { violations } = await globalThis.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`));
  });
}

/** The row of a backup in the list. */
export const row = (page, name) => page.locator(`[data-backup=${JSON.stringify(name)}]`);

/** The card of the newest job of that kind, by the words of its title. */
export const card = (page, title) => page.locator("main .job", { has: page.getByRole("heading", { name: title }) }).first();

/** Scripts that fail, and what the content security policy refuses. An answer that is an error is told by the page itself. */
function watched(page) {
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("dialog", (dialog) => {
    errors.push(`a script opened a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("console", (message) => {
    const isAnswer = /Failed to load resource|net::ERR/.test(message.text());
    if (message.type() === "error" && !isAnswer) {
      errors.push(message.text());
    }
  });
  return errors;
}
