/**
 * Rows of a room as elements.
 *
 * This file owns their look as structure (the rest is `messages.css`) and their words. It must not know where they stand
 * nor what happens when somebody clicks: `act` is told.
 */

import { avatar, h, hueOf, icon } from "./dom.js";
import { excerpt } from "./excerpt.js";
import { rich } from "./rich.js";
import * as time from "./time.js";

/** A text of nothing but so few emoji is shown large. */
const EMOJI =
  /^(?:(?:\p{Regional_Indicator}{2}|\p{Extended_Pictographic}(?:\u200d\p{Extended_Pictographic}|\ufe0f|\p{Emoji_Modifier})*)\s?){1,3}$/u;

/** A line of two columns, such as those of `/help`. */
const COLUMNS = /^(\S+(?: \S+)*) {2,}(\S.*)$/;

/** Characters of a quoted message that are shown. */
const QUOTED = 160;

/**
 * Make a function that draws rows.
 *
 * @param context `act(what, ...details)` is told what somebody wants; `nickOf(author)` gives the nick of who is present;
 *   `now()` is a clock.
 * @returns `(row, before) => element`; see `VirtualList`.
 */
export function drawer(context) {
  return (row, before) => {
    if (row.kind === "draft" && before !== undefined) return grow(row, before);
    const element = h(`li.row.${row.kind}-row`, {}, ...DRAW[row.kind](row, context));
    if (row.kind === "message") dress(element, row);
    if (row.kind === "pending") element.classList.toggle("head", row.head);
    return element;
  };
}

function dress(element, row) {
  element.tabIndex = -1;
  element.dataset.seq = row.entry.seq;
  const classes = {
    head: row.head,
    own: row.own,
    editing: row.editing,
    saving: row.saving !== undefined,
    found: row.found,
  };
  for (const [name, on] of Object.entries(classes)) element.classList.toggle(name, on);
  element.classList.toggle("mention", row.mention);
  element.classList.toggle("redacted", row.entry.redacted === true);
}

const DRAW = {
  start: (row) => [
    h("div.start", {}, h("strong", {}, h("bdi", {}, row.title)), h("p", {}, "This is where it begins. Say something.")),
  ],
  day: (row, { now }) => [h("div.rule", { role: "separator" }, h("span", {}, time.day(row.at, now())))],
  new: () => [h("div.rule.new", { role: "separator" }, h("span", {}, "New messages"))],
  gap: (row) => [h("div.rule.gap", { role: "separator" }, h("span", {}, gapText(row)))],
  topic: (row) => [
    h(
      "p.aside",
      {},
      h("bdi", {}, row.nick),
      row.text ? " set the topic: " : " removed the topic",
      row.text ? h("q", { dir: "auto" }, row.text) : null,
      " ",
      stamp(row.at),
    ),
  ],
  presence: (row) => [h("p.aside", { dir: "auto" }, row.text, " ", stamp(row.at))],
  notice: (row, { act }) => [
    h(
      `div.word${row.level === "warning" ? ".warning" : ""}`,
      {},
      row.typed === undefined ? null : h("p", { dir: "auto" }, h("code.command", {}, row.typed)),
      row.text.includes("\n") ? lines(row.text) : h("p", { dir: "auto" }, row.text),
      h(
        "span.only",
        {},
        "Only you see this. ",
        h("button.link", { type: "button", onclick: () => act("dismiss", row.id) }, "Dismiss"),
      ),
    ),
  ],
  message: (row, context) => {
    const { entry } = row;
    const body = [quote(row, context), text(row, context), marks(row)];
    return shell({ ...row, author: entry.author, nick: entry.nick, bot: entry.bot, at: entry.at }, body);
  },
  pending: (row, { act }) => {
    const { item } = row;
    const refused = item.state === "refused";
    const state = refused
      ? h(
          "p.refused",
          { role: "alert" },
          h("span", {}, item.error),
          h(
            "span.choices",
            {},
            h("button.link", { type: "button", onclick: () => act("retry", item.key) }, "Try again"),
            h("button.link", { type: "button", onclick: () => act("amend", item.key) }, "Edit"),
            h("button.link", { type: "button", onclick: () => act("discard", item.key) }, "Discard"),
          ),
        )
      : h("span.mark", {}, item.state === "sent" ? "" : "Sending …");
    const words = item.command
      ? h("div.text", {}, h("p", { dir: "auto" }, h("code.command", {}, item.text)))
      : spoken(item.text);
    return shell({ ...row, bot: false, at: item.at }, [words, state]);
  },
  draft: (row, { act }) => {
    const { draft } = row;
    const label = `Stop ${draft.nick}`;
    const stop = h(
      "button.stop",
      { type: "button", "aria-label": label, onclick: () => act("stop", draft.nick) },
      icon("stop"),
      "Stop",
    );
    const body = h("div.growing", {}, ...soFar(draft));
    return shell({ ...draft, head: true, bot: true, at: undefined, extra: row.mayStop ? stop : null }, [body]);
  },
};

