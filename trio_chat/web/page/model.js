/**
 * All that one sees of the chat, without a pixel: the rooms that one is in, the one that is open, and the connection.
 *
 * This file owns which rooms there are and which is looked at; what an event changes is in `events.js`. It must not know
 * how anything is drawn: it says what has changed by name ("rooms", "timeline", "members", "state"), and whoever draws looks.
 */

import { HANDLERS } from "./events.js";
import { Outbox } from "./outbox.js";
import { Reader } from "./reader.js";
import { Room } from "./room.js";
import { Sender } from "./sender.js";
import { ReadMarks } from "./unread.js";

export const LOBBY = "lobby";
const ROOMS = "trio_chat.rooms";

/** Entries asked for when a room is joined; a screen shows some thirty. */
const FIRST = 60;

/**
 * @property rooms by name, in the order in which they were joined.
 * @property current the name of the room that is open; null until the first one is.
 * @property connection the last `state` event.
 * @property scroll where the view should go next: `{room, seq}` or `{room, end: true}`; the view takes it away.
 * @property found the message that is pointed at, as `{room, seq}`.
 */
export class Model {
  /**
   * @param options `storage` (shared by tabs, kept), `tab` (this tab's own), `now` (a clock, Unix ms), `later`
   *   (`setTimeout`), `kept` (entries in a window), `changed(...parts)`, `onNews(room, message, mention)` for messages of
   *   others that just came, `onShow(what, detail)` for answers that want a window of their own ("rooms", "found"),
   *   `onReturned(room, text)` for commands that were refused: what was typed, and where; and `onTold(text)` for words to
   *   oneself in the open room.
   */
  constructor({ storage, tab, now = Date.now, later, kept, changed, onNews, onShow, onReturned, onTold }) {
    this.storage = storage;
    this.tab = tab;
    this.now = now;
    this.later = later ?? ((act, ms) => setTimeout(act, ms));
    this.kept = kept;
    this.changed = changed ?? (() => {});
    this.onNews = onNews ?? (() => {});
    this.onShow = onShow ?? (() => {});
    this.onReturned = onReturned ?? (() => {});
    this.onTold = onTold ?? (() => {});
    this.client = null;
    this.rooms = new Map();
    this.current = null;
    this.connection = { state: "connecting" };
    this.scroll = null;
    this.found = null;
    this.commands = [];
    this.marks = new ReadMarks(storage);
    this.outbox = new Outbox(tab);
    this.reader = new Reader(this);
    this.sender = new Sender(this);
  }

  get me() {
    return this.client?.author;
  }

  get nick() {
    return this.client?.nick ?? "";
  }

  /** The room that is open. */
  get room() {
    return this.rooms.get(this.current);
  }

  /** All that is unread: `{count, mentions}` over all rooms; in private ones every message speaks to us. */
  get waiting() {
    const sum = (what) => [...this.rooms.values()].reduce((all, { unread }) => all + unread[what], 0);
    return { count: sum("count"), mentions: sum("mentions") };
  }

