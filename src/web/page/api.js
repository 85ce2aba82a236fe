// Talks to the server: JSON in and out, the token against forged requests, errors as the server words them.

/** A failure with what the server says of it: kind, message, causes, hint, context. */
export class ApiError extends Error {
  constructor(status, { kind = "internal", message = "", causes = [], hint = null, context = {} } = {}) {
    super(message);
    Object.assign(this, { name: "ApiError", status, kind, causes, hint, context });
  }
}

/** Called when the server does not know this session any more. */
let signedOut = () => {};
let csrf = "";

/** Sets what is called when an answer says that nobody is signed in. */
export function onSignedOut(listener) {
  signedOut = listener;
}

/** Learns the session's token against forged requests. Who is not signed in gets an `ApiError` with status 401. */
export async function openSession() {
  csrf = (await call("GET", "/api/session")).csrf;
}

export const server = () => call("GET", "/api/server");
export const backups = async () => (await call("GET", "/api/backups")).backups;
export const backup = (name) => call("GET", `/api/backups/${encodeURIComponent(name)}`);
export const preview = (name, collection) =>
  call("GET", `/api/backups/${encodeURIComponent(name)}/preview?${new URLSearchParams({ collection, rows: 20 })}`);
export const createBackup = (request) => call("POST", "/api/backups", request);
export const deleteBackup = (name, confirm) =>
  call("DELETE", `/api/backups/${encodeURIComponent(name)}?${new URLSearchParams({ confirm })}`);
export const verifyBackup = (name) => call("POST", `/api/backups/${encodeURIComponent(name)}/verify`, { depth: "rows" });
export const downloadPath = (name) => `/api/backups/${encodeURIComponent(name)}/download`;
export const connectionGroups = (name) => call("GET", `/api/connections/${encodeURIComponent(name)}/groups`);
export const plan = (request) => call("POST", "/api/plan", request);
export const restore = (request) => call("POST", "/api/restores", request);
export const jobs = async () => (await call("GET", "/api/jobs")).jobs;
export const cancelJob = (id) => call("POST", `/api/jobs/${encodeURIComponent(id)}/cancel`);
export const dismissJob = (id) => call("POST", `/api/jobs/${encodeURIComponent(id)}/dismiss`);
export const schedules = async () => (await call("GET", "/api/schedule")).schedules;
export const runSchedule = (name) => call("POST", `/api/schedule/${encodeURIComponent(name)}/run`);
export const audit = (before) => call("GET", `/api/audit?${new URLSearchParams(before ? { limit: 100, before } : { limit: 100 })}`);
export const signOut = () => call("DELETE", "/api/session");

/**
 * Sends a file as it is; `progress` hears how many bytes are gone. Returns what stops it and a promise of the job that checks it.
 * `fetch` tells nothing of an upload's progress, so this is the one place with an XMLHttpRequest.
 */
export function upload(file, progress) {
  const request = new XMLHttpRequest();
  const finished = new Promise((resolve, reject) => {
    request.upload.addEventListener("progress", (event) => progress(event.loaded));
    request.addEventListener("load", () => {
      const answer = parsed(request.responseText);
      if (request.status < 400) {
        resolve(answer);
      } else {
        reject(refused(request.status, answer));
      }
    });
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("abort", () => reject(new ApiError(0, { kind: "cancelled" })));
  });
  request.open("POST", `/api/uploads?${new URLSearchParams({ name: file.name })}`);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.setRequestHeader("X-CSRF-Token", csrf);
  request.send(file);
  return { finished, stop: () => request.abort() };
}

async function call(method, path, body) {
  const headers = method === "GET" ? {} : { "X-CSRF-Token": csrf };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
  }
  let response;
  let text;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), credentials: "same-origin", cache: "no-store" });
    text = await response.text();
  } catch {
    throw unreachable();
  }
  if (!response.ok) {
    throw refused(response.status, parsed(text));
  }
  return parsed(text);
}

function refused(status, answer) {
  if (status === 401) {
    signedOut();
  }
  return new ApiError(status, answer?.error ?? { message: `HTTP ${status}` });
}

function unreachable() {
  return new ApiError(0, { kind: "unreachable" });
}

function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
