/**
 * The keys that work wherever the focus is. The list for people is in `dialogs.js`.
 *
 * This file owns which key does what. Keys of a text that is being written stay with it.
 */

import { isComposing } from "./dom.js";

const ON_MESSAGE = { r: "reply", c: "copy", e: "edit", Delete: "remove" };

/** Listen to the keys of the page; `page` is all that they lead to. */
export function listenToKeys(page) {
  document.addEventListener("keydown", (event) => {
    if (isComposing(event) || event.defaultPrevented || document.querySelector("dialog[open]") !== null) return;
    if (page.model.client === null || document.getElementById("app").hidden) return;
    const act = chord(event, page) ?? plain(event, page);
    if (act === undefined || act === null) return;
    if (act() !== false) event.preventDefault();
  });
}

function chord(event, { model, panels, sidebar, switchRoom }) {
  const control = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
  if (control) {
    // The browser's own search finds only what is drawn; who wants it presses again.
    const search = () => !event.target.closest("#search") && panels.open("search");
    return { k: switchRoom, f: search, m: () => panels.toggle("members") }[event.key.toLowerCase()] ?? null;
  }
  const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (event.altKey && by !== undefined) {
    const rooms = sidebar
      .order()
      .filter((room) => !event.shiftKey || room.unread.count > 0 || room.name === model.current);
    return () =>
      model.step(
        rooms.map((room) => room.name),
        by,
      );
  }
  return event.ctrlKey || event.metaKey || event.altKey ? null : undefined;
}

function plain(event, { stream, composer, panels, help }) {
  const { target, key } = event;
  if (key === "F1") return help;
  const writes = target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement;
  const empty = target === composer.input && composer.isEmpty;
  const scroll = {
    PageUp: () => stream.scrollPages(-1),
    PageDown: () => stream.scrollPages(1),
    Home: () => stream.scrollToStart(),
    End: () => stream.goToEnd(),
  }[key];
  if (scroll !== undefined && (!writes || empty || (target === composer.input && key.startsWith("Page"))))
    return scroll;
  if (key === "Escape") {
    return () => {
      if (composer.cancel() || panels.closeAll()) return;
      if (target !== composer.input) composer.focus();
      else stream.goToEnd();
    };
  }
  if (writes) return undefined;
  if (key === "?") return help;
  return onMessages(event, { stream, composer });
}

function onMessages({ key, target }, { stream, composer }) {
  if (key === "/") {
    return () => {
      composer.focus();
      return !composer.isEmpty; // in an empty line it begins a command
    };
  }
  const inPanel = target.closest?.("#sidebar, #members, #search, #header") !== null && target !== document.body;
  const by = { ArrowUp: -1, ArrowDown: 1 }[key];
  if (by !== undefined) return inPanel ? undefined : () => stream.walk(by);
  const what = inPanel ? undefined : ON_MESSAGE[key];
  return () => {
    if (what !== undefined && stream.actOnFocused(what)) return true;
    if ([...key].length === 1 && key !== " ") composer.focus(); // whoever just types means to write
    return false;
  };
}
