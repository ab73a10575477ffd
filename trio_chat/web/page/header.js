/**
 * The head of the open room: its name, its topic, and the way to its members and to searching.
 *
 * This file owns the header and the editing of the topic. It must not know what the panels show.
 */

import { h, icon, iconButton, put } from "./dom.js";

export class Header {
  #shown = "";

  /** @param actions `toggle(panel)` opens or closes "sidebar", "members" or "search"; `isOpen(panel)`. */
  constructor(model, actions) {
    this.model = model;
    this.actions = actions;
    this.element = document.getElementById("header");
    this.title = h("h1", {});
    this.topic = h("button.topic", { type: "button", title: "Set the topic", onclick: () => this.#editTopic() });
    this.menu = iconButton("menu", "Rooms", () => actions.toggle("sidebar"), {
      id: "toggle-sidebar",
      "aria-controls": "sidebar",
    });
    this.search = iconButton("search", "Search (Ctrl F)", () => actions.toggle("search"), {
      id: "toggle-search",
      "aria-controls": "search",
    });
    this.number = h("span.number", { "aria-hidden": "true" });
    this.members = h(
      "button.icon-button.wide",
      {
        type: "button",
        id: "toggle-members",
        title: "Members",
        "aria-controls": "members",
        onclick: () => actions.toggle("members"),
      },
      icon("people"),
      this.number,
      h("span.unseen", {}, "Members"),
    );
    this.waiting = h("span.dot", { hidden: true });
    this.menu.append(this.waiting);
    this.name = h("div.name", {}, this.title, this.topic);
    put(this.element, this.menu, this.name, this.search, this.members);
  }

  render() {
    const { room, client } = this.model;
    const view = room && client.rooms.get(room.name);
    this.#buttons();
    if (this.form !== undefined) return;
    const look = JSON.stringify([room?.name, room?.title, room?.topic, view?.count]);
    if (look === this.#shown) return;
    this.#shown = look;
    put(this.title, h("bdi", {}, room?.title ?? "trio_chat"));
    this.topic.hidden = room === undefined || room.isPrivate;
    this.topic.classList.toggle("none", !room?.topic);
    this.topic.dir = "auto";
    this.topic.textContent = room?.topic || "Set a topic";
    this.number.textContent = view?.count ?? "";
  }

  #buttons() {
    const { actions, model } = this;
    for (const [panel, button] of Object.entries({ sidebar: this.menu, search: this.search, members: this.members })) {
      button.setAttribute("aria-expanded", String(actions.isOpen(panel)));
    }
    const elsewhere = [...model.rooms.values()].some((room) => room.name !== model.current && room.unread.count > 0);
    this.waiting.hidden = !elsewhere;
  }

  #editTopic() {
    const { room } = this.model;
    const input = h("input", {
      maxlength: "500",
      "aria-label": `Topic of ${room.title}`,
      placeholder: "A topic; empty for none",
    });
    input.value = room.topic;
    const done = (text) => {
      if (this.form === undefined) return;
      const { form } = this;
      this.form = undefined;
      if (text !== undefined && text.trim() !== room.topic) this.model.sender.setTopic(room, text.trim());
      form.replaceWith(this.topic);
      this.topic.focus();
      this.#shown = "";
      this.render();
    };
    this.form = h(
      "form.topic",
      {
        onsubmit: (event) => {
          event.preventDefault();
          done(input.value);
        },
        onkeydown: (event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          done();
        },
        onfocusout: () => queueMicrotask(() => done()),
      },
      input,
    );
    this.topic.replaceWith(this.form);
    input.select();
    input.focus();
  }
}
