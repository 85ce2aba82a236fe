// The page over real servers: a backup of PostgreSQL and one of MySQL or MariaDB, restored in the same engine and in another.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { row, scene } from "./support/browser.mjs";
import { lacks, until } from "./support/machine.mjs";
import { startMysql, startPostgres } from "./support/servers.mjs";
import { serve, shopDirectory } from "./support/serve.mjs";

const POSTGRES_SHOP = `CREATE TABLE users (id bigint PRIMARY KEY, email varchar(100) NOT NULL UNIQUE, born date, token uuid);
  CREATE TABLE visits_log (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, at timestamptz NOT NULL, paid numeric(12,2), seen boolean);
  INSERT INTO users SELECT n, 'user' || n || '@example.org', date '1980-01-01' + n::int, md5(n::text)::uuid FROM generate_series(1, 500) n;
  INSERT INTO visits_log SELECT n, 1 + n % 500, timestamptz '2026-01-01 00:00:00.25+00' + n * interval '1 minute', n / 7.0, n % 2 = 0 FROM generate_series(1, 4000) n;`;
const MYSQL_SHOP = `CREATE TABLE users (id bigint PRIMARY KEY, email varchar(100) NOT NULL UNIQUE, level tinyint unsigned NOT NULL) ENGINE=InnoDB;
  INSERT INTO users WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT i, concat('user', i, '@example.org'), i % 200 FROM n;`;

