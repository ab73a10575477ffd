/** Proves which words are offered where, as the terminal's completion offers them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { complete } from "../../trio_chat/web/page/completion.js";
import fc from "./support/fast_check.js";

const KNOWN = {
  commands: [
    { name: "/join", usage: "/join ROOM", help: "go" },
    { name: "/me", usage: "/me TEXT", help: "do" },
    { name: "/roll", usage: "/roll DICE", help: "throw", by: "dicer" },
  ],
  nicks: ["bob", { nick: "Ann", bot: true }, "anton", "Straße", "[x]"],
  rooms: ["lobby", { name: "den", topic: "quiet" }],
};

/** Complete a text in which `|` is the caret, and write what is offered into it. */
function offered(typed) {
  const caret = typed.indexOf("|");
  const text = typed.replace("|", "");
  const { from, to, options } = complete({ text, caret, ...KNOWN });
  return options.map(({ insert }) => `${text.slice(0, from)}${insert}${text.slice(to)}`);
}

for (const [typed, expected] of [
  ["/|", ["/join ", "/me ", "/roll "]],
  ["/M|", ["/me "]],
  ["/me|", ["/me "]],
  ["/me | x", []],
  ["//|", []],
  ["say /m|", []],
  ["#|", ["#den ", "#lobby "]],
  ["go to #L|", ["go to #lobby "]],
  ["/join |", ["/join den ", "/join lobby "]],
  ["/join d|", ["/join den "]],
  ["/JOIN #d|", ["/JOIN #den "]],
  ["|", []],
  ["hello |", []],
  ["an|", ["Ann: ", "anton: "]],
  ["AN|", ["Ann: ", "anton: "]],
  ["hello an|", ["hello Ann ", "hello anton "]],
  ["hello\nan|", ["hello\nAnn ", "hello\nanton "]],
  ["@an|", ["@Ann ", "@anton "]],
  ["hi @b|", ["hi @bob "]],
  ["@|", ["@[x] ", "@Ann ", "@anton ", "@bob ", "@Straße "]],
  ["STRASS|", ["Straße: "]],
  ["[|", ["[x]: "]],
  ["b| c", ["bob: c"]],
  ["/msg b|", ["/msg bob "]],
  ["zzz|", []],
]) {
  test(`${JSON.stringify(typed)} becomes ${JSON.stringify(expected)}`, () =>
    assert.deepEqual(offered(typed), expected));
}

test("an option shows what it is for", () => {
  const details = (text) => complete({ text, ...KNOWN }).options.map(({ label, detail }) => [label, detail]);
  assert.deepEqual(details("/"), [
    ["/join", "/join ROOM"],
    ["/me", "/me TEXT"],
    ["/roll", "/roll DICE (dicer)"],
  ]);
  assert.deepEqual(details("#"), [
    ["#den", "quiet"],
    ["#lobby", ""],
  ]);
  assert.deepEqual(details("an"), [
    ["Ann", "bot"],
    ["anton", ""],
  ]);
});

test("whatever is typed, what is offered replaces the word at the caret and nothing else", () => {
  const typed = fc.string({ unit: fc.constantFrom(..."/@# \nabnjo", "😀"), maxLength: 20 });
  fc.assert(
    fc.property(typed, fc.nat({ max: 20 }), (text, place) => {
      const caret = Math.min(place, text.length);
      const { from, to, options } = complete({ text, caret, ...KNOWN });
      assert(from <= caret && to >= caret && to <= caret + 1);
      assert(!/\s/u.test(text.slice(from, caret)) && (from === 0 || /\s/u.test(text[from - 1])));
      for (const { insert } of options) assert.match(insert, /^\S+ $/u);
    }),
  );
});
