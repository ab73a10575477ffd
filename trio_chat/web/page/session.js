/**
 * Who we are, kept by the browser: the secret that makes us the same person next time, and the nick.
 *
 * This file owns where both lie and what happens where nothing can be kept. It must not know the connection. All tabs
 * of one origin are one person.
 */
// @ts-check

import { randomHex } from "./hex.js";

/** @typedef {Pick<Storage, "getItem" | "setItem">} Kept */

const SESSION = "trio_chat.session";
const NICK = "trio_chat.nick";
const FORM = /^[0-9a-f]{32}$/u;

/** What is kept for this page only where the browser keeps nothing. @type {Map<string, string>} */
const memory = new Map();

/**
 * Return who we are, made up where nobody was here before.
 *
 * @param {Kept | null} [storage] `localStorage` unless a test wants another; null where there is none.
 * @returns {{nick: string, session: string, kept: boolean}} an empty `nick`: none was chosen yet. Not `kept`: the
 *     browser refuses to, and whoever loads the page again is somebody else.
 */
export function loadIdentity(storage = browserStorage()) {
  let session = read(storage, SESSION);
  if (!FORM.test(session)) {
    write(storage, SESSION, randomHex());
    session = read(storage, SESSION); // another tab may have been first
  }
  return { nick: read(storage, NICK), session, kept: !memory.has(SESSION) };
}

/**
 * Keep the nick for the next time.
 *
 * @param {string} nick
 * @param {Kept | null} [storage]
 */
export function saveNick(nick, storage = browserStorage()) {
  write(storage, NICK, nick);
}

/** @returns {Kept | null} */
function browserStorage() {
  try {
    return globalThis.localStorage ?? null; // to look at it is refused already where cookies are
  } catch {
    return null;
  }
}

function read(/** @type {Kept | null} */ storage, /** @type {string} */ name) {
  try {
    return memory.get(name) ?? storage?.getItem(name) ?? "";
  } catch {
    return "";
  }
}

function write(/** @type {Kept | null} */ storage, /** @type {string} */ name, /** @type {string} */ value) {
  try {
    if (storage === null) throw new Error("nothing can be kept");
    storage.setItem(name, value);
    if (storage.getItem(name) === null) throw new Error("nothing was kept");
    memory.delete(name);
  } catch {
    memory.set(name, value); // for this page, then
  }
}
