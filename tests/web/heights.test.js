/** Proves where rows stand, by heights that are measured and guessed. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Heights } from "../../trio_chat/web/page/heights.js";
import fc from "./support/fast_check.js";

test("rows stand below one another, and each place belongs to the row that is there", () => {
  const heights = fc.array(
    fc.record({ guess: fc.integer({ min: 1, max: 90 }), real: fc.option(fc.integer({ min: 1, max: 90 })) }),
  );
  fc.assert(
    fc.property(heights, fc.integer({ min: -50, max: 3_000 }), (given, y) => {
      const rows = given.map(({ guess }, place) => ({ key: `${place}`, guess }));
      const layout = new Heights(({ guess }) => guess);
      given.forEach(({ real }, place) => real !== null && layout.note(`${place}`, real));
      layout.layOut(rows);
      const expected = [0];
      for (const { guess, real } of given) expected.push(expected.at(-1) + (real ?? guess));
      assert.deepEqual(layout.tops, expected);
      assert.equal(layout.total, expected.at(-1));
      const first = given.findIndex((_, place) => expected[place + 1] > y);
      assert.equal(layout.placeAt(y), first === -1 ? given.length : first);
    }),
  );
});

test("a height is news once", () => {
  const layout = new Heights(() => 10);
  assert.equal(layout.note("a", 20), true);
  assert.equal(layout.note("a", 20.001), false);
  assert.equal(layout.note("a", 21), true);
});
