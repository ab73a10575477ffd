/**
 * One connection: a WebSocket's bytes to messages and back, ping and pong, and its end.
 *
 * This file owns a socket from its opening to its close, and reports the end of it once, as one sentence. It must not
 * know rooms, requests that wait, or what follows a lost connection.
 */
// @ts-check

import { BrokenPromise } from "./cursor.js";
import { FrameDecoder, FrameError, MAX_FRAME_TO_CLIENT, encodeFrame } from "./frames.js";
import { decode, encode } from "./messages.js";

/** @typedef {import("./messages.js").Said} Said */
/**
 * Why a connection is over, as a sentence; `isWanted`: the server has answered our goodbye.
 *
 * @typedef {{reason: string, retryAfterMs?: number, isWanted?: boolean}} Loss
 */
/** @typedef {{now(): number, setTimeout(act: () => void, ms: number): any, clearTimeout(timer: any): void}} Clock */

/** From dialling to `welcome`, in ms: as long as the server waits for `hello`. */
const GREETING_MS = 10_000;

/** What an answer to a ping may take when there is reason to doubt the connection. */
const PROBE_MS = 5_000;

/** What may wait to be sent; only a flood of pings exceeds it. */
const OUTBOX_BYTES = 32 * 1_048_576;

/** The frame that a client may send before it knows the server's limit; a hello is far smaller. */
const HELLO_BYTES = 65_536;

/** Longer waits make a timer of browsers fire at once. */
const TIMER_MAX_MS = 2 ** 31;

const OPEN = 1; // `WebSocket.OPEN`, which need not be there where tests run

const NO_ANSWER = "The server does not answer; check the address, and that you are on the network.";
const NOT_REACHED = "The server cannot be reached; check the address, and that you are on the network.";
const SILENT = "Nothing comes from the server any more.";
const STRANGER = "What answers there does not speak the chat protocol";

/** The id of the goodbye, which no other request has. */
export const GOODBYE_ID = 2 ** 31 - 1;

/** A connection, from the socket's opening on. */
export class Link {
  #socket;
  #clock;
  #hears;
  #decoder = new FrameDecoder(MAX_FRAME_TO_CLIENT);
  /** What has arrived and waits for the message before it to be taken in. @type {(Uint8Array | Loss)[]} */
  #arrived = [];
  #pumping = false;
  #over = false;
  #frameLimit = HELLO_BYTES;
  #pings = 0;
  #heardAt;
  /** When the silence ends the connection, or makes us ask; 0: never. */
  #patienceMs = 0;
  #pinged = false;
  #probing = false;
  #timer;

  /**
   * @param {WebSocket} socket it belongs to the link.
   * @param {Clock} clock
   * @param {{opened: () => void, received: (message: Said) => void, lost: (loss: Loss) => void}} hears what is told of
   *     the connection. `received` may throw `BrokenPromise`; `lost` comes once, and nothing after it.
   */
  constructor(socket, clock, hears) {
    this.#socket = socket;
    this.#clock = clock;
    this.#hears = hears;
    this.#heardAt = clock.now();
    this.#timer = clock.setTimeout(() => this.#lose({ reason: NO_ANSWER }), GREETING_MS);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => hears.opened();
    socket.onmessage = (event) => this.#arrive(event.data);
    socket.onclose = (event) => this.#queue({ reason: this.#patienceMs > 0 ? closed(event) : NOT_REACHED });
  }

  /** Note that the server has said welcome. */
  welcomed(/** @type {Said} */ welcome) {
    this.#frameLimit = welcome.limits.frame_bytes;
    this.#patienceMs = welcome.ping_ms || Infinity;
    this.#watch();
  }

