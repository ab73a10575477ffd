/**
 * A message's text as elements: what `markdown.js` has understood of it.
 *
 * This file owns which element stands for what. It makes no element that loads anything, and links lead only where
 * `markdown.js` lets them.
 */

import { copyText, h } from "./dom.js";
import { parse } from "./markdown.js";

/** The elements for a text. */
export function rich(text) {
  return parse(text).map(block);
}

function block(part) {
  switch (part.type) {
    case "code":
      return code(part);
    case "quote":
      return h("blockquote", {}, ...part.blocks.map(block));
    case "list": {
      const start = part.ordered && part.start !== 1 ? part.start : null;
      return h(part.ordered ? "ol" : "ul", { start }, ...part.items.map((item) => h("li", {}, ...item.map(block))));
    }
    default:
      return h("p", { dir: "auto" }, ...part.inline.map(inline));
  }
}

function code({ text, language }) {
  const copy = h("button.copy", { type: "button", onclick: () => copied(copy, text) }, "Copy");
  const label = language ? `${language} code` : "code";
  return h(
    "div.code",
    {},
    h("div.code-head", {}, h("span", {}, language || "code"), copy),
    // It can be focused so that the keyboard scrolls it sideways.
    h("pre", { tabindex: "0", dir: "ltr", role: "region", "aria-label": label }, h("code", {}, text)),
  );
}

async function copied(button, text) {
  await copyText(text);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1_500);
}

const MARKS = { strong: "strong", emphasis: "em", strike: "s" };

function inline(part) {
  switch (part.type) {
    case "text":
      return part.text;
    case "code":
      return h("code", {}, part.text);
    case "link":
      return h("a", { href: part.href, target: "_blank", rel: "noopener noreferrer nofollow ugc" }, part.text);
    case "break":
      return h("br");
    default:
      return h(MARKS[part.type], {}, ...part.inline.map(inline));
  }
}
