/** Proves that what is unread is counted, over tabs and epochs, and who is spoken to. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { COUNTED, mentions, ReadMarks, Unread } from "../../trio_chat/web/page/unread.js";
import { Shelf } from "./support/shelf.js";

test("messages are unread until they are read, mentions apart", () => {
  const unread = new Unread();
  unread.note(1, false);
  unread.note(2, true);
  unread.note(4, true);
  assert.deepEqual([unread.count, unread.mentions], [3, 2]);
  unread.readUpTo(2);
  assert.deepEqual([unread.count, unread.mentions], [1, 1]);
  unread.forget(4);
  assert.equal(unread.count, 0);
});

test("so many that nobody counts are said to be more, until all are read", () => {
  const unread = new Unread();
  for (let seq = 1; seq <= COUNTED + 5; seq++) unread.note(seq, false);
  assert.equal(unread.label, `${COUNTED}+`);
  unread.readUpTo(COUNTED + 5);
  assert.equal(unread.label, "0");
});

test("marks only move forward, and those of another epoch count for nothing", () => {
  const marks = new ReadMarks(new Shelf());
  assert.equal(marks.get("lobby", "e1"), undefined);
  assert.equal(marks.set("lobby", "e1", 5), true);
  assert.equal(marks.set("lobby", "e1", 3), false);
  assert.equal(marks.get("lobby", "e1"), 5);
  assert.equal(marks.get("lobby", "e2"), undefined);
  assert.equal(marks.set("lobby", "e2", 1), true);
});

test("an event of the storage names the room, if it is about one", () => {
  assert.equal(ReadMarks.roomOf({ key: "trio_chat.read:python" }), "python");
  assert.equal(ReadMarks.roomOf({ key: "trio_chat.nick" }), undefined);
  assert.equal(ReadMarks.roomOf({ key: null }), undefined);
});

test("one is spoken to by name as a word of its own, in any case of letters", () => {
  for (const text of ["ann", "hi @ann!", "Ann: see", "(ANN)", "is ann, perhaps"])
    assert.ok(mentions(text, "ann"), text);
  for (const text of ["annual", "joann", "an n", "ann_b", ""]) assert.ok(!mentions(text, "ann"), text);
  assert.ok(mentions("yes, a.b-c[d]!", "a.b-c[d]"));
  assert.ok(!mentions("yes, aXb-c[d]!", "a.b-c[d]"));
  assert.ok(mentions("привет, Ирина", "ирина"));
  assert.ok(!mentions("anything", ""));
});
