/**
 * Lines of a room that stand in no log: who came and went, and what the server says to oneself alone.
 *
 * This file owns where they stand among the entries, and how many are kept. It must not know how they are drawn.
 */

/** So many lines are kept in a room; the oldest go first. */
export const LINES = 300;

export class Locals {
  #next = 1;

  constructor(kept = LINES) {
    this.kept = kept;
    this.lines = []; // {id, after, at, ...}, ascending by `after`, the seq of the entry that they stand behind
  }

  /** Add a line behind the entry `after`; returns it. */
  add(after, at, line) {
    const added = { ...line, id: this.#next++, after, at };
    // What is told of entries far above stands up there.
    const place = this.lines.findLastIndex((each) => each.after <= after) + 1;
    this.lines.splice(place, 0, added);
    if (this.lines.length > this.kept) this.lines.shift();
    return added;
  }

  drop(id) {
    this.lines = this.lines.filter((line) => line.id !== id);
  }

  clear() {
    this.lines = [];
  }
}

const CAME = new Set(["joined"]);
const WENT = new Set(["left", "lost"]);

/**
 * Sum up a run of comings and goings: `{joined: [nick], left: [nick], renamed: [[from, to]]}`. Who came and went again is in
 * neither list, and who left and came back was never away.
 */
export function summary(changes) {
  const people = new Map();
  const renamed = [];
  for (const { author, nick, change, to } of changes) {
    if (change === "renamed") renamed.push([nick, to]);
    const person = people.get(author) ?? { first: change, last: change, nick };
    people.set(author, { ...person, last: change === "renamed" ? person.last : change, nick: to ?? nick });
  }
  const all = [...people.values()];
  return {
    joined: all.filter(({ first, last }) => CAME.has(last) && !WENT.has(first)).map(({ nick }) => nick),
    left: all.filter(({ first, last }) => WENT.has(last) && !CAME.has(first)).map(({ nick }) => nick),
    renamed,
  };
}
