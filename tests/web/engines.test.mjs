// The page over real servers, every one that is installed: a backup of PostgreSQL, of MariaDB and of MySQL, restored in the same engine
// and in another.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { row, scene } from "./support/browser.mjs";
import { lacks, until } from "./support/machine.mjs";
import { installations } from "./support/servers.mjs";
import { serve, shopDirectory } from "./support/serve.mjs";

const POSTGRES_SHOP = `CREATE TABLE users (id bigint PRIMARY KEY, email varchar(100) NOT NULL UNIQUE, born date, token uuid);
  CREATE TABLE visits_log (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, at timestamptz NOT NULL, paid numeric(12,2), seen boolean);
  INSERT INTO users SELECT n, 'user' || n || '@example.org', date '1980-01-01' + n::int, md5(n::text)::uuid FROM generate_series(1, 500) n;
  INSERT INTO visits_log SELECT n, 1 + n % 500, timestamptz '2026-01-01 00:00:00.25+00' + n * interval '1 minute', n / 7.0, n % 2 = 0 FROM generate_series(1, 4000) n;`;
const MYSQL_SHOP = `CREATE TABLE users (id bigint PRIMARY KEY, email varchar(100) NOT NULL UNIQUE, level tinyint unsigned NOT NULL) ENGINE=InnoDB;
  INSERT INTO users WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT i, concat('user', i, '@example.org'), i % 200 FROM n;`;

