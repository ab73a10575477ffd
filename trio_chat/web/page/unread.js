/**
 * What of a room has not been read: how many messages, how many of them speak to oneself, and up to where one has read.
 *
 * This file owns the counting, and the places in the browser's storage that all tabs share. It must not know what
 * reading is: whoever shows messages says which have been seen.
 */

/** So many are counted one by one; of more the newest, and the label says that there are others: "999+". */
export const COUNTED = 999;

const PREFIX = "trio_chat.read:";

/** The messages of one room that wait to be read. */
export class Unread {
  #waiting = []; // [seq, whether it speaks to us], ascending

  /** Whether there are more than were counted, or came at all. */
  more = false;

  get count() {
    return this.#waiting.length;
  }

  get mentions() {
    return this.#waiting.reduce((count, [, mention]) => count + (mention ? 1 : 0), 0);
  }

  get label() {
    return this.more ? `${this.count}+` : `${this.count}`;
  }

  note(seq, mention) {
    this.#waiting.push([seq, mention]);
    if (this.#waiting.length <= COUNTED) return;
    this.#waiting.shift();
    this.more = true;
  }

  /** Forget a message that was deleted before it was read. */
  forget(seq) {
    this.#waiting = this.#waiting.filter(([each]) => each !== seq);
  }

  readUpTo(seq) {
    const rest = this.#waiting.filter(([each]) => each > seq);
    if (rest.length === this.#waiting.length && !(this.more && rest.length === 0)) return false;
    this.#waiting = rest;
    if (rest.length === 0) this.more = false;
    return true;
  }
}

/** How far each room has been read, by any tab. A log of another epoch has not been read at all. */
export class ReadMarks {
  /** @param storage the browser's `localStorage`, or what stands in for it where that is refused. */
  constructor(storage) {
    this.storage = storage;
  }

  /** The last seq that was read, or undefined if the room was never seen. */
  get(room, epoch) {
    const [of, seq] = (this.storage.getItem(PREFIX + room) ?? "").split(" ");
    return of === epoch && /^\d+$/.test(seq) ? Number(seq) : undefined;
  }

  /** Note that the room was read up to `seq`; true if that is further than before. */
  set(room, epoch, seq) {
    const before = this.get(room, epoch);
    if (before !== undefined && before >= seq) return false;
    this.storage.setItem(PREFIX + room, `${epoch} ${seq}`);
    return true;
  }

  /** The room that a storage event of another tab speaks of, if it does. */
  static roomOf(event) {
    return event.key?.startsWith(PREFIX) ? event.key.slice(PREFIX.length) : undefined;
  }
}

const WORD = "[\\p{L}\\p{N}_]";

/** The pattern made last: all messages of a room are asked about the same nick, with every frame. */
let known = { nick: "", pattern: /(?!)/u };

/** Tell whether a text calls somebody by name, as a word of its own. */
export function mentions(text, nick) {
  if (!nick) return false;
  if (known.nick !== nick) {
    const name = nick.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    known = { nick, pattern: new RegExp(`(?<!${WORD})${name}(?!${WORD})`, "iu") };
  }
  return known.pattern.test(text);
}
