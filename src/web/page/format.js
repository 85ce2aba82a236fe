// Numbers, sizes, times as they are read in the page's language.

import { currentLanguage, t } from "./i18n.js";

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"];
const formatters = new Map();

/** 12,345 */
export function number(value) {
  return formatter("number", () => new Intl.NumberFormat(currentLanguage())).format(value);
}

/** 12.3 MB. Two figures where it is small, none behind the point where it is a hundred or more. */
export function bytes(value) {
  if (value === null || value === undefined) {
    return t("format.unknown");
  }
  let unit = 0;
  let amount = value;
  while (amount >= 999.5 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || amount >= 99.95 ? 0 : 1;
  const style = { style: "unit", unit: UNITS[unit], unitDisplay: unit === 0 ? "long" : "short", maximumFractionDigits: digits };
  return formatter(`bytes ${unit} ${digits}`, () => new Intl.NumberFormat(currentLanguage(), style)).format(amount);
}

/** 1.2 million rows a second need no more than three figures. */
export function rate(value) {
  const style = { notation: "compact", maximumSignificantDigits: 3 };
  return formatter("rate", () => new Intl.NumberFormat(currentLanguage(), style)).format(value);
}

/** 42 % */
export function percent(share) {
  return formatter("percent", () => new Intl.NumberFormat(currentLanguage(), { style: "percent" })).format(share);
}

/** `12 rows`, `about 12 rows`, `rows unknown`: a count of the API is a number, null, "unknown", {about: n} or {exactly: n}. */
export function rows(count) {
  const { value, estimated } = rowCount(count);
  if (value === null) {
    return t("format.rows_unknown");
  }
  return t(estimated ? "format.rows_about" : "format.rows", { count: value, n: number(value) });
}

/** The number of such a count, and whether it may be wrong. */
export function rowCount(count) {
  if (typeof count === "number") {
    return { value: count, estimated: false };
  }
  if (count && typeof count === "object") {
    return { value: count.about ?? count.exactly ?? null, estimated: "about" in count };
  }
  return { value: null, estimated: false };
}

/** 24 Nov 2026, 14:05 */
export function moment(text) {
  const style = { dateStyle: "medium", timeStyle: "short" };
  return text ? formatter("moment", () => new Intl.DateTimeFormat(currentLanguage(), style)).format(new Date(text)) : "";
}

/** With the second and the time zone, for a title. */
export function exactMoment(text) {
  const style = { dateStyle: "full", timeStyle: "long" };
  return text ? formatter("exact", () => new Intl.DateTimeFormat(currentLanguage(), style)).format(new Date(text)) : "";
}

/** 5 minutes ago, yesterday, in 3 hours */
export function relative(text, now = Date.now()) {
  const seconds = (new Date(text).getTime() - now) / 1000;
  const steps = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30], ["month", 12], ["year", Infinity]];
  let amount = seconds;
  for (const [unit, size] of steps) {
    if (Math.abs(amount) < size * 0.95 || size === Infinity) {
      if (unit === "second" && Math.abs(amount) < 45) {
        return t(amount > 5 ? "format.in_a_moment" : "format.just_now");
      }
      return formatter("relative", () => new Intl.RelativeTimeFormat(currentLanguage(), { numeric: "auto" })).format(Math.round(amount), unit);
    }
    amount /= size;
  }
  return "";
}

/** 42 s, 3 min 05 s, 2 h 10 min */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (seconds < 9.95 && seconds >= 0.05) {
    return `${formatter("tenths", () => new Intl.NumberFormat(currentLanguage(), { maximumFractionDigits: 1 })).format(seconds)}\u00A0s`;
  }
  if (whole < 60) {
    return `${whole}\u00A0s`;
  }
  if (whole < 3600) {
    return `${Math.floor(whole / 60)}\u00A0min ${String(whole % 60).padStart(2, "0")}\u00A0s`;
  }
  return `${Math.floor(whole / 3600)}\u00A0h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")}\u00A0min`;
}

/** a, b, and c */
export function list(words) {
  return formatter("list", () => new Intl.ListFormat(currentLanguage(), { type: "conjunction" })).format(words);
}

/** A dialect's name as its makers spell it. */
export function product(source) {
  const known = { sqlite: "SQLite", postgres: "PostgreSQL", mysql: "MySQL", mariadb: "MariaDB" };
  return source?.product || known[source?.dialect] || source?.dialect || t("format.unknown");
}

function formatter(name, make) {
  const key = `${currentLanguage()} ${name}`;
  if (!formatters.has(key)) {
    formatters.set(key, make());
  }
  return formatters.get(key);
}