  /**
   * Send `message`; on a lost connection, forget it.
   *
   * @throws {FrameError} it is larger than the server accepts. Nothing is sent.
   * @throws {RangeError} a string in it is no text. Nothing is sent.
   */
  send(/** @type {Said} */ message) {
    const frame = encodeFrame(encode(message), this.#frameLimit);
    if (this.#over) return;
    this.#socket.send(frame);
    if (this.#socket.bufferedAmount > OUTBOX_BYTES) {
      this.#lose({ reason: "The server asks for more answers than it reads." });
    }
  }

  /** Find out soon whether the connection still holds, for there is reason to doubt it. */
  probe() {
    if (this.#over || !(this.#patienceMs > 0)) return;
    this.#ping();
    this.#probing = true;
    this.#schedule(Math.min(PROBE_MS, this.#patienceMs), () => this.#lose({ reason: SILENT }));
  }

  /** Say goodbye, so that the server frees the nick at once, and close. `lost` is not called. */
  close() {
    if (this.#over) return;
    if (this.#socket.readyState === OPEN) this.send({ type: "bye", id: GOODBYE_ID });
    this.#end();
  }

  // --- hearing ---------------------------------------------------------------------------------------

  #arrive(/** @type {unknown} */ data) {
    this.#heard();
    if (typeof data === "string") this.#queue({ reason: `${STRANGER}: it sent text.` });
    else this.#queue(new Uint8Array(/** @type {ArrayBuffer} */ (data)));
  }

  #queue(/** @type {Uint8Array | Loss} */ what) {
    this.#arrived.push(what);
    if (!this.#pumping) void this.#pump();
  }

  /** Take in what has arrived, in order. An answer is taken in by whoever awaits it before what follows it. */
  async #pump() {
    this.#pumping = true;
    try {
      for (let next = this.#arrived.shift(); next !== undefined && !this.#over; next = this.#arrived.shift()) {
        if (next instanceof Uint8Array) await this.#takeIn(next);
        else this.#lose(next);
      }
    } finally {
      this.#pumping = false;
    }
  }

  async #takeIn(/** @type {Uint8Array} */ data) {
    try {
      for (const payload of this.#decoder.feed(data)) {
        const message = decode(payload);
        if (message === null) continue;
        this.#take(message);
        if (this.#over) return;
        if (message.id != null) await null;
        if (this.#over) return;
      }
    } catch (error) {
      if (error instanceof FrameError) this.#lose({ reason: `${STRANGER}: ${error.message}.` });
      else if (error instanceof BrokenPromise)
        this.#lose({ reason: `The server broke the protocol: ${error.message}.` });
      else {
        this.#lose({ reason: "Something went wrong on this page; it connects anew." });
        throw error; // a bug of ours: the browser's console has it
      }
    }
  }

  #take(/** @type {Said} */ message) {
    if (message.type === "ping") this.send({ type: "pong", id: message.id });
    else if (message.type === "bye") {
      if (message.id != null) this.#hears.received(message);
      this.#lose(goodbye(message));
    } else if (message.type !== "pong") this.#hears.received(message);
  }

  // --- silence ---------------------------------------------------------------------------------------

  /** Note a sign of life. The first one after a long silence may have been waiting while we were suspended. */
  #heard() {
    const wasSuspended = this.#silenceMs() >= 2 * this.#patienceMs;
    this.#heardAt = this.#clock.now();
    this.#pinged = false;
    if (wasSuspended) this.probe();
    else if (this.#probing) this.#watch();
  }

  /** Ping a server that has been silent for `ping_ms`, and give it up when it stays so as long again. */
  #watch() {
    this.#probing = false;
    const silenceMs = this.#silenceMs();
    if (silenceMs >= 2 * this.#patienceMs) {
      this.#lose({ reason: SILENT });
      return;
    }
    if (silenceMs >= this.#patienceMs && !this.#pinged) this.#ping();
    this.#schedule((this.#pinged ? 2 : 1) * this.#patienceMs - silenceMs, () => this.#watch());
  }

  #silenceMs() {
    // A clock that was set back has not run backwards.
    this.#heardAt = Math.min(this.#heardAt, this.#clock.now());
    return this.#clock.now() - this.#heardAt;
  }

  #ping() {
    this.#pinged = true;
    this.#pings = (this.#pings % GOODBYE_ID) + 1;
    this.send({ type: "ping", id: this.#pings });
  }

  #schedule(/** @type {number} */ ms, /** @type {() => void} */ act) {
    this.#clock.clearTimeout(this.#timer);
    if (!this.#over && ms < TIMER_MAX_MS) this.#timer = this.#clock.setTimeout(act, ms);
  }

  // --- the end ---------------------------------------------------------------------------------------

  /** End the connection; the first reason counts. */
  #lose(/** @type {Loss} */ loss) {
    if (this.#over) return;
    this.#end();
    this.#hears.lost(loss);
  }

  #end() {
    this.#over = true;
    this.#arrived.length = 0;
    this.#clock.clearTimeout(this.#timer);
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}

/** The end of a connection by the server's goodbye. @returns {Loss} */
function goodbye(/** @type {Said} */ bye) {
  const reason = bye.reason.replace(/\.$/u, "") || "no reason given";
  const isWanted = bye.id != null;
  return { reason: `The server said goodbye: ${reason}.`, retryAfterMs: bye.retry_after_ms ?? undefined, isWanted };
}

/** The end of a connection by the socket. */
function closed(/** @type {CloseEvent} */ { wasClean, reason }) {
  if (!wasClean) return "The connection broke.";
  return reason ? `The server closed the connection: ${reason}` : "The server closed the connection.";
}
