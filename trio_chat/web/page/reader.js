/**
 * Reading what is not at hand: older and newer pages of a room's log, a place far away in it, what was quoted, searching.
 *
 * This file owns what is asked for and when not to ask twice. It must not know how a page is put together
 * (`timeline.js`), nor who scrolls.
 */

/** Entries of a page: some six screens, so that who scrolls fast does not wait. */
export const PAGE = 200;

/** Entries that are read around a message that somebody wants to see. */
const AROUND = 60;

/** Quoted messages remembered that are not in the window. */
const QUOTED = 500;

export class Reader {
  #busy = new Set();
  #quotes = new Map();

  constructor(model) {
    this.model = model;
  }

  /** Whether older or newer entries of a room are on their way. */
  isBusy(room, way) {
    return this.#busy.has(`${way} ${room.name}`);
  }

  /** Add a page of older entries, if there are any. */
  async older(room) {
    const { timeline } = room;
    if (timeline.empty || timeline.atStart) return;
    const before = timeline.first;
    await this.#once(room, "older", async () => {
      const { entries, more } = await this.#history(room, { before });
      if (timeline.first === before) timeline.prepend(entries, more);
    });
  }

  /** Add a page of newer entries, if the window does not reach to the newest. */
  async newer(room) {
    const { timeline } = room;
    if (timeline.empty || timeline.attached) return;
    const after = timeline.last;
    await this.#once(room, "newer", async () => {
      const { entries, more } = await this.#history(room, { after });
      if (timeline.last === after) timeline.append(entries, more);
    });
  }

  /** Go to the newest entry. */
  async toEnd(room) {
    if (!room.timeline.attached) {
      await this.#once(room, "end", async () => {
        const { entries, more } = await this.#history(room, { limit: AROUND });
        room.timeline.replace(entries, more);
      });
    }
    this.model.found = null;
    this.model.scroll = { room: room.name, end: true };
    this.model.changed("timeline");
  }

  /** Open a room at a message, wherever in the log that is. */
  async jump(name, seq) {
    const { model } = this;
    if (!model.rooms.has(name)) await model.client.join(name, { last: AROUND });
    model.open(name, { atEnd: false });
    const { room } = model;
    room.atBottom = false;
    if (!room.timeline.holds(seq)) {
      await this.#once(room, "jump", async () => {
        const { entries, more } = await this.#history(room, { before: seq + AROUND / 2, limit: AROUND });
        room.timeline.replace(entries, more);
      });
    }
    room.seenUpTo = seq;
    model.found = { room: name, seq };
    model.scroll = { room: name, seq };
    model.changed("timeline");
  }

  /** A message that may be quoted, if it is at hand: undefined if it has not been asked for, null if it is not to be had. */
  quoted(room, seq) {
    return room.timeline.message(seq) ?? this.#quotes.get(`${room.name} ${seq}`);
  }

  /** Fetch a quoted message that is not at hand. */
  async fetchQuote(room, seq) {
    const place = `${room.name} ${seq}`;
    if (this.#quotes.has(place)) return;
    await this.#once(room, `quote ${seq}`, async () => {
      const { entries } = await this.#history(room, { after: seq - 1, limit: 1 });
      const [entry] = entries;
      this.#quotes.set(place, entry?.seq === seq && entry.type === "message" ? entry : null);
      if (this.#quotes.size > QUOTED) this.#quotes.delete(this.#quotes.keys().next().value);
    });
  }

  /** Forget a quoted message: it was deleted. */
  forget(name, seq) {
    this.#quotes.delete(`${name} ${seq}`);
  }

  /** Search; `room` (a name) or everywhere. The answer is `found`: `{entries, next}`. */
  search(query, { room, cursor } = {}) {
    const request = { type: "search", query, limit: 30 };
    if (room !== undefined) request.room = room;
    if (cursor !== undefined) request.cursor = cursor;
    return this.model.client.ask(request);
  }

  #history(room, request) {
    return this.model.client.ask({ type: "history", room: room.name, limit: PAGE, ...request });
  }

  /** Do something once at a time; what was refused is told, and nothing else happens. */
  async #once(room, what, act) {
    const place = `${what} ${room.name}`;
    if (this.#busy.has(place)) return;
    this.#busy.add(place);
    try {
      await act();
      room.timeline.trim(room.atBottom ? Infinity : room.seenUpTo);
    } catch (error) {
      this.model.tell(error.message, { level: "warning", room: room.name });
    } finally {
      this.#busy.delete(place);
      this.model.changed("timeline");
    }
  }
}
