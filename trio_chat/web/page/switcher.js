/**
 * Going somewhere by typing: the rooms that one is in, all others of the server, and people.
 *
 * This file owns the dialog and the order of what it offers. It must not know how a room is joined.
 */

import { openDialog } from "./dialogs.js";
import { avatar, h, icon, put } from "./dom.js";

/** So many places are listed at once. */
const LISTED = 50;

/**
 * Open it.
 *
 * @param model the `Model`.
 * @param go `(room)` goes to a room; `talk(nick)` to a person.
 */
export function openSwitcher(model, { go, talk }) {
  let places = ownRooms(model);
  let shown = [];
  let chosen = 0;
  const input = h("input", {
    type: "text",
    role: "combobox",
    "aria-expanded": "true",
    "aria-controls": "places",
    "aria-autocomplete": "list",
    "aria-label": "Room or person",
    placeholder: "A room or a name; a new room is made",
    spellcheck: "false",
    autocapitalize: "off",
    oninput: () => draw(0),
    onkeydown: (event) => key(event),
  });
  const list = h("ul.places", { id: "places", role: "listbox", "aria-label": "Places" });
  const dialog = openDialog("Go to", { class: "switcher" }, input, list);

  function draw(place) {
    const wanted = input.value.trim().replace(/^[#@]/, "").toLowerCase();
    shown = matching(places, wanted).slice(0, LISTED);
    if (wanted !== "" && !shown.some(({ room }) => room === wanted))
      shown.push({ room: wanted, label: wanted, detail: "join, or make it", fresh: true });
    chosen = Math.max(0, Math.min(place, shown.length - 1));
    put(list, ...shown.map(option));
    const id = list.children[chosen]?.id;
    if (id) input.setAttribute("aria-activedescendant", id);
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  }

  function option(place, index) {
    const { nick, label, detail, count, unread, author, bot } = place;
    return h(
      "li",
      { role: "option", id: `place-${index}`, "aria-selected": String(index === chosen), onclick: () => take(place) },
      nick === undefined ? icon("hash") : avatar(author, nick, bot),
      h("bdi.name", {}, label),
      h("span.detail", { dir: "auto" }, detail ?? ""),
      unread > 0 ? h("span.count", {}, `${unread} new`) : null,
      count !== undefined ? h("span.people", {}, count === 1 ? "1 here" : `${count} here`) : null,
    );
  }

  function key(event) {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (by !== undefined) draw(chosen + by);
    else if (event.key === "Enter" && shown[chosen] !== undefined) take(shown[chosen]);
    else return;
    event.preventDefault();
  }

  function take({ room, nick }) {
    dialog.close();
    if (room !== undefined) go(room);
    else talk(nick);
  }

  draw(0);
  input.focus();
  others(model).then(
    (found) => {
      places = [...ownRooms(model), ...found];
      draw(chosen);
    },
    () => {},
  ); // without a connection one's own rooms are all there is
}

function ownRooms(model) {
  const places = [...model.rooms.values()].map((room) => ({
    room: room.name,
    nick: room.isPrivate ? room.title : undefined,
    label: room.isPrivate ? room.title : room.name,
    detail: room.topic,
    unread: room.unread.count,
    count: room.isPrivate ? undefined : model.client.rooms.get(room.name)?.count,
  }));
  return places.sort((a, b) => b.unread - a.unread || a.label.localeCompare(b.label));
}

/** Rooms that one is not in, and people who are online. */
async function others(model) {
  const [{ rooms }, { members }] = await Promise.all([
    model.client.ask({ type: "rooms", limit: 500 }),
    model.client.ask({ type: "members", limit: 500 }),
  ]);
  const talking = new Set([...model.rooms.values()].map(({ peer }) => peer));
  const elsewhere = rooms.filter(({ name }) => !model.rooms.has(name));
  const people = members.filter(({ author, nick }) => author !== model.me && !talking.has(nick));
  return [
    ...elsewhere
      .sort((a, b) => b.count - a.count)
      .map(({ name, topic, count }) => ({ room: name, label: name, detail: topic, count, unread: 0 })),
    ...people.map(({ author, nick, bot }) => ({ nick, author, bot, label: nick, detail: bot ? "bot" : "", unread: 0 })),
  ];
}

/** What begins with the word first, then what holds it. */
function matching(places, word) {
  if (word === "") return places;
  const held = places.filter(({ label, detail }) => `${label} ${detail ?? ""}`.toLowerCase().includes(word));
  const begins = ({ label }) => (label.toLowerCase().startsWith(word) ? 0 : 1);
  return held.sort((a, b) => begins(a) - begins(b));
}
