/**
 * Searching what was said, in the open room or everywhere, and going there.
 *
 * This file owns the panel. It must not know how a message is reached.
 */

import { h, iconButton, put } from "./dom.js";
import * as time from "./time.js";

export class Search {
  #asked = 0; // answers of earlier questions are not shown

  /** @param actions `jump(room, seq)`, `close()`. */
  constructor(model, actions) {
    this.model = model;
    this.actions = actions;
    this.element = document.getElementById("search");
    this.input = h("input", {
      type: "search",
      "aria-label": "Search for words",
      placeholder: "Search for words",
      maxlength: "500",
    });
    this.everywhere = h("input", { type: "checkbox", onchange: () => this.#search() });
    this.results = h("div.scroll", {});
    this.summary = h("p.summary", { role: "status" });
    const form = h(
      "form",
      {
        role: "search",
        onsubmit: (event) => {
          event.preventDefault();
          this.#search();
        },
      },
      this.input,
      h("label", {}, this.everywhere, "in all rooms"),
    );
    const head = h("div.panel-head", {}, h("h2", {}, "Search"), iconButton("close", "Close search", actions.close));
    put(this.element, head, form, this.summary, this.results);
  }

  /** Come up, ready to be typed into. */
  opened() {
    this.input.select();
    this.input.focus();
  }

  /** Show what a command has found. */
  show({ answer, query }) {
    this.input.value = query;
    this.#asked++;
    put(this.results);
    this.#add(answer, { query, room: this.model.current });
  }

  async #search() {
    const query = this.input.value.trim();
    if (query === "") return;
    const room = this.everywhere.checked ? undefined : this.model.current;
    put(this.results);
    this.summary.textContent = "Searching …";
    await this.#page({ query, room });
  }

  async #page({ query, room, cursor }) {
    const asked = ++this.#asked;
    try {
      const answer = await this.model.reader.search(query, { room, cursor });
      if (asked === this.#asked) this.#add(answer, { query, room });
    } catch (error) {
      if (asked === this.#asked) this.summary.textContent = error.message;
    }
  }

  #add({ entries, next }, { query, room }) {
    this.results.querySelector(".more")?.remove();
    const list = this.results.querySelector("ul") ?? h("ul", { "aria-label": "Results" });
    list.append(...entries.map((entry) => this.#result(entry, query)));
    const more = next
      ? h(
          "button.more.quiet",
          { type: "button", onclick: () => this.#page({ query, room, cursor: next }) },
          "Show more",
        )
      : null;
    put(this.results, list, more);
    const count = list.children.length;
    this.summary.textContent = count === 0 ? "Nothing was found." : `${count}${next ? "+" : ""} found, newest first`;
  }

  #result(entry, query) {
    const where = this.model.rooms.get(entry.room)?.title ?? `#${entry.room}`;
    const head = h(
      "span.by",
      {},
      h("bdi.nick", {}, entry.nick),
      this.everywhere.checked ? h("span.where", {}, where) : null,
      h(
        "time",
        { datetime: new Date(entry.at).toISOString(), title: time.full(entry.at) },
        time.brief(entry.at, this.model.now()),
      ),
    );
    const go = () => this.actions.jump(entry.room, entry.seq);
    return h(
      "li",
      {},
      h(
        "button.result",
        { type: "button", onclick: go },
        head,
        h("span.text", { dir: "auto" }, ...marked(entry.text, query)),
      ),
    );
  }
}

/** Characters around the first hit that are shown of a long message. */
const AROUND = 120;

/** The part of a text where the words are, with these marked. */
function marked(text, query) {
  const words = query
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => word.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
  if (words.length === 0) return [text.slice(0, 2 * AROUND)];
  const pattern = new RegExp(`(${words.join("|")})`, "giu");
  const first = Math.max(0, text.search(pattern) - AROUND);
  const part =
    (first > 0 ? "… " : "") + text.slice(first, first + 2 * AROUND) + (first + 2 * AROUND < text.length ? " …" : "");
  return part.split(pattern).map((piece, place) => (place % 2 === 1 ? h("mark", {}, piece) : piece));
}
