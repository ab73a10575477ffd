/**
 * The hello: who we say that we are, under one nick after another, until the server says welcome or refuses us.
 *
 * This file owns the beginning of a connection. It must not know sockets, nor what follows.
 */
// @ts-check

import { refusal } from "./requests.js";

/** @typedef {import("./messages.js").Said} Said */

const VERSION = 1;

/** How many underscores a nick may grow on the way back, when somebody has taken it meanwhile. */
const OTHER_NICKS = 4;

const NICK_CHARS = 32;

/** One attempt to be welcomed. */
export class Greeting {
  #nicks;
  #hello;
  #say;
  #id = 0;

  /**
   * @param {string[]} nicks what to be called, the best first.
   * @param {{session: string, agent: string}} who
   * @param {(hello: Said) => void} say
   */
  constructor(nicks, { session, agent }, say) {
    this.#nicks = [...nicks];
    this.#hello = { type: "hello", version: VERSION, session, agent };
    this.#say = say;
  }

  /** Say hello under the next nick. */
  sayHello() {
    this.#id += 1;
    this.#say({ ...this.#hello, id: this.#id, nick: this.#nicks.shift() });
  }

  /**
   * Take in what the server says, and return its `welcome`, once it has come. Nothing else that matters comes before.
   *
   * @returns {Said | null}
   * @throws {import("./requests.js").Refused} the server refuses us.
   */
  received(/** @type {Said} */ message) {
    if (message.id !== this.#id) return null;
    if (message.type === "error") {
      if (message.code !== "nick_taken" || this.#nicks.length === 0) throw refusal(message);
      this.sayHello();
      return null;
    }
    if (message.type !== "welcome") return null;
    if (message.version === VERSION) return message;
    const text = `The server speaks version ${message.version} of the protocol; load this page again.`;
    throw refusal({ code: "version", message: text });
  }
}

/** Return `nick`, and what to be called if somebody has taken it meanwhile. */
export function otherNicks(/** @type {string} */ nick) {
  const characters = [...nick];
  return Array.from({ length: OTHER_NICKS + 1 }, (_, count) => {
    return characters.slice(0, NICK_CHARS - count).join("") + "_".repeat(count);
  });
}
