/**
 * A small chat server in memory, as docs/protocol.md has it: logs, keys, people, presence, private rooms.
 *
 * It is a fake that is held against the real one: `real.test.js` plays the same scenario on both. A test can have it
 * refuse, lose its logs, or let old entries expire. It must not know the client library, but for frames.
 */

import { FrameDecoder, encodeFrame } from "../../../trio_chat/web/page/frames.js";

export const LIMITS = {
  frame_bytes: 65_536,
  text_chars: 4_000,
  nick_chars: 32,
  room_chars: 64,
  topic_chars: 500,
  page_entries: 500,
  page_bytes: 262_144,
};

export class ModelServer {
  epoch = "e1";
  pingMs = 30_000;
  /** room name -> {entries, first, topic, inside}, and `peers` of a private one */
  rooms = new Map();
  /** author + key -> the answer `posted` */
  keys = new Map();
  /** session -> author */
  authors = new Map();
  /** nick -> author */
  nicks = new Map();
  connections = new Set();
  /** Errors that the next requests of a type get instead of being carried out: {type, code, retry_after_ms}. */
  refusals = [];
  /** What is said of the turns that are open, right behind `joined`: events `turn` and `draft`. */
  turns = [];
  /** Every request, in order. */
  asked = [];

  /** What `Network` takes as `accept`. */
  accept = (send, close) => new Connection(this, send, close);

  room(name) {
    if (!this.rooms.has(name))
      this.rooms.set(name, { name, entries: [], first: 1, topic: "", peers: null, inside: new Set() });
    return this.rooms.get(name);
  }

  /** Append an entry and publish it. */
  append(name, entry) {
    const room = this.room(name);
    const whole = { ...entry, room: name, seq: room.entries.length + 1, at: 1_700_000_000_000 };
    room.entries.push(whole);
    if (entry.type === "topic_set") room.topic = entry.text;
    if (entry.type === "edited")
      Object.assign(room.entries[entry.target - 1], { text: entry.text, edited_at: whole.at });
    if (entry.type === "redacted") Object.assign(room.entries[entry.target - 1], { text: "", redacted: true });
    return whole;
  }

  publish(entry) {
    for (const connection of this.in(entry.room)) connection.send({ ...entry });
  }

  /** Say something as somebody who is not connected. */
  say(room, text, nick = "other") {
    const entry = this.append(room, { type: "message", author: `a-${nick}`, nick, text });
    this.publish(entry);
    return entry;
  }

  /** The connections that are in a room. */
  in(name) {
    return [...this.room(name).inside];
  }

  members(name) {
    const people = this.in(name).map(({ author, called }) => [author, { author, nick: called }]);
    return [...new Map(people).values()];
  }

  /** Lose all logs, and say goodbye to nobody: a start after the disk was lost. */
  restartEmpty(epoch) {
    this.epoch = epoch;
    this.rooms.clear();
    this.keys.clear();
  }

  /** Forget the entries of a room up to `seq`. */
  expire(name, seq) {
    const room = this.room(name);
    room.first = Math.max(room.first, Math.min(seq, room.entries.length) + 1);
  }
}

class Connection {
  author = null;
  called = "";
  joined = new Set();
  #decoder = new FrameDecoder(LIMITS.frame_bytes);

  constructor(server, send, close) {
    this.server = server;
    this.write = send;
    this.close = close;
    server.connections.add(this);
  }

  receive(data) {
    for (const payload of this.#decoder.feed(data)) this.#carryOut(JSON.parse(payload));
  }

  closed() {
    this.server.connections.delete(this);
    for (const room of [...this.joined]) this.#exit(room, this.isPolite ? "left" : "lost");
  }

  /** Be in a room; the others hear of it unless `isQuiet`. */
  #enter(name, { isQuiet = false } = {}) {
    if (this.joined.has(name)) return;
    if (!isQuiet) this.#tellOthers(name, "joined");
    this.joined.add(name);
    this.server.room(name).inside.add(this);
  }

