/**
 * What was typed and is not confirmed yet: kept so that a reload sends it again, under the key that it had.
 *
 * This file owns the list and its place in the tab's storage. It must not know how things are sent, nor how they
 * are drawn.
 */

const PLACE = "trio_chat.pending";

/**
 * One thing on its way.
 * @typedef {{key: string, room: string, text: string, command: boolean, replyTo?: number, at: number,
 *   state: "sending" | "sent" | "refused", seq?: number, error?: string}} Pending
 * `command`: `text` is a line that starts with a slash. `seq`: where it stands in the log, once the server has said so.
 */

export class Outbox {
  #items = new Map(); // by key, in the order in which they were typed

  /** @param storage the tab's `sessionStorage`, or what stands in for it. */
  constructor(storage) {
    this.storage = storage;
    for (const item of saved(storage)) this.#items.set(item.key, item);
  }

  get size() {
    return this.#items.size;
  }

  /** All that is on its way or was refused, in the order in which it was typed. */
  all() {
    return [...this.#items.values()];
  }

  /** That of one room. */
  of(room) {
    return this.all().filter((item) => item.room === room);
  }

  get(key) {
    return this.#items.get(key);
  }

  /** Add something, or change what is said of it. */
  put(item) {
    this.#items.set(item.key, item);
    this.#save();
  }

  drop(key) {
    if (this.#items.delete(key)) this.#save();
  }

  /** Drop what is in the log up to `seq`, and so is seen there. */
  seen(room, seq) {
    for (const item of this.all()) {
      if (item.room === room && item.seq !== undefined && item.seq <= seq) this.drop(item.key);
    }
  }

  /** Drop what a room had confirmed: its log is gone, and those entries with it. */
  lost(room) {
    for (const item of this.of(room)) if (item.seq !== undefined) this.drop(item.key);
  }

  #save() {
    try {
      this.storage.setItem(PLACE, JSON.stringify(this.all()));
    } catch {
      // The storage is full or refused: what is on its way is still sent, but a reload forgets it.
    }
  }
}

function saved(storage) {
  try {
    const items = JSON.parse(storage.getItem(PLACE) ?? "[]");
    return items.filter((item) => typeof item.key === "string" && typeof item.text === "string");
  } catch {
    return [];
  }
}
