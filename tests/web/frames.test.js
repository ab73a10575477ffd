/** Proves that a stream is cut into the same payloads however it comes, as Python cuts it, and that little is held. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { FrameDecoder, FrameError, encodeFrame } from "../../trio_chat/web/page/frames.js";
import fc from "./support/fast_check.js";
import { bytes, vectors } from "./support/vectors.js";

const LIMIT = vectors.limit;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bring `pieces` to a new decoder, one after another, and hold its memory against the limit at each. */
function decode(pieces, limit = LIMIT) {
  const decoder = new FrameDecoder(limit);
  const payloads = [];
  let refused = null;
  for (const piece of pieces) {
    try {
      for (const payload of decoder.feed(piece)) payloads.push(payload);
      assert.equal(refused, null, "the error was not kept");
    } catch (error) {
      assert(error instanceof FrameError);
      assert(refused === null || refused === error.length, "the error has become another one");
      refused = error.length;
    }
    assert(decoder.heldBytes < 4 + limit);
  }
  return { payloads, refused, held: decoder.heldBytes };
}

function* everyWay(stream) {
  yield [stream];
  yield Array.from(stream, (_, place) => stream.slice(place, place + 1));
  yield Array.from({ length: Math.ceil(stream.length / 3) }, (_, third) => stream.slice(3 * third, 3 * third + 3));
  for (let cut = 0; cut <= stream.length; cut += 1) yield [stream.slice(0, cut), stream.slice(cut)];
}

const cut = (stream, places) => {
  const bounds = [0, ...places.map((place) => place % (stream.length + 1)).sort((a, b) => a - b), stream.length];
  return bounds.slice(1).map((end, index) => stream.slice(bounds[index], end));
};
const places = fc.array(fc.nat(), { maxLength: 20 });
const join = (frames) => Uint8Array.from(frames.flatMap((frame) => [...frame]));

for (const { name, stream, payloads, refused, held } of vectors.streams) {
  test(`a case of the vectors ends the same whole, byte by byte and cut anywhere: ${name}`, () => {
    const expected = { payloads: payloads.map((payload) => utf8.decode(bytes(payload))), refused, held };
    for (const pieces of everyWay(bytes(stream))) assert.deepEqual(decode(pieces), expected);
  });
}

test("a payload is read as Python reads it, or refused as Python refuses it", () => {
  assert(vectors.texts.length > 30);
  for (const { payload, text } of vectors.texts) {
    const body = bytes(payload);
    const stream = join([[0, 0, 0, body.length], body, encodeFrame("next", 100)]);
    const expected = text === null ? { payloads: [], refused: undefined } : { payloads: [text, "next"], refused: null };
    for (const pieces of everyWay(stream)) assert.deepEqual(decode(pieces, 100), { ...expected, held: 0 }, payload);
  }
});

test("any way of cutting frames gives their payloads back", () => {
  const texts = fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }), { maxLength: 10 });
  fc.assert(
    fc.property(texts, places, (payloads, where) => {
      const stream = join(payloads.map((payload) => encodeFrame(payload, 1_000)));
      assert.deepEqual(decode(cut(stream, where), 1_000), { payloads, refused: null, held: 0 });
    }),
  );
});

test("any way of cutting any bytes ends like bringing them whole, error and all", () => {
  const header = fc.nat({ max: LIMIT + 2 }).map((length) => Uint8Array.of(0, 0, 0, length));
  const parts = fc.oneof(header, fc.uint8Array({ maxLength: 8 }), fc.constant(encodeFrame("0123456789", LIMIT)));
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 8 }).map(join), places, (stream, where) => {
      assert.deepEqual(decode(cut(stream, where)), decode([stream]));
    }),
  );
});

test("a bad length is refused at its fourth byte, and the frames before it come first", () => {
  for (const length of [0, LIMIT + 1, 0x00ff_ffff, 0x0100_0000, 0x1603_0100, 0x4745_5420, 0xffff_ffff]) {
    const header = new Uint8Array(4);
    new DataView(header.buffer).setUint32(0, length);
    const start = join([encodeFrame("a", LIMIT), header.slice(0, 3)]);
    assert.deepEqual(decode([start]), { payloads: ["a"], refused: null, held: 3 });
    assert.deepEqual(decode([start, header.slice(3)]), { payloads: ["a"], refused: length, held: 0 });
  }
});

test("a frame is what the peer accepts, or is not made", () => {
  assert.deepEqual([...encodeFrame("é", 2)], [0, 0, 0, 2, 0xc3, 0xa9]);
  for (const [payload, limit] of [
    ["", 10],
    ["é", 1],
  ])
    assert.throws(() => encodeFrame(payload, limit), FrameError);
});

test("a decoder has a limit below 2**24", () => {
  for (const limit of [0, -1, 2 ** 24, NaN]) assert.throws(() => new FrameDecoder(limit), RangeError);
});
