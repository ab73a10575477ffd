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
  #shown = null;
  #left = h("span", { "aria-hidden": "true" }); // the seconds tick for eyes only

  constructor(model) {
    this.model = model;
    this.element = document.getElementById("banner");
  }

  render() {
    clearTimeout(this.#timer);
    const { state, reason } = this.model.connection;
    document.body.dataset.state = state;
    if (state === "open" || state === "refused") {
      this.#shown = null;
      this.element.hidden = true;
    } else if (state === "closed") {
      this.#show("You have left.", "Come back", () => location.reload());
    } else if (state === "waiting") {
      const why = reason || "The connection was lost.";
      this.#show(`${why} What you write is kept and sent later.`, "Try now", () => this.model.client.retryNow());
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
    this.#left.textContent = left > 0 ? ` Next attempt in ${left} s.` : "";
    if (left > 0) this.#timer = setTimeout(() => this.#tick(), 1_000);
  }

  #show(sentence, label, act) {
    this.element.hidden = false;
    this.#left.textContent = "";
    if (sentence === this.#shown) return;
    this.#shown = sentence;
    const button = label === undefined ? null : h("button.quiet", { type: "button", onclick: act }, label);
    put(this.element, h("span", {}, sentence, this.#left), button);
  }
}
