/**
 * A window onto a room's log: a run of its entries, to which others are added at either end.
 *
 * This file owns what of a log is kept, and applies edits and deletions to it. It must not know where entries
 * come from, who reads them, nor how they are drawn.
 */

/** Entries that a window keeps, give or take a quarter: four screens of text in a second of scrolling, for a minute. */
export const KEPT = 2_000;

/** Edits remembered for messages that are not in the window: one of them may be on its way in a page read before. */
const LATE = 200;

const CHANGES = new Set(["edited", "redacted"]);

/**
 * @property items what there is to see, ascending by `seq`: messages, topics, and gaps `{type: "gap", seq, after, next}`,
 *   whose `seq` is that of no entry. An item that changes is replaced by another object.
 * @property first, last the seqs of the run, both inclusive; `last < first` while nothing has come.
 * @property head the newest seq that the room is known to have.
 * @property atStart whether the log has nothing older.
 */
export class Timeline {
  #late = new Map();

  constructor(kept = KEPT) {
    this.kept = kept;
    this.items = [];
    this.first = 1;
    this.last = 0;
    this.head = 0;
    this.atStart = false;
  }

  get empty() {
    return this.last < this.first;
  }

  /** Whether the window reaches to the newest entry, so that what comes is added to it. */
  get attached() {
    return this.last >= this.head;
  }

  /** Take in an entry as it happens. One that does not follow the window only counts, and changes what is in it. */
  add(entry) {
    if (this.empty) {
      this.first = entry.seq;
      this.last = entry.seq - 1;
      this.atStart = entry.seq === 1;
    }
    this.head = Math.max(this.head, entry.seq);
    if (CHANGES.has(entry.type)) this.#change(entry);
    if (entry.seq === this.last + 1) {
      this.last = entry.seq;
      if (!CHANGES.has(entry.type)) this.items.push(entry);
    }
  }

  /** Add a page of older entries, as they are now. */
  prepend(entries, more) {
    const older = entries.filter((entry) => entry.seq < this.first);
    if (older.length > 0) {
      const page = this.#page(older);
      const end = older.at(-1).seq;
      if (end < this.first - 1) page.push(gapBetween(end, this.first));
      this.items = page.concat(this.items);
      this.first = older[0].seq;
    }
    this.atStart = !more || this.first === 1;
  }

  /** Add a page of newer entries, as they are now. */
  append(entries, more) {
    const newer = entries.filter((entry) => entry.seq > this.last);
    if (newer.length > 0) {
      if (newer[0].seq > this.last + 1) this.items.push(gapBetween(this.last, newer[0].seq));
      this.items.push(...this.#page(newer));
      this.last = newer.at(-1).seq;
    }
    // The log ends here, whatever was said of its head: asking on would never end.
    if (!more && newer.length === 0) this.head = this.last;
    this.head = Math.max(this.head, this.last);
  }

  /** Begin anew with a page from anywhere in the log. */
  replace(entries, more) {
    this.items = [];
    this.first = entries[0]?.seq ?? 1;
    this.last = this.first - 1;
    for (const entry of entries) {
      if (entry.seq > this.last + 1) this.items.push(gapBetween(this.last, entry.seq));
      this.items.push(...this.#page([entry]));
      this.last = entry.seq;
    }
    this.head = Math.max(this.head, this.last);
    this.atStart = !more || this.first === 1;
  }

  /** Take in that entries are not to be had: those between two others, or all, because the log is another one now. */
  gap({ after, next, reason }) {
    if (reason === "epoch") {
      this.#late.clear();
      this.items = [{ type: "gap", seq: 0.5, after, next, reason }];
      this.first = 1;
      this.last = 0;
      this.head = 0;
      this.atStart = true;
    } else if (!this.empty && this.last <= after) {
      this.items.push({ type: "gap", seq: after + 0.5, after, next, reason });
      this.last = next - 1;
      this.head = Math.max(this.head, this.last);
    }
  }

  /** Let go of what is far from `seq` (default: from the end) once there is too much. True if anything went. */
  trim(seq = Infinity) {
    if (this.items.length <= this.kept * 1.25) return false;
    const from = Math.max(0, Math.min(this.#place(seq) - (this.kept >> 1), this.items.length - this.kept));
    const to = from + this.kept;
    if (to < this.items.length) this.last = Math.ceil(this.items[to].seq) - 1;
    if (from > 0) {
      this.first = Math.ceil(this.items[from].seq);
      this.atStart = false;
    }
    this.items = this.items.slice(from, to);
    return true;
  }

  /** The message with that seq, if it is in the window. */
  message(seq) {
    const item = this.items[this.#place(seq)];
    return item?.seq === seq && item.type === "message" ? item : undefined;
  }

  holds(seq) {
    return this.first <= seq && seq <= this.last;
  }

  #page(entries) {
    const items = [];
    for (const entry of entries) {
      if (CHANGES.has(entry.type)) continue; // a page shows messages as these have made them
      const late = this.#late.get(entry.seq);
      const missed = late && !entry.redacted && !(entry.edited_at >= late.at);
      items.push(missed ? changed(entry, late) : entry);
    }
    return items;
  }

  #change(entry) {
    const place = this.#place(entry.target);
    const item = this.items[place];
    if (item?.seq === entry.target) this.items[place] = changed(item, entry);
    this.#late.delete(entry.target);
    this.#late.set(entry.target, entry);
    if (this.#late.size > LATE) this.#late.delete(this.#late.keys().next().value);
  }

  /** The index of the first item whose seq is not below `seq`. */
  #place(seq) {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.items[middle].seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function changed(message, change) {
  if (message.redacted) return message;
  if (change.type === "edited") return { ...message, text: change.text, edited_at: change.at };
  return { ...message, text: "", redacted: true };
}

function gapBetween(after, next) {
  return { type: "gap", seq: after + 0.5, after, next, reason: "expired" };
}
