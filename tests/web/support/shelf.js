/**
 * A storage like the browser's, for tests.
 *
 * This file owns nothing else.
 */

export class Shelf {
  #items = new Map();

  getItem(name) {
    return this.#items.get(name) ?? null;
  }

  setItem(name, value) {
    this.#items.set(name, String(value));
  }
}
