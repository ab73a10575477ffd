/**
 * Windows over the page that want an answer: whether to delete, another name, and the list of keys.
 *
 * This file owns how a dialog is opened and closed; the browser keeps the focus in it and closes it on Esc.
 */

import { h, iconButton } from "./dom.js";

/** Open a dialog; it is gone once it is closed, and the focus is back where it was. */
export function openDialog(title, props, ...children) {
  const id = `dialog-${Math.random().toString(36).slice(2)}`;
  const close = iconButton("close", "Close", () => dialog.close());
  const head = h("div.panel-head", {}, h("h2", { id }, title), close);
  const dialog = h("dialog", { "aria-labelledby": id, ...props }, head, ...children);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ask whether to do something that cannot be undone. */
export function confirmDelete(entry, act) {
  const yes = h("button.danger", { type: "button" }, "Delete");
  const no = h("button.quiet", { type: "button" }, "Cancel");
  const text = entry.text.length > 200 ? `${entry.text.slice(0, 200)} …` : entry.text;
  const dialog = openDialog(
    "Delete this message?",
    { class: "confirm" },
    h("blockquote", { dir: "auto" }, text),
    h("p", {}, "It is deleted for everybody, for good."),
    h("div.buttons", {}, no, yes),
  );
  no.addEventListener("click", () => dialog.close());
  yes.addEventListener("click", () => {
    dialog.close();
    act();
  });
  yes.focus();
}

/** Ask for another name. `take(nick)` resolves to a complaint, or to undefined once it is taken. */
export function askForNick(nick, take) {
  const input = h("input", {
    maxlength: "32",
    autocomplete: "nickname",
    spellcheck: "false",
    "aria-label": "Your name",
  });
  input.value = nick;
  const complaint = h("p.error", { role: "alert" });
  const form = h(
    "form",
    {},
    input,
    complaint,
    h("div.buttons", {}, h("button.primary", { type: "submit" }, "Take this name")),
  );
  const dialog = openDialog("Your name", { class: "confirm" }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wrong = await take(input.value.trim());
    if (wrong === undefined) dialog.close();
    else complaint.textContent = wrong;
  });
  input.select();
}

const KEYS = [
  ["Enter", "send"],
  ["Shift Enter", "new line"],
  ["↑ in an empty line", "edit your last message"],
  ["Tab", "complete a command, a name, a room"],
  ["Esc", "cancel; close; back to writing"],
  ["/", "write, or begin a command"],
  ["Ctrl K", "go to a room or person"],
  ["Alt ↑, Alt ↓", "the room above or below"],
  ["Alt Shift ↑, Alt Shift ↓", "the next room with something new"],
  ["Ctrl F", "search"],
  ["PageUp, PageDown", "scroll"],
  ["Home, End", "the start of what is here; the newest message"],
  ["Shift Tab, then ↑ ↓", "walk through the messages"],
  ["R, C, E, Delete", "on a message: reply, copy, edit, delete"],
  ["Ctrl M", "show or hide the members"],
  ["F1, or ? outside of a text", "this list"],
];

/** Show what the keys do. `commands` are the slash commands, as far as they are known. */
export function showHelp(commands) {
  const keys = KEYS.map(([key, what]) => [h("dt", {}, ...key.split(" ").map(keyOrWord)), h("dd", {}, what)]);
  const lines = commands.map(({ usage, help }) => [h("dt", {}, h("code", {}, usage)), h("dd", {}, help)]);
  const body = [
    h("h3", {}, "Keys"),
    h("dl.keys", {}, ...keys.flat()),
    h("h3", {}, "Writing"),
    h("p", {}, "**bold**, *italic*, ~~gone~~, `code`, > quote, - list, and ``` around lines of code."),
    lines.length > 0 ? h("h3", {}, "Commands") : null,
    lines.length > 0 ? h("dl.keys.wide", {}, ...lines.flat()) : null,
  ];
  openDialog(
    "Help",
    { class: "help" },
    h("div.scroll", { tabindex: "0", role: "region", "aria-label": "Keys and commands" }, ...body.filter(Boolean)),
  );
}

const KEY = /^(?:F1,?|Enter|Shift|Tab,?|Esc|Ctrl|Alt|Home,?|End|PageUp,?|PageDown|Delete|[A-Z],?|[/?↑↓],?)$/;

function keyOrWord(word) {
  const [key, comma] = word.endsWith(",") ? [word.slice(0, -1), ", "] : [word, " "];
  return KEY.test(word) ? h("span", {}, h("kbd", {}, key), comma) : h("span", {}, `${word} `);
}
