/**
 * Where a client stands in the log of one room: what of the stream is due, what comes twice, what is missing.
 *
 * This file owns the rules that make every entry come out exactly once and in order. It is pure: it must not know
 * connections, requests, or who takes the events. Use: ask `isDue(event)`; if so, hand the event over, then
 * `advance(event)`; where the stream cannot be followed, `lag()`, and join the room again with `position`. It is
 * `trio_chat/client/cursor.py` in JavaScript.
 */
// @ts-check

/** @typedef {import("./messages.js").Said} Said */
/** @typedef {{epoch: string, seq: number}} Position */

/** How many entries a `join` brings that names no number, as docs/protocol.md has it. */
export const DEFAULT_LAST = 50;

/** The server left a hole in the log without a `gap`. Connect again: joining after the position mends it. */
export class BrokenPromise extends Error {
  constructor(/** @type {string} */ message) {
    super(message);
    this.name = "BrokenPromise";
  }
}

/** One client's place in one room's log. */
export class Cursor {
  /** The server decides where the stream starts: at the latest behind the head. */
  #loose = true;
  #ceiling;
  /** The epoch of what the server sends. */
  #arriving;
  #gapDue = false;

  /**
   * @param {Said} joined the answer by which the client came into the room.
   * @param {number} last the number of stored entries that were asked for.
   */
  constructor(joined, last) {
    /** The life of the log that `seq` belongs to. @type {string} */
    this.epoch = joined.epoch;
    /**
     * The last entry that was handed over, or that came before all that was asked for. A cut before the first entry
     * must lose none of those that were asked for, nor any newer one. @type {number}
     */
    this.seq = Math.max(0, joined.head - last);
    /** Whether the stream is being ignored until the room is joined again. */
    this.lagging = false;
    /** Changes with every gap of reason `epoch`. Note it when asking to join after `position`. */
    this.generation = 0;
    this.#ceiling = joined.head;
    this.#arriving = joined.epoch;
  }

  /**
   * Return the cursor of a client that knows a room up to `position` from an earlier life.
   *
   * @param {Said} joined
   * @param {Position} position
   */
  static after(joined, position) {
    const cursor = new Cursor(joined, 0);
    cursor.epoch = position.epoch;
    cursor.seq = position.seq;
    cursor.resumed(joined, cursor.generation);
    return cursor;
  }

  /** What to join after. @returns {Position} */
  get position() {
    return { epoch: this.epoch, seq: this.seq };
  }

  /** Ignore the stream until `resumed`. */
  lag() {
    this.lagging = true;
  }

  /**
   * Note the answer to a join after the `position` of that `generation`.
   *
   * A position of an older generation may have been asked for twice before the first answer came. The server then tells
   * of the new epoch twice. The second time it is no news, unless more has expired meanwhile, and entries that come
   * again are known.
   *
   * @param {Said} joined
   * @param {number} generation
   */
  resumed(joined, generation) {
    this.lagging = this.#loose = false;
    this.#arriving = joined.epoch;
    this.#gapDue = generation === this.generation;
  }

  /**
   * Say whether `event` comes next; false for what is known already and for all while lagging.
   *
   * @param {Said} event an entry, `live` or `gap`.
   * @throws {BrokenPromise} something is missing before it.
   */
  isDue(event) {
    if (this.lagging) return false;
    if (event.type === "gap") return this.#startsAnew(event) || event.next - 1 > this.seq;
    if (this.#arriving !== this.epoch) {
      throw new BrokenPromise(`the log of ${event.room} has another epoch, and no gap said so`);
    }
    const reached = event.type === "live" ? event.seq : event.seq - 1; // what must have come before it
    const known = this.#loose ? this.#ceiling : this.seq;
    if (reached > known) {
      throw new BrokenPromise(`the log of ${event.room} goes on at ${event.seq}, after ${known}`);
    }
    return this.#loose || reached === this.seq;
  }

  /** Note that `event`, which was due, has been handed over. */
  advance(/** @type {Said} */ event) {
    this.#loose = false;
    if (event.type !== "gap") {
      this.seq = event.seq;
      return;
    }
    this.seq = event.next - 1;
    if (this.#startsAnew(event)) {
      this.epoch = this.#arriving;
      this.generation += 1;
      this.#gapDue = false;
    }
  }

  #startsAnew(/** @type {Said} */ gap) {
    return gap.reason === "epoch" && this.#gapDue;
  }
}
