/**
 * The client library of the page: connected to a chat server again and again, as the same person, in the same rooms.
 *
 * This file owns what a page calls, the state of the connection, and when to connect anew. It must not know what the
 * server's messages mean (`conversation.js`), bytes (`link.js`), nor any document. Events come one by one, in order,
 * every entry of a room once; requests wait for a connection, and are asked again after a cut.
 */
// @ts-check

import { Backoff } from "./backoff.js";
import { Conversation } from "./conversation.js";
import { DEFAULT_LAST } from "./cursor.js";
import { Greeting, otherNicks } from "./greeting.js";
import { GOODBYE_ID, Link } from "./link.js";
import { Refused, TRANSIENT } from "./requests.js";

export { Refused };

/** @typedef {import("./messages.js").Said} Said */
/** @typedef {import("./link.js").Clock} Clock */
/** @typedef {import("./link.js").Loss} Loss */
/** @typedef {import("./cursor.js").Position} Position */
/** @typedef {"connecting" | "open" | "waiting" | "refused" | "closed"} State */

/** @type {Clock} */
const BROWSER_CLOCK = {
  now: () => Date.now(),
  setTimeout: (act, ms) => setTimeout(act, ms),
  clearTimeout: (timer) => clearTimeout(timer),
};

const CLOSED = "This client was closed before the answer came.";

/** A client of one server, for one person. */
export class Client {
  /** What the server accepts, after the first welcome. @type {Record<string, number> | null} */
  limits = null;

  #url;
  #who;
  #openSocket;
  #clock;
  #random;
  #onEvent;
  /** @type {State} */
  #state = "closed";
  /** The name to go by until the server has said welcome. */
  #wanted;
  /** Whether the server has said welcome since `start`. */
  #wasWelcomed = false;
  #welcomedAt = 0;
  #backoff;
  #conversation;
  /** @type {Link | null} */
  #link = null;
  /** Until the next attempt. @type {any} */
  #timer;
  /** Those that end with the connection. @type {Set<any>} */
  #timers = new Set();
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
   * @param {(event: Said) => void} [options.onEvent] takes everything that happens, in order: the protocol's messages as
   *     decoded, and `{type: "state", state, reason, retryInMs, nick}`. What it throws goes to the console.
   */
  constructor({ url, nick, session, agent = "trio_chat page", openSocket, clock, random, onEvent }) {
    this.#url = url;
    this.#wanted = nick;
    this.#who = { session, agent };
    this.#openSocket = openSocket ?? ((/** @type {string} */ address) => new WebSocket(address));
    this.#clock = clock ?? BROWSER_CLOCK;
    this.#random = random ?? Math.random;
    this.#onEvent = onEvent ?? (() => {});
    this.#backoff = new Backoff(this.#random);
    this.#conversation = this.#newConversation();
  }

