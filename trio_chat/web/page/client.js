/**
 * The client library of the page: connected to a chat server again and again, as the same person, in the same rooms.
 *
 * This file owns what a page calls and hears. It must not know what the server's messages mean (`conversation.js`),
 * when to connect anew (`connection.js`), nor any document. Events come one by one, in order, every entry of a room
 * once; requests wait for a connection, and are asked again after a cut.
 */
// @ts-check

import { Backoff } from "./backoff.js";
import { Connection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { DEFAULT_LAST } from "./cursor.js";
import { randomHex } from "./hex.js";
import { GOODBYE_ID } from "./link.js";
import { Refused } from "./requests.js";

export { Refused };

/** @typedef {import("./messages.js").Said} Said */
/** @typedef {import("./link.js").Clock} Clock */
/** @typedef {import("./cursor.js").Position} Position */

/** @type {Clock} */
const BROWSER_CLOCK = {
  now: () => Date.now(), // not `performance.now`, which stands still in some browsers while the machine sleeps
  setTimeout: (act, ms) => setTimeout(act, ms),
  clearTimeout: (timer) => clearTimeout(timer),
};

const CLOSED = "This client was closed before the answer came.";

/** A client of one server, for one person. */
export class Client {
  /** What the server accepts, after the first welcome. @type {Record<string, number> | null} */
  limits = null;

  #connection;
  #conversation;
  #onEvent;
  #random;
  #ids = 0;

  /**
   * @param {object} options
   * @param {string} options.url of the WebSocket.
   * @param {string} options.nick the name to go by, as long as nobody else has it.
   * @param {string} options.session the secret that makes us the same person next time, 32 hexadecimal digits.
   * @param {string} [options.agent] what program this is, for the server's log.
   * @param {(url: string) => WebSocket} [options.openSocket]
   * @param {Clock} [options.clock]
   * @param {() => number} [options.random]
   * @param {(event: Said) => void} [options.onEvent] takes everything that happens, in order: the protocol's messages
   *     as decoded, and `{type: "state", state, reason, retryInMs, nick}`. What it throws goes to the console.
   */
  constructor({ url, nick, session, agent = "trio_chat page", openSocket, clock, random, onEvent }) {
    this.#random = random ?? Math.random;
    this.#onEvent = onEvent ?? (() => {});
    this.#conversation = this.#newConversation(nick);
    const world = {
      url,
      who: { session, agent },
      openSocket: openSocket ?? ((/** @type {string} */ address) => new WebSocket(address)),
      clock: clock ?? BROWSER_CLOCK,
      random: this.#random,
    };
    this.#connection = new Connection(world, {
      turned: (state, why) => this.#turned(state, why),
      welcomed: (welcome) => {
        this.limits = welcome.limits;
        this.#conversation.welcomed(welcome);
      },
      connected: () => this.#conversation.connected(),
      received: (message) => {
        this.#conversation.received(message);
        this.#connection.renamed(this.nick);
      },
      disconnected: () => this.#conversation.disconnected(),
    });
  }

  // --- the connection --------------------------------------------------------------------------------

  /** `connecting`, `open`, `waiting` for the next attempt, `refused` by the server, or `closed`. */
  get state() {
    return this.#connection.state;
  }

  /** The name shown, or wanted as long as the server has not said welcome. */
  get nick() {
    return this.#conversation.nick;
  }

  /** The public id of this identity; empty before the first welcome. */
  get author() {
    return this.#conversation.author;
  }

  /** The rooms that we are in, by name: what has arrived. For reading only. */
  get rooms() {
    return this.#conversation.rooms.views;
  }

  /**
   * Connect, and stay connected. Where the server has refused us, ask again, under another nick if one is given; what
   * waits is then sent.
   *
   * @param {string} [nick]
   */
  start(nick) {
    if (this.state !== "closed" && this.state !== "refused") return;
    this.#conversation.nick = nick ?? this.nick;
    this.#connection.start(this.nick);
  }

  /** Connect at once instead of waiting, or find out soon whether the connection still holds. */
  retryNow() {
    this.#connection.retryNow();
  }

  /** Say goodbye and forget the rooms; what has no answer is refused with the code `closed`. */
  close() {
    if (this.state !== "closed") this.#connection.close();
  }

  /** Tell of a state. By `closed`, ours or after `/quit`, the rooms are forgotten. */
  #turned(/** @type {import("./connection.js").State} */ state, /** @type {import("./connection.js").Why} */ why) {
    const ended = this.#conversation;
    if (state === "closed") this.#conversation = this.#newConversation(this.nick);
    this.#emit({ type: "state", state, reason: "", retryInMs: 0, nick: this.nick, ...why });
    if (state === "closed") ended.giveUp(() => new Refused("closed", CLOSED));
  }

  #newConversation(/** @type {string} */ nick) {
    const shell = {
      transmit: (/** @type {Said} */ request) => this.#connection.send(request),
      later: (/** @type {number} */ ms, /** @type {() => void} */ act) => this.#connection.later(ms, act),
      newId: () => (this.#ids = (this.#ids % (GOODBYE_ID - 1)) + 1),
      newBackoff: () => new Backoff(this.#random),
    };
    return new Conversation(nick, shell, (event) => this.#emit(event));
  }

  #emit(/** @type {Said} */ event) {
    try {
      this.#onEvent(event);
    } catch (error) {
      // Whatever goes wrong with one event, the next ones come: the browser's console has it.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  // --- rooms -----------------------------------------------------------------------------------------

  /**
   * Come into a room, which is made if it is new; its entries and then `live` follow as events. After a cut we come
   * back by ourselves.
   *
   * @param {string} room its name, without the `#`.
   * @param {{last?: number, after?: Position | null}} [wanted] how many stored entries to be sent first, or after
   *     which; in a room that we are in already, those that we have had do not come again.
   */
  join(room, { last = DEFAULT_LAST, after = null } = {}) {
    return this.#conversation.ask({ type: "join", room }, { last, after });
  }

  /** Open the private room with whoever has `nick`; the answer's `room` is what to post to. */
  direct(/** @type {string} */ nick) {
    return this.#conversation.ask({ type: "direct", nick }, { last: DEFAULT_LAST });
  }

  leave(/** @type {string} */ room) {
    return this.#conversation.ask({ type: "leave", room });
  }

  // --- writing ---------------------------------------------------------------------------------------

  /**
   * Say something; the promise is settled once it is on stable storage. What the server could not do just now
   * (`unavailable`), or finds too fast (`too_many`), is sent again by itself, under the same key.
   *
   * @param {string} room one that we are in.
   * @param {string} text
   * @param {{key?: string, replyTo?: number, action?: boolean}} [how] `key`: sent twice under one key, it is said once;
   *     `replyTo`: the seq of the message that it answers; `action`: it is what we do (`/me`).
   * @returns {Promise<Said>} `posted`; it comes before the message's own event.
   */
  post(room, text, { key = Client.newKey(), replyTo, action } = {}) {
    return this.#conversation.ask({ type: "post", room, key, text, reply_to: replyTo, action });
  }

  /** Give our message with that seq a new text; repeated by itself like a post. */
  edit(/** @type {string} */ room, /** @type {number} */ seq, /** @type {string} */ text) {
    return this.#conversation.ask({ type: "edit", room, key: Client.newKey(), target: seq, text });
  }

  /** Take back our message with that seq; repeated by itself like a post. */
  redact(/** @type {string} */ room, /** @type {number} */ seq, reason = "") {
    return this.#conversation.ask({ type: "redact", room, key: Client.newKey(), target: seq, reason });
  }

  /** Set the topic of a room, a line; repeated by itself like a post. */
  setTopic(/** @type {string} */ room, /** @type {string} */ text) {
    return this.#conversation.ask({ type: "topic", room, key: Client.newKey(), text });
  }

  // --- asking ----------------------------------------------------------------------------------------

  /**
   * Have the server carry out a slash command; the answer is that of the request that it stands for. A line that starts
   * with `//` is no command: it is posted with one slash.
   *
   * @param {string} line as typed, `/` first.
   * @param {{room?: string, key?: string}} [where] where it was typed; the key for a command that posts.
   */
  command(line, { room, key = Client.newKey() } = {}) {
    if (line.startsWith("//") && room !== undefined) return this.post(room, line.slice(1), { key });
    return this.#conversation.ask({ type: "command", line, room, key }, { last: DEFAULT_LAST });
  }

  /** Ask anything else: a request without its id. The promise is that of its answer. */
  ask(/** @type {Said} */ request) {
    return this.#conversation.ask(request, { last: request.last ?? DEFAULT_LAST, after: request.after ?? null });
  }

  /** Return a key that no other message has: 32 hexadecimal digits. */
  static newKey() {
    return randomHex();
  }
}
