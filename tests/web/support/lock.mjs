// Holds a lock on a SQLite file, so that a backup of it takes as long as a test needs: it waits for one view of the database.

import { spawn } from "node:child_process";
import { until } from "./machine.mjs";

/** Takes the lock that a writer takes; the result lets go of it. Others may read meanwhile. */
export async function lock(file) {
  const shell = spawn("sqlite3", ["-bail", file], { stdio: ["pipe", "pipe", "inherit"] });
  let said = "";
  shell.stdout.on("data", (text) => { said += text; });
  const ended = new Promise((resolve) => shell.on("exit", resolve));
  process.on("exit", () => shell.kill("SIGKILL"));
  shell.stdin.write("BEGIN IMMEDIATE;\nSELECT 'locked';\n");
  await until("the lock", () => said.includes("locked"));
  return async () => {
    shell.stdin.end("ROLLBACK;\n.quit\n");
    await ended;
  };
}