  // --- the connection --------------------------------------------------------------------------------

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  /** The name shown. */
  get nick() {
    return this.#conversation.nick || this.#wanted;
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
    if (this.#state !== "closed" && this.#state !== "refused") return;
    this.#wanted = nick ?? this.nick;
    this.#wasWelcomed = false;
    this.#backoff = new Backoff(this.#random);
    this.#dial();
  }

  /** Connect at once instead of waiting, or find out soon whether the connection still holds. */
  retryNow() {
    if (this.#state === "waiting") this.#dial();
    else if (this.#state === "open") this.#link?.probe();
  }

  /** Say goodbye and forget the rooms; what has no answer is refused with the code `closed`. */
  close() {
    if (this.#state === "closed") return;
    this.#clock.clearTimeout(this.#timer);
    this.#link?.close();
    this.#disconnected();
    const ended = this.#conversation;
    this.#wanted = this.nick;
    this.#conversation = this.#newConversation();
    this.#turn("closed");
    ended.giveUp(() => new Refused("closed", CLOSED));
  }

  #newConversation() {
    const shell = {
      transmit: (/** @type {Said} */ request) => this.#link?.send(request),
      later: (/** @type {number} */ ms, /** @type {() => void} */ act) => this.#later(ms, act),
      newId: () => (this.#ids = (this.#ids % (GOODBYE_ID - 1)) + 1),
      newBackoff: () => new Backoff(this.#random),
    };
    return new Conversation(shell, (event) => this.#emit(event));
  }

  #dial() {
    this.#clock.clearTimeout(this.#timer);
    this.#turn("connecting");
    if (this.#state !== "connecting") return; // whoever heard of it has closed us
    const nicks = this.#wasWelcomed ? otherNicks(this.nick) : [this.#wanted];
    try {
      const socket = this.#openSocket(this.#url);
      this.#link = this.#greet(socket, nicks);
    } catch (error) {
      this.#lost({ reason: `The server cannot be reached: ${/** @type {Error} */ (error).message}` });
    }
  }

  #greet(/** @type {WebSocket} */ socket, /** @type {string[]} */ nicks) {
    const greeting = new Greeting(nicks, this.#who, (hello) => link.send(hello));
    let isWelcome = false;
    const link = new Link(socket, this.#clock, {
      opened: () => greeting.sayHello(),
      lost: (loss) => this.#lost(loss),
      received: (message) => {
        if (isWelcome) this.#conversation.received(message);
        else isWelcome = this.#greeted(link, greeting, message);
      },
    });
    return link;
  }

  /** Take in what comes before the welcome; return whether this is it. */
  #greeted(/** @type {Link} */ link, /** @type {Greeting} */ greeting, /** @type {Said} */ message) {
    try {
      const welcome = greeting.received(message);
      if (welcome !== null) this.#welcomed(link, welcome);
      return welcome !== null;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      link.close();
      this.#refused(error);
      return false;
    }
  }

  #welcomed(/** @type {Link} */ link, /** @type {Said} */ welcome) {
    link.welcomed(welcome);
    this.limits = welcome.limits;
    this.#wasWelcomed = true;
    this.#welcomedAt = this.#clock.now();
    this.#conversation.welcomed(welcome);
    this.#turn("open");
    if (this.#link === link) this.#conversation.connected();
  }

  #refused(/** @type {Refused} */ error) {
    const mayPass = TRANSIENT.has(error.code) || (this.#wasWelcomed && error.code === "nick_taken");
    if (mayPass) this.#lost({ reason: error.message, retryAfterMs: error.retryAfterMs });
    else {
      this.#disconnected();
      this.#turn("refused", { reason: error.message, code: error.code });
    }
  }

  #lost(/** @type {Loss} */ { reason, retryAfterMs }) {
    if (this.#state === "open") this.#backoff.held(this.#clock.now() - this.#welcomedAt);
    this.#disconnected();
    const retryInMs = this.#backoff.failed(retryAfterMs);
    this.#timer = this.#clock.setTimeout(() => this.#dial(), retryInMs);
    this.#turn("waiting", { reason, retryInMs });
  }

  #disconnected() {
    this.#link = null;
    for (const timer of this.#timers) this.#clock.clearTimeout(timer);
    this.#timers.clear();
    this.#conversation.disconnected();
  }

  #later(/** @type {number} */ ms, /** @type {() => void} */ act) {
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  #turn(/** @type {State} */ state, /** @type {Said} */ why = {}) {
    this.#state = state;
    this.#emit({ type: "state", state, reason: "", retryInMs: 0, nick: this.nick, ...why });
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
   * Come into a room, which is made if it is new; its entries and then `live` follow as events. After a cut we come back
   * by ourselves.
   *
   * @param {string} room its name, without the `#`.
   * @param {{last?: number, after?: Position | null}} [wanted] how many stored entries to be sent first, or after which;
   *     in a room that we are in already, those that we have had do not come again.
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
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}
