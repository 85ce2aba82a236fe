// A `dbferry serve` of a test, on a free port, with a configuration and a directory of archives of its own.

import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROGRAM, ROOT, sqlite, until, workDirectory } from "./machine.mjs";

/** The rules of the shop: those of fixtures/dbferry.toml without its connection. */
const SHOP_RULES = readFileSync(join(ROOT, "fixtures/dbferry.toml"), "utf8").replace(/\[connections\.shop\][^[]*/, "");

/** A small table whose rows are slow to read, on any machine: SQLite computes a long text for each. A backup takes many seconds. */
const SLOW = `CREATE TABLE slow_log (id INTEGER PRIMARY KEY, work INTEGER AS (length(replace(printf('%0*d', 4000, id), '0', 'ab'))) VIRTUAL);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600000) INSERT INTO slow_log SELECT i FROM n`;

/**
 * A directory with the shop as `shop` (a source), a copy of it as `test` (a target), with `slow` a database that is slow to read, and a
 * configuration that names them and whatever `connections` adds: name to { url, role }.
 */
export function shopDirectory({ connections = {}, more = "", slow = false } = {}) {
  const directory = workDirectory();
  const file = (name) => join(directory, name);
  for (const name of ["shop.sqlite", "test.sqlite"]) {
    copyFileSync(join(ROOT, "fixtures/shop.sqlite"), file(name));
  }
  if (slow) {
    sqlite(file("slow.sqlite"), SLOW);
    connections.slow = { url: `sqlite:${file("slow.sqlite")}`, role: "source" };
  }
  const all = { shop: { url: `sqlite:${file("shop.sqlite")}`, role: "source" }, test: { url: `sqlite:${file("test.sqlite")}`, role: "target" }, ...connections };
  const lines = Object.entries(all).map(([name, { url, role }]) => `[connections.${name}]\nurl = ${JSON.stringify(url)}\n${role ? `role = "${role}"\n` : ""}`);
  writeFileSync(file("dbferry.toml"), `${SHOP_RULES}\n${lines.join("\n")}\n${more}\n`);
  writeFileSync(file("token"), "a-token-that-only-tests-know-0123456789abcdef\n", { mode: 0o600 });
  mkdirSync(file("archives"), { mode: 0o700 });
  return { directory, file, query: (name, sql) => sqlite(file(name), sql) };
}

/** Starts the program over such a directory and waits until it serves. Its token is that of the directory unless it is to make one. */
export async function serve({ directory, port = 0, args = [], makesToken = false }) {
  const tokenFile = makesToken ? [] : ["--token-file", join(directory, "token")];
  const child = spawn(PROGRAM, ["serve", "--archives", join(directory, "archives"), "--config", join(directory, "dbferry.toml"),
    "--listen", `127.0.0.1:${port}`, ...tokenFile, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (text) => { said += text; });
  child.stderr.on("data", (text) => { said += text; });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  let running = true;
  ended.then(() => { running = false; });
  const kill = () => running && child.kill("SIGKILL");
  process.on("exit", kill);
  const link = await until("the link that dbferry prints", () => {
    if (!running) {
      throw new Error(`dbferry serve ended at once: ${said}`);
    }
    return /http:\/\/127\.0\.0\.1:(\d+)\/(?:#token=(\S+))?\s/.exec(said);
  });
  const [, usedPort, printed] = link;
  const token = printed ?? readFileSync(join(directory, "token"), "utf8").trim();
  const base = `http://127.0.0.1:${usedPort}`;
  const url = `${base}/#token=${token}`;

  /** Ends it; resolves when it has ended. */
  async function stop(signal = "SIGTERM") {
    process.off("exit", kill);
    if (running) {
      child.kill(signal);
    }
    await ended;
  }

  /** Asks the API as a script does. */
  async function api(method, path, body) {
    const answer = await fetch(base + path, {
      method, headers: { Authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) {
      throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    }
    return text ? JSON.parse(text) : null;
  }

  /** Waits until a job has ended and returns it. */
  const jobEnd = (id) => until(`the end of job ${id}`, async () => {
    const job = await api("GET", `/api/jobs/${id}`);
    return ["queued", "running"].includes(job.state) ? null : job;
  }, 60000);

  /** Makes a backup without the page, for tests of what comes after. Returns its name. */
  async function backup(connection, groups = null, description = null) {
    const job = await jobEnd((await api("POST", "/api/backups", { connection, groups, description })).id);
    if (!["done", "warnings"].includes(job.state)) {
      throw new Error(`the backup failed: ${JSON.stringify(job.error)}`);
    }
    return job.result.backup;
  }

  return { url, base, port: Number(usedPort), token, stop, api, jobEnd, backup, said: () => said, isRunning: () => running, archives: (name) => existsSync(join(directory, "archives", name)) };
}
