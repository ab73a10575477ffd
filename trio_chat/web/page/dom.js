/**
 * Making elements. This is the only way in which anything comes onto the page: text stays text, whoever wrote it.
 *
 * This file owns no look and no meaning.
 */

/**
 * Make an element.
 *
 * @param tag its name, with classes behind dots: "span.badge.bot".
 * @param props attributes; `onclick` and the like are listeners, `true` is an attribute without a value, `false`, `null`
 *   and `undefined` are left out.
 * @param children elements, or texts; `null`, `undefined` and `false` are left out.
 */
export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length > 0) element.classList.add(...classes);
  for (const [key, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(key, value === true ? "" : value);
  }
  put(element, ...children);
  return element;
}

/** Replace what is in an element. */
export function put(element, ...children) {
  element.replaceChildren(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
}

const PATHS = {
  menu: "M4 7h16M4 12h16M4 17h16",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4.500 4.500",
  people:
    "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20a6.500 6.500 0 0 1 13 0M16 4.500a3.500 3.500 0 0 1 0 6.500M18 14.300a6.500 6.500 0 0 1 3.500 5.700",
  close: "M6 6l12 12M18 6L6 18",
  reply: "M9 7L4 12l5 5M4 12h10a6 6 0 0 1 6 6v1",
  edit: "M4 20l1-4L16 5l3 3L8 19l-4 1zM14 7l3 3",
  bin: "M5 7h14M10 7V4.500h4V7M7 7l1 13h8l1-13M10.500 11v5.500M13.500 11v5.500",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  send: "M5 12h14M13 6l6 6-6 6",
  down: "M12 5v14M6 13l6 6 6-6",
  up: "M12 19V5M6 11l6-6 6 6",
  help: "M9.200 9.300a2.900 2.900 0 1 1 4.300 2.600c-1 .6-1.500 1.200-1.500 2.300M12 17.300v.2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l1.500 2h-15zM10 20.500h4",
  stop: "M7 7h10v10H7z",
  hash: "M10 4L8 20M16 4l-2 16M5 9h15M4 15h15",
};

const SVG = "http://www.w3.org/2000/svg";

/** Make an icon; it says nothing to screen readers, so its button needs a label. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Make a button that is an icon. */
export function iconButton(name, label, onclick, props = {}) {
  return h("button.icon-button", { type: "button", "aria-label": label, title: label, onclick, ...props }, icon(name));
}

/** The picture of a person or bot: the first letter of the nick, in the colour of who it is. */
export function avatar(author, nick, bot = false) {
  const face = h(
    `div.avatar${bot ? ".bot" : ""}`,
    { "aria-hidden": "true" },
    [...(nick ?? "")][0]?.toUpperCase() ?? "?",
  );
  face.style.setProperty("--hue", hueOf(author ?? nick ?? ""));
  return face;
}

/** A colour for an author: always the same one. */
export function hueOf(author) {
  let hash = 0;
  for (const character of author) hash = (hash * 31 + character.codePointAt(0)) >>> 0;
  // Steps of the golden angle, so that ids which differ little do not look alike.
  return Math.round((hash % 1024) * 137.508) % 360;
}

/** Put a text into the clipboard, also where the page came over plain HTTP. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea.unseen", { readonly: true });
    area.value = text;
    const before = document.activeElement;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    before?.focus();
  }
}

/**
 * Whether a key belongs to an input method. Safari tells of the Enter by which a word is taken only after the composition
 * has ended, and marks it by this code alone.
 */
export function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

/** Say a sentence to screen readers. */
export function announce(sentence) {
  document.getElementById("status").textContent = sentence;
}
