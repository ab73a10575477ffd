/**
 * What a client asks, and when it is sent: now, once there is a connection, once its rooms are joined again, or once
 * the server has time for it.
 *
 * This file owns the requests under way, and the order in which a connection hears them. It must not know what an
 * answer means (`conversation.js` does), nor sockets.
 */
// @ts-check

import { BrokenPromise } from "./cursor.js";
import { FrameError } from "./frames.js";
import { ANSWERS } from "./messages.js";
import { Pending, Refused } from "./requests.js";
import { folded } from "./rooms.js";

/** @typedef {import("./messages.js").Said} Said */
/** @typedef {import("./backoff.js").Backoff} Backoff */
/** @typedef {import("./rooms.js").Rooms} Rooms */
/** @typedef {import("./rooms.js").RoomView} RoomView */

/**
 * What is needed of the world around.
 *
 * @typedef {object} Shell
 * @property {(request: Said) => void} transmit send on the present connection.
 * @property {(delayMs: number, act: () => void) => void} later call `act` then, if the present connection still holds.
 * @property {() => number} newId
 * @property {() => Backoff} newBackoff
 */

/** Requests without an answer; one more is refused. They are what memory a client needs for sending. */
const WAITING_MAX = 256;

/** The requests of a client. */
export class Asking {
  /** In the order of asking. @type {Map<number, Pending>} */
  #pending = new Map();
  #rooms;
  #shell;
  #online = false;
  /** Rooms that must be joined again before anything else is asked. @type {Set<string>} */
  #returning = new Set();
  /** Whether what writes waits until the server has time for it, and with what we try whether it has. */
  #holding = false;
  /** @type {Pending | null} */
  #tried = null;
  #holdingBackoff;

  /**
   * @param {Rooms} rooms those joined, in which a join starts where we stand.
   * @param {Shell} shell
   */
  constructor(rooms, shell) {
    this.#rooms = rooms;
    this.#shell = shell;
    this.#holdingBackoff = shell.newBackoff();
  }

  /** Send a request, now or as soon as it may be; return the promise of its answer. */
  ask(/** @type {Pending} */ pending) {
    if (this.#waiting() >= WAITING_MAX) {
      pending.reject(new Refused("too_many", "Too much is waiting for the server; try again when it has answered."));
      return pending.answer;
    }
    const view = pending.leaves === null ? undefined : this.#rooms.find(pending.leaves);
    if (view !== undefined && !this.#online && !this.#isNeeded(view.name)) {
      this.#leave(pending, view);
      return pending.answer;
    }
    if (view !== undefined) view.leaving = true;
    this.#pending.set(pending.request.id, pending);
    this.#flush();
    return pending.answer;
  }

  /**
   * Return what this is the answer to; it stays here until `remove` or `holdBack`.
   *
   * @throws {BrokenPromise} nobody has asked for such an answer.
   */
  asked(/** @type {Said} */ answer) {
    const pending = this.#pending.get(answer.id);
    if (pending === undefined || !pending.sent) throw new BrokenPromise(`an answer came to no request (${answer.id})`);
    const { type } = pending.request;
    if (type !== "command" && answer.type !== "error" && answer.type !== ANSWERS[type]) {
      throw new BrokenPromise(`the answer to ${type} was ${answer.type}`);
    }
    return pending;
  }

