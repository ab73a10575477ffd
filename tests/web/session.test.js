/** Proves that a browser's user stays the same person, and is one where the browser keeps nothing. */

import assert from "node:assert/strict";
import { test } from "node:test";

/** What a browser keeps. */
class Kept extends Map {
  getItem(name) {
    return this.get(name) ?? null;
  }
  setItem(name, value) {
    this.set(name, String(value));
  }
}

const refused = () => {
  throw new Error("SecurityError");
};

/** A page that was just loaded: it remembers nothing but what is kept. */
async function load() {
  load.count = (load.count ?? 0) + 1;
  return import(`../../trio_chat/web/page/session.js?load=${load.count}`);
}

test("who was here before is the same person, under the same nick", async () => {
  const storage = new Kept();
  const first = (await load()).loadIdentity(storage);
  assert.match(first.session, /^[0-9a-f]{32}$/);
  assert.deepEqual([first.nick, first.kept], ["", true]);
  (await load()).saveNick("ann", storage);
  assert.deepEqual((await load()).loadIdentity(storage), { ...first, nick: "ann" });
});

test("two people are two", async () => {
  const [one, other] = [new Kept(), new Kept()];
  assert.notEqual((await load()).loadIdentity(one).session, (await load()).loadIdentity(other).session);
});

test("what is damaged is made anew", async () => {
  for (const damaged of ["", "abc", "0".repeat(31), "G".repeat(32), `${"0".repeat(32)}\n`]) {
    const storage = new Kept([["trio_chat.session", damaged]]);
    const { session } = (await load()).loadIdentity(storage);
    assert.match(session, /^[0-9a-f]{32}$/);
    assert.equal(storage.get("trio_chat.session"), session);
  }
});

for (const [what, storage] of [
  ["none", null],
  ["all is refused", { getItem: refused, setItem: refused }],
  ["it is full", Object.assign(new Kept(), { setItem: refused })],
  ["it forgets", { getItem: () => null, setItem: () => {} }],
]) {
  test(`where there is no storage (${what}), one is somebody for as long as the page is open`, async () => {
    const { loadIdentity, saveNick } = await load();
    const first = loadIdentity(storage);
    saveNick("ann", storage);
    assert.match(first.session, /^[0-9a-f]{32}$/);
    assert.deepEqual(loadIdentity(storage), { nick: "ann", session: first.session, kept: false });
  });
}

test("a browser that forbids even to look for its storage is one without", async () => {
  Object.defineProperty(globalThis, "localStorage", { configurable: true, get: refused });
  const { loadIdentity } = await load();
  assert.equal(loadIdentity().kept, false);
  delete globalThis.localStorage;
});
