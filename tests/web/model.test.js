/** Proves what happens to all that one sees when something happens, without a document and without a network. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Refused } from "../../trio_chat/web/page/client.js";
import { Desk, page, settled } from "./support/desk.js";

test("unread messages are counted from where one has read, also in another tab and another day", async () => {
  const desk = new Desk();
  await desk.in("lobby", 4);
  await desk.in("python", 2);
  assert.equal(desk.model.waiting.count, 0, "what was there before one first came is not unread");
  desk.says("python", 3);
  desk.says("python", 4, { text: "ann: look" });
  desk.says("python", 5, { author: "me" });
  assert.deepEqual(desk.model.waiting, { count: 2, mentions: 1 });
  assert.deepEqual(desk.news, [
    ["python", 3, false],
    ["python", 4, true],
  ]);

  const later = new Desk({ storage: desk.storage });
  await later.in("python", 5);
  assert.equal(later.model.rooms.get("python").unread.count, 3);
  assert.deepEqual(later.news, [], "what was said while nobody was here is unread, but no news");

  desk.model.open("python");
  assert.equal(desk.model.room.newAfter, 2);
  desk.model.seen(5, true);
  assert.equal(desk.model.waiting.count, 0);
  later.model.readElsewhere({ key: "trio_chat.read:python" });
  assert.equal(later.model.waiting.count, 0);
});

test("in a private room everything speaks to us, and so does a reply to us", async () => {
  const desk = new Desk();
  await desk.in("lobby", 0);
  await desk.in("~x", 0, { peer: "bob" });
  desk.says("~x", 1);
  desk.says("lobby", 1, { author: "me" });
  desk.says("lobby", 2, { reply_to: 1 });
  assert.equal(desk.model.waiting.mentions, 2);
  assert.equal(desk.model.rooms.get("~x").title, "bob");
});

test("a log of another epoch is read from its start, and nothing of the old one is left", async () => {
  const desk = new Desk();
  await desk.in("lobby", 4);
  desk.model.take({ type: "joined", room: "lobby", epoch: "e2", head: 1, topic: "", members: [], count: 1 });
  desk.model.take({ type: "gap", room: "lobby", after: 4, next: 1, reason: "epoch" });
  desk.says("lobby", 1);
  const { timeline } = desk.model.room;
  assert.deepEqual(
    timeline.items.map(({ type }) => type),
    ["gap", "message"],
  );
  assert.equal(desk.model.waiting.count, 1);
});

test("older entries are asked for once at a time, and not beyond the first", async () => {
  const desk = new Desk();
  await desk.in("lobby", 100);
  const { room, reader } = desk.model;
  reader.older(room);
  reader.older(room);
  const asked = desk.client.asked.filter(({ what }) => what === "ask");
  assert.deepEqual(
    asked.map(({ details }) => details[0].before),
    [97],
  );
  const entries = Array.from({ length: 96 }, (_, place) => ({
    type: "message",
    room: "lobby",
    seq: place + 1,
    at: 1,
    author: "b",
    nick: "b",
    text: "x",
  }));
  asked[0].resolve({ type: "history", entries, more: false });
  await settled();
  assert.equal(room.timeline.first, 1);
  reader.older(room);
  assert.equal(desk.client.asked.filter(({ what }) => what === "ask").length, 1);
});

test("a jump shows the messages around, and the way back reads until the newest", async () => {
  const desk = new Desk();
  await desk.in("lobby", 500);
  const jumping = desk.model.reader.jump("lobby", 100);
  await settled();
  assert.equal(desk.client.last("ask").details[0].before, 130);
  desk.client.last("ask").resolve({ type: "history", entries: page(70, 129), more: true });
  await jumping;
  const { room } = desk.model;
  assert.deepEqual(desk.model.scroll, { room: "lobby", seq: 100 });
  assert.equal(room.timeline.attached, false);
  desk.says("lobby", 501);
  assert.equal(room.timeline.last, 129);
  const back = desk.model.reader.toEnd(room);
  await settled();
  desk.client.last("ask").resolve({ type: "history", entries: page(442, 501), more: true });
  await back;
  assert.deepEqual([room.timeline.last, room.timeline.attached], [501, true]);
});

test("of two jumps the later one counts", async () => {
  const desk = new Desk();
  await desk.in("lobby", 500);
  const jumps = [desk.model.reader.jump("lobby", 100), desk.model.reader.jump("lobby", 200)];
  const [first, second] = desk.client.asked.filter(({ what }) => what === "ask");
  first.resolve({ type: "history", entries: page(70, 129), more: true });
  second.resolve({ type: "history", entries: page(170, 229), more: true });
  await Promise.all(jumps);
  assert.ok(desk.model.room.timeline.holds(200));
  assert.deepEqual(desk.model.found, { room: "lobby", seq: 200 });
});

test("a page that is refused is told of once where it is missing, and asked for again after a while only", async () => {
  const desk = new Desk();
  await desk.in("lobby", 100);
  const { room, reader } = desk.model;
  const asked = () => desk.client.asked.filter(({ what }) => what === "ask").length;
  for (const times of [1, 2]) {
    reader.older(room);
    desk.client.last("ask").reject(new Refused("unavailable", "The storage is away."));
    await settled();
    reader.older(room);
    assert.equal(asked(), times);
    desk.waiting.shift()();
    await settled();
  }
  assert.deepEqual(
    room.locals.lines.map(({ text, after }) => [text, after]),
    [["The storage is away.", 96]],
  );
  reader.older(room);
  desk.client.last("ask").resolve({ type: "history", entries: page(1, 96), more: false });
  await settled();
  assert.equal(room.timeline.first, 1);
});

test("whoever is called otherwise on the way back is told so", async () => {
  const desk = new Desk();
  await desk.in("lobby");
  const state = (name, nick) => desk.model.take({ type: "state", state: name, reason: "", retryInMs: 0, nick });
  for (const [name, nick] of [
    ["waiting", "ann"],
    ["connecting", "ann"],
    ["open", "ann"],
  ])
    state(name, nick);
  assert.deepEqual(desk.model.room.locals.lines, []);
  for (const [name, nick] of [
    ["waiting", "ann"],
    ["connecting", "ann"],
    ["open", "ann_"],
  ])
    state(name, nick);
  assert.match(desk.model.room.locals.lines[0].text, /ann_/);
});

test("what was said before all that came is unread too", async () => {
  const desk = new Desk();
  await desk.in("lobby", 4);
  desk.model.seen(4, true);
  const later = new Desk({ storage: desk.storage });
  await later.in("lobby", 200);
  const { unread } = later.model.rooms.get("lobby");
  assert.equal(unread.label, "4+");
  later.model.seen(200, true);
  assert.equal(unread.label, "0");
});

test("what comes while nobody looks stands below a line, and what comes while somebody does does not", async () => {
  const desk = new Desk();
  await desk.in("lobby", 4);
  const { model } = desk;
  model.seen(4, true);
  model.looking(false);
  assert.equal(model.room.newAfter, 4);
  model.looking(true);
  assert.equal(model.room.newAfter, null);
  model.looking(false);
  desk.says("lobby", 5);
  model.looking(true);
  assert.equal(model.room.newAfter, 4);
});

test("a room that was left somewhere in its past is opened at its end", async () => {
  const desk = new Desk();
  await desk.in("lobby", 500);
  await desk.in("python", 2);
  const { room, reader } = desk.model;
  room.timeline.replace([{ type: "message", room: "lobby", seq: 7, at: 1, author: "b", nick: "b", text: "x" }], true);
  desk.model.open("python");
  desk.model.open("lobby");
  await settled();
  assert.equal(desk.client.last("ask").details[0].before, undefined);
  assert.ok(reader.isBusy(room, "end"));
});

test("a hundred thousand messages leave a window, whether one looks at the end or far above", async () => {
  for (const atBottom of [true, false]) {
    const desk = new Desk({ kept: 200 });
    await desk.in("lobby", 4);
    desk.model.room.atBottom = atBottom;
    desk.model.room.seenUpTo = 4;
    for (let seq = 5; seq <= 100_000; seq++) desk.says("lobby", seq);
    const { timeline } = desk.model.room;
    assert.ok(timeline.items.length <= 250);
    assert.equal(timeline.head, 100_000);
    assert.equal(timeline.attached, atBottom);
    assert.equal(timeline.holds(4), !atBottom);
  }
});

test("drafts grow, are forgotten with what is said, and with the connection", async () => {
  const desk = new Desk();
  await desk.in("lobby");
  const turn = { room: "lobby", turn: 3, author: "s", nick: "sage" };
  desk.model.take({ type: "turn", change: "begun", ...turn });
  desk.model.take({ type: "draft", ...turn, text: "so", doing: "thinking" });
  assert.deepEqual(
    desk.model.room.drafts.all().map(({ text, doing }) => [text, doing]),
    [["so", "thinking"]],
  );
  desk.says("lobby", 1, { author: "s" });
  assert.deepEqual(
    desk.model.room.drafts.all().map(({ text }) => text),
    [""],
  );
  desk.model.take({ type: "turn", change: "ended", ...turn, reason: "done" });
  assert.equal(desk.model.room.drafts.size, 0);
  desk.model.take({ type: "draft", ...turn, text: "again" });
  desk.model.take({ type: "state", state: "waiting", reason: "", retryInMs: 1 });
  assert.equal(desk.model.room.drafts.size, 0);
});

/** What a server says of a bot that is in the midst of its answer, right behind `joined`. */
function midst(room, number = 3) {
  const turn = { room, turn: number, author: "s", nick: "sage" };
  return [
    { type: "turn", change: "begun", asker: "me", ...turn },
    { type: "draft", ...turn, text: "so far", doing: "thinking" },
  ];
}

