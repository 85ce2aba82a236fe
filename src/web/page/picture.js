// The picture of a backup: a rectangle for every table, as large as its share of the bytes or rows, in its group's colour; beside
// it the groups with their figures, which is also what a screen reader gets.

import { drawn, element } from "./dom.js";
import { bytes, number, percent } from "./format.js";
import { groupColour } from "./groups.js";
import { t, translated } from "./i18n.js";

const HEIGHT = 300;
const GAP = 2;
/** What is smaller than this share is drawn as one rectangle a group: nobody could point at it. */
const SMALLEST = 0.002;
const LETTER = 8;

/** The picture; `open` is called with the name of a table that was pointed at. */
export function picture(groups, collections, open) {
  const measures = { bytes: (value) => bytes(value), rows: (value) => t("format.rows", { count: value, n: number(value) }) };
  let measure = "bytes";
  let width = 0;
  const holder = element("figure", {});
  const switches = Object.keys(measures).map((name) => element("button", { type: "button", on: { click: () => show(name) } }, t(`picture.${name}`)));
  const draw = () => width > 0 && holder.replaceChildren(treemap({ groups, collections, measure, tell: measures[measure], open, width }));
  const show = (name) => {
    measure = name;
    switches.forEach((node, index) => node.setAttribute("aria-pressed", String(Object.keys(measures)[index] === name)));
    draw();
  };
  show(measure);
  // Drawn in the size in which it is shown, so that its letters are as large as all others.
  new ResizeObserver(([{ contentRect }]) => {
    if (Math.round(contentRect.width) !== width) {
      width = Math.round(contentRect.width);
      draw();
    }
  }).observe(holder);
  return element("div", { class: "picture" },
    element("div", { class: "picture-drawing" },
      element("div", { class: "segments", role: "group", "aria-label": t("picture.measure") }, switches), holder),
    legend(groups));
}

function legend(groups) {
  const total = { rows: sum(groups, "rows"), bytes: sum(groups, "bytes") };
  const bar = (value, whole) => element("span", { class: "share-bar" }, element("span", { style: { width: `${whole ? Math.max((value / whole) * 100, value ? 1 : 0) : 0}%` } }));
  const head = (text, kind) => element("th", { scope: "col", class: kind }, text);
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("picture.groups") }, element("table", { class: "plain legend" },
    element("thead", {}, element("tr", {}, head(t("picture.group")), head(t("picture.tables"), "number"), head(t("picture.rows"), "number"), head(t("picture.bytes"), "number"))),
    element("tbody", {}, groups.map((group) => element("tr", { "data-group": groupColour(group.name) },
      element("th", { scope: "row" }, element("span", { class: "legend-name" }, element("span", { class: "dot" }), translated(group.title))),
      element("td", { class: "number" }, number(group.collections)),
      element("td", { class: "number" }, number(group.rows), bar(group.rows, total.rows)),
      element("td", { class: "number" }, bytes(group.bytes), bar(group.bytes, total.bytes)))))));
}

function treemap({ groups, collections, measure, tell, open, width: fullWidth }) {
  const whole = sum(groups, measure);
  const label = t("picture.label", {
    what: groups.filter((group) => group[measure] > 0)
      .map((group) => `${translated(group.title)} ${percent(whole ? group[measure] / whole : 0)}`).join(", ") || t("picture.nothing"),
  });
  const drawing = drawn("svg", { class: "treemap", width: fullWidth, height: HEIGHT, role: "img", "aria-label": label });
  if (whole === 0) {
    drawing.append(drawn("text", { x: fullWidth / 2, y: HEIGHT / 2, "text-anchor": "middle" }, t("picture.nothing")));
    return drawing;
  }
  const parts = groups.filter((group) => group[measure] > 0).map((group) => ({ group, value: group[measure] }));
  for (const { item, x, y, width, height } of squarified(parts, { x: 0, y: 0, width: fullWidth, height: HEIGHT })) {
    const { group } = item;
    for (const tile of squarified(tilesOf(group, collections, measure, whole), { x, y, width, height })) {
      drawing.append(tileNode(group, tile, tell, whole, open));
    }
  }
  return drawing;
}

function tilesOf(group, collections, measure, whole) {
  const held = collections.filter((collection) => collection.group === group.name && collection[measure] > 0);
  const large = held.filter((collection) => collection[measure] / whole >= SMALLEST);
  const small = held.filter((collection) => !large.includes(collection));
  const tiles = large.map((collection) => ({ name: collection.name, value: collection[measure], collection: collection.name }));
  if (small.length > 0) {
    const name = t("picture.others", { count: small.length, n: number(small.length) });
    tiles.push({ name, value: sum(small, measure), collection: null });
  }
  return tiles;
}

function tileNode(group, { item, x, y, width, height }, tell, whole, open) {
  const { name, value, collection } = item;
  const short = name.slice(name.indexOf(".") + 1);
  const inner = { x: x + GAP / 2, y: y + GAP / 2, width: Math.max(width - GAP, 0.5), height: Math.max(height - GAP, 0.5) };
  const fits = inner.width > short.length * LETTER + 14 && inner.height > 24;
  return drawn("g", { class: collection ? "tile can-open" : "tile", "data-group": groupColour(group.name), on: collection ? { click: () => open(collection) } : {} },
    drawn("title", {}, `${name} – ${tell(value)}, ${percent(value / whole)}`),
    drawn("rect", { ...inner, rx: 3 }),
    fits && drawn("text", { x: inner.x + 8, y: inner.y + 18 }, short),
    fits && inner.height > 42 && drawn("text", { x: inner.x + 8, y: inner.y + 35, class: "tile-value" }, tell(value)));
}

/**
 * Divides a rectangle among `items` in proportion to their `value`, in tiles that are as square as can be (Bruls, Huizing and van Wijk,
 * "Squarified Treemaps", 2000).
 */
export function squarified(items, area) {
  const sorted = [...items].sort((left, right) => right.value - left.value);
  const scale = (area.width * area.height) / sorted.reduce((total, item) => total + item.value, 0);
  const tiles = [];
  let rest = { ...area };
  let strip = [];
  const worst = (members, side) => {
    const size = members.reduce((total, item) => total + item.value * scale, 0);
    return Math.max(...members.map((item) => Math.max((side ** 2 * item.value * scale) / size ** 2, size ** 2 / (side ** 2 * item.value * scale))));
  };
  const lay = (members) => {
    const size = members.reduce((total, item) => total + item.value * scale, 0);
    const upright = rest.width >= rest.height;
    const side = upright ? rest.height : rest.width;
    const thickness = size / side;
    let along = 0;
    for (const item of members) {
      const length = (item.value * scale) / thickness;
      tiles.push(upright ? { item, x: rest.x, y: rest.y + along, width: thickness, height: length }
        : { item, x: rest.x + along, y: rest.y, width: length, height: thickness });
      along += length;
    }
    rest = upright ? { ...rest, x: rest.x + thickness, width: rest.width - thickness } : { ...rest, y: rest.y + thickness, height: rest.height - thickness };
  };
  for (const item of sorted) {
    const side = Math.min(rest.width, rest.height);
    if (strip.length > 0 && worst([...strip, item], side) > worst(strip, side)) {
      lay(strip);
      strip = [];
    }
    strip.push(item);
  }
  if (strip.length > 0) {
    lay(strip);
  }
  return tiles;
}

function sum(items, key) {
  return items.reduce((total, item) => total + item[key], 0);
}
