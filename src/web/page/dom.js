// Makes elements. Whatever comes from a database or an archive enters the page here as a text node or an attribute's value:
// never as markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. Attributes that are null, undefined or false are left out, true is an empty attribute; `on` holds listeners, `style`
 * custom and other style properties. Children are nodes or text; null and false are left out.
 */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same for a drawing. */
export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

/** A sign from icons.svg. It is an ornament: what it means stands beside it or in the button's name. */
export function icon(name) {
  return drawn("svg", { class: "icon", "aria-hidden": "true", focusable: "false" }, drawn("use", { href: `icons.svg#${name}` }));
}

/** A button with a text, and a sign before it if one is named. */
export function button(text, { sign, kind = "", ...attributes } = {}) {
  return element("button", { type: "button", class: `button ${kind}`.trim(), ...attributes }, sign && icon(sign), text);
}

/** A button that shows only a sign. Its name is told on hover and to screen readers. */
export function iconButton(name, sign, { kind = "", ...attributes } = {}) {
  return element("button", { type: "button", class: `button quiet only-icon ${kind}`.trim(), "aria-label": name, title: name, ...attributes }, icon(sign));
}

/** A box that tells something; `tone` is success, warning, failure, info or neutral. */
export function box(tone, ...children) {
  const signs = { success: "check", warning: "warning", failure: "error" };
  return element("div", { class: `box ${tone}` }, icon(signs[tone] ?? "info"), element("div", {}, ...children));
}

/** A small sign with a word or two. */
export function mark(tone, sign, text, attributes = {}) {
  return element("span", { class: `mark ${tone}`, ...attributes }, icon(sign), text);
}

/** What is shown while something is fetched. */
export function waiting(text) {
  return element("div", { class: "spinner" }, element("progress", { "aria-label": text }), element("span", {}, text));
}

/** A name that is used once in the document, to tie a label to what it names. */
export function uniqueName(stem) {
  uniqueName.last = (uniqueName.last ?? 0) + 1;
  return `${stem}-${uniqueName.last}`;
}

/** Puts `nodes` in the place of what `parent` holds, unless it holds exactly them already: so the focus stays where it is. */
export function place(parent, nodes) {
  const wanted = nodes.filter(Boolean);
  const held = [...parent.childNodes];
  if (held.length === wanted.length && held.every((node, index) => node === wanted[index])) {
    return;
  }
  for (const node of held.filter((node) => !wanted.includes(node))) {
    node.remove();
  }
  wanted.forEach((node, index) => {
    if (parent.childNodes[index] !== node) {
      parent.insertBefore(node, parent.childNodes[index] ?? null);
    }
  });
}

/** Sets the text of `node` if it is another one: screen readers hear of changes only. */
export function write(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

function filled(node, { on = {}, style = {}, dataset = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  for (const [event, listener] of Object.entries(on)) {
    node.addEventListener(event, listener);
  }
  for (const [property, value] of Object.entries(style)) {
    node.style.setProperty(property, value);
  }
  Object.assign(node.dataset, dataset);
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return node;
}
