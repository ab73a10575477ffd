/** Proves what a client does, on a server in memory and a clock that stands still. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, Refused } from "../../trio_chat/web/page/client.js";
import { settled } from "./support/clock.js";
import { World, entriesOf, statesOf, watch } from "./support/world.js";

// --- coming in ---------------------------------------------------------------------------------------

test("a client says who it is, comes into a room, and is told what was said there, then that it is live", async () => {
  const world = new World();
  world.server.say("lobby", "earlier");
  const client = await world.personIn("lobby");
  const { type, version, session, nick, agent } = world.server.asked[0];
  assert.deepEqual([type, version, session, nick, agent], ["hello", 1, "1".padStart(32, "0"), "ann", "trio_chat page"]);
  assert.deepEqual(
    client.events.map(({ type, state }) => state ?? type),
    ["connecting", "open", "joined", "message", "live"],
  );
  assert.deepEqual([client.state, client.nick, client.author], ["open", "ann", "a1"]);
  assert.equal(client.limits.text_chars, 4_000);
});

test("a room shows who is there, its topic, and how far we have been told of it", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const other = await world.personIn("lobby", "bob");
  await Promise.all([other.setTopic("lobby", "tea"), world.quiet()]);
  const room = client.rooms.get("lobby");
  assert.deepEqual([room.topic, room.seq, room.epoch, room.count], ["tea", 1, "e1", 2]);
  assert.deepEqual(
    [...room.members.values()].map(({ nick, role }) => [nick, role]),
    [
      ["ann", "member"],
      ["bob", "member"],
    ],
  );
  await Promise.all([other.ask({ type: "nick", nick: "rob" }), world.quiet()]);
  assert.deepEqual(
    [...room.members.values()].map(({ nick }) => nick),
    ["ann", "rob"],
  );
  other.close();
  await world.quiet();
  assert.deepEqual([[...room.members.keys()], room.count], [[client.author], 1]);
});

test("what is posted is answered before it is seen, and whoever awaited it has gone on by then", async () => {
  const world = new World();
  const told = [];
  const client = await world.personIn("lobby", "ann", { onEvent: ({ text }) => text && told.push(text) });
  const post = async (text) => told.push(`posted ${(await client.post("lobby", text)).seq}`);
  await Promise.all([post("one"), post("two"), world.quiet()]);
  assert.deepEqual(
    told.filter((each) => /posted 1|one/.test(each)),
    ["posted 1", "one"],
  );
  assert.deepEqual(
    told.filter((each) => /posted 2|two/.test(each)),
    ["posted 2", "two"],
  );
  const own = client.events.filter(({ type }) => type === "message");
  assert.deepEqual(
    own.map(({ author }) => author),
    [client.author, client.author],
  );
});

test("posts, edits, redactions, actions and replies are sent as they are meant", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const said = [
    client.post("lobby", "waves", { action: true, key: "k" }),
    client.post("lobby", "yes", { replyTo: 1 }),
    client.edit("lobby", 2, "no"),
    client.redact("lobby", 1, "oops"),
    client.command("//etc", { room: "lobby" }),
    client.command("/me sighs", { room: "lobby" }),
  ];
  await world.quiet();
  assert.deepEqual(
    (await Promise.all(said)).map(({ seq }) => seq),
    [1, 2, 3, 4, 5, 6],
  );
  const [action, reply, edit, redact, slash, sigh] = world.server.asked.slice(2);
  assert.deepEqual([action.action, action.key, reply.reply_to], [true, "k", 1]);
  assert.deepEqual([edit.target, edit.text, redact.target, redact.reason], [2, "no", 1, "oops"]);
  assert.deepEqual([slash.type, slash.text, sigh.type, sigh.line], ["post", "/etc", "command", "/me sighs"]);
  assert.match(Client.newKey(), /^[0-9a-f]{32}$/);
  assert.equal(new Set(world.server.asked.slice(2).map(({ key }) => key)).size, 6);
});

test("a refusal is an error with the code, the sentence and how long to wait", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.server.refusals.push({ type: "history", code: "too_many", retry_after_ms: 70 });
  const asked = watch(client.ask({ type: "history", room: "lobby" }));
  await world.quiet();
  const { error } = asked;
  assert(error instanceof Refused);
  assert.deepEqual([error.code, error.message, error.retryAfterMs], ["too_many", "Refused: too_many.", 70]);
});

test("what cannot be sent is refused at once, and the next one goes through", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const said = ["half \ud83d", "x".repeat(70_000), "whole"].map((text) => watch(client.post("lobby", text)));
  await world.quiet();
  assert.deepEqual(
    said.map(({ error }) => error?.code),
    ["bad_message", "bad_message", undefined],
  );
  assert.match(said[0].error.message, /^That cannot be sent: it holds half a character\.$/);
});

test("no more than 256 requests wait; one more is refused", async () => {
  const client = new World().person();
  const asked = Array.from({ length: 257 }, () => watch(client.ask({ type: "rooms" })));
  await settled();
  assert.deepEqual([asked[256].error.code, asked[255].isPending], ["too_many", true]);
});

test("a handler that throws costs nothing but its own event", async (t) => {
  const thrown = [];
  t.mock.method(globalThis, "queueMicrotask", (act) => {
    try {
      act();
    } catch (error) {
      thrown.push(error.message); // what a browser writes to its console
    }
  });
  const world = new World();
  const client = world.person("ann", {
    onEvent: ({ type }) => {
      if (type === "joined") throw new Error("the page's bug");
    },
  });
  client.start();
  const joined = client.join("lobby");
  await world.quiet();
  assert.equal((await joined).room, "lobby");
  assert.deepEqual([thrown, client.events.at(-1).type], [["the page's bug"], "live"]);
});

// --- coming back -------------------------------------------------------------------------------------

test("after a cut a client is back in its rooms, and is told what it has missed once", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.server.say("lobby", "one");
  await world.quiet();
  world.network.cut();
  world.server.say("lobby", "two");
  await world.pass(1_000);
  world.server.say("lobby", "three");
  await world.quiet();
  assert.deepEqual(entriesOf(client.events, "lobby"), [
    [1, "one"],
    [2, "two"],
    [3, "three"],
  ]);
  assert.deepEqual(statesOf(client.events), ["connecting", "open", "waiting", "connecting", "open"]);
  const { after } = world.server.asked.findLast(({ type }) => type === "join");
  assert.deepEqual(after, { epoch: "e1", seq: 1 });
});

test("posts that a cut left unanswered are sent again under their keys, in order, before anything newer", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const said = ["one", "two"].map((text) => client.post("lobby", text));
  await settled();
  world.network.live[0].up.length = 0; // lost on the way
  world.network.cut();
  said.push(client.post("lobby", "three"));
  await world.pass(1_000);
  assert.deepEqual(
    (await Promise.all(said)).map(({ seq }) => seq),
    [1, 2, 3],
  );
  assert.deepEqual(entriesOf(client.events, "lobby"), [
    [1, "one"],
    [2, "two"],
    [3, "three"],
  ]);
});

test("a post whose answer a cut has swallowed is said once", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const said = client.post("lobby", "one");
  await settled();
  const [socket] = world.network.live;
  socket.server.receive(Uint8Array.from(socket.up.splice(0))); // it has come, and its answer is on the way
  await world.cutAndReturn();
  assert.deepEqual([(await said).duplicate, (await said).seq], [true, 1]);
  assert.deepEqual(entriesOf(client.events, "lobby"), [[1, "one"]]);
});

test("requests wait for the rooms: no post comes before its room is joined again", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.server.refusals.push({ type: "join", code: "unavailable" });
  world.network.cut();
  const said = client.post("lobby", "late");
  await world.pass(5_000);
  assert.equal((await said).seq, 1);
  const kinds = world.server.asked.map(({ type }) => type);
  assert.deepEqual(kinds, ["hello", "join", "hello", "join", "join", "post"]);
});

test("a room that cannot be joined again is left, with a word to the user, and the rest goes on", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.server.refusals.push({ type: "join", code: "no_such_room" });
  world.network.cut();
  await world.pass(1_000);
  assert.equal(client.rooms.size, 0);
  const notice = client.events.find(({ type }) => type === "notice");
  assert.deepEqual(
    [notice.room, notice.level, notice.text],
    ["lobby", "warning", "You are no longer in #lobby: Refused: no_such_room."],
  );
});

test("the waits between attempts double up to a bound, with jitter, and begin anew after a time of peace", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.network.isUp = false;
  world.network.cut();
  await world.pass(200_000, 1_000);
  const waits = client.events.filter(({ state }) => state === "waiting").map(({ retryInMs }) => retryInMs);
  assert.deepEqual(waits.slice(0, 9), [50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 7_500]);
  assert.equal(Math.max(...waits), 7_500);
  world.network.isUp = true;
  await world.pass(30_000, 1_000);
  world.network.cut();
  await world.quiet();
  assert.equal(client.events.at(-1).retryInMs, 50);
});

test("a page that hears that the network is back dials at once", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.network.isUp = false;
  world.network.cut();
  await world.pass(60_000, 1_000);
  world.network.isUp = true;
  assert.equal(client.state, "waiting");
  client.retryNow();
  await world.quiet();
  assert.equal(client.state, "open");
});

test("a server that stops says when to come back, and is not asked before", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  for (const connection of world.server.connections) {
    connection.send({ type: "bye", reason: "the server stops", retry_after_ms: 2_000 });
    connection.close();
  }
  await world.pass(1_900);
  const { state, reason, retryInMs } = client.events.at(-1);
  assert.deepEqual([state, reason, retryInMs], ["waiting", "The server said goodbye: the server stops.", 2_050]);
  await world.pass(500);
  assert.equal(client.state, "open");
});

test("an identity that the server has forgotten is told of", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.server.authors.clear();
  world.server.authors.set("another", "a1");
  world.server.nicks.clear();
  await world.cutAndReturn();
  assert.equal(client.author, "a2");
  assert.match(client.events.find(({ type }) => type === "notice").text, /forgotten who you were/);
});

// --- holes, gaps, other lives ------------------------------------------------------------------------

test("a gap of what has expired is told of once, and the entries behind it come", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.server.say("lobby", "one");
  await world.quiet();
  world.network.cut();
  for (const text of ["two", "three", "four"]) world.server.say("lobby", text);
  world.server.expire("lobby", 3);
  await world.pass(1_000);
  assert.deepEqual(entriesOf(client.events, "lobby"), [
    [1, "one"],
    [4, "four"],
  ]);
  const gaps = client.events.filter(({ type }) => type === "gap");
  assert.deepEqual(
    gaps.map(({ after, next, reason }) => [after, next, reason]),
    [[1, 4, "expired"]],
  );
});

test("a log that was lost begins anew: a gap says so, and its entries come from the start", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  for (const text of ["old one", "old two"]) world.server.say("lobby", text);
  await world.quiet();
  world.server.restartEmpty("e2");
  world.server.say("lobby", "new one");
  await world.cutAndReturn();
  assert.deepEqual(entriesOf(client.events, "lobby"), [
    [1, "old one"],
    [2, "old two"],
    [1, "new one"],
  ]);
  assert.deepEqual(
    client.events.filter(({ type }) => type === "gap").map(({ reason }) => reason),
    ["epoch"],
  );
  assert.deepEqual([client.rooms.get("lobby").epoch, client.rooms.get("lobby").seq], ["e2", 1]);
});

test("a hole in the log is not handed out: the client connects anew, and has no hole", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.server.append("lobby", { type: "message", author: "a-x", nick: "x", text: "one" }); // published to nobody
  world.server.say("lobby", "two");
  await world.pass(1_000);
  assert.deepEqual(entriesOf(client.events, "lobby"), [
    [1, "one"],
    [2, "two"],
  ]);
  assert.match(
    client.events.find(({ state }) => state === "waiting").reason,
    /^The server broke the protocol: the log of lobby/,
  );
});

test("what comes twice is handed out once", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const entry = world.server.say("lobby", "one");
  world.server.publish(entry);
  world.server.say("lobby", "two");
  world.server.publish(entry);
  await world.quiet();
  assert.deepEqual(entriesOf(client.events, "lobby"), [
    [1, "one"],
    [2, "two"],
  ]);
});

test("joining a room again, by any spelling, brings nothing twice and loses nothing", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.server.say("lobby", "one");
  const joined = [
    client.join("lobby"),
    client.join("LOBBY"),
    client.command("/join Lobby"),
    client.join("#lobby", { last: 0 }),
  ];
  await settled();
  world.server.say("lobby", "two");
  await world.quiet();
  world.server.say("lobby", "three");
  await world.quiet();
  assert.deepEqual(statesOf(client.events), ["connecting", "open"]);
  assert.deepEqual(
    (await Promise.all(joined)).map(({ room }) => room),
    ["lobby", "lobby", "lobby", "lobby"],
  );
  assert.deepEqual(entriesOf(client.events, "lobby"), [
    [1, "one"],
    [2, "two"],
    [3, "three"],
  ]);
});

test("a cut before the first entry loses none of those that were asked for", async () => {
  const world = new World();
  for (const text of ["one", "two", "three"]) world.server.say("lobby", text);
  const client = world.person();
  client.start();
  client.join("lobby", { last: 2 });
  world.network.step();
  await settled();
  world.network.step();
  await settled();
  world.network.step();
  await settled();
  const [socket] = world.network.live;
  const down = Buffer.from(socket.down);
  socket.message(down.subarray(0, down.indexOf('{"type":"message"') - 4));
  await world.cutAndReturn();
  assert.deepEqual(entriesOf(client.events, "lobby"), [
    [2, "two"],
    [3, "three"],
  ]);
});

test("entries that come late do not change the topic back", async () => {
  const world = new World();
  const other = await world.personIn("lobby", "bob");
  await Promise.all([other.setTopic("lobby", "old"), other.setTopic("lobby", "new"), world.quiet()]);
  const topics = [];
  const client = world.person("ann", {
    onEvent: ({ type }) => type === "topic_set" && topics.push(client.rooms.get("lobby").topic),
  });
  client.start();
  client.join("lobby");
  await world.quiet();
  assert.deepEqual(topics, ["new", "new"]);
});

test("a cut while a room is being joined again leaves nothing behind", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.network.cut();
  await world.clock.advance(1_000);
  world.network.step(); // it is open
  world.network.step(); // hello, and welcome
  await settled();
  assert.equal(client.state, "open");
  world.network.cut();
  const left = watch(client.leave("lobby"));
  await settled();
  assert.equal(left.value?.type, "done");
});

test("a page that knows a room from before joins it after what it knows", async () => {
  const world = new World();
  for (const text of ["one", "two", "three"]) world.server.say("lobby", text);
  const client = world.person();
  client.start();
  client.join("lobby", { after: { epoch: "e1", seq: 2 } });
  await world.quiet();
  assert.deepEqual(entriesOf(client.events, "lobby"), [[3, "three"]]);
  const other = world.person("bob");
  other.start();
  other.join("lobby", { after: { epoch: "e0", seq: 2 } });
  await world.quiet();
  assert.deepEqual(other.events.find(({ type }) => type === "gap").reason, "epoch");
  assert.deepEqual(
    entriesOf(other.events, "lobby").map(([seq]) => seq),
    [1, 2, 3],
  );
});

test("a private room that somebody else opens is one that we are in, also after a cut", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const other = await world.personIn("lobby", "bob");
  const opened = other.direct("ann");
  await world.quiet();
  const { room } = await opened;
  const joined = client.events.findLast(({ type }) => type === "joined");
  assert.deepEqual([joined.room, joined.id, joined.peer, client.rooms.get(room).peer], [room, undefined, "bob", "bob"]);
  await Promise.all([other.post(room, "psst"), world.quiet()]);
  await world.cutAndReturn();
  await Promise.all([client.post(room, "yes?"), other.direct("ann"), world.quiet()]);
  for (const one of [client, other])
    assert.deepEqual(entriesOf(one.events, room), [
      [1, "psst"],
      [2, "yes?"],
    ]);
});

// --- leaving -----------------------------------------------------------------------------------------

test("a room that is left while it is being joined is left, whatever is cut in between", async () => {
  for (const moment of ["before", "between", "after"]) {
    const world = new World();
    const client = await world.personIn("lobby");
    const asked = [client.join("den"), client.leave("den")];
    await settled();
    if (moment === "before") world.network.live[0].up.length = 0;
    if (moment === "between") world.network.step(60);
    if (moment === "after") world.network.step();
    await world.cutAndReturn();
    await Promise.all(asked);
    assert.deepEqual([...client.rooms.keys()], ["lobby"], moment);
    assert.deepEqual(world.server.members("den"), [], moment);
  }
});

test("a room that is left without a connection is left at once, and not joined again", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.network.cut();
  assert.equal((await client.leave("lobby")).type, "done");
  await world.pass(1_000);
  assert.deepEqual([client.rooms.size, world.server.members("lobby")], [0, []]);
});

test("a room that is left while a cut happens is left; joined again behind that, it is joined", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const asked = [client.leave("lobby"), client.join("lobby", { last: 0 })];
  await settled();
  await world.cutAndReturn();
  await Promise.all(asked);
  assert.deepEqual([...client.rooms.keys()], ["lobby"]);
});

test("a room that is left behind two ways of joining it is left", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const asked = [client.join("den"), client.join("DEN"), client.leave("den")];
  await world.quiet();
  await Promise.all(asked);
  assert.deepEqual([[...client.rooms.keys()], world.server.members("den")], [["lobby"], []]);
});

test("a post that was not answered when its room was left is said again before that, and told of", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const asked = [client.post("lobby", "one"), client.leave("lobby")];
  await settled();
  world.network.live[0].up.length = 0;
  world.network.cut();
  await world.pass(1_000);
  assert.deepEqual(
    (await Promise.all(asked)).map(({ type }) => type),
    ["posted", "done"],
  );
  assert.deepEqual([client.rooms.size, world.server.members("lobby")], [0, []]);
});

test("leaving a room that one is not in is refused", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const left = watch(client.leave("den"));
  await world.quiet();
  assert.equal(left.error.code, "not_a_member");
});

test("the command that leaves a room leaves it here too", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  await Promise.all([client.command("/leave", { room: "lobby" }), world.quiet()]);
  await world.cutAndReturn();
  assert.equal(client.rooms.size, 0);
});

// --- waiting out -------------------------------------------------------------------------------------

test("a post that the server cannot take now is sent again under its key, and later ones wait behind it", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.server.refusals.push({ type: "post", code: "unavailable" });
  world.server.refusals.push({ type: "post", code: "too_many", retry_after_ms: 500 });
  const first = client.post("lobby", "one", { key: "k1" });
  const watched = watch(first);
  await world.quiet();
  const second = client.post("lobby", "two");
  const reading = client.ask({ type: "history", room: "lobby" });
  await world.quiet();
  assert.equal((await reading).type, "history"); // what does not write need not wait
  assert.equal(watched.isPending, true);
  await world.pass(100);
  assert.equal(watched.isPending, true);
  await world.pass(1_000);
  assert.deepEqual([(await first).seq, (await second).seq], [1, 2]);
  assert.deepEqual(world.server.asked.filter(({ key }) => key === "k1").length, 3);
});

test("posts that are refused together wait together, and the first is tried alone", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  for (let times = 0; times < 4; times += 1) {
    world.server.refusals.push({ type: "post", code: "too_many", retry_after_ms: 300 });
  }
  const said = ["one", "two", "three"].map((text) => client.post("lobby", text));
  await world.quiet();
  assert.equal(world.clock.waiting, 2); // the watch, and the wait
  await world.pass(2_000);
  assert.deepEqual(
    (await Promise.all(said)).map(({ seq }) => seq),
    [1, 2, 3],
  );
  const tried = world.server.asked.filter(({ type }) => type === "post").map(({ text }) => text);
  assert.deepEqual(tried, ["one", "two", "three", "one", "one", "two", "three"]);
});

test("what waiting does not mend is told at once", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.server.refusals.push({ type: "post", code: "too_many" }, { type: "post", code: "forbidden" });
  const said = ["one", "two"].map((text) => watch(client.post("lobby", text)));
  await world.quiet();
  assert.deepEqual(
    said.map(({ error }) => error.code),
    ["too_many", "forbidden"],
  );
});

test("a command that may have been kept is asked again under its key", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.server.refusals.push({ type: "command", code: "unavailable" });
  const said = client.command("/me waves", { room: "lobby" });
  await world.pass(1_000);
  assert.equal((await said).seq, 1);
});

// --- nicks -------------------------------------------------------------------------------------------

test("a nick that is taken at the first hello is refused, and another one can be asked for", async () => {
  const world = new World();
  await world.personIn("lobby");
  const client = world.person("ann");
  client.start();
  const joined = client.join("lobby");
  await world.quiet();
  const { state, reason, code } = client.events.at(-1);
  assert.deepEqual([state, reason, code, client.state], ["refused", "Refused: nick_taken.", "nick_taken", "refused"]);
  assert.equal(world.clock.waiting, 1); // the other client's watch, and none of ours
  client.start("bob");
  await world.quiet();
  assert.deepEqual([client.state, client.nick, (await joined).room], ["open", "bob", "lobby"]);
});

test("a nick that was taken meanwhile grows an underscore on the way back", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  world.network.isUp = false;
  world.network.cut();
  world.server.nicks.set("ann", "somebody").set("ann_", "somebody");
  world.network.isUp = true;
  await world.pass(1_000);
  assert.deepEqual([client.state, client.nick, client.events.at(-3).nick], ["open", "ann__", "ann__"]);
});

test("when all nicks are taken on the way back, it tries again", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  for (const tail of ["", "_", "__", "___", "____"]) world.server.nicks.set(`ann${tail}`, "somebody");
  world.network.cut();
  await world.pass(500);
  assert.equal(client.events.at(-1).reason, "Refused: nick_taken.");
  world.server.nicks.clear();
  await world.pass(1_000);
  assert.deepEqual([client.state, client.nick], ["open", "ann"]);
});

test("a new nick is the one to come back under", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  await Promise.all([client.ask({ type: "nick", nick: "anna" }), world.quiet()]);
  await world.cutAndReturn();
  assert.deepEqual([client.nick, world.server.asked.findLast(({ type }) => type === "hello").nick], ["anna", "anna"]);
});

test("a hello that the server has no time for is said again; one that it refuses for good is not", async () => {
  const world = new World();
  world.server.refusals.push({ type: "hello", code: "unavailable" });
  const client = world.person();
  client.start();
  await world.pass(1_000);
  assert.equal(client.state, "open");
  world.server.refusals.push({ type: "hello", code: "not_welcome" });
  world.network.cut();
  await world.pass(1_000);
  assert.equal(client.state, "refused");
});

// --- closing -----------------------------------------------------------------------------------------

test("closing says goodbye, forgets the rooms, and refuses what has no answer; it can be started again", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const asked = watch(client.post("lobby", "one"));
  client.close();
  assert.deepEqual([client.state, client.rooms.size, world.clock.waiting], ["closed", 0, 0]);
  await settled();
  assert.equal(asked.error.code, "closed");
  await world.quiet();
  assert.deepEqual([world.server.asked.at(-1).type, world.server.connections.size], ["bye", 0]);
  client.start();
  await world.quiet();
  assert.deepEqual([client.state, client.nick, client.rooms.size], ["open", "ann", 0]);
});

test("a client can be closed in any state, and does nothing more", async () => {
  for (const arrived of ["new", "connecting", "greeting", "open", "waiting", "refused", "closed"]) {
    const world = new World();
    const client = world.person();
    if (arrived === "refused") world.server.refusals.push({ type: "hello", code: "bad_name" });
    if (arrived !== "new") client.start();
    if (arrived === "greeting") world.network.step();
    if (!["new", "connecting", "greeting"].includes(arrived)) await world.quiet();
    if (arrived === "waiting") world.network.cut();
    await settled();
    if (arrived === "closed") client.close();
    client.close();
    const told = client.events.length;
    await world.pass(60_000, 5_000);
    assert.deepEqual([client.state, world.clock.waiting, client.events.length], ["closed", 0, told], arrived);
    assert.equal(world.server.connections.size, 0, arrived);
  }
});

test("a client that is closed by whoever hears an event stays closed", async () => {
  for (const at of ["connecting", "open", "joined", "message", "waiting"]) {
    const world = new World();
    world.server.say("lobby", "one");
    const onEvent = (event, client) => (event.state ?? event.type) === at && client.close();
    const client = world.person("ann", { onEvent });
    client.start();
    client.join("lobby").catch(() => {});
    await world.quiet();
    world.network.cut();
    await world.pass(5_000);
    assert.deepEqual([client.state, client.events.at(-1).state, world.clock.waiting], ["closed", "closed", 0], at);
  }
});

test("the command that quits ends it: the goodbye is the answer, and nobody dials again", async () => {
  const world = new World();
  const client = await world.personIn("lobby");
  const said = client.command("/quit tired", { room: "lobby" });
  await world.pass(60_000, 5_000);
  assert.deepEqual([(await said).type, client.state, client.rooms.size], ["bye", "closed", 0]);
  assert.equal(client.events.at(-1).reason, "The server said goodbye: tired.");
});

test("a client that is closed by whoever hears that it was forgotten stays closed", async () => {
  const world = new World();
  const onEvent = ({ type }, client) => type === "notice" && client.close();
  const client = await world.personIn("lobby", "ann", { onEvent });
  world.server.authors.clear();
  world.server.authors.set("another", "a1");
  world.server.nicks.clear();
  await world.cutAndReturn();
  assert.deepEqual([client.state, client.events.at(-1).state], ["closed", "closed"]);
});
