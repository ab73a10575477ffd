/**
 * The messages of the open room: which rows are shown, where one is among them, and what can be done with one.
 *
 * This file owns reading: scrolling, walking by keys, loading what comes into view, noting what was seen. It must not know
 * how rows are drawn (`row.js`) nor how a list scrolls (`list.js`).
 */

import { copyText, announce, h, icon, put } from "./dom.js";
import { VirtualList } from "./list.js";
import { drawer, estimate } from "./row.js";
import { buildRows } from "./rows.js";
import * as time from "./time.js";
import { Toolbar } from "./toolbar.js";

/** Older and newer pages are asked for when less than so many pixels are left: two screens. */
const AHEAD = 2_000;

const FIRM = new Set(["message", "topic", "gap"]);
const isMessage = (row) => row.kind === "message";

export class Stream {
  #shown = null; // the name of the room whose rows are shown
  #view = null;
  #active = null; // the key of the row on which Tab ends up

  /**
   * @param model the `Model`.
   * @param actions `reply(entry)`, `edit(entry)`, `remove(entry)`, `compose()` (go back to writing), `amend(key)` (write
   *   once more what was refused).
   */
  constructor(model, actions) {
    this.model = model;
    this.actions = actions;
    this.viewport = document.getElementById("viewport");
    this.toNew = document.getElementById("to-new");
    this.toEnd = document.getElementById("to-end");
    this.toolbar = new Toolbar(this.viewport, (what, row) => this.#act(what, row));
    const draw = drawer({
      act: (what, ...details) => this.#actOnRow(what, ...details),
      nickOf: (author) => model.client.rooms.get(model.current)?.members.get(author)?.nick,
      now: model.now,
    });
    this.list = new VirtualList(this.viewport, document.getElementById("list"), {
      draw,
      estimate,
      stays: (row) => FIRM.has(row.kind),
      onView: (view) => this.#seen(view),
    });
    this.#listen();
  }

  /** Draw what has changed. */
  render() {
    const { model } = this;
    const { room } = model;
    if (room === undefined) {
      this.list.set([]);
      return;
    }
    const changedRoom = this.#shown !== room.name;
    if (changedRoom) {
      this.#shown = room.name;
      this.#active = null;
      this.list.reset();
    }
    room.drafts.expire(model.now());
    this.rows = buildRows(room, model.outbox.of(room.name), {
      me: model.me,
      nick: model.nick,
      dayOf: time.dayOf,
      today: time.dayOf(model.now()),
      editing: this.actions.editing(),
      saving: room.saving,
      found: model.found?.room === room.name ? model.found.seq : undefined,
      quoted: (seq) => model.reader.quoted(room, seq),
      speaksToMe: (message) => room.speaksTo(message, model),
    });
    this.list.set(this.rows, { ends: room.timeline.attached });
    this.#go(room);
    this.#chips(room);
  }

  /** Go where the model wants to be. */
  #go(room) {
    const { scroll } = this.model;
    if (scroll === null || scroll.room !== room.name) return;
    this.model.scroll = null;
    if (scroll.end) this.list.toEnd();
    else if (this.list.show(`m${scroll.seq}`)) this.#activate(`m${scroll.seq}`, true);
  }

  /** Note what is on the screen, and fetch what is about to come into it. */
  #seen(view) {
    const { model } = this;
    const { room } = model;
    this.#view = view;
    if (room === undefined || room.name !== this.#shown) return;
    if (view.above < AHEAD) model.reader.older(room);
    if (view.below < AHEAD) model.reader.newer(room);
    this.noteSeen();
    this.#chips(room);
    this.#roving();
  }

  /** Tell the model what has been seen, if anybody is looking. */
  noteSeen() {
    const view = this.#view;
    const { room } = this.model;
    if (view === null || room === undefined || room.name !== this.#shown) return;
    room.atBottom = view.atEnd && room.timeline.attached;
    const last = this.#lastSeq(view.last);
    if (last !== undefined) room.seenUpTo = last;
    if (!document.hidden && document.hasFocus()) this.model.seen(last ?? room.seenUpTo, view.atEnd);
  }

  #lastSeq(row) {
    if (row === undefined) return undefined;
    return row.entry?.seq ?? this.list.neighbour(row.key, -1, isMessage)?.entry.seq;
  }

