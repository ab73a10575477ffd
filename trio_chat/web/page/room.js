/**
 * One room as its member sees it: the window onto its log, what was said aside, who writes, what is unread.
 *
 * This file owns how an event changes a room. It must not know other rooms, the connection, nor how rooms are drawn.
 */

import { Drafts } from "./drafts.js";
import { Locals } from "./locals.js";
import { Timeline } from "./timeline.js";
import { mentions, Unread } from "./unread.js";

/**
 * @property newAfter the seq behind which the line "new messages" stands; null where there is none.
 * @property seenUpTo, atBottom what of it was last on the screen: the seq of the last entry seen, and whether that is the end.
 * @property known the newest seq at the first `joined`: what came later is news.
 * @property joinedAt the newest seq at the last `joined`: what the bots say that are drafting comes later.
 */
export class Room {
  constructor(name, kept) {
    this.name = name;
    this.epoch = null;
    this.topic = "";
    this.peer = undefined;
    this.timeline = new Timeline(kept);
    this.locals = new Locals();
    this.drafts = new Drafts();
    this.unread = new Unread();
    this.newAfter = null;
    this.known = null;
    this.joinedAt = 0;
    this.atBottom = true;
    this.seenUpTo = 0;
    this.saving = new Map(); // by seq, texts of edits on their way
  }

  get isPrivate() {
    return this.name.startsWith("~");
  }

  /** Its name for people. */
  get title() {
    if (!this.isPrivate) return `#${this.name}`;
    return this.peer ?? "private";
  }

  /** Take in that one is in the room now, or again. `mark`: the seq up to which it was read, if it ever was. */
  joined({ epoch, head, topic, peer }, mark) {
    if (this.epoch !== null && this.epoch !== epoch) this.gap({ reason: "epoch", after: 0, next: 1 });
    this.epoch = epoch;
    this.topic = topic ?? "";
    this.peer = peer ?? this.peer;
    this.known ??= head;
    this.joinedAt = head;
    this.drafts.clear(); // those of the turns that are open now follow
    this.timeline.head = Math.max(this.timeline.head, head);
    if (head === 0) this.timeline.atStart = true;
    this.readUpTo ??= mark ?? head;
    if (head > this.readUpTo && this.newAfter === null) this.newAfter = this.readUpTo;
  }

  /**
   * Take in an entry.
   * @returns {{news: boolean, mention: boolean}} whether it is a message of somebody else that nobody has read, and speaks to us.
   */
  entry(entry, { me, nick }) {
    // What was said before the first entry that came is unread too, however much of it there is.
    if (this.timeline.empty && entry.seq > this.readUpTo + 1) this.unread.more = true;
    this.timeline.add(entry);
    if (entry.type === "topic_set") this.topic = entry.text;
    if (entry.type === "redacted") this.unread.forget(entry.target);
    if (entry.type === "edited") this.saving.delete(entry.target);
    this.timeline.trim(this.atBottom ? Infinity : this.seenUpTo);
    if (entry.type !== "message") return { news: false, mention: false };
    if (entry.seq > this.joinedAt) this.drafts.said(entry.author);
    if (entry.author === me || entry.redacted || entry.seq <= this.readUpTo) return { news: false, mention: false };
    const mention = this.speaksTo(entry, { me, nick });
    this.unread.note(entry.seq, mention);
    return { news: entry.seq > this.known, mention };
  }

  /** Whether a message speaks to us: in private, by name, or as a reply. */
  speaksTo(message, { me, nick }) {
    if (message.redacted) return false;
    if (this.isPrivate || mentions(message.text, nick)) return true;
    return message.reply_to !== undefined && this.timeline.message(message.reply_to)?.author === me;
  }

  /** Take in who came or went. Returns whether there is something to see. */
  presence(event, { me, now }) {
    if (event.change === "left" || event.change === "lost") this.drafts.gone(event.author);
    if (event.author === me) return false;
    this.locals.add(this.timeline.head, now, { ...event, kind: "presence" });
    return true;
  }

  gap(event) {
    this.timeline.gap(event);
    if (event.reason === "epoch") this.#startOver();
  }

  /** Note that entries up to `seq` were read; true if that is further than before. */
  read(seq) {
    const further = seq > (this.readUpTo ?? 0);
    if (further) this.readUpTo = seq;
    return this.unread.readUpTo(seq) || further;
  }

  /** Draw the line between what is read and what is new where it is now; when one comes into the room. */
  drawLine() {
    const waiting = this.unread.count > 0 || this.timeline.head > (this.readUpTo ?? 0);
    this.newAfter = waiting && this.readUpTo !== undefined ? this.readUpTo : null;
  }

  #startOver() {
    this.locals.clear();
    this.saving.clear();
    this.unread = new Unread();
    this.readUpTo = 0;
    this.known = 0;
    this.newAfter = null;
  }
}
