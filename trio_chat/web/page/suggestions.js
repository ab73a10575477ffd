/**
 * What could be meant by what is being typed: a list above the input, of which one is chosen by key or pointer.
 *
 * This file owns the list. It must not know what is completed, nor with what.
 */

import { h, put } from "./dom.js";

/** So many are shown; who wants another types one more letter. */
const SHOWN = 8;

export class Suggestions {
  #found = null; // {from, to, options}
  #chosen = 0;

  /** @param take `({from, to, insert})` puts what was chosen into the input. */
  constructor(input, take) {
    this.input = input;
    this.take = take;
    this.element = h("ul.suggestions", {
      id: "suggestions",
      role: "listbox",
      "aria-label": "Suggestions",
      hidden: true,
    });
    input.setAttribute("aria-controls", "suggestions");
    input.setAttribute("aria-haspopup", "listbox");
  }

  get isShown() {
    return !this.element.hidden;
  }

  show(found) {
    if (found === null || found.options.length === 0) {
      this.hide();
      return;
    }
    this.#found = { ...found, options: found.options.slice(0, SHOWN) };
    this.#chosen = 0;
    put(this.element, ...this.#found.options.map((option, place) => this.#option(option, place)));
    this.element.hidden = false;
    this.#mark();
  }

  hide() {
    this.element.hidden = true;
    this.input.removeAttribute("aria-activedescendant");
  }

  /** Take a key, if it is for the list; true if it was. */
  key(event) {
    if (!this.isShown) return false;
    const exact = this.#isTyped(this.#found.options[this.#chosen]);
    const act = {
      ArrowDown: () => this.#move(1),
      ArrowUp: () => this.#move(-1),
      Tab: () => this.#choose(this.#chosen),
      Enter: exact ? undefined : () => this.#choose(this.#chosen),
      Escape: () => this.hide(),
    }[event.key];
    if (act === undefined || event.shiftKey || event.altKey) return false;
    event.preventDefault();
    event.stopPropagation();
    act();
    return true;
  }

  /** Whether an option is what stands there already: then Enter sends. */
  #isTyped({ insert }) {
    const { from, to } = this.#found;
    return this.input.value.slice(from, to) === insert.trimEnd();
  }

  #option({ label, detail }, place) {
    // The pointer is caught before the input loses the focus.
    const choose = (event) => {
      event.preventDefault();
      this.#choose(place);
    };
    return h(
      "li",
      { role: "option", id: `suggestion-${place}`, onpointerdown: choose },
      h("strong", { dir: "auto" }, label),
      h("span", { dir: "auto" }, detail ?? ""),
    );
  }

  #move(by) {
    const { length } = this.#found.options;
    this.#chosen = (this.#chosen + by + length) % length;
    this.#mark();
  }

  #mark() {
    [...this.element.children].forEach((option, place) =>
      option.setAttribute("aria-selected", String(place === this.#chosen)),
    );
    this.element.children[this.#chosen]?.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", `suggestion-${this.#chosen}`);
  }

  #choose(place) {
    const { from, to, options } = this.#found;
    this.hide();
    this.take({ from, to, insert: options[place].insert });
  }
}
