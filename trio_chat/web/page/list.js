/**
 * A list of which only what can be seen is in the document: rows of any height, which may grow, come and go above what is
 * read without moving it.
 *
 * This file owns scrolling. It must not know what a row is: rows have a `key`, and `draw` makes their elements.
 *
 * What stands still is decided by *anchors*: the rows on the screen, each with the place of its lower edge; those that do
 * not stay come last, with that of their upper edge, for they grow downwards while one reads them. After whatever has
 * changed, the first of them that is still there is put where it was. (The browser's own scroll anchoring does not
 * know rows that are not in the document.) At the end, the end stands still.
 */

import { Heights } from "./heights.js";

/** Rows are drawn so far beyond both edges of what is seen, in pixels: what a fast wheel moves in a frame or two. */
const MARGIN = 800;

/** Less than so many pixels from the end is the end. */
const NEAR = 48;

/** Heights are measured, which may change what has to be drawn, at most so many times for one change. */
const PASSES = 6;

export class VirtualList {
  #rows = [];
  #index = new Map();
  #heights;
  #nodes = new Map(); // drawn: by key, {row, element}
  #anchors = [];
  #target = null;
  #atEnd = true; // whether the end is followed
  #ends = true; // whether the last row is the end of all that there is
  #width = 0;
  #set = { top: 0, height: 0, content: 0 }; // as we left it: what differs was the user's doing

