/** Proves what is left of a message in the line that quotes it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { excerpt } from "../../trio_chat/web/page/excerpt.js";
import fc from "./support/fast_check.js";

test("a message is quoted in one line, without its marks", () => {
  const text = "Some **bold *and* italic**, `code`\nsee https://trio.example/ (~~not~~)\n\n> said\n- one\n- two\n```py\nx = 1\n```";
  assert.equal(excerpt({ text }, 200), "Some bold and italic, code see https://trio.example/ (not) said one two x = 1");
});

test("a command is quoted as it was typed, and nothing of what was deleted is", () => {
  assert.equal(excerpt({ text: "what *is* it?", command: "search" }, 200), "/search what *is* it?");
  assert.equal(excerpt({ text: "", redacted: true }, 200), "a deleted message");
});

test("a long message is cut, between characters", () => {
  assert.equal(excerpt({ text: "🎉🎉🎉🎉" }, 3), "🎉🎉🎉 …");
  assert.equal(excerpt({ text: "🎉🎉🎉" }, 3), "🎉🎉🎉");
});

test("any text is quoted in one line that is not longer than it may be", () => {
  const marks = fc.array(fc.constantFrom("*", "`", "> ", "- ", "\n", "~~", "[a](b)", "x", "```\n", " "), { maxLength: 60 });
  fc.assert(
    fc.property(marks, (parts) => {
      const quoted = excerpt({ text: parts.join("") }, 20);
      assert(!quoted.includes("\n") && [...quoted].length <= 22);
    }),
  );
});
