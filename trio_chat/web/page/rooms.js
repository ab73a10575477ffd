/**
 * The rooms that a client is in: what is known of each, and which must be joined again.
 *
 * This file owns the effect of every message on that. It must not know connections, nor who takes the events. It is
 * `trio_chat/client/rooms.py` in JavaScript.
 */
// @ts-check

import { Cursor } from "./cursor.js";

/** @typedef {import("./messages.js").Said} Said */
/** @typedef {import("./cursor.js").Position} Position */
/** @typedef {{author: string, nick: string, bot?: boolean, role?: string}} Member */

/** A room that this client is in, for reading only: what has arrived. */
export class RoomView {
  #topicSeq = 0;

  /**
   * @param {Said} joined the answer by which we came in.
   * @param {Cursor} cursor
   */
  constructor(joined, cursor) {
    /** As the server spells it. @type {string} */
    this.name = joined.room;
    /** Where in the log we stand. */
    this.cursor = cursor;
    /** Whether a `leave` is under way. */
    this.leaving = false;
    this.topic = "";
    /**
     * Who is present, by author; of a large room the first 500 and those who came since. @type {Map<string, Member>}
     */
    this.members = new Map();
    /** How many are present. */
    this.count = 0;
    /** The nick of the other one in a private room, as last heard. @type {string | null} */
    this.peer = null;
    this.describe(joined);
  }

  /** The life of the log that `seq` belongs to. */
  get epoch() {
    return this.cursor.epoch;
  }

  /** The last entry that was handed out; before the first, where they will start. */
  get seq() {
    return this.cursor.seq;
  }

  /** Take over what an answer to a join tells of the room. */
  describe(/** @type {Said} */ joined) {
    this.topic = joined.topic;
    this.peer = joined.peer ?? this.peer; // a server that has started anew does not know who is not back yet
    this.#topicSeq = joined.head; // older entries that are still to come do not change the topic back
    this.#list(joined.members, joined.count);
  }

  /** Take over what an entry changes, due or not. */
  arrived(/** @type {Said} */ entry) {
    if (entry.type === "topic_set" && entry.seq > this.#topicSeq) {
      this.topic = entry.text;
      this.#topicSeq = entry.seq;
    }
  }

  /** Take over who came and went. */
  news(/** @type {Said} */ event) {
    if (event.type === "members") this.#list(event.members, event.count);
    else if (event.change === "renamed") this.#renamed(event);
    else if (event.change === "joined") this.#came(event);
    else {
      this.count = Math.max(0, this.count - 1);
      this.members.delete(event.author);
    }
  }

  #renamed(/** @type {Said} */ event) {
    if (event.to == null) return;
    if (event.nick === this.peer) this.peer = event.to;
    const known = this.members.get(event.author);
    if (known !== undefined) this.members.set(event.author, { ...known, nick: event.to });
  }

  #came(/** @type {Said} */ event) {
    if (!this.members.has(event.author)) this.count += 1;
    this.members.set(event.author, { author: event.author, nick: event.nick, bot: event.bot ?? false, role: "member" });
    if (this.name.startsWith("~")) this.peer = event.nick;
  }

  #list(/** @type {Member[]} */ members, /** @type {number} */ count) {
    this.members = new Map(members.map((member) => [member.author, { bot: false, role: "member", ...member }]));
    this.count = count;
  }
}

/** All rooms of a client, by the name that the server spells. */
export class Rooms {
  /** @type {Map<string, RoomView>} */
  views = new Map();
  /** The rooms to be joined again, the one that waits longest first. @type {Set<string>} */
  #lagging = new Set();

  /** Return the room that a person may mean by `name`. */
  find(/** @type {string} */ name) {
    return this.views.get(name) ?? this.views.get(folded(name));
  }

  /**
   * Note that the server let us into a room, and say whether its stream is in step with our cursor.
   *
   * @param {Said} joined the answer, or the news.
   * @param {{last: number, after: Position | null, generation: number | null}} asked how many stored entries were asked
   *     for, or after what; the cursor's generation where it was asked for what comes after its position.
   */
  joined(joined, { last, after, generation }) {
    const view = this.views.get(joined.room);
    if (view === undefined) {
      const cursor = after === null ? new Cursor(joined, last) : Cursor.after(joined, after);
      this.views.set(joined.room, new RoomView(joined, cursor));
      return true;
    }
    view.describe(joined);
    if (generation === null) {
      // Somebody opened a room that we are in, or it was joined under another spelling: nobody knows where the server
      // starts. Asking again, after our position, settles it.
      this.lag(view);
      return false;
    }
    view.cursor.resumed(joined, generation);
    this.#lagging.delete(view.name);
    return true;
  }

  /** Forget a room. */
  left(/** @type {string} */ name) {
    const view = this.find(name);
    if (view === undefined) return;
    this.views.delete(view.name);
    this.#lagging.delete(view.name);
  }

  /** Ignore the room's stream until it is joined again, in its turn. */
  lag(/** @type {RoomView} */ view) {
    view.cursor.lag();
    this.#lagging.add(view.name);
  }

  /** Take out of the queue the room whose turn it is to be joined again; undefined if there is none. */
  nextLagging() {
    for (const name of this.#lagging) {
      this.#lagging.delete(name);
      return this.views.get(name);
    }
    return undefined;
  }

  /** Ignore what comes from any room until it is joined again, which the next connection begins with. */
  disconnected() {
    this.#lagging.clear();
    for (const view of this.views.values()) view.cursor.lag();
  }
}

/** Return a room's name without what the server does not tell apart, as far as a client can know it. */
export function folded(/** @type {string} */ name) {
  return name.trim().replace(/^#/, "").normalize("NFKC").toLowerCase();
}