const drafted = (room) => room.drafts.all().map(({ turn, text, doing, asker }) => [turn, text, doing, asker]);
const SO_FAR = [[3, "so far", "thinking", "me"]];

test("a bot that is in the midst of its answer when one comes is shown so, whatever it has said before", async () => {
  const desk = new Desk();
  const joined = { type: "joined", room: "lobby", epoch: "e", head: 2, topic: "", members: [], count: 2 };
  for (const event of [joined, ...midst("lobby")]) desk.model.take(event);
  desk.says("lobby", 1);
  desk.says("lobby", 2, { author: "s" });
  desk.model.take({ type: "live", room: "lobby", seq: 2 });
  const room = desk.model.rooms.get("lobby");
  assert.deepEqual(drafted(room), SO_FAR);
  desk.says("lobby", 3, { author: "s" });
  assert.deepEqual(drafted(room), [[3, "", "", "me"]], "what is said from now on is what was drafted");
});

test("a turn that is told of twice is there once, and keeps what was drafted", async () => {
  const desk = new Desk();
  await desk.in("lobby");
  for (const event of [...midst("lobby"), midst("lobby")[0]]) desk.model.take(event);
  assert.deepEqual(drafted(desk.model.room), SO_FAR);
});

for (const [how, epoch] of Object.entries({ "a cut": "e", "the log began anew": "e2" })) {
  test(`when one comes back after ${how}, the turns that are open now are shown and no others`, async () => {
    const desk = new Desk();
    await desk.in("lobby", 4);
    for (const event of midst("lobby", 2)) desk.model.take(event);
    const state = (name) => desk.model.take({ type: "state", state: name, reason: "", retryInMs: 0, nick: "ann" });
    for (const name of ["waiting", "connecting", "open"]) state(name);
    assert.deepEqual(drafted(desk.model.room), []);
    desk.model.take({ type: "joined", room: "lobby", epoch, head: 5, topic: "", members: [], count: 2 });
    for (const event of midst("lobby")) desk.model.take(event);
    if (epoch === "e2") desk.model.take({ type: "gap", room: "lobby", after: 4, next: 1, reason: "epoch" });
    for (let seq = epoch === "e2" ? 1 : 5; seq <= 5; seq++) desk.says("lobby", seq, { author: "s" });
    desk.model.take({ type: "live", room: "lobby", seq: 5 });
    assert.deepEqual(drafted(desk.model.room), SO_FAR);
  });
}

