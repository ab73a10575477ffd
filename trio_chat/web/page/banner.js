/**
 * How the connection is, where it is not as it should be.
 *
 * This file owns the words for that. It must not know how a connection is made.
 */

import { h, put } from "./dom.js";

/** A connection that comes about sooner is no news, in milliseconds. */
const PATIENCE_MS = 600;

export class Banner {
  #timer;
  #act = null;

  constructor(model) {
    this.model = model;
    this.element = document.getElementById("banner");
    this.words = h("span");
    this.left = h("span", { "aria-hidden": "true" }); // the seconds tick for eyes only
    this.button = h("button.quiet", { type: "button", hidden: true, onclick: () => this.#act() });
    put(this.element, h("span", {}, this.words, this.left), this.button);
  }

  render() {
    clearTimeout(this.#timer);
    const { state, reason } = this.model.connection;
    document.body.dataset.state = state;
    if (state === "open" || state === "refused") {
      this.element.hidden = this.button.hidden = true;
    } else if (state === "closed") {
      this.#show("You have left.");
      this.#offer("Come back", () => location.reload());
    } else if (state === "waiting") {
      this.#show(`${reason || "The connection was lost."} What you write is kept and sent later.`);
      this.#offer("Try now", () => this.model.client.retryNow());
      this.#tick();
    } else if (this.element.hidden) {
      this.#timer = setTimeout(() => this.#show("Connecting …"), PATIENCE_MS);
    } else {
      this.#show("Connecting …");
    }
  }

  #tick() {
    const { at, retryInMs } = this.model.connection;
    const left = Math.max(0, Math.ceil((at + retryInMs - this.model.now()) / 1_000));
    this.left.textContent = left > 0 ? ` Next attempt in ${left} s.` : "";
    if (left > 0) this.#timer = setTimeout(() => this.#tick(), 1_000);
  }

  #show(sentence) {
    this.element.hidden = false;
    this.left.textContent = "";
    if (this.words.textContent !== sentence) this.words.textContent = sentence;
  }

  /** Have a button, the same one in all attempts: it does not go from under a finger, nor take the focus with it. */
  #offer(label, act) {
    this.#act = act;
    this.button.hidden = false;
    if (this.button.textContent !== label) this.button.textContent = label;
  }
}
