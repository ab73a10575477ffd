/**
 * What a room shows, row by row: days, messages grouped by who said them, comings and goings, what is on its way.
 *
 * This file owns the order and the grouping. It must not know how rows are drawn or which of them are seen; it has
 * no clock, and asks `dayOf` what a day is.
 */

import { summary } from "./locals.js";

/** Messages of one person with less than so much between them stand below one name. */
export const GROUP_MS = 5 * 60_000;

/**
 * Make the rows of a room.
 *
 * @param room a `Room`: its timeline, locals, drafts, and the line between what was read and what is new.
 * @param pending what is on its way to it.
 * @param options `me` (author), `nick`, `dayOf(ms)` (equal for times of one day), `today` (the day that it is),
 *   `editing` (a seq), `saving` (texts on their way, by seq), `found` (a seq to point at), `quoted(seq)` (a message that
 *   may be quoted), `speaksToMe(message)`.
 * @returns rows `{key, kind, ...}`; a row's key stays with it, and rows of which nothing changed have equal fields.
 */
export function buildRows(room, pending, options) {
  return new Builder(room, options).build(pending);
}

class Builder {
  constructor(room, options) {
    this.room = room;
    this.options = options;
    this.rows = [];
    this.group = null; // {author, nick, at, bot, to}: whose messages stand below one name
    this.day = null;
    this.changes = null; // the run of comings and goings that is being collected
    this.newShown = room.newAfter === null;
  }

  build(pending) {
    const { timeline, locals } = this.room;
    if (timeline.atStart && !timeline.items.some((item) => item.reason === "epoch"))
      this.#push({ key: "start", kind: "start", title: this.room.title });
    const lines = locals.lines.filter((line) => line.after >= timeline.first - 1 && line.after <= timeline.last);
    let next = 0;
    for (const item of timeline.items) {
      for (; next < lines.length && lines[next].after < item.seq; next++) this.#line(lines[next]);
      this.#item(item);
    }
    for (; next < lines.length; next++) this.#line(lines[next]);
    this.#flush();
    if (timeline.attached) this.#unconfirmed(pending);
    return this.rows;
  }

  #push(row) {
    this.rows.push(row);
  }

  #item(item) {
    this.#flush();
    if (item.type === "gap") {
      this.#breakWith({ key: `g${item.seq}`, kind: "gap", reason: item.reason, missing: item.next - item.after - 1 });
      return;
    }
    this.#day(item.at);
    if (item.type === "topic_set") {
      this.#breakWith({ key: `t${item.seq}`, kind: "topic", nick: item.nick, text: item.text, at: item.at });
      return;
    }
    this.#newLine(item);
    const { editing, saving, found, me } = this.options;
    this.#push({
      key: `m${item.seq}`,
      kind: "message",
      entry: item,
      head: this.#heads(item),
      own: item.author === me,
      ...this.#quote(item),
      editing: editing === item.seq,
      saving: saving?.get(item.seq),
      found: found === item.seq,
      mention: item.author !== me && this.options.speaksToMe(item),
    });
    this.previous = item.seq;
  }

  /** What a message answers, as fields of its row, where that does not stand right above it. */
  #quote(item) {
    if (item.reply_to === undefined || item.reply_to === this.previous) return { quotes: null, quoted: null };
    return { quotes: item.reply_to, quoted: this.options.quoted(item.reply_to) };
  }

  #heads(item) {
    const group = this.group;
    const same =
      group !== null &&
      group.author === item.author &&
      group.nick === item.nick &&
      item.at - group.at < GROUP_MS &&
      item.reply_to === undefined &&
      !item.action &&
      !group.action;
    this.group = { author: item.author, nick: item.nick, at: item.at, action: item.action };
    return !same;
  }

  #day(at) {
    const day = this.options.dayOf(at);
    if (day === this.day) return;
    this.day = day;
    this.#breakWith({ key: `d${day}`, kind: "day", at, today: this.options.today });
  }

  #newLine(item) {
    if (this.newShown || item.seq <= this.room.newAfter || item.author === this.options.me) return;
    this.newShown = true;
    this.#breakWith({ key: "new", kind: "new" });
  }

  /** Add a row that no group goes across. */
  #breakWith(row) {
    this.group = null;
    this.#push(row);
  }

  #line(line) {
    if (line.kind === "presence") {
      this.changes ??= { key: `c${line.id}`, kind: "presence", all: [] };
      this.changes.all.push(line);
      return;
    }
    this.#flush();
    this.#breakWith({
      key: `n${line.id}`,
      kind: "notice",
      id: line.id,
      text: line.text,
      level: line.level,
      typed: line.typed,
      at: line.at,
    });
  }

  /** Add the comings and goings collected so far as one row, if anything is left of them. */
  #flush() {
    if (this.changes === null) return;
    const { key, kind, all } = this.changes;
    this.changes = null;
    const { joined, left, renamed } = summary(all);
    if (joined.length + left.length + renamed.length === 0) return;
    // A sentence, so that rows of which nothing changed are equal.
    this.#breakWith({ key, kind, at: all.at(-1).at, text: sentence(joined, left, renamed) });
  }

  #unconfirmed(pending) {
    const { me, nick } = this.options;
    for (const item of pending) {
      const message = { author: me, nick, at: item.at, reply_to: item.replyTo };
      const quote = this.#quote(message);
      this.#push({
        key: `w${item.key}`,
        kind: "pending",
        item,
        head: this.#heads(message),
        author: me,
        nick,
        ...quote,
      });
    }
    for (const draft of this.room.drafts.all()) {
      const mayStop = !draft.asker || draft.asker === this.options.me;
      this.#push({ key: `x${draft.turn}`, kind: "draft", draft, mayStop, head: true });
    }
  }
}

const NAMED = 3;

function sentence(joined, left, renamed) {
  const parts = [];
  if (joined.length > 0) parts.push(`${list(joined)} joined`);
  if (left.length > 0) parts.push(`${list(left)} left`);
  if (renamed.length > NAMED) parts.push(`${renamed.length} took other names`);
  else parts.push(...renamed.map(([from, to]) => `${from} is now ${to}`));
  return parts.join(" · ");
}

function list(nicks) {
  if (nicks.length === 1) return nicks[0];
  if (nicks.length <= NAMED) return `${nicks.slice(0, -1).join(", ")} and ${nicks.at(-1)}`;
  return `${nicks.slice(0, NAMED - 1).join(", ")} and ${nicks.length - NAMED + 1} others`;
}
