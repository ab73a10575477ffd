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

  constructor(model) {
    this.model = model;
    this.element = document.getElementById("banner");
  }

  render() {
    clearTimeout(this.#timer);
    const { state, reason, retryInMs = 0, at } = this.model.connection;
    document.body.dataset.state = state;
    if (state === "open" || state === "refused") {
      this.element.hidden = true;
    } else if (state === "closed") {
      this.#show("You have left.", "Come back", () => this.#comeBack());
    } else if (state === "waiting") {
      const left = Math.max(0, Math.ceil((at + retryInMs - this.model.now()) / 1000));
      const again = left > 0 ? `Trying again in ${left} s.` : "Trying again …";
      this.#show(`${reason || "The connection was lost."} ${again} What you write is kept and sent then.`, "Try now", () => this.model.client.retryNow());
      if (left > 0) this.#timer = setTimeout(() => this.render(), 1_000);
    } else if (this.element.hidden) {
      this.#timer = setTimeout(() => this.#show("Connecting …"), PATIENCE_MS);
    } else {
      this.#show("Connecting …");
    }
  }

  #comeBack() {
    location.reload();
  }

  #show(sentence, label, act) {
    this.element.hidden = false;
    // The seconds tick for eyes only: they are not to be read out anew each time.
    const words = h("span", {}, sentence);
    if (label === undefined) put(this.element, words);
    else put(this.element, words, h("button.quiet", { type: "button", onclick: act }, label));
  }
}