  /** The buttons that lead to the end and to what is new. */
  #chips(room) {
    const view = this.#view;
    const away = view !== null && (!view.atEnd || !room.timeline.attached);
    this.toEnd.hidden = !away;
    const { count, label } = room.unread;
    put(this.toEnd, icon("down"), count > 0 ? `${label} new` : "Newest");
    const first = room.newAfter;
    const isAbove = first !== null && this.#newLineIsAbove(room);
    this.toNew.hidden = !isAbove;
    if (isAbove) put(this.toNew, icon("up"), "Where you left off");
  }

  #newLineIsAbove(room) {
    if (room.newAfter < room.timeline.first - 1) return room.timeline.last > 0;
    const first = this.#view?.first;
    const seq = first?.entry?.seq ?? this.list.neighbour(first?.key, 1, isMessage)?.entry.seq;
    return (
      seq !== undefined &&
      seq > room.newAfter + 1 &&
      this.rows.some((row) => row.kind === "new") &&
      !this.list.isSeen("new")
    );
  }

  // --- what can be done with a message ------------------------------------------------------------------------------

  #actOnRow(what, detail) {
    const { model } = this;
    const { room } = model;
    const acts = {
      dismiss: () => room.locals.drop(detail),
      retry: () => model.sender.retry(detail),
      discard: () => model.sender.discard(detail),
      amend: () => this.actions.amend(detail),
      stop: () => model.sender.stop(room, detail),
      jump: () => model.reader.jump(room.name, detail),
      fetchQuote: () => queueMicrotask(() => model.reader.fetchQuote(room, detail)),
    };
    acts[what]();
    if (what !== "fetchQuote") model.changed("timeline");
  }

  #act(what, row) {
    const { entry } = row;
    if (what === "copy") {
      copyText(entry.text);
      announce("Copied.");
    } else if (what === "reply" || row.own) {
      this.actions[what](entry);
    }
  }

  /** Do something with the row on which the focus is; false if it is on none, or that cannot be done. */
  actOnFocused(what) {
    const row = this.#focusedRow();
    if (row === undefined || row.entry.redacted || (what !== "reply" && what !== "copy" && !row.own)) return false;
    this.#act(what, row);
    return true;
  }

  // --- walking ------------------------------------------------------------------------------------------------------

  /** Go to the message above or below; from nowhere, to the last one on the screen. */
  walk(by) {
    const key = this.#focusedRow()?.key ?? (by < 0 ? this.#below() : this.#active);
    const next = this.list.neighbour(key, by, isMessage);
    if (next === undefined) {
      if (by > 0) this.actions.compose();
      return;
    }
    this.list.reveal(next.key);
    this.#activate(next.key, true);
  }

  /** The key of the row below the last one on the screen; undefined is the end. */
  #below() {
    const last = this.#view?.last;
    return last === undefined ? undefined : this.list.neighbour(last.key, 1, () => true)?.key;
  }

  scrollPages(by) {
    this.list.scrollBy(by * this.viewport.clientHeight * 0.9);
  }

  scrollToStart() {
    this.viewport.scrollTop = 0;
  }

  goToEnd() {
    this.model.reader.toEnd(this.model.room);
  }

  #focusedRow() {
    const key = this.list.keyOf(document.activeElement);
    return key === undefined ? undefined : this.rows?.find((row) => row.key === key && isMessage(row));
  }

  #activate(key, focus) {
    this.#active = key;
    this.#roving();
    if (focus) this.list.elementOf(key)?.focus({ preventScroll: true });
  }

  /** Keep one row in the order of Tab: the active one, or the last on the screen. */
  #roving() {
    const wanted = this.list.elementOf(this.#active) ?? this.list.elementOf(`m${this.#lastSeq(this.#view?.last)}`);
    for (const element of this.viewport.querySelectorAll(".message-row[tabindex='0']"))
      if (element !== wanted) element.tabIndex = -1;
    if (wanted !== undefined && wanted !== null) wanted.tabIndex = 0;
  }

  #listen() {
    const { viewport, toolbar } = this;
    const show = (event) => {
      const key = this.list.keyOf(event.target);
      const row = key === undefined ? undefined : this.rows?.find((each) => each.key === key);
      if (row !== undefined && isMessage(row) && !row.entry.redacted) toolbar.show(this.list.elementOf(key), row);
      else toolbar.hide();
    };
    viewport.addEventListener("pointerover", show);
    viewport.addEventListener("focusin", (event) => {
      show(event);
      const key = this.list.keyOf(event.target);
      if (key?.startsWith("m")) this.#activate(key, false);
    });
    viewport.addEventListener("pointerleave", () => toolbar.hide());
    viewport.addEventListener("focusout", (event) => {
      if (!viewport.contains(event.relatedTarget)) toolbar.hide();
    });
    this.toEnd.addEventListener("click", () => this.goToEnd());
    this.toNew.addEventListener("click", () => this.#goToNew());
    const look = () => {
      this.model.looking(!document.hidden && document.hasFocus());
      this.noteSeen();
      this.model.changed("timeline");
    };
    addEventListener("focus", look);
    addEventListener("blur", look);
    document.addEventListener("visibilitychange", look);
  }

  async #goToNew() {
    const { room } = this.model;
    if (room.timeline.holds(room.newAfter + 1) && this.list.show("new", 0.2)) return;
    await this.model.reader.jump(room.name, room.newAfter + 1);
    this.model.found = null;
  }
}
