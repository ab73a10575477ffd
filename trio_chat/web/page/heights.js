/**
 * How high rows are, measured or guessed, and where they stand by that.
 *
 * This file owns the arithmetic of a list. It must not know elements.
 */

/** Differences in pixels below this are none: browsers measure in fractions. */
const EQUAL = 0.01;

/** Heights of rows that are gone are kept up to this: they come back when somebody scrolls back. */
const KEPT = 1_000;

/** @property tops where each row begins, and behind the last one where it ends. */
export class Heights {
  #measured = new Map(); // by key

  /** @param estimate `(row)` guesses a height in pixels. */
  constructor(estimate) {
    this.estimate = estimate;
    this.tops = [0];
  }

  get total() {
    return this.tops.at(-1);
  }

  /** Put rows one below the other. */
  layOut(rows) {
    if (this.#measured.size > 4 * rows.length + KEPT) this.#forget(rows);
    const tops = new Array(rows.length + 1);
    let top = 0;
    for (let place = 0; place < rows.length; place++) {
      tops[place] = top;
      top += this.#measured.get(rows[place].key) ?? this.estimate(rows[place]);
    }
    tops[rows.length] = top;
    this.tops = tops;
  }

  /** The index of the row at a place: the first one that ends below it; the number of rows if all end above. */
  placeAt(y) {
    let low = 0;
    let high = this.tops.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.tops[middle + 1] <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Forget all that was measured: the same keys mean other rows now. */
  clear() {
    this.#measured.clear();
  }

  /** Whether a row is not as high as was thought. */
  differs(key, height) {
    return Math.abs((this.#measured.get(key) ?? -1) - height) >= EQUAL;
  }

  /** Note a height that was measured; true if it differs from what was thought. */
  note(key, height) {
    if (!this.differs(key, height)) return false;
    this.#measured.set(key, height);
    return true;
  }

  #forget(rows) {
    const keys = new Set(rows.map(({ key }) => key));
    for (const key of [...this.#measured.keys()]) if (!keys.has(key)) this.#measured.delete(key);
  }
}
