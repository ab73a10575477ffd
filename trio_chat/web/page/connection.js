/**
 * Being connected: one link after another, under the nick that can be had, with waits in between.
 *
 * This file owns the state of the connection and when to dial anew. It must not know what the server's messages mean
 * once it has said welcome, nor bytes (`link.js`).
 */
// @ts-check

import { Backoff } from "./backoff.js";
import { Greeting, otherNicks } from "./greeting.js";
import { Link } from "./link.js";
import { Refused, TRANSIENT } from "./requests.js";

/** @typedef {import("./messages.js").Said} Said */
/** @typedef {import("./link.js").Clock} Clock */
/** @typedef {import("./link.js").Loss} Loss */
/** @typedef {"connecting" | "open" | "waiting" | "refused" | "closed"} State */
/** @typedef {{reason?: string, retryInMs?: number, code?: string}} Why a state has come */
/**
 * What is told of the connection.
 *
 * @typedef {object} Hears
 * @property {(state: State, why: Why) => void} turned
 * @property {(welcome: Said) => void} welcomed comes before the state `open`.
 * @property {() => void} connected comes behind it: send what waits.
 * @property {(message: Said) => void} received
 * @property {() => void} disconnected comes before any state but `open`, also where there was no connection yet.
 */
/**
 * @typedef {object} World
 * @property {string} url
 * @property {{session: string, agent: string}} who
 * @property {(url: string) => WebSocket} openSocket
 * @property {Clock} clock
 * @property {() => number} random
 */

/** Keeps one client connected. */
export class Connection {
  /** @type {State} */
  #state = "closed";
  #world;
  #hears;
  #backoff;
  /** What we are called, or want to be. */
  #nick = "";
  /** Whether the server has said welcome since `start`: then the nick may be another one rather than none. */
  #wasWelcomed = false;
  #welcomedAt = 0;
  /** @type {Link | null} */
  #link = null;
  /** Until the next attempt. @type {any} */
  #timer;
  /** Those that end with the connection. @type {Set<any>} */
  #timers = new Set();

  /**
   * @param {World} world
   * @param {Hears} hears
   */
  constructor(world, hears) {
    this.#world = world;
    this.#hears = hears;
    this.#backoff = new Backoff(world.random);
  }

  get state() {
    return this.#state;
  }

  /** Connect, and stay connected. No effect where somebody does so already. */
  start(/** @type {string} */ nick) {
    if (this.#state !== "closed" && this.#state !== "refused") return;
    this.#nick = nick;
    this.#wasWelcomed = false;
    this.#backoff = new Backoff(this.#world.random);
    this.#dial();
  }

  /** Note what we are called now; so we come back. */
  renamed(/** @type {string} */ nick) {
    this.#nick = nick;
  }

  /** Connect at once instead of waiting, or find out soon whether the connection still holds. */
  retryNow() {
    if (this.#state === "waiting") this.#dial();
    else this.#link?.probe();
  }

  /** Say goodbye. */
  close() {
    this.#world.clock.clearTimeout(this.#timer);
    this.#link?.close();
    this.#disconnected();
    this.#turn("closed");
  }

  /**
   * Send on the present connection; without one, forget it.
   *
   * @throws {import("./frames.js").FrameError | RangeError} as `Link.send`.
   */
  send(/** @type {Said} */ message) {
    this.#link?.send(message);
  }

  /** Call `act` after that time, if the present connection still holds then. */
  later(/** @type {number} */ ms, /** @type {() => void} */ act) {
    const timer = this.#world.clock.setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  #dial() {
    this.#world.clock.clearTimeout(this.#timer);
    this.#turn("connecting");
    if (this.#state !== "connecting") return; // whoever heard of it has closed us
    try {
      this.#link = this.#greet(this.#world.openSocket(this.#world.url));
    } catch (error) {
      this.#lost({ reason: `The server cannot be reached: ${/** @type {Error} */ (error).message}` });
    }
  }

  #greet(/** @type {WebSocket} */ socket) {
    const nicks = this.#wasWelcomed ? otherNicks(this.#nick) : [this.#nick];
    const greeting = new Greeting(nicks, this.#world.who, (hello) => link.send(hello));
    let isWelcome = false;
    const link = new Link(socket, this.#world.clock, {
      opened: () => greeting.sayHello(),
      lost: (loss) => this.#lost(loss),
      received: (message) => {
        if (isWelcome) this.#hears.received(message);
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
    this.#wasWelcomed = true;
    this.#welcomedAt = this.#world.clock.now();
    this.#nick = welcome.nick;
    this.#hears.welcomed(welcome);
    if (this.#link === link) this.#turn("open");
    if (this.#link === link) this.#hears.connected(); // unless whoever heard of it has closed us
  }

  #refused(/** @type {Refused} */ error) {
    const mayPass = TRANSIENT.has(error.code) || (this.#wasWelcomed && error.code === "nick_taken");
    if (mayPass) this.#lost({ reason: error.message, retryAfterMs: error.retryAfterMs });
    else {
      this.#disconnected();
      this.#turn("refused", { reason: error.message, code: error.code });
    }
  }

  #lost(/** @type {Loss} */ { reason, retryAfterMs, isWanted }) {
    if (this.#state === "open") this.#backoff.held(this.#world.clock.now() - this.#welcomedAt);
    this.#disconnected();
    if (isWanted) {
      this.#turn("closed", { reason });
      return;
    }
    const retryInMs = this.#backoff.failed(retryAfterMs);
    this.#timer = this.#world.clock.setTimeout(() => this.#dial(), retryInMs);
    this.#turn("waiting", { reason, retryInMs });
  }

  #disconnected() {
    this.#link = null;
    for (const timer of this.#timers) this.#world.clock.clearTimeout(timer);
    this.#timers.clear();
    this.#hears.disconnected();
  }

  #turn(/** @type {State} */ state, /** @type {Why} */ why = {}) {
    this.#state = state;
    this.#hears.turned(state, why);
  }
}
