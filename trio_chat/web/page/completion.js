/**
 * What may stand for the word that is being typed: slash commands, nicks, rooms.
 *
 * This file owns which words fit where, as `trio_chat/client/completion.py` does for the terminal. It must not know the
 * document, nor ask the server for anything while somebody types: the lists are given to it.
 */
// @ts-check

/** @typedef {{insert: string, label: string, detail: string}} Option what is put in, and what the list shows */
/** @typedef {{name: string, usage?: string, by?: string | null}} Command */
/** @typedef {string | {name: string, topic?: string}} Room */
/** @typedef {string | {nick: string, bot?: boolean}} Person */

/**
 * Return what may be put in place of `text` from `from` up to `to`, in alphabetical order.
 *
 * @param {object} typed
 * @param {string} typed.text
 * @param {number} [typed.caret] where in it the caret stands; at the end unless given.
 * @param {Iterable<Command>} [typed.commands] names with their slash, as the answer `commands` has them.
 * @param {Iterable<Person>} [typed.nicks] who is in the room.
 * @param {Iterable<Room>} [typed.rooms] names without `#`.
 * @returns {{from: number, to: number, options: Option[]}}
 */
export function complete({ text, caret = text.length, commands = [], nicks = [], rooms = [] }) {
  const [word] = /** @type {RegExpExecArray} */ (/\S*$/u.exec(text.slice(0, caret)));
  const from = caret - word.length;
  const to = text[caret] === " " ? caret + 1 : caret; // a word brings its own blank
  return { from, to, options: fitting(word, candidates({ text, word, from, commands, nicks, rooms })) };
}

/**
 * @param {{text: string, word: string, from: number, commands: Iterable<Command>, nicks: Iterable<Person>,
 *     rooms: Iterable<Room>}} typed
 * @returns {Option[]}
 */
function candidates({ text, word, from, commands, nicks, rooms }) {
  if (from === 0 && word.startsWith("/")) {
    return [...commands].map(({ name, usage, by }) => {
      return { insert: `${name} `, label: name, detail: by ? `${usage ?? name} (${by})` : (usage ?? name) };
    });
  }
  if (word.startsWith("#")) return [...rooms].map((room) => roomOption(room, "#"));
  if (/^\/join\s/iu.test(text)) return [...rooms].map((room) => roomOption(room, ""));
  if (word === "") return [];
  if (word.startsWith("@")) return [...nicks].map((person) => nickOption(person, "@", " "));
  return [...nicks].map((person) => nickOption(person, "", from === 0 ? ": " : " "));
}

/** @returns {Option} */
function roomOption(/** @type {Room} */ room, /** @type {string} */ before) {
  const { name, topic = "" } = typeof room === "string" ? { name: room } : room;
  return { insert: `${before}${name} `, label: `#${name}`, detail: topic };
}

/** @returns {Option} */
function nickOption(/** @type {Person} */ person, /** @type {string} */ before, /** @type {string} */ after) {
  const { nick, bot = false } = typeof person === "string" ? { nick: person } : person;
  return { insert: `${before}${nick}${after}`, label: nick, detail: bot ? "bot" : "" };
}

/** Return those that begin with `word`, in any case of letters. */
function fitting(/** @type {string} */ word, /** @type {Option[]} */ options) {
  const start = folded(word);
  const fits = options.filter(({ insert }) => folded(insert).startsWith(start));
  return fits.sort((one, other) => folded(one.label).localeCompare(folded(other.label)));
}

/** Return `text` without what names do not differ by. Up and down, for `ß` is the same as `SS`. */
function folded(/** @type {string} */ text) {
  return text.normalize("NFKC").toUpperCase().toLowerCase();
}
