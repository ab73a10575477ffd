/**
 * Which addresses in a text become links, and how far one that stands bare reaches.
 *
 * This file owns what is safe to point a browser at: http, https and mailto, in full. It must not know marks nor the
 * document. Whoever shows a link shows where it leads, for its text may say anything.
 */
// @ts-check

/** Where an address may begin; nothing else is tried. */
const SCHEME = /^(?:https?:\/\/|mailto:)/iu;

/**
 * A bare address, up to what can stand in none. A backslash is no part of one: browsers take it for a slash, readers do
 * not. Neither are characters that cannot be seen, which could turn the rest around.
 */
const BARE = /(?:https?:\/\/|mailto:)[^\s<>"`\\\p{Cc}\p{Cf}]+/iuy;

/** Its text holds no other link; its address no blank, and parentheses in pairs. All has bounds. (\x60: a backtick.) */
const LABEL = String.raw`(?:[^[\]\x60\\\n]|\\.|\x60[^\x60[\]\n]*\x60){1,1000}`;
const ADDRESS_PART = String.raw`[^\s()[\]<>"\x60\\]`;
const ADDRESS = String.raw`${ADDRESS_PART}{1,2000}(?:\(${ADDRESS_PART}*\)${ADDRESS_PART}*){0,20}`;
const LINK = new RegExp(String.raw`\[(${LABEL})\]\((${ADDRESS})\)`, "uy");

const WORD = /[\p{L}\p{N}_]$/u;
const TRAILING = new Set("?!.,:;*_~'’”»…。，、！？；：」』】》");
const CLOSING = new Map([
  [")", "("],
  ["]", "["],
  ["}", "{"],
]);

/**
 * Return the address as a browser would take it; null if it is none that may be a link.
 *
 * @param {string} address
 */
export function safeHref(address) {
  if (!SCHEME.test(address) || !URL.canParse(address)) return null;
  const url = new URL(address);
  // "https://bank.example@evil.example" has one of the two for a user's name: nobody means that in a chat.
  return url.username === "" && url.password === "" ? url.href : null;
}

/**
 * Return the link `[text](address)` that begins at `place`; null if none does.
 *
 * @param {string} text
 * @param {number} place
 * @returns {{href: string, label: string, end: number} | null} `label` as it stands between the brackets.
 */
export function linkAt(text, place) {
  LINK.lastIndex = place;
  const found = LINK.exec(text);
  const href = found && safeHref(found[2]);
  return found && href ? { href, label: found[1], end: place + found[0].length } : null;
}

/**
 * Return the bare address that begins at `place`; null if none does.
 *
 * @param {string} text
 * @param {number} place
 * @returns {{href: string | null, text: string, end: number} | null} no `href`: what looks like one, up to `end`,
 *     is none.
 */
export function urlAt(text, place) {
  BARE.lastIndex = place;
  const found = WORD.test(text.slice(Math.max(0, place - 2), place)) ? null : BARE.exec(text);
  if (found === null) return null;
  const address = withoutTrailing(found[0]);
  const href = safeHref(address);
  return href === null
    ? { href, text: "", end: place + found[0].length }
    : { href, text: address, end: place + address.length };
}

/** Return an address without the punctuation of the sentence that it stands in. */
function withoutTrailing(/** @type {string} */ address) {
  /** How often each bracket stands in what is left. @type {Map<string, number>} */
  const counts = new Map();
  for (const char of address) counts.set(char, (counts.get(char) ?? 0) + 1);
  let end = address.length;
  for (; end > 0; end -= 1) {
    const last = address[end - 1];
    const opening = CLOSING.get(last);
    const isUnbalanced = opening !== undefined && (counts.get(last) ?? 0) > (counts.get(opening) ?? 0);
    if (!TRAILING.has(last) && !isUnbalanced) break;
    counts.set(last, (counts.get(last) ?? 0) - 1);
  }
  return address.slice(0, end);
}
