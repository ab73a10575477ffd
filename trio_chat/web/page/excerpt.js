/**
 * A message in one line: where others are answered, and where one answers.
 *
 * This file owns what is left of a message there. It must not know where it stands nor how it is drawn.
 */

import { parse } from "./markdown.js";

/** Return what a message says, without its marks and breaks, at most so many characters of it. */
export function excerpt({ text, command, redacted }, most) {
  if (redacted) return "a deleted message";
  const words = command === undefined ? plain(text) : `/${command} ${text}`;
  const characters = [...words.replace(/\s+/gu, " ").trim()];
  return characters.length > most ? `${characters.slice(0, most).join("")} …` : characters.join("");
}

/** Return the words of a text as it is drawn. */
function plain(text) {
  return parse(text).map(block).join(" ");
}

function block(part) {
  switch (part.type) {
    case "code":
      return part.text;
    case "quote":
      return part.blocks.map(block).join(" ");
    case "list":
      return part.items.map((item) => item.map(block).join(" ")).join(" ");
    default:
      return part.inline.map(inline).join("");
  }
}

function inline(part) {
  if (part.type === "break") return " ";
  return part.text ?? part.inline.map(inline).join("");
}
