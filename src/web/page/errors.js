// How a failure is told: what was being done and failed, why, and what to do about it. The server's own words are kept.

import { box, element } from "./dom.js";
import { has, t } from "./i18n.js";

/** The language of the server's words, whatever the page's is: a screen reader reads them out in it. */
export const SPOKEN = "en";

/** A box with everything that the server says of a failure. */
export function errorBox(error) {
  return box("failure", ...errorLines(error));
}

/** The lines of such a box. */
export function errorLines({ kind, message, causes = [], hint, context = {} }) {
  const known = has(`error.${kind}`) ? t(`error.${kind}`) : null;
  const where = Object.entries(context ?? {});
  return [
    known && element("strong", {}, known),
    message && element("p", { lang: SPOKEN }, sentence(message)),
    causes?.length > 0 && element("p", { class: "muted", lang: SPOKEN }, causes.join(" · ")),
    where.length > 0 && element("p", { class: "small muted", lang: SPOKEN }, where.map(([name, value]) => `${name}: ${value}`).join(" · ")),
    hint && element("p", {}, element("strong", {}, `${t("error.remedy")} `), element("span", { lang: SPOKEN }, sentence(hint))),
  ];
}

/**
 * The engine's messages begin in lower case and end without a full stop, to be put together. A name at the beginning, of a table or of
 * dbferry, stays as it is.
 */
export function sentence(text) {
  const begun = /^(?!dbferry\b)\p{Ll}+[ ,]/u.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?…:]$/.test(begun) ? begun : `${begun}.`;
}
