/** Proves what a room shows, row by row. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Room } from "../../trio_chat/web/page/room.js";
import { buildRows } from "../../trio_chat/web/page/rows.js";

const ME = { me: "me", nick: "ann" };
const HOUR = 3_600_000;

const OPTIONS = {
  ...ME,
  dayOf: (ms) => Math.floor(ms / (24 * HOUR)),
  quoted: () => undefined,
  speaksToMe: () => false,
};

function newRoom(...entries) {
  const room = new Room("lobby");
  room.joined({ epoch: "e", head: entries.length });
  entries.forEach((entry, place) =>
    room.entry({ type: "message", seq: place + 1, at: 0, author: "b", nick: "bob", text: "x", ...entry }, ME),
  );
  return room;
}

function rows(room, { pending = [], ...options } = {}) {
  return buildRows(room, pending, { ...OPTIONS, ...options });
}

const kinds = (all) => all.map(({ kind }) => kind);
const heads = (all) => all.filter(({ kind }) => kind === "message").map(({ head }) => head);

test("an empty room shows where it begins", () => {
  assert.deepEqual(kinds(rows(newRoom())), ["start"]);
});

test("messages of one person soon after one another stand below one name", () => {
  const room = newRoom({}, { at: 1_000 }, { author: "c", nick: "carol", at: 2_000 }, { at: 3_000 }, { at: 2 * HOUR });
  assert.deepEqual(heads(rows(room)), [true, false, true, true, true]);
});

test("a reply and what somebody does begin anew, and so does what follows that", () => {
  const room = newRoom({}, { reply_to: 1 }, {}, { action: true }, {});
  assert.deepEqual(heads(rows(room)), [true, true, false, true, true]);
});

test("days are told where they change", () => {
  const room = newRoom({}, { at: 1_000 }, { at: 30 * HOUR });
  assert.deepEqual(kinds(rows(room)), ["start", "day", "message", "message", "day", "message"]);
});

test("another room's start and another day's today are other rows", () => {
  const room = newRoom({});
  const before = rows(room, { today: 0 });
  const after = rows(room, { today: 1 });
  const start = rows(Object.assign(newRoom({}), { name: "python" }), { today: 0 })[0];
  assert.equal(before[0].key, start.key);
  assert.notDeepEqual(before[0], start, "or the list would take one for the other");
  assert.deepEqual(kinds(before).slice(0, 2), ["start", "day"]);
  assert.notDeepEqual(before[1], after[1], "what was today is yesterday after midnight");
});

test("what is quoted is not repeated where it stands right above", () => {
  const room = newRoom({}, { reply_to: 1 }, { reply_to: 1 });
  assert.deepEqual(
    rows(room)
      .filter(({ kind }) => kind === "message")
      .map(({ quotes }) => quotes),
    [null, null, 1],
  );
});

test("a line stands before the first message of others that is new, and before none of one's own", () => {
  const room = newRoom({}, { author: "me", nick: "ann" }, {}, {});
  room.newAfter = 1;
  assert.deepEqual(kinds(rows(room)), ["start", "day", "message", "message", "new", "message", "message"]);
});

test("edits and deletions have no rows", () => {
  const room = newRoom({});
  room.entry({ type: "edited", seq: 2, at: 1, target: 1, text: "y" }, ME);
  room.entry({ type: "redacted", seq: 3, at: 1, target: 1 }, ME);
  assert.deepEqual(kinds(rows(room)), ["start", "day", "message"]);
});

test("comings and goings between two messages are one row, and who came and went is in none", () => {
  const room = newRoom({});
  const change = (author, what, to) => room.presence({ author, nick: author, change: what, to }, { me: "me", now: 5 });
  change("c", "joined");
  change("d", "joined");
  change("c", "left");
  change("e", "left");
  change("e", "joined");
  change("f", "lost");
  change("d", "renamed", "dora");
  change("me", "joined");
  const shown = rows(room).filter(({ kind }) => kind === "presence");
  assert.deepEqual(
    shown.map(({ text }) => text),
    ["dora joined · f left · d is now dora"],
  );
});

test("many who come are counted", () => {
  const room = newRoom({});
  for (let number = 0; number < 7; number++) {
    room.presence({ author: `p${number}`, nick: `p${number}`, change: "joined" }, { me: "me", now: 5 });
  }
  assert.equal(rows(room).at(-1).text, "p0, p1 and 5 others joined");
});

test("what was said to oneself alone stays where it was said", () => {
  const room = newRoom({});
  room.locals.add(1, 0, { kind: "notice", text: "psst", level: "info", typed: "/x" });
  room.entry({ type: "message", seq: 2, at: 0, author: "b", nick: "bob", text: "x" }, ME);
  assert.deepEqual(kinds(rows(room)), ["start", "day", "message", "notice", "message"]);
  const { text, level, typed } = rows(room)[3];
  assert.deepEqual([text, level, typed], ["psst", "info", "/x"]);
});

test("what is on its way and what bots write come last, where the end is in the window", () => {
  const room = newRoom({});
  room.drafts.take({ type: "draft", turn: 7, author: "s", nick: "sage", text: "so" }, 0);
  const pending = [{ key: "k", room: "lobby", text: "hi", at: 0, state: "sending" }];
  assert.deepEqual(kinds(rows(room, { pending })), ["start", "day", "message", "pending", "draft"]);
  room.timeline.head = 50;
  assert.deepEqual(kinds(rows(room, { pending })), ["start", "day", "message"]);
});

test("a bot can be stopped by whoever asked it, and by anybody where nobody is known to have", () => {
  const turn = (number, fields) => ({ type: "turn", turn: number, author: "s", nick: "sage", change: "begun", ...fields });
  const room = newRoom({});
  room.drafts.take(turn(1, { asker: ME.me }), 0);
  room.drafts.take(turn(2, { asker: "b" }), 0);
  room.drafts.take({ type: "draft", turn: 2, author: "s", nick: "sage", text: "so" }, 0);
  room.drafts.take(turn(3, {}), 0);
  assert.deepEqual(rows(room).flatMap((row) => (row.kind === "draft" ? [row.mayStop] : [])), [true, false, true]);
});

test("rows keep their keys when older ones come, and are equal where nothing changed", () => {
  const room = newRoom({}, {}, {});
  const before = rows(room);
  const after = rows(room);
  assert.deepEqual(after, before);
  assert.equal(new Set(before.map(({ key }) => key)).size, before.length);
});
