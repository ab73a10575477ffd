/**
 * How long to wait before trying again: exponential backoff with full jitter.
 *
 * This file owns the rule. It must not know what is tried, nor wait: it is told what happened and says how long.
 */
// @ts-check

/** The bound of the first wait, in ms: a restarted server is back in about that time. */
const FIRST_MS = 100;

/** The bound of all waits, in ms: what a person still sits through. */
const CAP_MS = 15_000;

/** What must have held for this long counts as recovered; one that fails sooner goes on where it was. */
const STABLE_MS = CAP_MS;

/** The waits of one thing that is tried again and again. */
export class Backoff {
  #failures = 0;
  #random;

  /** @param {() => number} random draws a number from 0 up to 1. */
  constructor(random) {
    this.#random = random;
  }

  /**
   * Note a failure and return how many ms to wait: the jitter, on top of what the server asked for.
   *
   * @param {number} [retryAfterMs]
   */
  failed(retryAfterMs = 0) {
    const cap = Math.min(CAP_MS, FIRST_MS * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return retryAfterMs + this.#random() * cap;
  }

  /** Note that it worked for so long: after `STABLE_MS` the next failure counts as the first. */
  held(/** @type {number} */ ms) {
    if (ms >= STABLE_MS) this.#failures = 0;
  }
}
