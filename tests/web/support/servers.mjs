// Private PostgreSQL, MariaDB and MySQL servers: started from installed programs in a temporary directory, on a socket, stopped with
// the test. The programs are those of this system and of the one below DBFERRY_TEST_SERVER_ROOT, as in the Rust tests
// (dialects/core/src/testkit/system.rs): no system has MariaDB and MySQL at once.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { output, until } from "./machine.mjs";

const SCRATCH_POSTGRES = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "listen_addresses="];
const SCRATCH_MYSQL = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--loose-innodb-redo-log-capacity=64M",
  "--loose-performance-schema=OFF", "--skip-networking", "--local-infile=ON", "--secure-file-priv=", "--character-set-server=utf8mb4", "--loose-mysqlx=OFF"];

/** The roots of the systems whose servers are taken. */
const ROOTS = ["/", process.env.DBFERRY_TEST_SERVER_ROOT].filter((root) => root && existsSync(root));

/**
 * What is installed of "PostgreSQL", "MariaDB" or "MySQL": name with version, and `start()`. Where there is nothing, one entry without
 * `start`, so that its tests are there to say so.
 */
export function installations(family) {
  const found = ROOTS.flatMap((root) => (family === "PostgreSQL" ? postgresOf(root) : mysqlOf(root, family)));
  return found.length > 0 ? found : [{ name: family, start: null }];
}

function postgresOf(root) {
  const place = join(root, "usr/lib/postgresql");
  const versions = existsSync(place) ? readdirSync(place).filter((version) => existsSync(join(place, version, "bin/postgres"))) : [];
  return versions.map((version) => ({ name: `PostgreSQL ${version}`, start: () => startPostgres(root, `/usr/lib/postgresql/${version}/bin`) }));
}

/** What it is, it says itself: `mysqld  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu on x86_64`. */
function mysqlOf(root, family) {
  if (!existsSync(join(root, "usr/sbin/mysqld"))) {
    return [];
  }
  const [, version] = /Ver (\S+)/.exec(run(root, null, "/usr/sbin/mysqld", "--version"));
  const isMariadb = version.includes("MariaDB");
  const name = `${family} ${version.split(".").slice(0, 2).join(".")}`;
  return isMariadb === (family === "MariaDB") ? [{ name, start: () => startMysql(root, isMariadb) }] : [];
}

async function startPostgres(root, programs) {
  const { inside, outside } = scratch(root, "pg", "postgres");
  const data = join(inside, "data");
  run(root, "postgres", join(programs, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N");
  const settings = SCRATCH_POSTGRES.flatMap((setting) => ["-c", setting]);
  const stop = serve(outside, "SIGINT", command(root, "postgres", join(programs, "postgres"), "-D", data, "-k", inside, ...settings));
  const client = command(root, null, join(programs, "psql"), "-h", inside, "-U", "postgres", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d");
  await until("PostgreSQL", () => answers([...client, "postgres"]), 60000);
  return {
    url: (database) => `postgres://postgres@${encodeURIComponent(outside)}/${database}`,
    query: (database, sql) => ask([...client, database], sql),
    create: (database) => ask([...client, "postgres"], `CREATE DATABASE ${database}`),
    stop,
  };
}

async function startMysql(root, isMariadb) {
  const { inside, outside } = scratch(root, "my", "mysql");
  const data = `--datadir=${join(inside, "data")}`;
  if (isMariadb) {
    run(root, "mysql", "mariadb-install-db", "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db");
  } else {
    run(root, "mysql", "/usr/sbin/mysqld", "--no-defaults", "--initialize-insecure", data);
  }
  const socket = join(inside, "s.sock");
  const stop = serve(outside, "SIGTERM", command(root, "mysql", "/usr/sbin/mysqld", "--no-defaults", data, `--socket=${socket}`,
    `--pid-file=${join(inside, "pid")}`, `--tmpdir=${inside}`, ...SCRATCH_MYSQL));
  const program = isMariadb ? "/usr/bin/mariadb" : "/usr/bin/mysql";
  const client = command(root, null, program, "--no-defaults", `--socket=${socket}`, "--user=root", "--batch", "--skip-column-names");
  await until(isMariadb ? "MariaDB" : "MySQL", () => answers(client), 120000);
  return {
    url: (database) => `mysql://root@${encodeURIComponent(join(outside, "s.sock"))}/${database}`,
    query: (database, sql) => ask([...client, database], sql),
    create: (database) => ask(client, `CREATE DATABASE ${database}`),
    stop,
  };
}

/** A directory that belongs to `user`, whom the servers run as where the tests are run by root: they refuse root. */
function scratch(root, kind, user) {
  // Its path is a socket's, which may not be long.
  const outside = mkdtempSync(join(root, "tmp", `dbferry-web-${kind}-`));
  const inside = join("/", outside.slice(root.length));
  if (process.getuid() === 0) {
    // The other system has users of its own.
    run(root, null, "chown", user, inside);
  }
  return { inside, outside };
}

/** The words that run a program of a system: as `user`, if it is given, where the tests are run by root. */
function command(root, user, ...words) {
  const system = root === "/" ? [] : ["chroot", root];
  return [...system, ...(user && process.getuid() === 0 ? ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"] : []), ...words];
}

function run(root, user, ...words) {
  const [program, ...args] = command(root, user, ...words);
  return execFileSync(program, args, { encoding: "utf8", stdio: "pipe", cwd: "/" });
}

function ask([program, ...args], sql) {
  return output(program, args, { input: sql }).trim();
}

function answers([program, ...args]) {
  return spawnSync(program, args, { input: "SELECT 1;" }).status === 0;
}

/** Runs a server; the result stops it and removes its files. The end of the tests does the same, by force. */
function serve(directory, signal, [program, ...args]) {
  const child = spawn(program, args, { stdio: "ignore", cwd: "/" });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const kill = () => {
    child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  };
  process.on("exit", kill);
  return async () => {
    child.kill(signal);
    await ended;
    process.off("exit", kill);
    rmSync(directory, { recursive: true, force: true });
  };
}
