/**
 * The rooms that one is in, with what is unread, and who one is.
 *
 * This file owns the sidebar. It must not know how a room is opened: links lead there, by the fragment of the address.
 */

import { avatar, h, icon, iconButton, put } from "./dom.js";

/** The fragment of the address that stands for a room. */
export function fragmentOf(room) {
  return `#${encodeURIComponent(room.isPrivate && room.peer ? `@${room.peer}` : room.name)}`;
}

/** The room that a fragment stands for: a name, or `@nick`; empty if it stands for none. */
export function roomOf(fragment) {
  try {
    return decodeURIComponent(fragment.slice(1)).replace(/^#/, "").trim();
  } catch {
    return "";
  }
}

export class Sidebar {
  #shown = "";
  #current = null; // the room that was open when this was drawn

  /**
   * @param actions `rename()` and `help()` open dialogs, `notify()` asks whether to notify, `canNotify()` tells whether to
   *   offer it; `went()` hears that a room was chosen, be it the one that is open.
   */
  constructor(model, actions) {
    this.model = model;
    this.actions = actions;
    this.rooms = document.getElementById("rooms");
    this.me = document.getElementById("me");
    this.rooms.addEventListener("click", (event) => {
      if (event.target.closest("a") !== null) actions.went();
    });
  }

  /** Names of the rooms in the order in which they are shown. */
  order() {
    const all = [...this.model.rooms.values()];
    const byTitle = (a, b) => a.title.localeCompare(b.title);
    return [
      ...all.filter((room) => !room.isPrivate).sort(byTitle),
      ...all.filter((room) => room.isPrivate).sort(byTitle),
    ];
  }

  render() {
    const rooms = this.order();
    // Drawn only if it would look different: what one is about to click does not go away.
    const look = JSON.stringify([
      this.model.current,
      rooms.map((room) => [
        room.name,
        room.title,
        room.unread.label,
        room.unread.mentions,
        room.isPrivate && this.model.isHere(room),
      ]),
    ]);
    if (look !== this.#shown) {
      this.#shown = look;
      this.#drawRooms(rooms);
    }
    this.#drawMe();
  }

  #drawRooms(rooms) {
    const focused = this.rooms.contains(document.activeElement) ? document.activeElement.dataset.room : undefined;
    const group = (label, id, some) => [
      h("h2", { id }, label),
      h("ul", { "aria-labelledby": id }, ...some.map((room) => this.#room(room))),
    ];
    const open = rooms.filter((room) => !room.isPrivate);
    const people = rooms.filter((room) => room.isPrivate);
    put(
      this.rooms,
      ...group("Rooms", "h-rooms", open),
      ...(people.length > 0 ? group("People", "h-people", people) : []),
    );
    if (this.#current !== this.model.current)
      this.rooms.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
    this.#current = this.model.current;
    if (focused !== undefined) this.rooms.querySelector(`a[data-room="${CSS.escape(focused)}"]`)?.focus();
  }

  #room(room) {
    const { count, mentions, label } = room.unread;
    const current = room.name === this.model.current;
    const link = h(
      `a.room${count > 0 ? ".unread" : ""}`,
      { href: fragmentOf(room), "aria-current": current ? "page" : null, "data-room": room.name },
      room.isPrivate ? this.#presence(room) : icon("hash"),
      h("bdi.name", {}, room.isPrivate ? room.title : room.name),
      count > 0
        ? h(
            `span.count${mentions > 0 ? ".for-you" : ""}`,
            { "aria-hidden": "true" },
            mentions > 0 && !room.isPrivate ? `@ ${label}` : label,
          )
        : null,
      count > 0 ? h("span.unseen", {}, ` ${label} unread${mentions > 0 ? `, ${mentions} for you` : ""}`) : null,
    );
    return h(
      "li",
      {},
      link,
      iconButton("close", `Leave ${room.title}`, () => this.model.leave(room.name)),
    );
  }

  #presence(room) {
    const here = this.model.isHere(room);
    const word = here ? "here" : "away";
    return h(`span.presence.${word}`, { title: word }, h("span.unseen", {}, `${word}: `));
  }

  #drawMe() {
    const { model, actions } = this;
    const look = `${model.me} ${model.nick} ${actions.canNotify()}`;
    if (this.me.dataset.look === look) return;
    this.me.dataset.look = look;
    put(
      this.me,
      avatar(model.me || model.nick, model.nick),
      h(
        "button.rename",
        { type: "button", title: "Take another name", onclick: actions.rename },
        h("bdi", {}, model.nick),
      ),
      actions.canNotify() ? iconButton("bell", "Notify me when I am mentioned", actions.notify) : null,
      iconButton("help", "Keys and help", actions.help),
    );
  }
}