/** A word of several lines: where each has two columns, what is in the second one wraps below its own. */
function lines(words) {
  const parts = words.split("\n").map((line) => COLUMNS.exec(line));
  if (parts.includes(null)) return h("pre", { dir: "auto" }, words);
  return h("dl.columns", {}, ...parts.flatMap(([, name, what]) => [h("dt", {}, name), h("dd", {}, what)]));
}

/** Change a draft's row in place, so that whoever is about to press its button still finds it there. */
function grow(row, before) {
  const { element } = before;
  element.querySelector(".growing").replaceChildren(...soFar(row.draft));
  return element;
}

function soFar({ text: so, doing }) {
  const dots = h("span.dots", { "aria-hidden": "true" }, h("i"), h("i"), h("i"));
  return [so ? spoken(so) : null, h("p.doing", {}, dots, h("span", { dir: "auto" }, doing || "is writing"))].filter(
    Boolean,
  );
}

/** A message's frame: the face and the name, or only the time where it stands below one of the same person. */
function shell({ head, author, nick, bot, at, extra }, body) {
  const name = h("bdi.nick", {}, nick);
  name.style.setProperty("--hue", hueOf(author ?? nick));
  const badge = bot ? h("span.badge", {}, "bot") : null;
  if (!head) {
    return [
      h("div.gutter", {}, stamp(at)),
      h("div.body", {}, h("span.unseen", {}, `${nick}: `), ...body.filter(Boolean)),
    ];
  }
  const by = h("div.by", {}, name, badge, at === undefined ? null : stamp(at), extra);
  return [h("div.gutter", {}, avatar(author, nick, bot)), h("div.body", {}, by, ...body.filter(Boolean))];
}

function stamp(at) {
  return h("time", { datetime: new Date(at).toISOString(), title: time.full(at) }, time.clock(at));
}

function text(row, { nickOf }) {
  const { entry } = row;
  if (entry.redacted) return h("p.gone", {}, "This message was deleted.");
  const words = row.saving ?? entry.text;
  if (entry.action) return h("div.text.action", {}, h("p", { dir: "auto" }, h("bdi.nick", {}, entry.nick), " ", words));
  if (entry.command === undefined) return spoken(words);
  const asked = nickOf(entry.asks);
  const command = h("code.command", {}, `/${entry.command}`);
  return h(
    "div.text.asking",
    {},
    h("p", { dir: "auto" }, command, " ", words, asked ? h("span.asked", {}, " → ", h("bdi", {}, asked)) : null),
  );
}

function spoken(words) {
  return h(`div.text${EMOJI.test(words) ? ".emoji" : ""}`, {}, ...rich(words));
}

function marks({ entry, saving }) {
  const all = [];
  if (saving !== undefined) all.push("saving …");
  else if (entry.edited_at !== undefined && !entry.redacted) {
    all.push(h("span", { title: time.full(entry.edited_at) }, "edited"));
  }
  if (entry.stopped) all.push(h("span.stopped", {}, "stopped"));
  return all.length > 0 ? h("p.marks", {}, ...all.map((mark) => h("span.mark", {}, mark))) : null;
}

function quote(row, { act }) {
  if (row.quotes === null) return null;
  const { quoted } = row;
  if (quoted === undefined) act("fetchQuote", row.quotes);
  const words = quoted === undefined ? ["…"] : quoted === null ? ["an earlier message"] : quotedWords(quoted);
  return h(
    "button.quote",
    { type: "button", title: "Show the message that this answers", onclick: () => act("jump", row.quotes) },
    ...words,
  );
}

function quotedWords(message) {
  const name = h("bdi.nick", {}, message.nick);
  name.style.setProperty("--hue", hueOf(message.author));
  return [name, h("span", { dir: "auto" }, excerpt(message, QUOTED))];
}

function gapText({ reason, missing }) {
  if (reason === "epoch") return "The server started this room anew; what was here before is gone";
  return missing === 1 ? "One entry is not kept any more" : `${missing} entries are not kept any more`;
}

/** Guess how high a row is, in pixels, before it is drawn. */
export function estimate(row) {
  if (row.kind !== "message") return row.kind === "start" ? 120 : 36;
  const { text: words } = row.entry;
  const lines = Math.ceil(words.length / 90) + (words.match(/\n/g)?.length ?? 0);
  return (row.head ? 34 : 6) + 22 * Math.max(1, lines) + (row.quotes === null ? 0 : 26);
}
