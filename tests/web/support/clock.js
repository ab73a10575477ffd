/**
 * A clock that stands still until a test moves it, and the timers on it.
 *
 * It is what `Client` takes as `clock`. Time passes in `advance`, timer by timer, each with all that follows from it
 * before the next; in `suspend` it passes without any timer, as in a tab that sleeps.
 */

export class FakeClock {
  #now = 1_700_000_000_000;
  #timers = new Map();
  #made = 0;
  #offset = 0;

  constructor() {
    // A client calls them without their object.
    this.now = () => this.#now + this.#offset;
    this.setTimeout = (act, ms) => {
      this.#made += 1;
      this.#timers.set(this.#made, { due: this.#now + Math.max(0, ms), act });
      return this.#made;
    };
    this.clearTimeout = (timer) => void this.#timers.delete(timer);
  }

  /** How many timers wait. */
  get waiting() {
    return this.#timers.size;
  }

  /** Let time pass. */
  async advance(ms) {
    const end = this.#now + ms;
    await settled();
    for (let next = this.#next(); next !== undefined && next[1].due <= end; next = this.#next()) {
      const [timer, { due, act }] = next;
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, due);
      act();
      await settled();
    }
    this.#now = end;
  }

  /** Let time pass while nothing runs; what is due then runs with the next `advance`. */
  suspend(ms) {
    this.#now += ms;
  }

  /** Set the clock to another time, which timers do not hang on. */
  jump(ms) {
    this.#offset += ms;
  }

  #next() {
    return [...this.#timers].sort(([, one], [, other]) => one.due - other.due)[0];
  }
}

/** Wait until all that follows from what has happened has happened: promises, but no timer. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}
