/** Proves that the page understands of a server what Python's decoder understands, and nothing else. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ANSWERS, decode, encode } from "../../trio_chat/web/page/messages.js";
import fc from "./support/fast_check.js";
import { vectors } from "./support/vectors.js";

test("what a server may say is understood, and no field with something else in it", () => {
  assert(vectors.said.length > 1_000);
  for (const { payload, understood, id } of vectors.said) {
    const said = decode(payload);
    if (understood) assert.deepEqual(said, JSON.parse(payload));
    else if (id === null) assert.equal(said, null, payload);
    else assert.deepEqual([said.type, said.id, said.code], ["error", id, "bad_message"], payload);
  }
});

test("an answer that makes no sense ends the waiting for it", () => {
  const said = decode('{"type":"posted","id":7,"room":"lobby"}');
  assert.deepEqual([said.type, said.id, said.code], ["error", 7, "bad_message"]);
});

test("any string is a message, an error, or nothing", () => {
  const jsonish = fc.oneof(fc.string(), fc.json(), fc.constantFrom("null", "[]", '{"type":"__proto__"}'));
  fc.assert(
    fc.property(jsonish, (payload) => assert(decode(payload) === null || typeof decode(payload).type === "string")),
  );
});

test("the answers to requests are those of the protocol", () => {
  const { command, bye, ...others } = vectors.answers;
  assert.deepEqual(
    Object.entries(ANSWERS)
      .map(([request, answer]) => [request, [answer]])
      .sort(),
    Object.entries(others).sort(),
  );
});

test("a text with half a character in it is not sent", () => {
  assert.throws(() => encode({ type: "post", text: "a\ud83d" }), RangeError);
  assert.equal(JSON.parse(encode({ type: "post", text: "😀" })).text, "😀");
});
