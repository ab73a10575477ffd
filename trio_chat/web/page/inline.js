/**
 * Markdown within a paragraph: code, emphasis, links.
 *
 * This file owns the marks that stand in lines, and which addresses become links. It must not know blocks nor the
 * document. It goes through the text once, as CommonMark's own algorithm does: a delimiter that may close looks back
 * for one that opens, and where it found none, nobody looks again.
 */
// @ts-check

import { linkAt, urlAt } from "./links.js";

/**
 * @typedef {{type: "text", text: string} | {type: "code", text: string} | {type: "break"}
 *     | {type: "strong" | "emphasis" | "strike", inline: Inline[]} | {type: "link", href: string, text: string}} Inline
 */
/** @typedef {{id: number, char: string, count: number, length: number, canClose: boolean, place: number}} Opener */
/** @typedef {{char: string, length: number, canOpen: boolean, canClose: boolean}} Run of delimiters */

/** How deep emphasis may lie in emphasis; deeper marks are text. */
const DEPTH_MAX = 16;

const PLAIN = /[^\n\\`*_~[hHmM]+/uy;
const RUN = /`+|\*+|_+|~+/uy;
const ESCAPE = /\\([`*_~[\]>#+-])/uy;
const SPACE = /^\s?$/u; // also the beginning and the end of the text
const PUNCTUATION = /^[\p{P}\p{S}]$/u;

/**
 * Return what a paragraph holds.
 *
 * @param {string} text
 * @returns {Inline[]}
 */
export function parseInline(text) {
  return new InlineParser(text).parse();
}

/** Return what a reader sees of it; a break is a newline. */
export function visibleText(/** @type {Inline[]} */ inline) {
  /** @type {string} */
  const text = inline
    .map((node) => {
      if (node.type === "break") return "\n";
      return "inline" in node ? visibleText(node.inline) : node.text;
    })
    .join("");
  return text;
}

class InlineParser {
  #text;
  #place = 0;
  /** What has been made so far; openers lie in it as text. @type {Inline[]} */
  #nodes = [];
  /** Delimiters that may open and were not closed yet. @type {Opener[]} */
  #openers = [];
  #ids = 0;
  /** For each kind of closing run, the last opener that is known not to fit it. @type {Map<string, number>} */
  #bottoms = new Map();
  /** How deep the wrapped nodes are. @type {Map<Inline, number>} */
  #depths = new Map();
  /** Where runs of so many backticks begin, the last one first. @type {Map<number, number[]> | null} */
  #ticks = null;
  /** Up to here no address begins. */
  #noUrlBefore = 0;

  constructor(/** @type {string} */ text) {
    this.#text = text;
  }

  parse() {
    while (this.#place < this.#text.length) this.#step();
    return tidied(this.#nodes);
  }

  /** Take the next mark, or what stands before it. */
  #step() {
    const char = this.#text[this.#place];
    if (char === "\n") this.#put({ type: "break" }, 1);
    else if (char === "`") this.#takeCode();
    else if (char === "*" || char === "_" || char === "~") this.#takeRun();
    else if (char === "[") this.#takeLink();
    else if (char === "\\") this.#takeEscape();
    else if (!this.#takeUrl()) this.#say(this.#match(PLAIN)?.[0] ?? char);
  }

  #match(/** @type {RegExp} */ pattern) {
    pattern.lastIndex = this.#place;
    return pattern.exec(this.#text);
  }

  #put(/** @type {Inline} */ node, /** @type {number} */ length) {
    this.#nodes.push(node);
    this.#place += length;
  }

  #say(/** @type {string} */ text) {
    this.#put({ type: "text", text }, text.length);
  }

  #takeEscape() {
    const escaped = this.#match(ESCAPE);
    if (escaped === null) this.#say("\\");
    else this.#put({ type: "text", text: escaped[1] }, escaped[0].length);
  }

  // --- code and links --------------------------------------------------------------------------------

  /** Nothing in code is interpreted. It ends with as many backticks as it begins with. */
  #takeCode() {
    const [ticks] = /** @type {RegExpExecArray} */ (this.#match(RUN));
    const start = this.#place + ticks.length;
    const end = this.#nextTicks(ticks.length, start);
    if (end === undefined) {
      this.#say(ticks);
      return;
    }
    const text = this.#text.slice(start, end).replace(/\n/gu, " ");
    // So that code can begin and end with a backtick.
    const isPadded = text.startsWith(" ") && text.endsWith(" ") && text.trim() !== "";
    this.#put({ type: "code", text: isPadded ? text.slice(1, -1) : text }, end + ticks.length - this.#place);
  }

  /** Return where the next run of so many backticks begins, from `start` on. */
  #nextTicks(/** @type {number} */ length, /** @type {number} */ start) {
    if (this.#ticks === null) {
      this.#ticks = new Map();
      for (const run of [...this.#text.matchAll(/`+/gu)].reverse()) {
        const places = this.#ticks.get(run[0].length) ?? [];
        places.push(run.index);
        this.#ticks.set(run[0].length, places);
      }
    }
    const places = this.#ticks.get(length) ?? [];
    while (places.length > 0 && places[places.length - 1] < start) places.pop();
    return places.at(-1);
  }

  #takeLink() {
    const link = linkAt(this.#text, this.#place);
    if (link === null) this.#say("[");
    else {
      const text = visibleText(parseInline(link.label)); // there is no link in it, for there is no bracket
      this.#put({ type: "link", href: link.href, text }, link.end - this.#place);
    }
  }

  /** Take the bare address that begins here, if one does. */
  #takeUrl() {
    const url = this.#place < this.#noUrlBefore ? null : urlAt(this.#text, this.#place);
    if (url === null) return false;
    if (url.href === null) {
      this.#noUrlBefore = url.end;
      return false;
    }
    this.#put({ type: "link", href: url.href, text: url.text }, url.text.length);
    return true;
  }

  // --- emphasis --------------------------------------------------------------------------------------

  #takeRun() {
    const [delimiters] = /** @type {RegExpExecArray} */ (this.#match(RUN));
    const run = runAt(this.#text, this.#place, delimiters);
    const left = run.canClose ? this.#close(run) : run.length;
    this.#place += run.length;
    if (left === 0) return;
    if (run.canOpen) {
      this.#ids += 1;
      const { char, length, canClose } = run;
      this.#openers.push({ id: this.#ids, char, count: left, length, canClose, place: this.#nodes.length });
    }
    this.#nodes.push({ type: "text", text: run.char.repeat(left) });
  }

  /** Close what the run can, and return how many of its delimiters are left. */
  #close(/** @type {Run} */ run) {
    let left = run.length;
    while (left > 0) {
      const opener = this.#openerFor(run);
      if (opener === undefined) break;
      const used = Math.min(2, left, opener.count);
      if (!this.#wrap(opener, used)) break;
      left -= used;
    }
    return left;
  }

  /** Return the last opener that fits the run; those above it will never be closed. */
  #openerFor(/** @type {Run} */ run) {
    const kind = `${run.char}${run.canOpen}${run.length % 3}`;
    const bottom = this.#bottoms.get(kind) ?? 0;
    for (let index = this.#openers.length - 1; index >= 0 && this.#openers[index].id > bottom; index -= 1) {
      if (fits(this.#openers[index], run)) return this.#openers[index];
    }
    this.#bottoms.set(kind, this.#ids);
    return undefined;
  }

  /** Make one node of all that stands behind the opener; false if it were too deep. */
  #wrap(/** @type {Opener} */ opener, /** @type {number} */ used) {
    let depth = 1;
    for (let index = opener.place + 1; index < this.#nodes.length; index += 1) {
      depth = Math.max(depth, 1 + (this.#depths.get(this.#nodes[index]) ?? 0));
    }
    if (depth > DEPTH_MAX) {
      this.#openers.length = 0; // what is open stays text: it would lie even deeper
      return false;
    }
    const inline = tidied(this.#nodes.splice(opener.place + 1));
    while (this.#openers.at(-1) !== opener) this.#openers.pop();
    opener.count -= used;
    if (opener.count === 0) {
      this.#openers.pop();
      this.#nodes.pop();
    } else this.#nodes[opener.place] = { type: "text", text: opener.char.repeat(opener.count) };
    /** @type {Inline} */
    const node = { type: opener.char === "~" ? "strike" : used === 2 ? "strong" : "emphasis", inline };
    this.#depths.set(node, depth);
    this.#nodes.push(node);
    return true;
  }
}

/** Say what a run of delimiters can do where it stands (CommonMark 0.31, section 6.2). @returns {Run} */
function runAt(/** @type {string} */ text, /** @type {number} */ place, /** @type {string} */ delimiters) {
  const [char, length] = [delimiters[0], delimiters.length];
  const before = characterBefore(text, place);
  const [after = ""] = text.slice(place + length, place + length + 2);
  const [spaceBefore, spaceAfter] = [SPACE.test(before), SPACE.test(after)];
  const [markBefore, markAfter] = [PUNCTUATION.test(before), PUNCTUATION.test(after)];
  const leftFlanking = !spaceAfter && (!markAfter || spaceBefore || markBefore);
  const rightFlanking = !spaceBefore && (!markBefore || spaceAfter || markAfter);
  if (char === "~")
    return { char, length, canOpen: leftFlanking && length === 2, canClose: rightFlanking && length === 2 };
  if (char === "*") return { char, length, canOpen: leftFlanking, canClose: rightFlanking };
  return {
    char,
    length,
    canOpen: leftFlanking && (!rightFlanking || markBefore),
    canClose: rightFlanking && (!leftFlanking || markAfter),
  };
}

function characterBefore(/** @type {string} */ text, /** @type {number} */ place) {
  const [last = ""] = [...text.slice(Math.max(0, place - 2), place)].slice(-1);
  return last;
}

/** Say whether a run closes an opener; the rule of three of CommonMark keeps `*a**b*` from coming apart. */
function fits(/** @type {Opener} */ opener, /** @type {Run} */ run) {
  if (opener.char !== run.char) return false;
  if (!opener.canClose && !run.canOpen) return true;
  return (opener.length + run.length) % 3 !== 0 || (opener.length % 3 === 0 && run.length % 3 === 0);
}

/** Return nodes with the texts that stand side by side made into one. */
function tidied(/** @type {Inline[]} */ nodes) {
  /** @type {Inline[]} */
  const made = [];
  for (const node of nodes) {
    const last = made.at(-1);
    if (node.type !== "text" || last?.type !== "text") made.push(node.type === "text" ? { ...node } : node);
    else last.text += node.text;
  }
  return made;
}
