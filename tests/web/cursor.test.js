/** Proves where a client stands in a log after whatever may come, and what it knows of a room. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { BrokenPromise, Cursor } from "../../trio_chat/web/page/cursor.js";
import { RoomView, Rooms } from "../../trio_chat/web/page/rooms.js";

const joined = (more = {}) => ({
  type: "joined",
  room: "r",
  epoch: "e1",
  head: 5,
  topic: "",
  members: [],
  count: 0,
  ...more,
});
const entry = (seq) => ({ type: "message", room: "r", seq });
const live = (seq) => ({ type: "live", room: "r", seq });
const gap = (after, next, reason = "expired") => ({ type: "gap", room: "r", after, next, reason });

/** Bring events to a cursor, and return which of them were due. */
function take(cursor, ...events) {
  return events.map((event) => {
    const isDue = cursor.isDue(event);
    if (isDue) cursor.advance(event);
    return isDue;
  });
}

test("a cursor starts before all that was asked for, and never behind the head", () => {
  assert.deepEqual(new Cursor(joined(), 2).position, { epoch: "e1", seq: 3 });
  assert.deepEqual(new Cursor(joined(), 50).position, { epoch: "e1", seq: 0 });
  assert.throws(() => new Cursor(joined(), 2).isDue(entry(7)), BrokenPromise);
  assert.deepEqual(take(new Cursor(joined(), 2), entry(6)), [true]);
});

test("what comes in order is due once, what comes again is not, what is missing is a broken promise", () => {
  const cursor = new Cursor(joined(), 2);
  assert.deepEqual(take(cursor, entry(4), entry(4), entry(5), live(5), entry(5), entry(6)), [
    true,
    false,
    true,
    true,
    false,
    true,
  ]);
  for (const event of [entry(8), live(7)]) assert.throws(() => cursor.isDue(event), BrokenPromise);
});

test("a gap of what is known is no news, and one of what is not moves on", () => {
  const cursor = Cursor.after(joined(), { epoch: "e1", seq: 3 });
  assert.deepEqual(take(cursor, gap(0, 4), gap(3, 5), entry(5)), [false, true, true]);
});

test("while it lags nothing is due, and after that the stream must fit where it stands", () => {
  const cursor = new Cursor(joined(), 2);
  take(cursor, entry(4));
  cursor.lag();
  assert.deepEqual(take(cursor, entry(5), entry(9), gap(0, 9)), [false, false, false]);
  cursor.resumed(joined({ head: 9 }), cursor.generation);
  assert.throws(() => cursor.isDue(entry(6)), BrokenPromise);
  assert.deepEqual(take(cursor, entry(5)), [true]);
});

test("a cursor that was cut off before its first entry is not free any more to start elsewhere", () => {
  const cursor = new Cursor(joined(), 2);
  cursor.lag();
  cursor.resumed(joined(), cursor.generation);
  assert.throws(() => cursor.isDue(entry(5)), BrokenPromise);
});

test("another epoch begins with a gap that says so, and the second answer to the same question says it in vain", () => {
  const cursor = new Cursor(joined(), 2);
  const asked = cursor.generation;
  cursor.resumed(joined({ epoch: "e2", head: 2 }), asked);
  assert.throws(() => cursor.isDue(entry(1)), BrokenPromise);
  assert.deepEqual(take(cursor, gap(3, 1, "epoch"), entry(1), gap(3, 1, "epoch")), [true, true, false]);
  cursor.resumed(joined({ epoch: "e2", head: 2 }), asked);
  assert.deepEqual(take(cursor, gap(3, 1, "epoch"), entry(1), entry(2)), [false, false, true]);
  assert.deepEqual(cursor.position, { epoch: "e2", seq: 2 });
  cursor.resumed(joined({ epoch: "e3", head: 0 }), cursor.generation);
  assert.deepEqual(take(cursor, gap(2, 1, "epoch")), [true]);
  assert.deepEqual(cursor.position, { epoch: "e3", seq: 0 });
});

test("a room counts who comes once, and forgets who goes", () => {
  const view = new RoomView(joined({ members: [{ author: "a", nick: "ann" }], count: 1 }), new Cursor(joined(), 0));
  const news = (change, author, more = {}) =>
    view.news({ type: "presence", room: "r", author, nick: author, change, ...more });
  for (const author of ["a", "b", "b"]) news("joined", author);
  assert.deepEqual([view.count, [...view.members.keys()]], [2, ["a", "b"]]);
  for (const author of ["b", "c", "d"]) news("lost", author);
  assert.deepEqual([view.count, [...view.members.keys()]], [0, ["a"]]);
  news("renamed", "x", { to: "y" });
  assert.equal(view.members.size, 1);
});

test("a private room keeps the nick of the other one up to date", () => {
  const view = new RoomView(joined({ room: "~r", peer: "bob" }), new Cursor(joined(), 0));
  view.describe(joined({ room: "~r" }));
  assert.equal(view.peer, "bob");
  view.news({ type: "presence", room: "~r", author: "b", nick: "bob", change: "renamed", to: "rob" });
  assert.equal(view.peer, "rob");
  view.news({ type: "presence", room: "~r", author: "b", nick: "bobby", change: "joined" });
  assert.equal(view.peer, "bobby");
});

test("a room that was joined again in a way that nobody knows the start of is joined once more, in its turn", () => {
  const rooms = new Rooms();
  const asked = { last: 0, after: null, generation: null };
  assert.equal(rooms.joined(joined(), asked), true);
  assert.equal(rooms.joined(joined(), asked), false);
  assert.deepEqual([rooms.nextLagging()?.name, rooms.nextLagging()], ["r", undefined]);
  assert.equal(rooms.joined(joined(), { ...asked, generation: 0 }), true);
});

test("a room is found by what a person may call it", () => {
  const rooms = new Rooms();
  rooms.joined(joined({ room: "lobby" }), { last: 0, after: null, generation: null });
  for (const name of ["lobby", "#lobby", " LOBBY ", "ｌobby"]) assert.equal(rooms.find(name)?.name, "lobby");
  rooms.left("#Lobby");
  assert.equal(rooms.views.size, 0);
});
