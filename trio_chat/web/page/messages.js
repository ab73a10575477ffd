/**
 * What a server says: payloads made into objects, and the fields without which one makes no sense.
 *
 * This file owns the shape of each message, as docs/protocol.md has it, and which answers a request may get. It must
 * not know what is done with them. Fields that it does not name are passed on as they are.
 */
// @ts-check

/** A message as decoded: its `type`, and the fields of docs/protocol.md. @typedef {Record<string, any>} Said */

/** @typedef {(value: any) => boolean} Check */
/** @type {Check} */
const isText = (value) => typeof value === "string";
/** @type {Check} */
const isFlag = (value) => typeof value === "boolean";
/** A seq, or milliseconds. @type {Check} */
const isNumber = (value) => Number.isSafeInteger(value) && value >= 0;
/** @type {Check} */
const isCount = (value) => isNumber(value) && value < 2 ** 31;
/** @type {Check} */
const isId = (value) => isCount(value) && value >= 1;

/** @type {(fields: Record<string, Check>) => Check} */
const object = (fields) => (value) =>
  typeof value === "object" && value !== null && Object.entries(fields).every(([name, fits]) => fits(value[name]));
/** @type {(fits: Check) => Check} */
const list = (fits) => (value) => Array.isArray(value) && value.every(fits);
/** A field that may be left out. @type {(fits: Check) => Check} */
const maybe = (fits) => (value) => value === undefined || fits(value);
/** @type {(fits: Check) => Check} */
const orNull = (fits) => (value) => value === null || fits(value);
/** @type {(fits: Check) => Check} */
const maybeNull = (fits) => maybe(orNull(fits));

const LIMITS = ["frame_bytes", "text_chars", "nick_chars", "room_chars", "topic_chars", "page_entries", "page_bytes"];
const isLimits = object(Object.fromEntries(LIMITS.map((name) => [name, isCount])));
const isMember = object({ author: isText, nick: isText, bot: maybe(isFlag), role: maybe(isText) });
const isSummary = object({ name: isText, topic: isText, count: isCount, head: isNumber });
const isCommand = object({ name: isText, usage: isText, help: isText, by: maybeNull(isText) });

const ENTRY = { room: isText, seq: isNumber, at: isNumber, author: isText, nick: isText };
/** @type {Record<string, Record<string, Check>>} */
const ENTRIES = {
  message: {
    ...ENTRY,
    text: isText,
    ...Object.fromEntries(["action", "bot", "redacted", "stopped"].map((name) => [name, maybe(isFlag)])),
    ...Object.fromEntries(["reply_to", "edited_at"].map((name) => [name, maybeNull(isNumber)])),
    ...Object.fromEntries(["command", "asks"].map((name) => [name, maybeNull(isText)])),
    hops: maybe(isCount),
  },
  edited: { ...ENTRY, target: isNumber, text: isText },
  redacted: { ...ENTRY, target: isNumber, reason: maybe(isText) },
  topic_set: { ...ENTRY, text: isText },
};
/** @type {Check} */
const isEntry = (value) => Object.hasOwn(ENTRIES, value?.type) && object(ENTRIES[value.type])(value);

const TURN = { room: isText, turn: isId, author: isText, nick: isText };

/** What must be there of each message, and how it must look. @type {Record<string, Record<string, Check>>} */
const SHAPES = {
  ...ENTRIES,
  welcome: {
    id: isId,
    version: Number.isInteger,
    server: isText,
    author: isText,
    nick: isText,
    role: isText,
    limits: isLimits,
    ping_ms: isNumber,
  },
  joined: {
    room: isText,
    epoch: isText,
    head: isNumber,
    topic: isText,
    members: list(isMember),
    count: isCount,
    id: maybeNull(isId),
    peer: maybeNull(isText),
  },
  live: { room: isText, seq: isNumber },
  gap: { room: isText, after: isNumber, next: isNumber, reason: isText },
  posted: { id: isId, room: isText, seq: isNumber, at: isNumber, duplicate: maybe(isFlag) },
  history: { id: isId, room: isText, entries: list(isEntry), more: isFlag },
  found: { id: isId, entries: list(isEntry), next: maybeNull(isText) },
  rooms: { id: isId, rooms: list(isSummary), more: isFlag },
  members: { members: list(isMember), count: isCount, more: isFlag, room: maybeNull(isText), id: maybeNull(isId) },
  commands: { id: isId, commands: list(isCommand) },
  presence: { room: isText, author: isText, nick: isText, change: isText, to: maybeNull(isText), bot: maybe(isFlag) },
  granted: { id: isId, room: isText, turn: isId, hops: isCount, within_ms: isNumber },
  turn: { ...TURN, change: isText, reason: maybeNull(isText), by: maybeNull(isText), asker: maybeNull(isText) },
  draft: { ...TURN, text: isText, doing: maybe(isText) },
  notice: { text: isText, room: maybeNull(isText), level: maybe(isText), id: maybeNull(isId) },
  done: { id: isId },
  error: { id: orNull(isId), code: isText, message: isText, retry_after_ms: maybeNull(isNumber) },
  bye: { reason: isText, retry_after_ms: maybeNull(isNumber), id: maybeNull(isId) },
  ping: { id: isId },
  pong: { id: isId },
};

/** What answers a request, but for a command and an `error`. @type {Record<string, string>} */
export const ANSWERS = {
  hello: "welcome",
  join: "joined",
  direct: "joined",
  leave: "done",
  post: "posted",
  edit: "posted",
  redact: "posted",
  topic: "posted",
  history: "history",
  search: "found",
  rooms: "rooms",
  members: "members",
  nick: "done",
  commands: "commands",
  offer: "done",
  turn: "granted",
  draft: "done",
  end_turn: "done",
};

/**
 * Return what the server says, or null for news that a later version may have made. An answer must not be passed over,
 * or whoever waits for it would wait for good: one that makes no sense becomes an `error`.
 *
 * @param {string} payload
 * @returns {Said | null}
 */
export function decode(payload) {
  const said = parse(payload);
  if (said === null) return null;
  if (Object.hasOwn(SHAPES, said.type) && object(SHAPES[said.type])(said)) return said;
  if (!isId(said.id) || said.type === "ping" || said.type === "pong") return null;
  return { type: "error", id: said.id, code: "bad_message", message: "The server's answer makes no sense here." };
}

/** @returns {Said | null} */
function parse(/** @type {string} */ payload) {
  try {
    const said = JSON.parse(payload);
    return typeof said === "object" ? said : null;
  } catch {
    return null;
  }
}

/**
 * Return the payload of a request.
 *
 * @param {Said} message
 * @throws {RangeError} a string in it holds half a surrogate pair, which is no text.
 */
export function encode(message) {
  return JSON.stringify(message, (_, value) => {
    if (typeof value === "string" && LONE_SURROGATE.test(value)) throw new RangeError("it holds half a character");
    return value;
  });
}

const LONE_SURROGATE = /\p{Surrogate}/u;