test("a room that is joined again on the same connection shows the turns that are open now and no others", async () => {
  const desk = new Desk();
  await desk.in("lobby", 4);
  for (const event of midst("lobby", 2)) desk.model.take(event);
  desk.model.take({ type: "joined", room: "lobby", epoch: "e", head: 4, topic: "", members: [], count: 2 });
  for (const event of midst("lobby")) desk.model.take(event);
  assert.deepEqual(drafted(desk.model.room), SO_FAR);
});

test("a word to oneself is heard where one is, and read where it belongs", async () => {
  const desk = new Desk();
  await desk.in("lobby");
  await desk.in("python");
  desk.model.take({ type: "notice", text: "here", room: "lobby" });
  desk.model.take({ type: "notice", text: "there", room: "python" });
  desk.model.take({ type: "notice", text: "anywhere" });
  assert.deepEqual(desk.told, ["here", "anywhere"]);
  const read = (room) => desk.model.rooms.get(room).locals.lines.map(({ text }) => text);
  assert.deepEqual([read("lobby"), read("python")], [["here", "anywhere"], ["there"]]);
});

test("a quote follows its message, and is of the log that is read now", async () => {
  const desk = new Desk();
  await desk.in("lobby", 500);
  const { room, reader } = desk.model;
  const change = {
    edited: { type: "edited", room: "lobby", seq: 501, at: 1, target: 7, author: "b", nick: "b", text: "y" },
    anew: { type: "gap", room: "lobby", after: 500, next: 1, reason: "epoch" },
  };
  for (const event of Object.values(change)) {
    reader.fetchQuote(room, 7);
    desk.client.last("ask").resolve({ type: "history", entries: page(7, 7) });
    await settled();
    assert.equal(reader.quoted(room, 7).text, "x");
    desk.model.take(event);
    assert.equal(reader.quoted(room, 7), undefined);
  }
});

test("nothing of a deleted message is kept for quotes", async () => {
  const desk = new Desk();
  await desk.in("lobby", 500);
  const { room, reader } = desk.model;
  reader.fetchQuote(room, 7);
  desk.client.last("ask").resolve({
    type: "history",
    entries: [{ type: "message", room: "lobby", seq: 7, at: 1, author: "b", nick: "b", text: "secret" }],
  });
  await settled();
  assert.equal(reader.quoted(room, 7).text, "secret");
  desk.model.take({ type: "redacted", room: "lobby", seq: 501, at: 1, target: 7, author: "b", nick: "b" });
  assert.equal(reader.quoted(room, 7), undefined);
});