/** Each gets its `server` before the tests; its connections are called by its key. */
const keyed = (installation) => ({ ...installation, key: installation.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_"), server: null });
const POSTGRES = installations("PostgreSQL").map(keyed);
const MYSQL = [...installations("MariaDB"), ...installations("MySQL")].map(keyed);

let shop;
let served;
before(async () => {
  const connections = {};
  const start = async (engine, databases, sql) => {
    if (engine.start) {
      engine.server = await engine.start();
      databases.forEach((name) => engine.server.create(name));
      engine.server.query("shop", sql);
    }
  };
  await Promise.all([...POSTGRES.map((engine) => start(engine, ["shop", "shop_test", "shop_other"], POSTGRES_SHOP)),
    ...MYSQL.map((engine) => start(engine, ["shop", "shop_test"], MYSQL_SHOP))]);
  for (const { key, server } of POSTGRES.filter((engine) => engine.server)) {
    Object.assign(connections, { [key]: { url: server.url("shop"), role: "source" }, [`${key}_test`]: { url: server.url("shop_test"), role: "target" },
      [`${key}_other`]: { url: server.url("shop_other"), role: "target" } });
  }
  for (const { key, server } of MYSQL.filter((engine) => engine.server)) {
    Object.assign(connections, { [key]: { url: server.url("shop") }, [`${key}_test`]: { url: server.url("shop_test"), role: "scratch" } });
  }
  shop = shopDirectory({ connections });
  // A column that takes any type of value has none of its like elsewhere.
  shop.query("shop.sqlite", "CREATE TABLE loose_log (id INTEGER PRIMARY KEY, anything ANY) STRICT; INSERT INTO loose_log VALUES (1, 42), (2, 'x')");
  served = await serve(shop);
});
after(async () => {
  await served?.stop();
  await Promise.all([...POSTGRES, ...MYSQL].map((engine) => engine.server?.stop()));
});

async function backUp(page, connection) {
  await page.getByRole("button", { name: "New backup" }).first().click();
  const dialog = page.getByRole("dialog", { name: "New backup" });
  await dialog.getByLabel("Database").selectOption(connection);
  await dialog.getByRole("checkbox", { name: /Log data|Unclassified data|User data/ }).first().waitFor();
  await dialog.getByRole("button", { name: "Start the backup" }).click();
  const { name } = await until("the backup", async () => (await served.api("GET", "/api/backups")).backups.find((one) => one.connection === connection));
  await row(page, name).waitFor();
  return name;
}

async function showPlan(page, backup, target) {
  await row(page, backup).getByRole("button", { name: `Restore ${backup}` }).click();
  const dialog = page.getByRole("dialog", { name: `Restore ${backup}` });
  await dialog.getByLabel("Into which database").selectOption(target);
  await dialog.getByRole("button", { name: "Show the plan" }).click();
  await dialog.locator(".plan").waitFor();
  return dialog;
}

async function carryOut(dialog, typed) {
  await dialog.getByRole("button", { name: "Continue" }).click();
  if (typed) {
    await dialog.getByRole("textbox").fill(typed);
  }
  await dialog.getByRole("button", { name: "Restore now" }).click();
  await dialog.getByText(/Every row was read again and is equal/).waitFor();
}

/** Whether a test ends here since one of its servers is not installed. */
const missing = (t, ...engines) => engines.some((engine) => !engine.server && lacks(t, `${engine.name} is not installed`));

for (const postgres of POSTGRES) {
  scene(`${postgres.name} to itself: created, then one group of it replaced`, () => served, async ({ page, t }) => {
    if (missing(t, postgres)) {
      return;
    }
    const backup = await backUp(page, postgres.key);
    assert.match(await row(page, backup).innerText(), new RegExp(postgres.name));
    const dialog = await showPlan(page, backup, `${postgres.key}_test`);
    await dialog.getByRole("heading", { name: "This can be restored" }).waitFor();
    assert.match(await dialog.locator("[data-collection='public.users']").innerText(), /create/);
    await carryOut(dialog);
    const sums = "SELECT count(*), sum(paid), count(*) FILTER (WHERE seen), max(at) FROM visits_log";
    assert.equal(postgres.server.query("shop_test", sums), postgres.server.query("shop", sums));
    await page.keyboard.press("Escape");

    postgres.server.query("shop_test", "DELETE FROM visits_log WHERE id % 3 = 0; UPDATE users SET born = NULL");
    await row(page, backup).getByRole("button", { name: `Restore ${backup}` }).click();
    const again = page.getByRole("dialog", { name: `Restore ${backup}` });
    await again.getByLabel("Into which database").selectOption(`${postgres.key}_test`);
    await again.getByRole("button", { name: "Choose none" }).click();
    await again.getByRole("checkbox", { name: /Log data/ }).check();
    await again.getByRole("button", { name: "Show the plan" }).click();
    await again.getByText("1 foreign key leaves the selection").waitFor();
    await carryOut(again, `${postgres.key}_test`);
    assert.equal(postgres.server.query("shop_test", sums), postgres.server.query("shop", sums));
    assert.equal(postgres.server.query("shop_test", "SELECT count(born) FROM users"), "0", "a group that was not chosen was touched");
  });

  scene(`SQLite to ${postgres.name}: a loss stands in the way until it is accepted`, () => served, async ({ page, t }) => {
    if (missing(t, postgres)) {
      return;
    }
    const backup = await served.backup("shop", ["log"]);
    await page.reload();
    const dialog = await showPlan(page, backup, `${postgres.key}_other`);
    const losses = dialog.locator(".box.warning").filter({ hasText: /columns? loses? something/ });
    await losses.getByText("main.loose_log.anything").waitFor();
    assert.ok(await dialog.getByRole("button", { name: "Continue" }).isDisabled());
    const open = dialog.getByRole("button", { name: /^Accept this loss/ });
    for (let left = await open.count(); left > 0; left -= 1) {
      await open.first().click();
      await dialog.getByText("accepted", { exact: true }).first().waitFor();
      await until("one loss less", async () => (await open.count()) === left - 1);
    }
    await dialog.getByRole("heading", { name: "This can be restored" }).waitFor();
    await carryOut(dialog);
    assert.equal(postgres.server.query("shop_other", "SELECT string_agg(anything, ',' ORDER BY id) FROM public.loose_log"), "42,x");
  });
}

for (const mysql of MYSQL) {
  scene(`PostgreSQL to ${mysql.name}: what is checked is told, and the rows arrive`, () => served, async ({ page, t }) => {
    const postgres = POSTGRES.at(-1);
    if (missing(t, postgres, mysql)) {
      return;
    }
    const backup = (await served.api("GET", "/api/backups")).backups.find((one) => one.connection === postgres.key)?.name ?? await served.backup(postgres.key);
    await page.reload();
    const dialog = await showPlan(page, backup, `${mysql.key}_test`);
    const planned = dialog.locator("[data-collection='public.visits_log']");
    assert.match(await planned.innerText(), /create/);
    await planned.locator("summary").first().click();
    await planned.getByText(/timestamp with time zone → \w+/).waitFor();
    await dialog.getByRole("heading", { name: "This can be restored" }).waitFor();
    await carryOut(dialog);
    assert.equal(mysql.server.query("shop_test", "SELECT count(*), sum(paid), sum(seen) FROM visits_log").replaceAll("\t", "|"),
      postgres.server.query("shop", "SELECT count(*), sum(paid), count(*) FILTER (WHERE seen) FROM visits_log"));
  });

  scene(`${mysql.name} to SQLite, and back into a scratch database without a word to type`, () => served, async ({ page, t }) => {
    if (missing(t, mysql)) {
      return;
    }
    shop.query("test.sqlite", "DROP TABLE IF EXISTS users");
    const backup = await backUp(page, mysql.key);
    assert.match(await row(page, backup).innerText(), new RegExp(mysql.name.split(" ")[0]));
    const dialog = await showPlan(page, backup, "test");
    await dialog.getByRole("heading", { name: "This can be restored" }).waitFor();
    await carryOut(dialog);
    assert.equal(shop.query("test.sqlite", "SELECT count(*), sum(level) FROM users").replaceAll("|", " "),
      mysql.server.query("shop", "SELECT count(*), sum(level) FROM users").replaceAll("\t", " "));
    await page.keyboard.press("Escape");

    mysql.server.query("shop_test", "DROP TABLE IF EXISTS visits_log; DROP TABLE IF EXISTS users");
    mysql.server.query("shop_test", "CREATE TABLE users LIKE shop.users");
    mysql.server.query("shop_test", "INSERT INTO users VALUES (1, 'old', 1)");
    const again = await showPlan(page, backup, `${mysql.key}_test`);
    await again.getByRole("heading", { name: "This can be restored" }).waitFor();
    await again.getByRole("button", { name: "Continue" }).click();
    assert.equal(await again.getByRole("textbox").count(), 0, "a scratch database asks for its name");
    await again.getByRole("button", { name: "Restore now" }).click();
    await again.getByText(/Every row was read again and is equal/).waitFor();
    assert.equal(mysql.server.query("shop_test", "SELECT count(*), max(email = 'old') FROM users").replaceAll("\t", " "), "300 0");
  });
}

scene("a database that cannot be reached says so where it is chosen", () => served, async ({ page, t }) => {
  const [postgres] = POSTGRES;
  if (missing(t, postgres)) {
    return;
  }
  await postgres.server.stop();
  postgres.server = null;
  await page.getByRole("button", { name: "New backup" }).click();
  const dialog = page.getByRole("dialog", { name: "New backup" });
  await dialog.getByLabel("Database").selectOption(postgres.key);
  await dialog.locator(".box.failure").getByText("The database cannot be reached").waitFor();
  await dialog.getByRole("button", { name: "Try again" }).waitFor();
});
