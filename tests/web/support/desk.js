/**
 * A model with nobody around it: a client whose answers a test decides, and what comes out.
 *
 * This file owns both. It must not know what is proved.
 */

import { Model } from "../../../trio_chat/web/page/model.js";
import { Shelf } from "./shelf.js";

/** A client of which the test decides what it is answered. */
export class Scripted {
  author = "me";
  nick = "ann";
  rooms = new Map();
  asked = [];

  #ask(what, ...details) {
    return new Promise((resolve, reject) => this.asked.push({ what, details, resolve, reject }));
  }

  join = (...details) => this.#ask("join", ...details);
  post = (...details) => this.#ask("post", ...details);
  command = (...details) => this.#ask("command", ...details);
  ask = (...details) => this.#ask("ask", ...details);
  edit = (...details) => this.#ask("edit", ...details);

  last(what) {
    return this.asked.findLast((each) => each.what === what);
  }
}

export const settled = () => new Promise(setImmediate);

/** A page of the lobby's log, from one seq to another. */
export const page = (from, to) =>
  Array.from({ length: to - from + 1 }, (_, place) => ({
    type: "message",
    room: "lobby",
    seq: from + place,
    at: 1,
    author: "b",
    nick: "b",
    text: "x",
  }));

export class Desk {
  client = new Scripted();
  shown = [];
  returned = [];
  told = [];
  news = [];
  waiting = []; // what is to happen later

  constructor({ storage = new Shelf(), tab = new Shelf(), kept } = {}) {
    this.storage = storage;
    this.tab = tab;
    this.model = new Model({
      storage,
      tab,
      kept,
      now: () => 1_000,
      later: (act) => this.waiting.push(act),
      onNews: (room, message, mention) => this.news.push([room.name, message.seq, mention]),
      onShow: (what) => this.shown.push(what),
      onReturned: (...what) => this.returned.push(what),
      onTold: (text) => this.told.push(text),
    });
    this.model.begin(this.client);
  }

  /** Be in a room whose log has `head` entries, of which the last are in the window. */
  async in(name, head = 0, { epoch = "e", ...more } = {}) {
    const joined = { type: "joined", room: name, epoch, head, topic: "", members: [], count: 1, ...more };
    this.client.rooms.set(name, { members: new Map(), count: 1 });
    this.model.take(joined);
    for (let seq = Math.max(1, head - 3); seq <= head; seq++) this.says(name, seq);
    this.client.asked.find(({ what, details }) => what === "join" && details[0] === name)?.resolve(joined);
    await settled();
  }

  says(room, seq, { author = "b", ...more } = {}) {
    this.model.take({ type: "message", room, seq, at: seq, author, nick: author, text: `text ${seq}`, ...more });
  }
}
