// Private PostgreSQL and MySQL or MariaDB servers: started from installed programs in a temporary directory, on a socket, stopped with
// the test. The Rust tests have the same in dialects/*/src/testing.rs, with every version; here one of each family is enough.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { output, until } from "./machine.mjs";

const SCRATCH_POSTGRES = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "listen_addresses="];
const SCRATCH_MYSQL = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--loose-performance-schema=OFF", "--skip-networking",
  "--local-infile=ON", "--secure-file-priv=", "--character-set-server=utf8mb4", "--loose-mysqlx=OFF"];

/** Starts PostgreSQL, or returns null where it is not installed. */
export async function startPostgres() {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).filter((version) => existsSync(join(root, version, "bin/postgres"))) : [];
  if (versions.length === 0) {
    return null;
  }
  const programs = join(root, versions.sort((left, right) => left - right)[0], "bin");
  const directory = scratch("pg", "postgres");
  const data = join(directory, "data");
  as("postgres", join(programs, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N");
  const stop = run("postgres", directory, "SIGINT", join(programs, "postgres"), "-D", data, "-k", directory, ...SCRATCH_POSTGRES.flatMap((setting) => ["-c", setting]));
  const client = ["-h", directory, "-U", "postgres", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"];
  await until("PostgreSQL", () => spawnSync(join(programs, "pg_isready"), ["-q", "-h", directory]).status === 0, 60000);
  return {
    name: "PostgreSQL",
    url: (database) => `postgres://postgres@${encodeURIComponent(directory)}/${database}`,
    query: (database, sql) => output("psql", [...client, "-d", database], { input: sql }).trim(),
    create: (database) => output("psql", [...client, "-d", "postgres"], { input: `CREATE DATABASE ${database}` }),
    stop,
  };
}

/** Starts MariaDB or MySQL, whichever is installed, or returns null. */
export async function startMysql() {
  const program = ["/usr/sbin/mariadbd", "/usr/sbin/mysqld"].find((path) => existsSync(path));
  if (!program) {
    return null;
  }
  const directory = scratch("my", "mysql");
  const data = join(directory, "data");
  const socket = join(directory, "s.sock");
  if (existsSync("/usr/bin/mariadb-install-db")) {
    as("mysql", "mariadb-install-db", "--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db");
  } else {
    as("mysql", program, "--no-defaults", "--initialize-insecure", `--datadir=${data}`);
  }
  const stop = run("mysql", directory, "SIGTERM", program, "--no-defaults", `--datadir=${data}`, `--socket=${socket}`, `--pid-file=${join(directory, "pid")}`,
    `--tmpdir=${directory}`, ...SCRATCH_MYSQL);
  const client = ["--no-defaults", `--socket=${socket}`, "--user=root", "--batch", "--skip-column-names"];
  await until("MySQL", () => spawnSync("mysql", client, { input: "SELECT 1" }).status === 0, 120000);
  return {
    name: output("mysql", client, { input: "SELECT version()" }).includes("MariaDB") ? "MariaDB" : "MySQL",
    url: (database) => `mysql://root@${encodeURIComponent(socket)}/${database}`,
    query: (database, sql) => output("mysql", [...client, database], { input: sql }).trim(),
    create: (database) => output("mysql", client, { input: `CREATE DATABASE ${database}` }),
    stop,
  };
}

/** A directory that belongs to `user`, whom the servers run as where the tests are run by root: they refuse root. */
function scratch(kind, user) {
  // Its path is a socket's, which may not be long.
  const directory = mkdtempSync(join(tmpdir(), `dbferry-web-${kind}-`));
  if (process.getuid() === 0) {
    execFileSync("chown", [user, directory]);
  }
  return directory;
}

function command(user, words) {
  return process.getuid() === 0 ? ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups", ...words] : words;
}

function as(user, ...words) {
  const [program, ...args] = command(user, words);
  output(program, args, { cwd: "/" });
}

/** Runs a server; the result stops it and removes its files. The end of the tests does the same, by force. */
function run(user, directory, signal, ...words) {
  const [program, ...args] = command(user, words);
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
