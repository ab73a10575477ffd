/**
 * The page: its parts, and what leads from one to the other.
 *
 * This file owns the wiring, and when something is drawn: what has changed is collected, and drawn once a frame.
 */

import { Client } from "./client.js";
import { Banner } from "./banner.js";
import { complete } from "./completion.js";
import { Composer } from "./composer.js";
import { askForNick, confirmDelete, showHelp } from "./dialogs.js";
import { announce, h } from "./dom.js";
import { Header } from "./header.js";
import { listenToKeys } from "./keys.js";
import { Members } from "./members.js";
import { LOBBY, Model } from "./model.js";
import { Notifier } from "./notify.js";
import { Panels } from "./panels.js";
import { Search } from "./search.js";
import { loadIdentity, saveNick } from "./session.js";
import { fragmentOf, roomOf, Sidebar } from "./sidebar.js";
import { storageOr } from "./storage.js";
import { Stream } from "./stream.js";
import { openSwitcher } from "./switcher.js";
import { Welcome } from "./welcome.js";

/** Commands that were asked for so long ago are asked for again, in milliseconds: bots come and go. */
const COMMANDS_MS = 10_000;

/** Messages that a screen reader may still have to say, and characters of each: the rest can be read in its place. */
const SAID = 20;
const SAID_CHARS = 300;

const dirty = new Set(); // parts of the page that have to be drawn

const app = document.getElementById("app");
const said = document.getElementById("said");

const model = new Model({
  storage: storageOr(() => localStorage),
  tab: storageOr(() => sessionStorage),
  changed: (...parts) => changed(parts),
  onNews: (room, message, mention) => {
    if (room.name === model.current) say(message);
    if (mention) notifier.tell(room, message);
  },
  onShow: (what, detail) => SHOW[what](detail),
  onReturned: (room, text) => composer.giveBack(room, text),
  onTold: (text) => announce(cut(text)),
});

const panels = new Panels({
  search: () => search.opened(),
  closed: () => composer.focus(),
  changed: () => changed(["rooms"]),
});
const notifier = new Notifier((room) => model.open(room));
const banner = new Banner(model);
const header = new Header(model, { toggle: (panel) => panels.toggle(panel), isOpen: (panel) => panels.isOpen(panel) });
const sidebar = new Sidebar(model, {
  rename,
  help,
  notify: () => notifier.ask().then(() => sidebar.render()),
  canNotify: () => notifier.canAsk,
  went: () => panels.close("sidebar"),
});
const members = new Members(model, { talk: (nick) => talk(nick), close: () => panels.close("members") });
const search = new Search(model, { jump, close: () => panels.close("search") });
const composer = new Composer(model, { send, remove, options, lastOwn, changed: () => changed(["timeline"]) });
const stream = new Stream(model, {
  reply: (entry) => composer.reply(entry),
  edit: (entry) => composer.edit(entry),
  remove,
  editing: () => (composer.mode?.what === "edit" ? composer.mode.entry.seq : undefined),
  compose: () => composer.focus(),
  amend,
});
const welcome = new Welcome(come);

/** Windows that an answer to a command opens. */
const SHOW = {
  rooms: switchRoom,
  found: (detail) => {
    panels.open("search");
    search.show(detail);
  },
  history: () => stream.scrollPages(-1),
};

// --- drawing --------------------------------------------------------------------------------------------------------

const DRAWN = {
  rooms: () => {
    sidebar.render();
    header.render();
    composer.render();
    notifier.badge(model.waiting, model.room?.title);
    address();
  },
  timeline: () => stream.render(),
  members: () => members.render(),
  state: () => {
    banner.render();
    sidebar.render();
  },
};

function changed(parts) {
  if (dirty.size === 0) {
    if (document.hidden) drawSoon();
    else requestAnimationFrame(draw);
  }
  for (const part of parts) dirty.add(part);
}

/** A hidden tab has no frames, but a title. */
function drawSoon() {
  setTimeout(draw, 100);
}

function draw() {
  const parts = [...dirty];
  dirty.clear();
  if (model.client === null) return;
  for (const part of parts) DRAWN[part]();
}

/** Let the address say where one is, so that it can be kept and shared. */
function address() {
  const { room } = model;
  if (room === undefined) return;
  const fragment = fragmentOf(room);
  if (location.hash !== fragment) history.replaceState(null, "", fragment);
}

/** Have a screen reader say a message. */
function say({ room, seq, nick, text, action, command }) {
  const whole = command === undefined ? text : `/${command} ${text}`;
  const words = cut(whole);
  said.append(h("p", { "data-place": `${room} ${seq}` }, action ? `${nick} ${words}` : `${nick}: ${words}`));
  while (said.childElementCount > SAID) said.firstElementChild.remove();
}

function cut(words) {
  return words.length > SAID_CHARS ? `${words.slice(0, SAID_CHARS)} …` : words;
}