  #exit(name, change) {
    this.joined.delete(name);
    this.server.room(name).inside.delete(this);
    this.#tellOthers(name, change);
  }

  send(message) {
    this.write(encodeFrame(JSON.stringify(message), 1_048_576));
  }

  #carryOut(request) {
    if (request.type === "pong") return;
    if (request.type === "ping") {
      this.send({ type: "pong", id: request.id });
      return;
    }
    this.server.asked.push(request);
    const refused = this.server.refusals.findIndex(({ type }) => type === request.type);
    if (refused !== -1) {
      const { code, retry_after_ms } = this.server.refusals.splice(refused, 1)[0];
      this.#refuse(request, code, retry_after_ms);
    } else if (this.author === null && request.type !== "hello" && request.type !== "bye") {
      this.#refuse(request, "not_welcome");
    } else this[request.type](request);
  }

  #refuse({ id }, code, retry_after_ms) {
    this.send({ type: "error", id, code, message: `Refused: ${code}.`, retry_after_ms });
  }

  /** Tell who is in a room that this person came or went, if no other connection of theirs is in it. */
  #tellOthers(room, change) {
    const inside = this.server.in(room).filter((one) => one !== this);
    if (inside.some(({ author }) => author === this.author)) return;
    const { author, called: nick } = this;
    for (const one of inside) one.send({ type: "presence", room, author, nick, change });
  }

  // --- requests ----------------------------------------------------------------------------------------

  hello({ id, session, nick }) {
    const { authors, nicks, pingMs } = this.server;
    if (!authors.has(session)) authors.set(session, `a${authors.size + 1}`);
    const author = authors.get(session);
    if ((nicks.get(nick) ?? author) !== author) {
      this.#refuse({ id }, "nick_taken");
      return;
    }
    nicks.set(nick, author);
    Object.assign(this, { author, called: nick });
    const who = { author, nick, role: "member" };
    this.send({ type: "welcome", id, version: 1, server: "model", ...who, limits: LIMITS, ping_ms: pingMs });
  }

  join({ id, room: asked, after, last = 50 }) {
    const name = asked.replace(/^#/, "").toLowerCase();
    const room = this.server.room(name);
    this.#enter(name);
    this.#begin(id, room);
    this.#catchUp(room, after, last);
  }

  direct({ id, nick }) {
    const peer = this.server.nicks.get(nick);
    if (peer === undefined) {
      this.#refuse({ id }, "no_such_person");
      return;
    }
    const room = this.server.room(`~${[this.author, peer].sort().join("-")}`);
    room.peers = [this.author, peer];
    const isQuiet = room.inside.size === 0;
    const all = room.peers.flatMap((author) => [...this.server.connections].filter((one) => one.author === author));
    const absent = [...new Set(all)].filter((one) => !one.joined.has(room.name));
    for (const one of absent) one.#enter(room.name, { isQuiet });
    for (const one of absent) if (one !== this) one.#begin(undefined, room);
    this.#begin(id, room);
    for (const one of absent) one.#catchUp(room, undefined, 50);
  }

  #begin(id, room) {
    const members = this.server.members(room.name);
    const peer = room.peers === null ? undefined : this.#peerIn(room);
    const { epoch } = this.server;
    const known = { epoch, head: room.entries.length, topic: room.topic, members, count: members.length };
    this.send({ type: "joined", id, room: room.name, ...known, peer });
    for (const event of this.server.turns) if (event.room === room.name) this.send({ ...event });
  }

  #peerIn(room) {
    const author = room.peers.find((one) => one !== this.author) ?? this.author;
    return [...this.server.nicks].find(([, owner]) => owner === author)?.[0];
  }

  #catchUp({ name, entries, first }, after, last) {
    const head = entries.length;
    let from = Math.max(head - last, first - 1);
    if (after !== undefined) {
      const isOther = after.epoch !== this.server.epoch || after.seq > head;
      from = isOther ? first - 1 : Math.max(after.seq, first - 1);
      const gap = { type: "gap", room: name, after: after.seq, next: from + 1 };
      if (isOther) this.send({ ...gap, reason: "epoch" });
      else if (from > after.seq) this.send({ ...gap, reason: "expired" });
    }
    for (const entry of entries.slice(from)) this.send(entry);
    this.send({ type: "live", room: name, seq: head });
  }

  leave({ id, room }) {
    if (!this.joined.has(room)) {
      this.#refuse({ id }, "not_a_member");
      return;
    }
    this.#exit(room, "left");
    this.send({ type: "done", id });
  }

  post(request) {
    const { text, action, reply_to } = request;
    this.#write(request, { type: "message", text, ...(action && { action }), ...(reply_to && { reply_to }) });
  }

  edit(request) {
    this.#write(request, { type: "edited", target: request.target, text: request.text });
  }

  redact(request) {
    this.#write(request, { type: "redacted", target: request.target, reason: request.reason });
  }

  topic(request) {
    this.#write(request, { type: "topic_set", text: request.text });
  }

  #write({ id, room, key }, entry) {
    if (!this.joined.has(room)) {
      this.#refuse({ id }, "not_a_member");
      return;
    }
    const name = `${this.author} ${key}`;
    const known = this.server.keys.get(name);
    const { author, called: nick } = this;
    const kept = known ?? this.server.append(room, { ...entry, author, nick });
    this.server.keys.set(name, kept);
    const duplicate = known === undefined ? undefined : true;
    this.send({ type: "posted", id, room, seq: kept.seq, at: kept.at, duplicate });
    if (known === undefined) this.server.publish(kept);
  }

  history({ id, room, before = Infinity, limit = 50 }) {
    const { entries, first } = this.server.room(room);
    const below = entries.filter(({ seq }) => seq < before && seq >= first);
    this.send({ type: "history", id, room, entries: below.slice(-limit), more: below.length > limit });
  }

  nick({ id, nick }) {
    if ((this.server.nicks.get(nick) ?? this.author) !== this.author) {
      this.#refuse({ id }, "nick_taken");
      return;
    }
    this.server.nicks.delete(this.called);
    this.server.nicks.set(nick, this.author);
    const renamed = { author: this.author, nick: this.called, change: "renamed", to: nick };
    for (const room of this.joined) {
      for (const one of this.server.in(room)) one.send({ type: "presence", room, ...renamed });
    }
    this.called = nick;
    this.send({ type: "done", id });
  }

  command(request) {
    const [, name, words] = /^\/(\S+) ?(.*)$/s.exec(request.line);
    if (name === "join") this.join({ id: request.id, room: words });
    else if (name === "leave") this.leave({ id: request.id, room: words || request.room });
    else if (name === "me") this.post({ ...request, text: words, action: true });
    else if (name === "quit") this.bye({ ...request, reason: words });
    else this.send({ type: "notice", id: request.id, text: "What?", room: request.room });
  }

  bye({ id, reason = "" }) {
    this.server.nicks.delete(this.called);
    this.isPolite = true;
    this.send({ type: "bye", id, reason });
    this.close();
  }
}
