/**
 * Where one writes: several lines, answering and editing, and completion of what begins.
 *
 * This file owns the input and what is in it, for each room. It must not know how things are sent, nor what can be completed.
 */

import { h, icon, iconButton, isComposing, put } from "./dom.js";
import { excerpt } from "./excerpt.js";
import { Suggestions } from "./suggestions.js";

/** What a text may not hold and nobody can see, such as the colours of a terminal; it comes by pasting. */
const CONTROL = /[\0-\x08\x0b-\x1f\x7f-\x9f]/g;

/** Where what is written and not sent outlasts a reload: in the tab's storage. */
const PLACE = "trio_chat.writing";

/** Characters of the message that is answered that are shown. */
const QUOTED = 120;

/** The server's limit, until it has said another. */
const TEXT_CHARS = 4_000;

export class Composer {
  #texts; // by room, what is written there and not sent
  #room = null;
  #aside = ""; // what was being written when an edit began
  mode = null; // {what: "reply" | "edit", entry}

  /**
   * @param actions `changed()` after the mode has changed, `send(text, mode)`, `remove(entry)`, `lastOwn()`,
   *   `options(text, caret)`.
   */
  constructor(model, actions) {
    this.model = model;
    this.actions = actions;
    this.#texts = saved(model.tab);
    this.element = document.getElementById("composer");
    this.input = h("textarea", {
      id: "input",
      rows: "1",
      autocomplete: "off",
      enterkeyhint: "send",
      "aria-autocomplete": "list",
      "aria-describedby": "left",
      dir: "auto",
      oninput: () => this.#typed(),
      onkeydown: (event) => this.#key(event),
      onblur: () => this.suggestions.hide(),
      onclick: () => this.#suggest(),
    });
    this.suggestions = new Suggestions(this.input, (option) => this.#complete(option));
    this.bar = h("div.mode", { hidden: true });
    this.left = h("span.left", { id: "left", "aria-live": "polite" });
    this.button = h("button.send", { type: "submit", "aria-label": "Send", title: "Send (Enter)" }, icon("send"));
    addEventListener("resize", () => this.#fit());
    const submit = (event) => {
      event.preventDefault();
      this.#send();
    };
    put(
      this.element,
      h(
        "form",
        { onsubmit: submit },
        this.suggestions.element,
        this.bar,
        h("div.field", {}, this.input, this.left, this.button),
      ),
    );
  }

  get isEmpty() {
    return this.input.value === "";
  }

  render() {
    const { room } = this.model;
    this.input.readOnly = room === undefined;
    if (room !== undefined && room.name !== this.#room) this.#change(room);
    const label = room === undefined ? "You are in no room" : `Message ${room.title}`;
    if (this.input.placeholder !== label) {
      this.input.placeholder = label;
      this.input.setAttribute("aria-label", label);
    }
  }

  focus() {
    this.input.focus();
  }

  /** Go on with a text, behind what stands there already. */
  write(text) {
    this.#set(this.isEmpty ? text : `${this.input.value}\n${text}`);
    this.focus();
  }

  /**
   * Take back what was typed in a room and could not be used, unless something else is being written there. It is
   * selected: an arrow mends it, and whoever goes on typing has done with it.
   */
  giveBack(room, text) {
    if (this.#texts.has(room)) return;
    if (room !== this.#room) this.#keepFor(room, text);
    else if (this.mode?.what !== "edit") {
      this.#set(text);
      this.input.setSelectionRange(0, text.length);
    } else {
      this.#aside = text;
      this.#keep();
    }
  }

  /** Begin to answer a message. */
  reply(entry) {
    if (this.mode?.what === "edit") this.cancel();
    this.#turn({ what: "reply", entry });
  }

  /** Begin to change a message of one's own; what was being written comes back afterwards. */
  edit(entry) {
    if (this.mode?.what !== "edit") this.#aside = this.input.value;
    this.#turn({ what: "edit", entry });
    this.#set(entry.text);
  }

  /** Go back to writing something new; true if that was not the case. */
  cancel() {
    if (this.mode === null) return false;
    this.#leaveMode();
    return true;
  }

  #leaveMode() {
    if (this.mode.what === "edit") {
      this.#set(this.#aside);
      this.#aside = "";
    }
    this.#turn(null);
  }

  #turn(mode) {
    this.mode = mode;
    this.bar.hidden = mode === null;
    if (mode !== null) {
      const what = mode.what === "edit" ? ["Editing your message"] : ["Answering ", h("bdi", {}, mode.entry.nick)];
      const quoted = mode.what === "edit" ? null : h("q", { dir: "auto" }, excerpt(mode.entry, QUOTED));
      put(
        this.bar,
        h("span", {}, ...what),
        quoted,
        iconButton("close", "Cancel (Esc)", () => this.cancel()),
      );
    }
    this.actions.changed();
    this.focus();
  }

  #change(room) {
    if (this.mode !== null) this.cancel();
    this.#room = room.name;
    this.#set(this.#texts.get(room.name) ?? "");
  }

  #set(text) {
    this.input.value = text;
    this.input.setSelectionRange(text.length, text.length);
    this.#fit();
    this.#keep();
  }

  #typed() {
    this.#clean();
    this.#fit();
    this.#keep();
    this.#suggest();
  }

