/**
 * Markdown, the part of it that people and models write in a chat: a text cut into blocks.
 *
 * This file owns blocks: paragraphs, fenced code, quotes, lists. What stands within a line is `inline.js`. It must not
 * know the document: what comes out is data, and nothing of it is HTML. Any text is one; what is no markup stays as it
 * was typed. Time is linear, for hostile texts too: nesting has a bound.
 *
 * It follows CommonMark but for what surprises in a chat: a newline is a line break; there is no indented code, no
 * heading, no HTML; a quote or an item ends where its lines lack the mark.
 */
// @ts-check

import { parseInline } from "./inline.js";

/** @typedef {import("./inline.js").Inline} Inline */
/**
 * @typedef {{type: "paragraph", inline: Inline[]} | {type: "code", text: string, language: string}
 *     | {type: "quote", blocks: Block[]} | {type: "list", ordered: boolean, start: number, items: Block[][]}} Block
 */
/** @typedef {{ordered: boolean, mark: string, number: number, width: number}} Marker of an item: `- ` or `1. ` */

/** How deep quotes and lists may lie in one another; deeper marks are text. */
const DEPTH_MAX = 8;

const FENCE = /^( {0,3})(`{3,}(?=[^`]*$)|~{3,})(.*)$/u;
const FENCE_END = /^ {0,3}(`+|~+)\s*$/u;
const QUOTE = /^ {0,3}> ?/u;
// An item without content is none: a lone dash is something said.
const ITEM = /^( {0,3})(?:([-*+])|(\d{1,9})([.)]))( {1,4}(?=\S)| (?=\s*\S))/u;
const BLANK = /^\s*$/u;

/**
 * Return the blocks of a text.
 *
 * @param {string} text
 * @returns {Block[]}
 */
export function parse(text) {
  return parseLines(text.split(/\r\n?|\n/u), 0);
}

/** @returns {Block[]} */
function parseLines(/** @type {string[]} */ lines, /** @type {number} */ depth) {
  /** @type {Block[]} */
  const blocks = [];
  let next = 0;
  while (next < lines.length) {
    if (BLANK.test(lines[next])) {
      next += 1;
      continue;
    }
    const take = takerOf(lines[next], depth, false) ?? takeParagraph;
    const taken = take(lines, next, depth);
    blocks.push(taken.block);
    next = taken.next;
  }
  return blocks;
}

/**
 * Return what takes the block that begins with `line`; null for a paragraph.
 *
 * @param {string} line
 * @param {number} depth
 * @param {boolean} inParagraph then a number begins no list, but for 1: a line may begin with one by chance.
 */
function takerOf(line, depth, inParagraph) {
  if (FENCE.test(line)) return takeCode;
  if (depth >= DEPTH_MAX) return null;
  if (QUOTE.test(line)) return takeQuote;
  const marker = markerOf(line);
  return marker === null || (inParagraph && marker.ordered && marker.number !== 1) ? null : takeList;
}

function takeParagraph(/** @type {string[]} */ lines, /** @type {number} */ first, /** @type {number} */ depth) {
  let next = first + 1;
  while (next < lines.length && !BLANK.test(lines[next]) && takerOf(lines[next], depth, true) === null) next += 1;
  /** @type {Block} */
  const block = { type: "paragraph", inline: parseInline(lines.slice(first, next).join("\n")) };
  return { block, next };
}

/**
 * Nothing in it is interpreted. It ends with a fence like its own, or with the text. One word behind the fence is the
 * language; of several, somebody has begun with the code there.
 */
function takeCode(/** @type {string[]} */ lines, /** @type {number} */ first) {
  const [, indent, fence, behind] = /** @type {RegExpExecArray} */ (FENCE.exec(lines[first]));
  const info = behind.trim();
  const margin = new RegExp(`^ {0,${indent.length}}`, "u");
  let next = first + 1;
  while (next < lines.length && !FENCE_END.exec(lines[next])?.[1].startsWith(fence)) next += 1;
  const text = lines.slice(first + 1, next).map((line) => line.replace(margin, ""));
  const isLanguage = !/\s/u.test(info);
  if (!isLanguage) text.unshift(info);
  /** @type {Block} */
  const block = { type: "code", text: text.join("\n"), language: isLanguage ? info : "" };
  return { block, next: next + 1 };
}

function takeQuote(/** @type {string[]} */ lines, /** @type {number} */ first, /** @type {number} */ depth) {
  let next = first;
  while (next < lines.length && QUOTE.test(lines[next])) next += 1;
  const quoted = lines.slice(first, next).map((line) => line.replace(QUOTE, ""));
  /** @type {Block} */
  const block = { type: "quote", blocks: parseLines(quoted, depth + 1) };
  return { block, next };
}

function takeList(/** @type {string[]} */ lines, /** @type {number} */ first, /** @type {number} */ depth) {
  const start = /** @type {Marker} */ (markerOf(lines[first]));
  /** @type {Block[][]} */
  const items = [];
  let next = first;
  while (next < lines.length && isNext(markerOf(lines[next]), start, items.length)) {
    const item = takeItem(lines, next, depth);
    items.push(item.blocks);
    next = item.next;
  }
  /** @type {Block} */
  const block = { type: "list", ordered: start.ordered, start: start.number, items };
  return { block, next };
}

/** An item goes on in the lines that stand below its content, with blank ones between. */
function takeItem(/** @type {string[]} */ lines, /** @type {number} */ first, /** @type {number} */ depth) {
  const { width } = /** @type {Marker} */ (markerOf(lines[first]));
  const margin = " ".repeat(width);
  const own = [lines[first].slice(width)];
  let next = first + 1;
  while (next < lines.length && (lines[next].startsWith(margin) || BLANK.test(lines[next]))) {
    own.push(lines[next].slice(width));
    next += 1;
  }
  return { blocks: parseLines(own, depth + 1), next };
}

/** @returns {Marker | null} */
function markerOf(/** @type {string} */ line) {
  const found = ITEM.exec(line);
  if (found === null) return null;
  const [whole, , bullet, number, delimiter] = found;
  const ordered = bullet === undefined;
  return { ordered, mark: bullet ?? delimiter, number: ordered ? Number(number) : 1, width: whole.length };
}

/** Say whether an item goes on with the list: its number would be shown as it was typed, or all are the same. */
function isNext(/** @type {Marker | null} */ marker, /** @type {Marker} */ start, /** @type {number} */ count) {
  if (marker === null || marker.ordered !== start.ordered || marker.mark !== start.mark) return false;
  return !marker.ordered || marker.number === start.number + count || marker.number === start.number;
}
