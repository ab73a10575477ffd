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

/** A page that was refused is asked for again after so long, in ms: whoever looks at its place waits for it. */
const AGAIN_MS = 3_000;

export class Reader {
  #busy = new Set();
  #failing = new Set();
  #quotes = new Map();
  #jumps = 0;

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
    await this.#page(room, "older", before - 1, async () => {
      const { entries, more } = await this.#history(room, { before });
      if (timeline.first === before) timeline.prepend(entries, more);
    });
  }

  /** Add a page of newer entries, if the window does not reach to the newest. */
  async newer(room) {
    const { timeline } = room;
    if (timeline.empty || timeline.attached) return;
    const after = timeline.last;
    await this.#page(room, "newer", after, async () => {
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

  /** Open a room at a message, wherever in the log that is; of several wishes the last one counts. */
  async jump(name, seq) {
    const { model } = this;
    const jump = ++this.#jumps;
    try {
      if (!model.rooms.has(name)) await model.client.join(name, { last: AROUND });
      model.open(name, { atEnd: false });
      const { room } = model;
      room.atBottom = false;
      if (!room.timeline.holds(seq)) {
        const { entries, more } = await this.#history(room, { before: seq + AROUND / 2, limit: AROUND });
        if (jump !== this.#jumps) return;
        room.timeline.replace(entries, more);
      }
      room.seenUpTo = seq;
      model.found = { room: name, seq };
      model.scroll = { room: name, seq };
    } catch (error) {
      model.tell(error.message, { level: "warning" });
    }
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

  /** Forget a quoted message: it was changed or deleted. */
  forget(name, seq) {
    this.#quotes.delete(`${name} ${seq}`);
  }

  /** Forget what was quoted in a room: its log is another one. */
  forgetRoom(name) {
    for (const place of [...this.#quotes.keys()]) if (place.startsWith(`${name} `)) this.#quotes.delete(place);
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

  /**
   * Read a page of the log. Whoever draws asks for it with every frame in which it is missing: where it is refused, that is
   * told once, at its place behind the entry `after`, and it is not asked for again before a while.
   */
  async #page(room, way, after, act) {
    const place = `${way} ${room.name}`;
    await this.#once(room, way, async () => {
      try {
        await act();
        this.#failing.delete(place);
      } catch (error) {
        if (!this.#failing.has(place)) this.model.tell(error.message, { level: "warning", room: room.name, after });
        this.#failing.add(place);
        this.model.changed("timeline");
        await new Promise((resolve) => this.model.later(resolve, AGAIN_MS));
      }
    });
  }
}
