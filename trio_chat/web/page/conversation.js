/**
 * What a client is to the server, from one connection to the next: its name, its rooms, its unanswered requests.
 *
 * This file owns what each message of the server means for them. It must not know sockets or clocks, nor when requests
 * are sent (that is `asking.js`). Tell it `welcomed`, then everything that is `received`, then `disconnected`.
 */
// @ts-check

import { Asking } from "./asking.js";
import { DEFAULT_LAST } from "./cursor.js";
import { Pending, TRANSIENT, refusal } from "./requests.js";
import { Rooms } from "./rooms.js";

/** @typedef {import("./messages.js").Said} Said */
/** @typedef {import("./asking.js").Shell} Shell */

/** The state of a client. */
export class Conversation {
  #asking;
  #shell;
  #emit;

  /**
   * @param {string} nick the name to go by.
   * @param {Shell} shell the world around.
   * @param {(event: Said) => void} emit takes the events that are for the user.
   */
  constructor(nick, shell, emit) {
    /** The name shown. */
    this.nick = nick;
    /** The public id of this identity, after the first welcome. */
    this.author = "";
    this.rooms = new Rooms();
    this.#emit = emit;
    this.#asking = new Asking(this.rooms, shell);
    this.#shell = shell;
  }

  /**
   * Send a request, now or once there is a connection, and return the promise of its answer.
   *
   * @param {Said} request without its id.
   * @param {{last?: number, after?: import("./cursor.js").Position | null}} [wanted]
   * @returns {Promise<Said>} it rejects with `Refused`.
   */
  ask(request, wanted) {
    return this.#asking.ask(new Pending({ ...request, id: this.#shell.newId() }, wanted));
  }

  /** End all that is unanswered by an error: there will be no other connection. */
  giveUp(/** @type {() => Error} */ error) {
    this.#asking.giveUp(error);
  }

  // --- connections -----------------------------------------------------------------------------------

  /** Take note of who we are. */
  welcomed(/** @type {Said} */ welcome) {
    if (this.author !== "" && this.author !== welcome.author) {
      const text =
        "The server has forgotten who you were: what was being sent when the connection broke may come twice.";
      this.#emit({ type: "notice", text, level: "warning" });
    }
    this.nick = welcome.nick;
    this.author = welcome.author;
  }

  /** Come back into all rooms, and ask again what has no answer. */
  connected() {
    this.#asking.connected();
  }

  /** Settle what ends with the connection, and stop sending. */
  disconnected() {
    this.#asking.disconnected();
    this.rooms.disconnected();
  }

  // --- what the server says --------------------------------------------------------------------------

  /**
   * Take in one message.
   *
   * @throws {import("./cursor.js").BrokenPromise} the connection cannot be gone on with.
   */
  received(/** @type {Said} */ message) {
    if (message.id != null) this.#answered(message);
    else this.#heard(message);
    this.#asking.goOn();
  }

  #heard(/** @type {Said} */ event) {
    switch (event.type) {
      case "message":
      case "edited":
      case "redacted":
      case "topic_set":
      case "live":
      case "gap":
        return this.#stream(event);
      case "presence":
      case "members":
        return this.#news(event);
      case "joined":
        return this.#joined(event, null);
      case "turn":
      case "draft":
        return this.rooms.views.has(event.room) ? this.#emit(event) : undefined;
      case "error":
        return this.#emit({ type: "notice", text: event.message, level: "warning" });
      case "notice":
        return this.#emit(event);
    }
  }

  #stream(/** @type {Said} */ event) {
    const view = this.rooms.views.get(event.room);
    if (view === undefined) return;
    view.arrived(event);
    if (!view.cursor.isDue(event)) return;
    view.cursor.advance(event); // first: whoever hears of it may ask for the room
    this.#emit(event);
  }

  #news(/** @type {Said} */ event) {
    if (event.author === this.author && event.to != null) this.nick = event.to;
    const view = this.rooms.views.get(event.room);
    if (view === undefined) return;
    view.news(event);
    this.#emit(event);
  }

  #joined(/** @type {Said} */ joined, /** @type {Pending | null} */ pending) {
    const { last, after, generation } = pending ?? { last: DEFAULT_LAST, after: null, generation: null };
    const isNew = !this.rooms.views.has(joined.room);
    const inStep = this.rooms.joined(joined, { last, after, generation });
    const view = this.rooms.views.get(joined.room);
    // A leave that was asked before the room was there counts too: or we would join again behind it.
    if (isNew && view !== undefined) view.leaving = this.#asking.isLeaving(view);
    if (inStep) this.#emit(joined);
    if (generation !== null) this.#asking.returned(joined.room);
  }

  #answered(/** @type {Said} */ answer) {
    const pending = this.#asking.asked(answer);
    if (answer.type === "error" && pending.outlasts(answer)) {
      this.#asking.holdBack(pending, answer.retry_after_ms ?? undefined);
      return;
    }
    this.#asking.remove(pending);
    if (pending.leaves !== null) this.#leftOrNot(pending.leaves, answer);
    if (answer.type === "joined") this.#joined(answer, pending);
    if (answer.type === "done") this.#done(pending.request);
    if (pending.internal) this.#notBack(pending, answer);
    else if (answer.type === "error") pending.reject(refusal(answer));
    else pending.settle(answer);
  }

  #leftOrNot(/** @type {string} */ room, /** @type {Said} */ answer) {
    const view = this.rooms.find(room);
    if (view === undefined) return;
    if (answer.type === "done" || (answer.type === "error" && answer.code === "not_a_member")) {
      this.rooms.left(view.name);
      return;
    }
    view.leaving = false;
    if (view.cursor.lagging) this.rooms.lag(view);
  }

  #done(/** @type {Said} */ request) {
    if (request.type === "nick") this.nick = request.nick;
    if (request.type === "command" && /^\/nick /iu.test(request.line)) this.nick = request.line.slice(6).trim();
  }

  /** Do about a room that could not be joined again what its refusal asks for. */
  #notBack(/** @type {Pending} */ pending, /** @type {Said} */ answer) {
    if (answer.type !== "error" || pending.backoff === null) return;
    const { room } = pending.request;
    if (TRANSIENT.has(answer.code)) {
      this.#asking.rejoinLater(room, pending.backoff, answer.retry_after_ms ?? undefined);
      return;
    }
    this.rooms.left(room);
    this.#emit({ type: "notice", text: `You are no longer in #${room}: ${answer.message}`, room, level: "warning" });
    this.#asking.returned(room);
  }
}
