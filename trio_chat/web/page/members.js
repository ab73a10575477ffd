/**
 * Who is in the open room.
 *
 * This file owns the panel. It must not know how a private talk is begun.
 */

import { avatar, h, iconButton, put } from "./dom.js";

/** So many are listed; more are only counted. */
const LISTED = 200;

export class Members {
  #shown = "";

  /** @param actions `talk(nick)` opens a private room, `close()` closes the panel. */
  constructor(model, actions) {
    this.model = model;
    this.actions = actions;
    this.element = document.getElementById("members");
    this.body = h("div.scroll", {});
    this.heading = h("h2", {}, "Members");
    put(
      this.element,
      h("div.panel-head", {}, this.heading, iconButton("close", "Close members", actions.close)),
      this.body,
    );
  }

  render() {
    const { model } = this;
    const members = model.members();
    const count = Math.max(members.length, model.client?.rooms.get(model.current)?.count ?? 0);
    const look = JSON.stringify([members.slice(0, LISTED), count, model.me]);
    if (look === this.#shown) return;
    this.#shown = look;
    const people = members.filter(({ bot }) => !bot);
    const bots = members.filter(({ bot }) => bot);
    const listed = [...this.#group("People", people), ...this.#group("Bots", bots)];
    const rest = count - Math.min(people.length, LISTED) - Math.min(bots.length, LISTED);
    put(this.body, ...listed, rest > 0 ? h("p.more", {}, `and ${rest} more`) : null);
  }

  #group(label, members) {
    if (members.length === 0) return [];
    const id = `h-${label.toLowerCase()}-here`;
    const list = h("ul", { "aria-labelledby": id }, ...members.slice(0, LISTED).map((member) => this.#member(member)));
    return [h("h3", { id }, `${label} · ${members.length}`), list];
  }

  #member({ author, nick, bot, role }) {
    const mine = author === this.model.me;
    const name = [
      avatar(author, nick, bot),
      h("bdi.name", {}, nick),
      mine ? h("span.role", {}, "you") : null,
      bot ? h("span.badge", {}, "bot") : null,
      role && role !== "member" ? h("span.role", {}, role) : null,
    ];
    if (mine) return h("li.member", {}, ...name);
    const label = `Talk to ${nick} in private`;
    return h(
      "li",
      {},
      h("button.member", { type: "button", title: label, onclick: () => this.actions.talk(nick) }, ...name),
    );
  }
}
