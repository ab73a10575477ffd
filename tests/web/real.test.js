/** Proves that the client and the real server understand each other, and that the server in memory does as that does. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "../../trio_chat/web/page/client.js";
import { play } from "./support/scenario.js";
import { World } from "./support/world.js";

const URL = process.env.TRIO_CHAT_URL;
const needs = { skip: URL === undefined && "TRIO_CHAT_URL names no server: tests/web/test_modules.py starts one" };

/** Makes a client wait until it is told not to: hours. */
const forAges = () => 100_000;

/** The real server, over real WebSockets. */
class RealStage {
  clients = [];
  #heard = () => {};

  person(nick) {
    const events = [];
    let socket = null;
    const client = new Client({
      url: URL,
      nick,
      session: Client.newKey(),
      random: forAges,
      openSocket: (url) => (socket = new WebSocket(url)),
      onEvent: (event) => {
        events.push(event);
        this.#heard();
      },
    });
    client.events = events;
    client.cut = () => socket.close();
    this.clients.push(client);
    return client;
  }

  /** Wait for an event after which the condition holds. Answers come with no event: look again soon. */
  async until(condition) {
    while (!condition()) {
      await new Promise((resolve) => {
        this.#heard = resolve;
        setTimeout(resolve, 20);
      });
    }
  }

  cut(client) {
    client.cut();
  }
}

/** The server in memory. */
class ModelStage {
  world = new World();

  person(nick) {
    const client = this.world.person(nick, { random: forAges });
    client.socket = () => this.world.network.live.find(({ server }) => server?.author === client.author);
    return client;
  }

  async until(condition) {
    for (let tries = 0; !condition(); tries += 1) {
      assert(tries < 1_000, "it does not come");
      await this.world.pass(50);
    }
  }

  cut(client) {
    client.socket().end();
  }
}

test("two people are told the same by the real server and by the one in memory", needs, async () => {
  const real = await play(new RealStage());
  const model = await play(new ModelStage());
  assert.deepEqual(real, model);
});
