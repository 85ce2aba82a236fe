// The page of those who are not signed in. The link that the server prints carries its token behind the #, which browsers send to
// nobody; it is exchanged for a cookie here and leaves the address and the history at once.

import { box, button, element, icon, uniqueName } from "./dom.js";
import { t, translateShell } from "./i18n.js";
import { showSettings } from "./settings.js";

let problem = null;

if (!takeToken()) {
  show();
}
// A link that is pasted into the address of this very page changes only what is behind the #.
window.addEventListener("hashchange", takeToken);
window.addEventListener("language", show);
window.addEventListener("theme", () => showSettings(null));

/** Takes the token out of the address and signs in with it, if there is one. */
function takeToken() {
  const token = tokenOf(location.hash);
  history.replaceState(null, "", "/");
  if (token) {
    signIn(token);
  }
  return Boolean(token);
}

/** The token of a link, or of what somebody pasted: the whole link, or the token alone. */
function tokenOf(text) {
  const found = text.includes("token=") ? new URLSearchParams(text.slice(text.indexOf("token="))).get("token") : text.replace(/^#/, "");
  return found?.startsWith("/") ? "" : (found?.trim() ?? "");
}

async function signIn(secret) {
  problem = null;
  try {
    const answer = await fetch("/api/session", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token: secret }),
    });
    if (answer.ok) {
      location.replace("/");
      return;
    }
    const said = await answer.json().catch(() => null);
    problem = answer.status === 401 ? t("signin.wrong") : (said?.error?.message ?? t("error.unreachable"));
  } catch {
    problem = t("error.unreachable");
  }
  show();
}

function show() {
  translateShell();
  showSettings(null);
  const name = uniqueName("token");
  const input = element("input", { id: name, type: "password", autocomplete: "off", required: true, "aria-invalid": problem ? "true" : null });
  const submit = (event) => {
    event.preventDefault();
    signIn(tokenOf(input.value.trim()));
  };
  document.title = `${t("signin.title")} – dbferry`;
  document.getElementById("main").replaceChildren(element("section", { class: "panel sign-in" },
    icon("key"),
    element("h1", {}, t("signin.title")),
    element("p", {}, t("signin.how")),
    element("pre", {}, "dbferry serve --archives backups\nhttp://127.0.0.1:7420/#token=…"),
    problem && element("div", { role: "alert" }, box("failure", problem)),
    element("form", { on: { submit } },
      element("div", { class: "field" },
        element("label", { for: name }, t("signin.paste")),
        input,
        element("p", { class: "hint" }, t("signin.why"))),
      button(t("signin.go"), { kind: "primary", type: "submit" }))));
  if (problem) {
    input.focus();
  }
}