let postgres = null;
let mysql = null;
let shop;
let served;
before(async () => {
  [postgres, mysql] = await Promise.all([startPostgres(), startMysql()]);
  const connections = {};
  if (postgres) {
    ["shop", "shop_test", "shop_other"].forEach((name) => postgres.create(name));
    postgres.query("shop", POSTGRES_SHOP);
    Object.assign(connections, { pg: { url: postgres.url("shop"), role: "source" }, pg_test: { url: postgres.url("shop_test"), role: "target" },
      pg_other: { url: postgres.url("shop_other"), role: "target" } });
  }
  if (mysql) {
    ["shop", "shop_test"].forEach((name) => mysql.create(name));
    mysql.query("shop", MYSQL_SHOP);
    Object.assign(connections, { my: { url: mysql.url("shop") }, my_test: { url: mysql.url("shop_test"), role: "scratch" } });
  }
  shop = shopDirectory({ connections });
  served = await serve(shop);
});
after(async () => {
  await served?.stop();
  await Promise.all([postgres?.stop(), mysql?.stop()]);
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

scene("PostgreSQL to PostgreSQL: created, then one group of it replaced", () => served, async ({ page, t }) => {
  if (!postgres && lacks(t, "no PostgreSQL is installed")) {
    return;
  }
  const backup = await backUp(page, "pg");
  assert.match(await row(page, backup).innerText(), /PostgreSQL \d+/);
  const dialog = await showPlan(page, backup, "pg_test");
  await dialog.getByRole("heading", { name: "This can be restored" }).waitFor();
  assert.match(await dialog.locator("[data-collection='public.users']").innerText(), /create/);
  await carryOut(dialog);
  const sums = "SELECT count(*), sum(paid), count(*) FILTER (WHERE seen), max(at) FROM visits_log";
  assert.equal(postgres.query("shop_test", sums), postgres.query("shop", sums));
  await page.keyboard.press("Escape");

  postgres.query("shop_test", "DELETE FROM visits_log WHERE id % 3 = 0; UPDATE users SET born = NULL");
  await row(page, backup).getByRole("button", { name: `Restore ${backup}` }).click();
  const again = page.getByRole("dialog", { name: `Restore ${backup}` });
  await again.getByLabel("Into which database").selectOption("pg_test");
  await again.getByRole("button", { name: "Choose none" }).click();
  await again.getByRole("checkbox", { name: /Log data/ }).check();
  await again.getByRole("button", { name: "Show the plan" }).click();
  await again.getByText("1 foreign key leaves the selection").waitFor();
  await carryOut(again, "pg_test");
  assert.equal(postgres.query("shop_test", sums), postgres.query("shop", sums));
  assert.equal(postgres.query("shop_test", "SELECT count(born) FROM users"), "0", "a group that was not chosen was touched");
});

scene("SQLite to PostgreSQL: a loss stands in the way until it is accepted", () => served, async ({ page, t }) => {
  if (!postgres && lacks(t, "no PostgreSQL is installed")) {
    return;
  }
  // A column that takes any type of value has none of its like elsewhere.
  shop.query("shop.sqlite", "CREATE TABLE loose_log (id INTEGER PRIMARY KEY, anything ANY) STRICT; INSERT INTO loose_log VALUES (1, 42), (2, 'x')");
  const backup = await served.backup("shop", ["log"]);
  await page.reload();
  const dialog = await showPlan(page, backup, "pg_other");
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
  assert.equal(postgres.query("shop_other", "SELECT string_agg(anything, ',' ORDER BY id) FROM public.loose_log"), "42,x");
});

scene("PostgreSQL to MySQL: what is checked is told, and the rows arrive", () => served, async ({ page, t }) => {
  if (!(postgres && mysql) && lacks(t, "this needs PostgreSQL and MySQL or MariaDB")) {
    return;
  }
  const backup = (await served.api("GET", "/api/backups")).backups.find((one) => one.connection === "pg")?.name ?? await served.backup("pg");
  await page.reload();
  const dialog = await showPlan(page, backup, "my_test");
  const planned = dialog.locator("[data-collection='public.visits_log']");
  assert.match(await planned.innerText(), /create/);
  await planned.locator("summary").first().click();
  await planned.getByText(/timestamp with time zone → \w+/).waitFor();
  await dialog.getByRole("heading", { name: "This can be restored" }).waitFor();
  await carryOut(dialog);
  assert.equal(mysql.query("shop_test", "SELECT count(*), sum(paid), sum(seen) FROM visits_log").replaceAll("\t", "|"),
    postgres.query("shop", "SELECT count(*), sum(paid), count(*) FILTER (WHERE seen) FROM visits_log"));
});

scene("MySQL to SQLite, and back into a scratch database without a word to type", () => served, async ({ page, t }) => {
  if (!mysql && lacks(t, "neither MySQL nor MariaDB is installed")) {
    return;
  }
  const backup = await backUp(page, "my");
  assert.match(await row(page, backup).innerText(), new RegExp(mysql.name));
  const dialog = await showPlan(page, backup, "test");
  await dialog.getByRole("heading", { name: "This can be restored" }).waitFor();
  await carryOut(dialog);
  assert.equal(shop.query("test.sqlite", "SELECT count(*), sum(level) FROM users").replaceAll("|", " "),
    mysql.query("shop", "SELECT count(*), sum(level) FROM users").replaceAll("\t", " "));
  await page.keyboard.press("Escape");

  mysql.query("shop_test", "DROP TABLE IF EXISTS visits_log; DROP TABLE IF EXISTS users");
  mysql.query("shop_test", "CREATE TABLE users LIKE shop.users");
  mysql.query("shop_test", "INSERT INTO users VALUES (1, 'old', 1)");
  const again = await showPlan(page, backup, "my_test");
  await again.getByRole("heading", { name: "This can be restored" }).waitFor();
  await again.getByRole("button", { name: "Continue" }).click();
  assert.equal(await again.getByRole("textbox").count(), 0, "a scratch database asks for its name");
  await again.getByRole("button", { name: "Restore now" }).click();
  await again.getByText(/Every row was read again and is equal/).waitFor();
  assert.equal(mysql.query("shop_test", "SELECT count(*), max(email = 'old') FROM users").replaceAll("\t", " "), "300 0");
});

scene("a database that cannot be reached says so where it is chosen", () => served, async ({ page, t }) => {
  if (!postgres && lacks(t, "no PostgreSQL is installed")) {
    return;
  }
  await postgres.stop();
  postgres = null;
  await page.getByRole("button", { name: "New backup" }).click();
  const dialog = page.getByRole("dialog", { name: "New backup" });
  await dialog.getByLabel("Database").selectOption("pg");
  await dialog.locator(".box.failure").getByText("The database cannot be reached").waitFor();
  await dialog.getByRole("button", { name: "Try again" }).waitFor();
});