  /** Keep what is written in the room, beside an edit too. */
  #keep() {
    const text = this.mode?.what === "edit" ? this.#aside : this.input.value;
    if (this.#room !== null && text !== (this.#texts.get(this.#room) ?? "")) this.#keepFor(this.#room, text);
  }

  #keepFor(room, text) {
    if (text === "") this.#texts.delete(room);
    else this.#texts.set(room, text);
    this.model.tab.setItem(PLACE, JSON.stringify([...this.#texts]));
  }

  #clean() {
    const { value, selectionStart } = this.input;
    if (value.search(CONTROL) < 0) return;
    const caret = value.slice(0, selectionStart).replace(CONTROL, "").length;
    this.input.value = value.replace(CONTROL, "");
    this.input.setSelectionRange(caret, caret);
  }

  /** Make the input as high as what is in it, up to a bound of the style sheet. */
  #fit() {
    const { input } = this;
    input.style.height = "auto";
    input.style.height = `${input.scrollHeight}px`;
    input.classList.toggle("tall", input.scrollHeight > input.clientHeight + 1);
    const most = this.model.client?.limits?.text_chars ?? TEXT_CHARS;
    const left = most - [...input.value].length;
    this.left.textContent = left < most / 10 ? `${left}` : "";
    this.left.classList.toggle("over", left < 0);
    this.button.disabled = left < 0;
    this.element.classList.toggle("ready", input.value.trim() !== "" && left >= 0);
  }

  #key(event) {
    if (isComposing(event)) return;
    if (this.suggestions.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "Tab" && !event.shiftKey && this.#isAfterWord()) {
      event.preventDefault();
      this.#suggest(true);
    } else if (event.key === "Escape" && this.cancel()) {
      event.stopPropagation();
    } else if (event.key === "ArrowUp" && this.isEmpty && !event.altKey && this.mode === null) {
      const last = this.actions.lastOwn();
      if (last === undefined) return;
      event.preventDefault();
      this.edit(last);
    }
  }

  /** Whether a word ends at the caret, which Tab could complete; elsewhere Tab leads on. */
  #isAfterWord() {
    const { value, selectionStart, selectionEnd } = this.input;
    return (
      selectionStart === selectionEnd &&
      /\S$/.test(value.slice(0, selectionStart)) &&
      !/^\S/.test(value.slice(selectionStart))
    );
  }

  #send() {
    const { mode } = this;
    const text = this.input.value.trimEnd();
    if (this.button.disabled || this.input.readOnly || (text === "" && mode?.what !== "edit")) return;
    this.#set("");
    this.suggestions.hide();
    if (mode !== null) this.#leaveMode();
    // Who leaves nothing of a message wants it gone.
    if (text === "") this.actions.remove(mode.entry);
    else this.actions.send(text, mode);
  }

  /** Show what could be meant: at once where a sign asks for it (`/`, `@`, `#`), for a plain word only on Tab. */
  async #suggest(asked = false) {
    const { value, selectionStart: caret } = this.input;
    const found = await this.actions.options(value, caret);
    if (this.input.value !== value || document.activeElement !== this.input) return;
    const signed = found !== null && (value.startsWith("/") || /[@#]/.test(value[found.from] ?? ""));
    if (asked && found?.options.length === 1) this.#complete({ ...found, insert: found.options[0].insert });
    else if (asked || signed) this.suggestions.show(found);
    else this.suggestions.hide();
  }

  #complete({ from, to, insert }) {
    const { value } = this.input;
    this.input.value = value.slice(0, from) + insert + value.slice(to);
    const caret = from + insert.length;
    this.input.setSelectionRange(caret, caret);
    this.#typed(); // what follows a command may be completed too
  }
}

function saved(storage) {
  try {
    return new Map(JSON.parse(storage.getItem(PLACE) ?? "[]"));
  } catch {
    return new Map();
  }
}