  /**
   * Take a client, whose events are handed to `take`, and go where one was before, and to `first`.
   * What was on its way when the tab was closed or loaded anew goes out again.
   */
  begin(client, first = LOBBY) {
    this.client = client;
    const names = [...new Set([first, ...this.#savedRooms(), ...this.outbox.all().map(({ room }) => room)])];
    for (const name of names) if (!name.startsWith("@")) this.#join(name, name === first);
    if (first.startsWith("@")) this.direct(first.slice(1));
    this.sender.again();
  }

  /** Open a room at its end, or wherever it is; join it if one is not in it. */
  open(name, { atEnd = true } = {}) {
    if (this.current === name) return;
    if (!this.rooms.has(name)) {
      this.#join(name, true);
      return;
    }
    this.current = name;
    this.found = null;
    this.room.atBottom = true;
    this.room.drawLine();
    if (atEnd && !this.room.timeline.empty && !this.room.timeline.attached) this.reader.toEnd(this.room);
    this.changed("rooms", "timeline", "members");
  }

  /** Take in that nobody looks at the page any more, or that somebody does again: what comes in between is new. */
  looking(isLooking) {
    const { room } = this;
    if (room === undefined || room.unread.count > 0) return;
    room.newAfter = isLooking ? null : room.readUpTo;
  }

  /** Open the private room with somebody. */
  async direct(nick) {
    try {
      const { room } = await this.client.direct(nick);
      this.open(room);
    } catch (error) {
      await this.#complain(error);
    }
  }

  async leave(name) {
    try {
      await this.client.leave(name);
    } catch (error) {
      if (error.code !== "not_a_member") this.tell(error.message, { level: "warning" });
    }
    this.forgetLeft();
  }

  /** The room next to the open one in `names`, up or down, round the ends. */
  step(names, by) {
    const place = names.indexOf(this.current);
    this.open(names[(place + by + names.length) % names.length]);
  }

  /**
   * Say something to oneself alone, in a room, behind an entry: in the open one at the end if none is named.
   * `typed` is the line that it is about.
   */
  tell(text, { level = "info", room = this.current, after, typed } = {}) {
    const where = this.rooms.get(room) ?? this.room;
    if (where === undefined) return;
    where.locals.add(after ?? where.timeline.last, this.now(), { kind: "notice", text, level, typed });
    if (where === this.room) this.onTold(text);
    this.changed("timeline");
  }

  /** Members of a room as a list, people before bots, by name. */
  members(name = this.current) {
    const all = [...(this.client?.rooms.get(name)?.members.values() ?? [])];
    return all.sort((a, b) => Number(a.bot ?? false) - Number(b.bot ?? false) || a.nick.localeCompare(b.nick));
  }

  /** Whether the other one of a private room is there, as far as can be told from the rooms that one shares. */
  isHere(room) {
    for (const name of this.rooms.keys()) {
      for (const { author, nick } of this.client.rooms.get(name)?.members.values() ?? []) {
        if (author !== this.me && (name === room.name || nick === room.peer)) return true;
      }
    }
    return false;
  }

  // --- what comes in --------------------------------------------------------------------------------------------

  /** Take in an event of the client. */
  take(event) {
    HANDLERS[event.type]?.(this, event, this.rooms.get(event.room));
  }

  /** Note what has been seen of the open room: entries up to `seq`, and whether that is the end of what there is. */
  seen(seq, atBottom) {
    const room = this.room;
    if (room === undefined) return;
    room.atBottom = atBottom && room.timeline.attached;
    room.seenUpTo = seq;
    this.markRead(room, room.atBottom ? room.timeline.last : seq);
  }

  markRead(room, seq) {
    if (!room.read(seq)) return;
    this.marks.set(room.name, room.epoch, seq);
    this.changed("rooms");
  }

  /** Take in that another tab has read something. */
  readElsewhere(storageEvent) {
    const room = this.rooms.get(ReadMarks.roomOf(storageEvent));
    const seq = room && this.marks.get(room.name, room.epoch);
    if (seq !== undefined && room.read(seq)) this.changed("rooms");
  }

  /** Forget the rooms that the client is not in any more. */
  forgetLeft() {
    for (const name of [...this.rooms.keys()]) if (!this.client.rooms.has(name)) this.rooms.delete(name);
    this.#saveRooms();
    if (!this.rooms.has(this.current)) {
      this.current = null;
      const next = this.rooms.keys().next().value;
      if (next !== undefined) this.open(next);
    }
    this.changed("rooms", "timeline", "members");
  }

  async #join(name, open) {
    try {
      const joined = await this.client.join(name, { last: FIRST });
      if (open) this.open(joined.room);
    } catch (error) {
      this.#saveRooms();
      // A room of yesterday that is no more is no news; one that was asked for is.
      if (open && name !== LOBBY) await this.#complain(error);
    }
  }

  /** Tell that one could not go somewhere; from nowhere one comes into the lobby. */
  async #complain(error) {
    if (this.current === null) await this.#join(LOBBY, true);
    this.tell(error.message, { level: "warning" });
  }

  #savedRooms() {
    try {
      return JSON.parse(this.storage.getItem(ROOMS) ?? "[]").filter((name) => typeof name === "string");
    } catch {
      return [];
    }
  }

  #saveRooms() {
    this.storage.setItem(ROOMS, JSON.stringify([...this.rooms.keys()]));
  }

  /** Take in a `joined`, be it an answer or news. */
  joined(event) {
    let room = this.rooms.get(event.room);
    const isNew = room === undefined;
    if (isNew) {
      room = new Room(event.room, this.kept);
      this.rooms.set(event.room, room);
      this.#saveRooms();
    }
    room.joined(event, this.marks.get(event.room, event.epoch));
    if (this.marks.get(event.room, event.epoch) === undefined) this.marks.set(event.room, event.epoch, room.readUpTo);
    this.changed("rooms", "timeline", "members");
  }
}
