// Where the tests run: the program, the directory for what they leave, and what to do about what this machine lacks.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository. */
export const ROOT = resolve(fileURLToPath(new URL("../../..", import.meta.url)));
/** The program under test. */
export const PROGRAM = required("DBFERRY_TEST_PROGRAM");

const WORK = required("DBFERRY_TEST_WORK");
/** Loads what tests/web/run has fetched. */
export const library = createRequire(join(WORK, "package.json"));

/** A new directory below target/web. */
export function workDirectory() {
  mkdirSync(join(WORK, "runs"), { recursive: true });
  return mkdtempSync(join(WORK, "runs", "run-"));
}

/** Where the picture of a test that failed is put. */
export function failureFile(name) {
  mkdirSync(join(WORK, "failures"), { recursive: true });
  return join(WORK, "failures", `${name.replaceAll(/[^\p{L}\p{N}]+/gu, "-").slice(0, 80)}.png`);
}

/** Says that this machine lacks something: a skip for a developer, a failure where CI is 1. Returns whether the test is to end. */
export function lacks(t, what) {
  if (process.env.CI === "1") {
    throw new Error(`${what}: this is a failure since CI is 1`);
  }
  t.skip(what);
  return true;
}

/** The browser's program, or null. */
export function browserProgram() {
  const named = [process.env.DBFERRY_TEST_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  return named.find((path) => path && existsSync(path)) ?? null;
}

/** Runs a program to its end and returns what it prints. */
export function output(program, args, options = {}) {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["pipe", "pipe", "pipe"], maxBuffer: 1 << 28, ...options });
}

/** Runs dbferry to its end: exit code and what it prints. */
export function dbferry(...args) {
  const { status, stdout, stderr } = spawnSync(PROGRAM, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  return { status, stdout, stderr };
}

/** What a statement answers in a SQLite file. */
export function sqlite(file, sql) {
  return output("sqlite3", ["-bail", file], { input: sql }).trim();
}

/** Waits until `probe` gives something true, and returns that. */
export async function until(what, probe, limit = 20000) {
  const end = Date.now() + limit;
  for (;;) {
    const found = await probe();
    if (found) {
      return found;
    }
    if (Date.now() > end) {
      throw new Error(`waited ${limit / 1000} s in vain for ${what}`);
    }
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

function required(name) {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: run tests/web/run PROGRAM`);
  }
  return value;
}
