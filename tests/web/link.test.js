/** Proves what a client does about silence, sleep, strangers and broken streams. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { encodeFrame } from "../../trio_chat/web/page/frames.js";
import { World, entriesOf, statesOf } from "./support/world.js";

const reasonOf = (client) => client.events.findLast(({ state }) => state === "waiting")?.reason;

test("a ping is answered, and a silent server is asked whether it is there", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const heard = [];
  const [socket] = world.network.live;
  const { receive } = socket.server;
  socket.server.receive = (data) => {
    heard.push(JSON.parse(Buffer.from(data).subarray(4)));
    receive.call(socket.server, data);
  };
  socket.server.send({ type: "ping", id: 77 });
  await world.pass(29_000, 1_000);
  await world.pass(2_000, 1_000);
  assert.deepEqual(heard, [
    { type: "pong", id: 77 },
    { type: "ping", id: 1 },
  ]);
  await world.pass(120_000, 1_000);
  assert.equal(client.state, "open");
});

test("a server that stays silent for two pings is given up, and the next connection has what was missed", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.network.swallow();
  world.server.say("lobby", "one");
  await world.pass(59_000, 1_000);
  assert.equal(client.state, "open");
  await world.pass(3_000, 1_000);
  assert.equal(reasonOf(client), "Nothing comes from the server any more.");
  assert.deepEqual([client.state, entriesOf(client.events, "lobby")], ["open", [[1, "one"]]]);
});

test("a tab that was suspended for an hour finds out at once that its connection is gone", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.network.swallow();
  world.clock.suspend(3_600_000);
  await world.pass(1_000);
  assert.deepEqual(statesOf(client.events).slice(-3), ["waiting", "connecting", "open"]);
});

test("a suspended tab that hears first what had been waiting for it asks whether the server is there", async () => {
  for (const isThere of [true, false]) {
    const world = new World();
    const client = await world.personIn("lobby");
    world.server.say("lobby", "one");
    world.clock.suspend(3_600_000);
    const [socket] = world.network.live;
    socket.message(socket.down.splice(0)); // the old line comes before any timer
    if (!isThere) world.network.swallow();
    await world.pass(6_000);
    assert.equal(statesOf(client.events).filter((state) => state === "open").length, isThere ? 1 : 2);
  }
});

test("a page that has reason to doubt the connection finds out in five seconds", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  client.retryNow();
  await world.pass(10_000);
  assert.equal(client.state, "open");
  world.network.swallow();
  client.retryNow();
  await world.pass(4_900);
  assert.equal(client.state, "open");
  await world.pass(1_000);
  assert.equal(reasonOf(client), "Nothing comes from the server any more.");
});

test("a clock that is set back or forth does no harm that lasts", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  for (const change of [-7_200_000, 7_200_000]) {
    world.clock.jump(change);
    await world.pass(120_000, 1_000);
    assert.equal(client.state, "open", `${change}`);
  }
});

test("a clock that was set back does not make a dead connection live longer", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.clock.jump(-7_200_000);
  world.network.swallow();
  await world.pass(95_000, 1_000);
  assert.equal(reasonOf(client), "Nothing comes from the server any more.");
});

test("an answer to what was not sent ends the connection", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.server.refusals.push({ type: "post", code: "too_many", retry_after_ms: 60_000 });
  const said = client.post("lobby", "one");
  await world.quiet();
  const { id } = world.server.asked.at(-1);
  world.server.connections.forEach((one) => one.send({ type: "posted", id, room: "lobby", seq: 9, at: 1 }));
  await world.pass(1_000);
  assert.match(reasonOf(client), /came to no request/);
  assert.equal((await said).seq, 1);
});

test("a server that never says welcome is given up after ten seconds", async () => {
  const world = new World();
  const client = world.person();
  client.start();
  world.network.swallow();
  await world.pass(9_900);
  assert.equal(client.state, "connecting");
  await world.pass(200);
  assert.match(reasonOf(client), /^The server does not answer; check/);
});

test("without a network the client says so, and goes on trying", async () => {
  const world = new World();
  world.network.isUp = false;
  const client = world.person();
  client.start();
  await world.pass(10_000, 500);
  assert.match(reasonOf(client), /^The server cannot be reached; check/);
  world.network.isUp = true;
  await world.pass(10_000, 500);
  assert.equal(client.state, "open");
});

test("an address that cannot be opened is told of", async () => {
  const world = new World();
  world.network.openSocket = () => {
    throw new SyntaxError("no such address");
  };
  const client = world.person();
  client.start();
  await world.quiet();
  assert.deepEqual([client.state, reasonOf(client)], ["waiting", "The server cannot be reached: no such address"]);
});

for (const [what, breakIt, reason] of [
  ["a stream out of step", (socket) => socket.message([0, 0, 0, 0]), /does not speak the chat protocol: a frame of 0/],
  ["bytes that are no text", (socket) => socket.message([0, 0, 0, 1, 0xff]), /a payload is no UTF-8/],
  ["a text message", (socket) => socket.onmessage({ data: "{}" }), /it sent text/],
  [
    "an answer that nobody asked for",
    (socket) => socket.server.send({ type: "done", id: 99 }),
    /came to no request \(99\)/,
  ],
  ["a close with a word", (socket) => socket.end({ wasClean: true, reason: "moved" }), /closed the connection: moved$/],
  ["a close without", (socket) => socket.end({ wasClean: true }), /^The server closed the connection\.$/],
  ["a cut", (socket) => socket.end(), /^The connection broke\.$/],
]) {
  test(`the connection ends by ${what}, and another one is made`, async () => {
    const world = new World();
    const client = await world.personIn("lobby");
    breakIt(world.network.live[0]);
    await world.quiet();
    assert.match(reasonOf(client), reason);
    await world.pass(1_000);
    assert.equal(client.state, "open");
  });
}

test("an answer of the wrong kind ends the connection", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const [connection] = world.server.connections;
  connection.history = ({ id }) => connection.send({ type: "done", id });
  const asked = client.ask({ type: "history", room: "lobby" });
  await world.pass(1_000);
  assert.match(reasonOf(client), /the answer to history was done/);
  assert.equal((await asked).type, "history"); // on the next connection
});

test("what stands before a broken frame counts", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const entry = world.server.append("lobby", { type: "message", author: "a-x", nick: "x", text: "one" });
  world.network.live[0].message([...encodeFrame(JSON.stringify(entry), 1_000), 0, 0, 0, 0]);
  await world.pass(1_000);
  assert.deepEqual(entriesOf(client.events, "lobby"), [[1, "one"]]);
});

test("news of a later version are passed over", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.server.connections.forEach((one) => one.send({ type: "hologram", room: "lobby" }));
  world.server.say("lobby", "one");
  await world.quiet();
  assert.deepEqual([client.state, client.events.at(-1).text], ["open", "one"]);
});

test("a server that asks for more answers than it reads is let go", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.network.live[0].bufferedAmount = 40_000_000;
  world.server.connections.forEach((one) => one.send({ type: "ping", id: 1 }));
  await world.quiet();
  assert.match(reasonOf(client), /more answers than it reads/);
});

test("turns, drafts, notices and lists of members are handed out as they come, of our rooms only", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const turn = { turn: 1, author: "b", nick: "bot" };
  for (const room of ["lobby", "den"]) {
    for (const event of [
      { type: "turn", room, ...turn, change: "begun" },
      { type: "draft", room, ...turn, text: "so far" },
      { type: "presence", room, author: "b", nick: "bot", change: "joined", bot: true },
      { type: "members", room, members: [], count: 0, more: false },
    ]) {
      world.server.connections.forEach((one) => one.send(event));
    }
  }
  const [connection] = world.server.connections;
  connection.send({ type: "notice", text: "tea is ready" });
  connection.send({ type: "error", id: null, code: "internal", message: "Something broke." });
  await world.quiet();
  assert.deepEqual(
    client.events.slice(4).map(({ type, room, text }) => [type, room ?? text]),
    [
      ...["turn", "draft", "presence", "members"].map((type) => [type, "lobby"]),
      ["notice", "tea is ready"],
      ["notice", "Something broke."],
    ],
  );
  assert.equal(client.rooms.get("lobby").members.size, 0);
});

test("the turns that are open are handed out behind every `joined`, before what was said", async () => {
  const world = new World();
  world.server.say("lobby", "one");
  const turn = { room: "lobby", turn: 1, author: "b", nick: "bot" };
  world.server.turns = [
    { type: "turn", ...turn, change: "begun" },
    { type: "draft", ...turn, text: "so far" },
  ];
  const client = await world.personIn("lobby");
  const came = () => client.events.splice(0).flatMap(({ type }) => (type === "state" ? [] : [type]));
  assert.deepEqual(came(), ["joined", "turn", "draft", "message", "live"]);
  await world.cutAndReturn();
  assert.deepEqual(came(), ["joined", "turn", "draft", "live"]);
  client.join("lobby");
  await world.quiet();
  assert.deepEqual(came().slice(-4), ["joined", "turn", "draft", "live"]);
});
