/**
 * The requests that have no answer yet, in the order in which they were asked.
 *
 * This file owns what is kept of a request until its answer comes, also across connections, and the error by which it
 * may end. It must not know connections or rooms.
 */
// @ts-check

/** @typedef {import("./messages.js").Said} Said */
/** @typedef {import("./cursor.js").Position} Position */
/** @typedef {import("./backoff.js").Backoff} Backoff */

/** The refusals that may not come again another time. */
export const TRANSIENT = new Set(["unavailable", "too_many", "internal"]);

/**
 * A request was refused. `code` is one of docs/protocol.md, or `closed`: the client was closed before the answer came.
 * The message is a sentence for people.
 */
export class Refused extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {number} [retryAfterMs] how long to wait before it makes sense to try again; undefined where waiting does
   *     not help.
   */
  constructor(code, message, retryAfterMs) {
    super(message);
    this.name = "Refused";
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** One request until its answer comes. */
export class Pending {
  /**
   * @param {Said} request what is asked, with its id.
   * @param {{last?: number, after?: Position | null}} [wanted] how many stored entries, or those after which, should
   *     the answer be `joined`.
   */
  constructor(request, { last = 0, after = null } = {}) {
    this.request = request;
    this.last = last;
    this.after = after;
    /** For a join that was sent after a position, the cursor's generation at that time. @type {number | null} */
    this.generation = null;
    /** For a join that the library makes, how long to wait if it is refused. @type {Backoff | null} */
    this.backoff = null;
    /** Whether it has been sent on the present connection. */
    this.sent = false;
    /** @type {Promise<Said>} */
    this.answer = new Promise((resolve, reject) => {
      this.settle = resolve;
      this.reject = reject;
    });
  }

  /** Whether the library asks for itself, to come back into a room. */
  get internal() {
    return this.backoff !== null;
  }

  /** The room that this leaves, by request or by slash command. */
  get leaves() {
    return this.#roomOf("leave", "/leave");
  }

  /**
   * The room in which this has a place among other requests, and what it does there; null for what only reads.
   *
   * @returns {{room: string, kind: "join" | "leave" | "write"} | null}
   */
  get place() {
    if (this.leaves !== null) return { room: this.leaves, kind: "leave" };
    const joins = this.#roomOf("join", "/join");
    if (joins !== null) return { room: joins, kind: "join" };
    return "key" in this.request ? { room: this.request.room ?? "", kind: "write" } : null;
  }

  /** @returns {string | null} */
  #roomOf(/** @type {string} */ type, /** @type {string} */ command) {
    if (this.request.type === type) return this.request.room;
    if (this.request.type !== "command") return null;
    // Neither the request nor its answer says what it stands for, so the words must.
    const [name, ...words] = this.request.line.split(" ");
    return name.toLowerCase() === command ? words.join(" ").trim() || (this.request.room ?? null) : null;
  }

  /** Whether it is worth waiting, and asking the same again, after this refusal. */
  outlasts(/** @type {Said} */ error) {
    if (this.internal || this.place === null || this.leaves !== null) return false;
    if (error.code === "unavailable") return true;
    return error.code === "too_many" && error.retry_after_ms != null && this.request.type !== "command";
  }
}

/** Return the error that says so to whoever has asked. */
export function refusal(/** @type {Said} */ error) {
  return new Refused(error.code, error.message, error.retry_after_ms ?? undefined);
}
