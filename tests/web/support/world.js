/**
 * A client, its clock, its network and a server in memory, put together for a test.
 *
 * This file owns no rule of its own: what a test sees are the client's events.
 */

import { Client } from "../../../trio_chat/web/page/client.js";
import { FakeClock, settled } from "./clock.js";
import { Network } from "./network.js";
import { ModelServer } from "./server.js";

export class World {
  clock = new FakeClock();
  server = new ModelServer();
  network = new Network(this.server.accept);
  #people = 0;

  /** Return a client that has not been started, with its `events`. */
  person(nick = "ann", options = {}) {
    this.#people += 1;
    const events = [];
    const client = new Client({
      url: "ws://chat.example/ws",
      nick,
      session: String(this.#people).padStart(32, "0"),
      openSocket: this.network.openSocket,
      clock: this.clock,
      random: options.random ?? (() => 0.5),
      onEvent: (event) => {
        events.push(event);
        options.onEvent?.(event, client);
      },
    });
    client.events = events;
    return client;
  }

  /** Return a client that is connected and in a room. */
  async personIn(room, nick = "ann", options = {}) {
    const client = this.person(nick, options);
    client.start();
    const joined = client.join(room);
    await this.quiet();
    await joined;
    return client;
  }

  /** Let everything through that is on its way, and what follows from it. No time passes. */
  async quiet() {
    do await settled();
    while (this.network.step() > 0);
    await settled();
  }

  /** Let time pass, with everything that is on its way in it. */
  async pass(ms, slice = 50) {
    await this.quiet();
    for (let left = ms; left > 0; left -= slice) {
      await this.clock.advance(Math.min(slice, left));
      await this.quiet();
    }
  }

  /** Cut all connections and wait until they are back. */
  async cutAndReturn() {
    this.network.cut();
    await this.pass(1_000);
  }
}

/** Return what a client was told of a room's log: its entries, as `seq` and text. */
export function entriesOf(events, room) {
  const entries = events.filter((event) => ENTRIES.has(event.type) && event.room === room);
  return entries.map(({ seq, text }) => [seq, text]);
}

/** Return the states that a client went through. */
export function statesOf(events) {
  return events.filter(({ type }) => type === "state").map(({ state }) => state);
}

/** Return what a promise comes to, once it does: `value` or `error`. Until then it `isPending`. */
export function watch(promise) {
  const seen = { isPending: true };
  promise.then(
    (value) => Object.assign(seen, { isPending: false, value }),
    (error) => Object.assign(seen, { isPending: false, error }),
  );
  return seen;
}

const ENTRIES = new Set(["message", "edited", "redacted", "topic_set"]);
