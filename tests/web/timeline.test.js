/** Proves that a window onto a log shows the log, whatever part of it comes when. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Timeline } from "../../trio_chat/web/page/timeline.js";
import fc from "./support/fast_check.js";

/** A room's log with edits and deletions, and how it looks to whoever reads it. */
class Log {
  entries = []; // as they were published
  messages = new Map(); // as they are now

  say() {
    const seq = this.entries.length + 1;
    const entry = { type: "message", seq, at: seq, author: "a", nick: "ann", text: `text ${seq}` };
    this.entries.push(entry);
    this.messages.set(seq, entry);
    return entry;
  }

  edit(choice) {
    const open = [...this.messages.values()].filter((message) => !message.redacted);
    if (open.length === 0) return this.say();
    const target = open[choice % open.length].seq;
    const seq = this.entries.length + 1;
    const entry = { type: "edited", seq, at: seq, target, text: `edit ${seq}` };
    this.entries.push(entry);
    this.messages.set(target, { ...this.messages.get(target), text: entry.text, edited_at: seq });
    return entry;
  }

  redact(choice) {
    const open = [...this.messages.values()].filter((message) => !message.redacted);
    if (open.length === 0) return this.say();
    const target = open[choice % open.length].seq;
    const seq = this.entries.length + 1;
    const entry = { type: "redacted", seq, at: seq, target };
    this.entries.push(entry);
    this.messages.set(target, { ...this.messages.get(target), text: "", redacted: true });
    return entry;
  }

  /** A page as the server answers it: entries in their present state. */
  page(from, to) {
    return this.entries.slice(from - 1, to).map((entry) => this.messages.get(entry.seq) ?? entry);
  }
}

const step = fc.oneof(
  fc.record({ what: fc.constantFrom("say", "say", "say", "edit", "redact"), choice: fc.nat(1000) }),
  fc.record({ what: fc.constantFrom("older", "newer", "jump", "end", "ask", "answer"), choice: fc.nat(1000) }),
);

/** Carry out a step on a window, as whoever reads a room does. */
function carryOut({ what, choice }, log, timeline, pages) {
  const head = log.entries.length;
  if (what in log) timeline.add(log[what](choice));
  else if (what === "older" && !timeline.empty && !timeline.atStart) {
    const from = Math.max(1, timeline.first - 1 - (choice % 7));
    timeline.prepend(log.page(from, timeline.first - 1), from > 1);
  } else if (what === "newer" && !timeline.attached) {
    const to = Math.min(head, timeline.last + 1 + (choice % 7));
    timeline.append(log.page(timeline.last + 1, to), to < head);
  } else if (what === "jump" && head > 0) {
    const from = 1 + (choice % head);
    timeline.replace(log.page(from, Math.min(head, from + 5)), from > 1);
  } else if (what === "end" && head > 0) {
    timeline.replace(log.page(Math.max(1, head - 5), head), head > 6);
  } else if (what === "ask" && !timeline.empty && !timeline.atStart) {
    // A page that was read now and arrives later, as what happens meanwhile overtakes it.
    const from = Math.max(1, timeline.first - 4);
    pages.push({ before: timeline.first, entries: log.page(from, timeline.first - 1), more: from > 1 });
  } else if (what === "answer" && pages.length > 0) {
    const { before, entries, more } = pages.shift();
    if (before === timeline.first) timeline.prepend(entries, more);
  }
}

test("a window shows the messages of a run of the log as they are now, each once and in order", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 4, max: 40 }), (steps, kept) => {
      const log = new Log();
      const timeline = new Timeline(kept);
      const pages = [];
      for (const each of steps) {
        carryOut(each, log, timeline, pages);
        timeline.trim(each.choice % 3 === 0 ? Infinity : timeline.first + (each.choice % 10));
        const expected = [...log.messages.values()].filter(({ seq }) => timeline.holds(seq));
        assert.deepEqual(timeline.items, expected);
        assert.ok(timeline.items.length <= kept * 1.25);
        if (!timeline.empty) assert.equal(timeline.atStart, timeline.first === 1);
      }
    }),
    { numRuns: 500 },
  );
});

test("an edit or a deletion that overtakes the page with its message is not undone by it", () => {
  const log = new Log();
  for (let count = 0; count < 9; count++) log.say();
  const timeline = new Timeline();
  timeline.replace(log.page(5, 9), true);
  const page = log.page(1, 4);
  timeline.add({ type: "edited", seq: 10, at: 10, target: 2, text: "mended" });
  timeline.add({ type: "redacted", seq: 11, at: 11, target: 3 });
  timeline.prepend(page, false);
  assert.equal(timeline.message(2).text, "mended");
  assert.deepEqual([timeline.message(3).text, timeline.message(3).redacted], ["", true]);
});

test("a window that is not at the end grows by pages until it is, and by what happens from then on", () => {
  const log = new Log();
  const timeline = new Timeline();
  for (let count = 0; count < 20; count++) timeline.add(log.say());
  timeline.replace(log.page(3, 6), true);
  assert.equal(timeline.attached, false);
  timeline.add(log.say());
  assert.equal(timeline.last, 6);
  assert.equal(timeline.head, 21);
  timeline.append(log.page(7, 21), false);
  assert.equal(timeline.attached, true);
  timeline.add(log.say());
  assert.equal(timeline.last, 22);
});

test("a log that ends before what was said of its head is not asked for more again and again", () => {
  const timeline = new Timeline();
  timeline.add({ type: "message", seq: 1, at: 1, text: "one" });
  timeline.head = 5;
  timeline.append([], false);
  assert.equal(timeline.attached, true);
});

test("entries that are gone leave a gap to be seen, in pages too", () => {
  const timeline = new Timeline();
  timeline.add({ type: "message", seq: 10, at: 1, text: "ten" });
  timeline.prepend([{ type: "message", seq: 4, at: 1, text: "four" }], false);
  timeline.gap({ after: 10, next: 15, reason: "expired" });
  timeline.add({ type: "message", seq: 15, at: 1, text: "fifteen" });
  assert.deepEqual(
    timeline.items.map(({ type, after, next }) => (type === "gap" ? [after, next] : type)),
    ["message", [4, 10], "message", [10, 15], "message"],
  );
});

test("a log of another epoch begins anew", () => {
  const timeline = new Timeline();
  timeline.add({ type: "message", seq: 10, at: 1, text: "of old" });
  timeline.gap({ after: 10, next: 1, reason: "epoch" });
  timeline.add({ type: "message", seq: 1, at: 1, text: "new" });
  assert.deepEqual(
    timeline.items.map(({ type }) => type),
    ["gap", "message"],
  );
  assert.equal(timeline.attached, true);
});