/** Leave nothing of a deleted message, not even for ears. */
function unsay({ room, target }) {
  said.querySelector(`[data-place="${CSS.escape(`${room} ${target}`)}"]`)?.remove();
}

// --- what people do ---------------------------------------------------------------------------------------------------

function send(text, mode) {
  const { room } = model;
  if (mode?.what !== "edit") model.sender.say(text, { replyTo: mode?.entry.seq });
  else if (text !== mode.entry.text) model.sender.edit(room, mode.entry.seq, text);
}

function remove(entry) {
  const { room } = model;
  confirmDelete(entry, () => model.sender.redact(room, entry.seq));
}

/** Write once more what was refused. */
function amend(key) {
  const { text } = model.outbox.get(key);
  model.sender.discard(key);
  composer.write(text.startsWith("/") ? `/${text}` : text);
}

function lastOwn() {
  const mine = (item) =>
    item.type === "message" && item.author === model.me && !item.redacted && item.command === undefined;
  return model.room?.timeline.items.findLast(mine);
}

/** The commands of a room as they were asked for last: `{room, at, answer}`. */
let asked = { at: -Infinity };

/** The slash commands that can be used in the open room; those known so far where they cannot be had. */
async function commands() {
  const { current: room, client } = model;
  if (model.connection.state === "open" && (asked.room !== room || performance.now() - asked.at > COMMANDS_MS)) {
    const answer = client.ask({ type: "commands", room }).then(({ commands: all }) => (model.commands = all));
    asked = { room, at: performance.now(), answer };
  }
  await Promise.resolve(asked.answer).catch(() => {});
  return model.commands;
}

async function options(text, caret) {
  if (text.startsWith("/")) await commands();
  const rooms = [...model.rooms.values()].filter((room) => !room.isPrivate);
  const found = complete({ text, caret, commands: model.commands, nicks: model.members(), rooms });
  const explained = new Map(model.commands.map(({ name, usage, help }) => [name, { label: usage, detail: help }]));
  return { ...found, options: found.options.map((option) => ({ ...option, ...explained.get(option.label) })) };
}

function jump(room, seq) {
  panels.closeIfNarrow();
  model.reader.jump(room, seq);
}

function goTo(name) {
  panels.close("sidebar");
  model.open(name);
}

function talk(nick) {
  panels.closeIfNarrow();
  model.direct(nick);
}

function switchRoom() {
  openSwitcher(model, { go: goTo, talk });
}

function rename() {
  askForNick(model.nick, async (nick) => {
    try {
      if (nick !== model.nick) await model.client.ask({ type: "nick", nick });
      saveNick(model.nick);
      changed(["rooms", "timeline"]);
      return undefined;
    } catch (error) {
      return error.message;
    }
  });
}

async function help() {
  showHelp(await commands());
}

// --- coming in --------------------------------------------------------------------------------------------------------

/** Come in under a name: for the first time, or once more because another name was refused. */
function come(nick) {
  if (model.client !== null) {
    model.client.start(nick);
    return;
  }
  const { session } = loadIdentity();
  const url = new URL("ws", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.search = "";
  url.hash = "";
  const client = new Client({ url: url.href, nick, session, agent: "trio_chat page", onEvent: take });
  model.begin(client, roomOf(location.hash) || LOBBY);
  client.start();
}

function take(event) {
  model.take(event);
  if (event.type === "redacted") unsay(event);
  if (event.type === "presence" && event.change === "renamed" && event.author === model.me) saveNick(model.nick);
  if (event.type !== "state") return;
  if (event.state === "open") {
    saveNick(event.nick);
    welcome.hide();
    if (app.hidden) {
      app.hidden = false;
      composer.focus();
    }
  } else if (event.state === "refused") {
    app.hidden = true;
    welcome.show(event.nick, event.reason);
  } else if (event.state === "waiting" && app.hidden) {
    // Who was here before may look around and write, whatever the connection does; a first name has to be accepted.
    if (welcome.element.hidden) app.hidden = false;
    else welcome.complain(`${event.reason || "The server cannot be reached."} Trying again …`);
  }
}

document.getElementById("go").addEventListener("click", switchRoom);
addEventListener("hashchange", () => {
  const wanted = roomOf(location.hash);
  panels.close("sidebar");
  const peer = [...model.rooms.values()].find((room) => room.isPrivate && `@${room.peer}` === wanted);
  if (wanted === "" || model.client === null) return;
  if (peer !== undefined) model.open(peer.name);
  else if (wanted.startsWith("@")) model.direct(wanted.slice(1));
  else model.open(wanted);
});
addEventListener("storage", (event) => model.readElsewhere(event));
addEventListener("online", () => model.client?.retryNow());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) model.client?.retryNow();
  // What waits for a frame that does not come would wait as long as the tab is hidden.
  if (dirty.size > 0) drawSoon();
});
listenToKeys({ model, stream, composer, panels, sidebar, switchRoom, help });

const { nick } = loadIdentity();
if (nick === "") welcome.show();
else come(nick);
