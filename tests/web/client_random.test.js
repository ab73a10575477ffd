/** Proves that whatever the network does, every entry comes once and in order, and every post is said once. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Refused } from "../../trio_chat/web/page/client.js";
import { settled } from "./support/clock.js";
import fc from "./support/fast_check.js";
import { Witness } from "./support/witness.js";
import { World, watch } from "./support/world.js";

const RUNS = Number(process.env.PAGE_RUNS ?? 300);

/** What a run remembers, besides the world. */
class Run {
  world = new World();
  witness = new Witness();
  asked = [];
  posts = [];
  wasPostRefused = false;
  epochs = 1;
  failure = null;

  constructor() {
    this.client = this.world.person("ann", { onEvent: (event, client) => this.#saw(event, client) });
  }

  #saw(event, client) {
    try {
      this.witness.saw(event, client, this.world.server);
    } catch (error) {
      this.failure ??= error; // a client goes on when a handler throws
    }
  }

  ask(promise) {
    this.asked.push(watch(promise));
  }

  post(room) {
    const key = `k${this.posts.length}`;
    const answer = watch(this.client.post(room, key, { key }));
    this.posts.push({ room, key, answer });
    this.asked.push(answer);
  }
}

const room = fc.constantFrom("lobby", "lobby", "den");
const refusal = fc.record({
  type: fc.constantFrom("post", "join", "hello", "history"),
  code: fc.constantFrom("unavailable", "too_many"),
  retry_after_ms: fc.constant(300),
});

/** What may happen: what to draw, and what to do with it. */
const DEEDS = {
  deliver: [10, fc.integer({ min: 1, max: 150 }), ({ world }, count) => world.network.step(count)],
  deliverAll: [4, fc.constant(null), ({ world }) => world.quiet()],
  wait: [5, fc.integer({ min: 1, max: 2_000 }), ({ world }, ms) => world.clock.advance(ms)],
  sleep: [1, fc.constant(null), ({ world }) => world.clock.suspend(3_600_000)],
  cut: [3, fc.constant(null), ({ world }) => world.network.cut()],
  swallow: [1, fc.constant(null), ({ world }) => world.network.swallow()],
  network: [1, fc.boolean(), ({ world }, isUp) => (world.network.isUp = isUp)],
  retry: [1, fc.constant(null), ({ client }) => client.retryNow()],
  post: [8, room, (run, name) => run.post(name)],
  join: [3, fc.tuple(room, fc.nat({ max: 5 })), (run, [name, last]) => run.ask(run.client.join(name, { last }))],
  rejoin: [1, room, (run, name) => run.ask(run.client.command(`/join ${name.toUpperCase()}`))],
  leave: [2, room, (run, name) => run.ask(run.client.leave(name))],
  topic: [1, room, (run, name) => run.ask(run.client.setTopic(name, `topic ${run.asked.length}`))],
  history: [1, room, (run, name) => run.ask(run.client.ask({ type: "history", room: name }))],
  say: [6, room, ({ world }, name) => world.server.say(name, "something")],
  repeat: [2, room, ({ world }, name) => repeat(world.server, name)],
  hole: [
    1,
    room,
    ({ world }, name) => world.server.append(name, { type: "message", author: "a-x", nick: "x", text: "!" }),
  ],
  expire: [1, fc.tuple(room, fc.nat({ max: 20 })), ({ world }, [name, seq]) => expire(world, name, seq)],
  lose: [1, fc.constant(null), (run) => lose(run)],
  stop: [1, fc.constant(null), ({ world }) => stop(world.server)],
  refuse: [2, refusal, (run, error) => refuse(run, error)],
};

function repeat(server, name) {
  for (const entry of server.room(name).entries.slice(-2)) server.publish(entry);
}

/** Nobody who is connected may lack what expires: the real server reads to each member first. */
function expire(world, name, seq) {
  world.network.cut();
  world.server.expire(name, seq);
}

function lose(run) {
  run.witness.note(run.world.server);
  run.epochs += 1;
  run.world.network.cut();
  run.world.server.restartEmpty(`e${run.epochs}`);
}

function stop(server) {
  for (const connection of server.connections) {
    connection.send({ type: "bye", reason: "a stop", retry_after_ms: 500 });
    connection.close();
  }
}

function refuse(run, error) {
  run.wasPostRefused ||= error.type === "post";
  run.world.server.refusals.push(error);
}

const weighted = Object.entries(DEEDS).map(([name, [weight, drawn]]) => {
  return { weight, arbitrary: drawn.map((value) => [name, value]) };
});
const deeds = fc.array(fc.oneof(...weighted), { minLength: 5, maxLength: 80, size: "max" });

/** Do what was drawn, then let all come to rest: a network that holds, and time enough. */
async function play(story) {
  const run = new Run();
  run.client.start();
  run.ask(run.client.join("lobby"));
  for (const [name, value] of story) {
    await DEEDS[name][2](run, value);
    await settled();
    run.world.network.step(20);
  }
  run.world.network.isUp = true;
  await run.world.pass(120_000, 400);
  for (const name of ["lobby", "den"]) run.world.server.say(name, "the end"); // a hole shows by what follows it
  await run.world.pass(1_000);
  return run;
}

test("whatever the network and the server do, entries come once and in order, and posts are said once", async () => {
  let entries = 0;
  const property = fc.asyncProperty(deeds, async (story) => {
    const run = await play(story);
    if (run.failure !== null) throw run.failure;
    assert.equal(run.client.state, "open");
    run.witness.concludes(run.client, run.world.server);
    settledWell(run);
    saidOnce(run);
    assert.equal(run.world.clock.waiting, 1, "timers were left over");
    entries += run.witness.entries;
  });
  await fc.assert(property, { numRuns: RUNS, includeErrorInReport: true });
  assert(entries > RUNS, "next to nothing was seen");
});

/** Every request has come to an end, and to none but what docs/protocol.md lets it. */
function settledWell({ asked }) {
  for (const { isPending, error } of asked) {
    assert.equal(isPending, false, "a request has no answer");
    assert(error === undefined || error instanceof Refused);
    assert(error === undefined || ["not_a_member", "unavailable", "too_many"].includes(error.code), String(error));
  }
}

/** Every post that was answered stands once in a log, in the order of posting where nothing was refused. */
function saidOnce({ posts, wasPostRefused, epochs, world: { server } }) {
  for (const name of ["lobby", "den"]) {
    const said = server.room(name).entries.filter(({ author, type }) => author === "a1" && type === "message");
    const texts = said.map(({ text }) => text);
    assert.equal(new Set(texts).size, texts.length, "something was said twice");
    const kept = posts.filter(({ room: where, answer }) => where === name && answer.value !== undefined);
    if (epochs > 1) continue; // what was said in a log that is lost is lost
    const expected = kept.map(({ key }) => key);
    assert.deepEqual(wasPostRefused ? [...texts].sort() : texts, wasPostRefused ? expected.sort() : expected);
  }
}
