/** Proves what becomes of what is typed, whatever is answered and in which order. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Refused } from "../../trio_chat/web/page/client.js";
import { Desk, settled } from "./support/desk.js";
import { Shelf } from "./support/shelf.js";

test("what is said is shown at once, and once only when it is confirmed, whichever comes first", async () => {
  for (const order of ["answer first", "message first"]) {
    const desk = new Desk();
    await desk.in("lobby");
    desk.model.sender.say("hello");
    const [item] = desk.model.outbox.of("lobby");
    assert.equal(item.state, "sending");
    const { details, resolve } = desk.client.last("post");
    assert.deepEqual(details, ["lobby", "hello", { key: item.key, replyTo: undefined }]);
    const posted = { type: "posted", room: "lobby", seq: 1, at: 1 };
    if (order === "answer first") {
      resolve(posted);
      await settled();
      assert.equal(desk.model.outbox.get(item.key).state, "sent");
      desk.says("lobby", 1, { author: "me" });
    } else {
      desk.says("lobby", 1, { author: "me" });
      resolve(posted);
      await settled();
    }
    assert.equal(desk.model.outbox.size, 0, order);
  }
});

test("what was on its way when the tab was closed goes out again under its key", async () => {
  const tab = new Shelf();
  const before = new Desk({ tab });
  await before.in("lobby");
  before.model.sender.say("kept");
  before.model.sender.say("/me waves");
  const keys = before.model.outbox.all().map(({ key }) => key);
  const { client } = new Desk({ tab });
  assert.deepEqual(client.last("post").details, ["lobby", "kept", { key: keys[0], replyTo: undefined }]);
  assert.deepEqual(client.last("command").details, ["/me waves", { room: "lobby", key: keys[1] }]);
});

test("a message that was refused waits for somebody to try again or to let it go", async () => {
  const desk = new Desk();
  await desk.in("lobby");
  desk.model.sender.say("too long");
  desk.client.last("post").reject(new Refused("bad_text", "It is too long."));
  await settled();
  const [item] = desk.model.outbox.of("lobby");
  assert.deepEqual([item.state, item.error], ["refused", "It is too long."]);
  desk.model.sender.retry(item.key);
  assert.equal(desk.client.last("post").details[2].key, item.key);
  desk.client.last("post").reject(new Refused("key_reused", "The key is another's."));
  await settled();
  desk.model.sender.retry(item.key);
  const [anew] = desk.model.outbox.of("lobby");
  assert.notEqual(anew.key, item.key);
  desk.model.sender.discard(anew.key);
  assert.equal(desk.model.outbox.size, 0);
});

const REFUSALS = {
  "by an error": ({ reject }) => reject(new Refused("forbidden", "That is not yours to do.")),
  "by a warning": ({ resolve }) => resolve({ type: "notice", text: "That is not yours to do.", level: "warning" }),
};

for (const [how, refuse] of Object.entries(REFUSALS)) {
  test(`a command that was refused ${how} is told of where it was typed, handed back, and not kept`, async () => {
    const desk = new Desk();
    await desk.in("lobby");
    await desk.in("python");
    desk.model.sender.say("/frobnicate it");
    desk.model.open("python");
    refuse(desk.client.last("command"));
    await settled();
    const lines = desk.model.rooms.get("lobby").locals.lines;
    assert.deepEqual(
      lines.map(({ kind, level, typed, text }) => [kind, level, typed, text]),
      [["notice", "warning", "/frobnicate it", "That is not yours to do."]],
    );
    assert.deepEqual(desk.returned, [["lobby", "/frobnicate it"]]);
    assert.equal(desk.model.outbox.size, 0);
    assert.equal(desk.model.current, "python");
    const later = new Desk({ tab: desk.tab });
    assert.equal(later.client.last("command"), undefined);
    assert.equal(later.model.outbox.size, 0);
  });
}

test("a command whose room has gone meanwhile is told of where one is", async () => {
  const desk = new Desk();
  await desk.in("lobby");
  await desk.in("python");
  desk.model.sender.say("/topic news");
  desk.client.rooms.delete("lobby");
  desk.model.forgetLeft();
  desk.client.last("command").reject(new Refused("not_a_member", "You are not in #lobby."));
  await settled();
  assert.deepEqual(
    desk.model.rooms.get("python").locals.lines.map(({ typed, text }) => [typed, text]),
    [["/topic news", "You are not in #lobby."]],
  );
  assert.deepEqual(desk.returned, []);
});

test("a refused command that an older page has left in the tab is let go", async () => {
  const tab = new Shelf();
  const item = { key: "k", room: "lobby", text: "/frobnicate", command: true, at: 1, state: "refused", error: "No." };
  tab.setItem("trio_chat.pending", JSON.stringify([item]));
  assert.equal(new Desk({ tab }).model.outbox.size, 0);
});

test("a text that starts with two slashes is said with one", async () => {
  const desk = new Desk();
  await desk.in("lobby");
  desk.model.sender.say("//not a command");
  assert.equal(desk.client.last("post").details[1], "/not a command");
});

test("answers to commands lead where they mean to", async () => {
  const desk = new Desk();
  await desk.in("lobby");
  await desk.in("python");
  const answer = async (line, message) => {
    desk.model.open("lobby");
    desk.model.sender.say(line);
    desk.client.last("command").resolve(message);
    await settled();
  };
  await answer("/join python", { type: "joined", room: "python" });
  assert.equal(desk.model.current, "python");
  await answer("/msg bob hi", { type: "posted", room: "python", seq: 1 });
  assert.equal(desk.model.current, "python");
  await answer("/list", { type: "rooms", rooms: [] });
  await answer("/find words", { type: "found", entries: [] });
  assert.deepEqual(desk.shown, ["rooms", "found"]);
  await answer("/help", { type: "notice", text: "so it is", level: "info" });
  assert.equal(desk.model.rooms.get("lobby").locals.lines.at(-1).text, "so it is");
  desk.client.rooms.delete("lobby");
  await answer("/leave", { type: "done" });
  assert.deepEqual([...desk.model.rooms.keys()], ["python"]);
  assert.equal(desk.model.outbox.size, 0);
});

test("what a log had confirmed that is gone is not on its way for good", async () => {
  const desk = new Desk();
  await desk.in("lobby", 4);
  desk.model.sender.say("confirmed");
  desk.client.last("post").resolve({ type: "posted", room: "lobby", seq: 5, at: 1 });
  desk.model.sender.say("not confirmed");
  await settled();
  desk.model.take({ type: "joined", room: "lobby", epoch: "e2", head: 0, topic: "", members: [], count: 1 });
  desk.model.take({ type: "gap", room: "lobby", after: 4, next: 1, reason: "epoch" });
  assert.deepEqual(
    desk.model.outbox.of("lobby").map(({ text }) => text),
    ["not confirmed"],
  );
});

test("whoever wanted to quit and has come back stays", async () => {
  const tab = new Shelf();
  const before = new Desk({ tab });
  await before.in("lobby");
  before.model.sender.say("/quit tired");
  const { client, model } = new Desk({ tab });
  assert.equal(client.last("command"), undefined);
  assert.equal(model.outbox.size, 0);
});