  /** Forget a request; the caller settles it. */
  remove(/** @type {Pending} */ pending) {
    this.#pending.delete(pending.request.id);
    if (pending.place !== null) this.#holdingBackoff = this.#shell.newBackoff();
    if (pending === this.#tried) this.#holding = false;
  }

  /**
   * Send a request again after a while, in its place: what writes and is asked later waits until it has gone through.
   * What was sent behind it already takes its chance.
   *
   * @param {Pending} pending
   * @param {number} [retryAfterMs]
   */
  holdBack(pending, retryAfterMs) {
    pending.sent = false;
    if (this.#holding && pending !== this.#tried) return; // many are refused together: one wait is for all of them
    this.#holding = true;
    this.#tried = null;
    this.#shell.later(this.#holdingBackoff.failed(retryAfterMs), () => this.#try());
  }

  /** Send the first of those that are held back, alone: were it refused again, the next must not overtake it. */
  #try() {
    for (const pending of this.#pending.values()) {
      if (pending.sent || pending.internal || pending.place === null || !this.#send(pending)) continue;
      this.#tried = pending;
      return;
    }
    this.#holding = false;
  }

  /** Return whether it was asked to leave a room, by any of its names. */
  isLeaving(/** @type {RoomView} */ view) {
    return [...this.#pending.values()].some(({ leaves }) => leaves !== null && this.#rooms.find(leaves) === view);
  }

  /** End all that is unanswered by an error: there will be no other connection. */
  giveUp(/** @type {() => Error} */ error) {
    const unanswered = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of unanswered) pending.reject(error());
  }

  // --- from one connection to the next ---------------------------------------------------------------

  /**
   * Come back into all rooms; then ask again what has no answer, in the order of asking.
   *
   * Requests wait for the rooms: a post that came before its room were refused with `not_a_member`.
   */
  connected() {
    this.#online = true;
    this.#returning = new Set(this.#rooms.views.keys());
    for (const view of this.#rooms.views.values()) this.#rejoin(view, this.#shell.newBackoff());
    this.#flush();
  }

  /** Settle what ends with the connection, and stop sending. */
  disconnected() {
    this.#online = this.#holding = false;
    this.#tried = null;
    const needed = new Set();
    for (const pending of this.#pending.values()) {
      pending.sent = false;
      if (pending.internal) this.#pending.delete(pending.request.id);
      // Not to join again is to have left, but for a room that a request before it needs, or brings us into.
      const view = pending.leaves === null ? undefined : this.#rooms.find(pending.leaves);
      if (view !== undefined && !needed.has(folded(view.name))) this.#leave(pending, view);
      else if (pending.place !== null && pending.leaves === null) needed.add(folded(pending.place.room));
    }
  }

  /** Note that a room need not be waited for any more; after the last one, ask again. */
  returned(/** @type {string} */ name) {
    if (this.#returning.delete(name)) this.#flush();
  }

  /** Send what an answer has made way for, and join the rooms again whose stream cannot be followed. */
  goOn() {
    this.#flush();
    if (!this.#online || this.#returning.size > 0) return;
    for (let view = this.#rooms.nextLagging(); view !== undefined; view = this.#rooms.nextLagging()) {
      if (!view.leaving) this.#rejoin(view, this.#shell.newBackoff());
    }
  }

  /** Try once more, after a while, to join a room again. */
  rejoinLater(/** @type {string} */ room, /** @type {Backoff} */ backoff, /** @type {number | undefined} */ afterMs) {
    this.#shell.later(backoff.failed(afterMs), () => {
      const view = this.#rooms.views.get(room);
      // Whoever is about to leave a room joins it again only if all else waits for that.
      if (view?.cursor.lagging && (!view.leaving || this.#returning.has(room))) this.#rejoin(view, backoff);
    });
  }

  #rejoin(/** @type {RoomView} */ view, /** @type {Backoff} */ backoff) {
    const pending = new Pending({ type: "join", id: this.#shell.newId(), room: view.name });
    pending.backoff = backoff;
    this.#pending.set(pending.request.id, pending);
    this.#send(pending);
  }

  #waiting() {
    return [...this.#pending.values()].filter(({ internal }) => !internal).length;
  }

  /** Whether a request that waits needs a room, or brings us into it. */
  #isNeeded(/** @type {string} */ name) {
    return [...this.#pending.values()].some(({ place, leaves }) => {
      return place !== null && leaves === null && folded(place.room) === folded(name);
    });
  }

  #leave(/** @type {Pending} */ pending, /** @type {RoomView} */ view) {
    this.#rooms.left(view.name);
    this.#pending.delete(pending.request.id);
    pending.settle({ type: "done", id: pending.request.id });
  }

  // --- sending ---------------------------------------------------------------------------------------

  /**
   * Send what may be sent now and has not been sent on this connection.
   *
   * In one room, joining, writing and leaving wait for the answers to each other: what has to be asked again would find
   * the room left meanwhile, or not joined yet.
   */
  #flush() {
    if (!this.#online || this.#returning.size > 0) return;
    /** What is under way in each room; `waiting` once something waits for it. @type {Map<string, string>} */
    const underWay = new Map();
    for (const pending of this.#pending.values()) {
      if (pending.internal) continue;
      let waits = this.#holding && pending.place !== null;
      if (pending.place !== null) {
        const { room, kind } = pending.place;
        const first = underWay.get(folded(room)) ?? kind;
        underWay.set(folded(room), first === kind ? kind : "waiting");
        waits ||= first !== kind;
      }
      if (!pending.sent && !waits) this.#send(pending);
    }
  }

  /** Send a request; false if that cannot be done, and it is refused. */
  #send(/** @type {Pending} */ pending) {
    if (pending.request.type === "join") this.#place(pending);
    pending.sent = true;
    try {
      this.#shell.transmit(pending.request);
      return true;
    } catch (error) {
      if (!(error instanceof FrameError || error instanceof RangeError)) throw error;
      this.#pending.delete(pending.request.id);
      pending.reject(new Refused("bad_message", `That cannot be sent: ${error.message}.`));
      return false;
    }
  }

  /** Let a join start where our cursor stands at the time of sending. */
  #place(/** @type {Pending} */ pending) {
    const { type, id, room } = pending.request;
    const view = this.#rooms.find(room);
    if (view !== undefined) {
      pending.request = { type, id, room, after: view.cursor.position };
      pending.generation = view.cursor.generation;
      return;
    }
    pending.generation = null;
    pending.request = {
      type,
      id,
      room,
      ...(pending.after === null ? { last: pending.last } : { after: pending.after }),
    };
  }
}