  /**
   * @param viewport the element that scrolls.
   * @param list the element in it that holds the rows.
   * @param options `draw(row, before)` makes a row's element, or changes and returns that of `before` (`{row, element}`);
   *   `estimate(row)` guesses a height in pixels; `stays(row)` tells whether a row may be an anchor;
   *   `onView(view)` hears what is seen: `{first, last, above, below, atEnd}`, rows and pixels beyond the edges.
   */
  constructor(viewport, list, { draw, estimate, stays, onView }) {
    this.viewport = viewport;
    this.list = list;
    this.draw = draw;
    this.#heights = new Heights(estimate);
    this.stays = stays;
    this.onView = onView;
    this.sizes = new ResizeObserver(() => this.#resized());
    this.sizes.observe(viewport);
    viewport.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  get atEnd() {
    return this.#atEnd;
  }

  /** Whether a row is drawn, and wholly on the screen. */
  isSeen(key) {
    const place = this.#index.get(key);
    if (place === undefined) return false;
    const top = this.viewport.scrollTop;
    return this.#heights.tops[place] >= top && this.#heights.tops[place + 1] <= top + this.viewport.clientHeight;
  }

  /**
   * Show other rows; what is on the screen and still there stays where it is. The end is followed where `ends`: where more
   * is to be had below the last row, following would read all of it in one go, and what is read would fly by.
   */
  set(rows, { ends = true } = {}) {
    this.#heed(); // by the rows that the user has seen
    this.#rows = rows;
    this.#ends = ends;
    this.#index = new Map(rows.map((row, place) => [row.key, place]));
    this.#render();
  }

  /** Forget what was shown, and where one was: rows of another room come, and their keys mean other rows. */
  reset() {
    for (const [key, { element }] of [...this.#nodes]) this.#remove(key, element);
    this.#heights.clear();
    this.#rows = [];
    this.#index.clear();
    this.#anchors = [];
    this.#target = null;
    this.#atEnd = true;
  }

  toEnd() {
    this.#target = null;
    this.#atEnd = true;
    this.#render();
  }

  /** Show a row in the middle, or a third from the top. False if there is no such row. */
  show(key, place = 0.5) {
    if (!this.#index.has(key)) return false;
    this.#atEnd = false;
    this.#target = { key, place };
    this.#render();
    this.#target = null;
    return true;
  }

  /** Move just so far that a row is wholly on the screen. */
  reveal(key) {
    const place = this.#index.get(key);
    if (place === undefined) return;
    const { scrollTop, clientHeight } = this.viewport;
    if (this.#heights.tops[place] < scrollTop) this.scrollBy(this.#heights.tops[place] - scrollTop);
    else if (this.#heights.tops[place + 1] > scrollTop + clientHeight)
      this.scrollBy(this.#heights.tops[place + 1] - scrollTop - clientHeight);
  }

  scrollBy(pixels) {
    this.viewport.scrollTop += pixels;
    this.#scrolled();
  }

  elementOf(key) {
    return this.#nodes.get(key)?.element;
  }

  keyOf(element) {
    return element?.closest?.("[data-key]")?.dataset.key;
  }

  /** The row `by` rows from that of `key` which `wanted` accepts, or undefined. */
  neighbour(key, by, wanted) {
    let place = (this.#index.get(key) ?? (by < 0 ? this.#rows.length : -1)) + by;
    while (this.#rows[place] !== undefined && !wanted(this.#rows[place])) place += Math.sign(by);
    return this.#rows[place];
  }

  // --- layout -----------------------------------------------------------------------------------------------------

  /** Where the viewport has to stand, by the heights known so far. */
  #wantedTop() {
    const most = Math.max(0, this.#heights.total - this.viewport.clientHeight);
    return Math.max(0, Math.min(most, this.#idealTop(most)));
  }

  #idealTop(most) {
    if (this.#target !== null) {
      const place = this.#index.get(this.#target.key);
      const height = this.#heights.tops[place + 1] - this.#heights.tops[place];
      const room = Math.max(0, this.viewport.clientHeight - height);
      return this.#heights.tops[place] - room * this.#target.place;
    }
    if (this.#atEnd && (this.#ends || this.#anchors.length === 0)) return most;
    for (const { key, top, bottom } of this.#anchors) {
      const place = this.#index.get(key);
      if (place === undefined) continue;
      return top === undefined ? this.#heights.tops[place + 1] - bottom : this.#heights.tops[place] - top;
    }
    return this.viewport.scrollTop;
  }

  #render() {
    const { viewport } = this;
    let top = 0;
    for (let pass = 0; pass < PASSES; pass++) {
      this.#heights.layOut(this.#rows);
      top = this.#wantedTop();
      const from = this.#heights.placeAt(top - MARGIN);
      const to = Math.min(this.#rows.length, this.#heights.placeAt(top + viewport.clientHeight + MARGIN) + 1);
      this.#fill(from, to);
      if (!this.#measure()) break;
    }
    if (Math.abs(viewport.scrollTop - top) > 0.5) viewport.scrollTop = top;
    this.#set = { top: viewport.scrollTop, height: viewport.clientHeight, content: viewport.scrollHeight };
    this.#anchor();
    this.#tell();
  }

  /** Bring the rows from `from` to before `to` into the document, and no others. */
  #fill(from, to) {
    const wanted = this.#rows.slice(from, to);
    const keys = new Set(wanted.map((row) => row.key));
    for (const [key, { element }] of this.#nodes) if (!keys.has(key)) this.#remove(key, element);
    let next = this.list.firstChild;
    for (const row of wanted) {
      const before = this.#nodes.get(row.key)?.element;
      const element = this.#drawn(row);
      if (before === next) next = element; // it may have been drawn anew in its place
      if (element === next) next = next.nextSibling;
      else this.list.insertBefore(element, next);
    }
    this.list.style.paddingTop = `${this.#heights.tops[from] ?? 0}px`;
    this.list.style.paddingBottom = `${this.#heights.total - (this.#heights.tops[to] ?? 0)}px`;
  }

  #drawn(row) {
    const before = this.#nodes.get(row.key);
    if (before !== undefined && same(before.row, row)) return before.element;
    const element = this.draw(row, before);
    element.dataset.key = row.key;
    this.#nodes.set(row.key, { row, element });
    if (before !== undefined && before.element !== element) {
      const focused = before.element.contains(document.activeElement);
      before.element.replaceWith(element);
      this.sizes.unobserve(before.element);
      if (focused) element.focus({ preventScroll: true });
    }
    if (before?.element !== element) this.sizes.observe(element);
    return element;
  }

  #remove(key, element) {
    if (element.contains(document.activeElement)) this.viewport.focus({ preventScroll: true });
    this.sizes.unobserve(element);
    element.remove();
    this.#nodes.delete(key);
  }

  /** Measure what is drawn; true if anything is not as high as was thought. */
  #measure() {
    let changed = false;
    for (const [key, { element }] of this.#nodes) {
      const { height } = element.getBoundingClientRect();
      if (this.#heights.note(key, height)) changed = true;
    }
    return changed;
  }

  /** Remember where the rows on the screen stand. */
  #anchor() {
    const top = this.viewport.scrollTop;
    const end = top + this.viewport.clientHeight;
    const firm = [];
    const others = [];
    for (
      let place = this.#heights.placeAt(top);
      place < this.#rows.length && this.#heights.tops[place] < end;
      place++
    ) {
      const row = this.#rows[place];
      if (this.stays(row)) firm.push({ key: row.key, bottom: this.#heights.tops[place + 1] - top });
      else others.push({ key: row.key, top: this.#heights.tops[place] - top });
    }
    this.#anchors = [...firm, ...others];
  }

  #tell() {
    const { scrollTop, clientHeight } = this.viewport;
    const below = this.#heights.total - scrollTop - clientHeight;
    const last = Math.min(this.#rows.length - 1, this.#heights.placeAt(scrollTop + clientHeight - 8));
    this.onView({
      first: this.#rows[this.#heights.placeAt(scrollTop)],
      last: this.#rows[last],
      above: scrollTop,
      below: Math.max(0, below),
      atEnd: this.#atEnd,
    });
  }

  // --- what the browser says ----------------------------------------------------------------------------------------

  #scrolled() {
    this.#heed();
    this.#render();
  }

  /** Take in where the user has scrolled to since we looked last. */
  #heed() {
    const { scrollTop, clientHeight, scrollHeight } = this.viewport;
    // What moved because something changed its size is put right, and is nobody's wish.
    if (
      clientHeight !== this.#set.height ||
      scrollHeight !== this.#set.content ||
      Math.abs(scrollTop - this.#set.top) < 1
    )
      return;
    this.#set.top = scrollTop;
    this.#atEnd = this.#ends && scrollHeight - scrollTop - clientHeight < NEAR;
    this.#anchor();
  }

  #resized() {
    const { clientWidth, clientHeight } = this.viewport;
    // Where all lines break elsewhere, what was measured is a guess that is mended once a row is drawn.
    if (clientWidth === this.#width && clientHeight === this.#set.height && !this.#haveGrown()) return;
    this.#width = clientWidth;
    this.#render();
  }

  #haveGrown() {
    const grown = ([key, { element }]) => this.#heights.differs(key, element.getBoundingClientRect().height);
    return [...this.#nodes].some(grown);
  }
}

function same(one, other) {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}
