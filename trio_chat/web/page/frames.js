/**
 * Frames: a byte stream cut into payloads, and payloads made into bytes (docs/protocol.md, "Frames").
 *
 * This file owns the four-byte length in front of every payload, the limit on it, and UTF-8. It must not know what a
 * payload means, nor where bytes come from. It is `protocol/frames.py` in JavaScript, and both are held to
 * tests/protocol/vectors.json.
 */
// @ts-check

/** What a payload towards a client may weigh, in bytes: a page ends at 256 KiB of entries, in the worst escaping. */
export const MAX_FRAME_TO_CLIENT = 1_048_576;

/** Every limit stays below this, so that the first byte of a frame is always 0x00. */
const FRAME_LIMIT_CEILING = 2 ** 24;

const HEADER_BYTES = 4;
const encoder = new TextEncoder();

/** The stream cannot be cut into frames any more: close it. */
export class FrameError extends Error {
  /**
   * @param {string} message
   * @param {number} [length] the length that was refused; undefined where a payload is no UTF-8.
   */
  constructor(message, length) {
    super(message);
    this.name = "FrameError";
    this.length = length;
  }
}

/** Cuts a stream of bytes, fed in pieces of any size, into payloads. Every byte is copied once at most. */
export class FrameDecoder {
  #limit;
  #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  /** The body of the one frame that is not complete. @type {Uint8Array | null} */
  #body = null;
  #bodyBytes = 0;
  /** @type {FrameError | null} */
  #error = null;
  // A byte order mark is kept, so that no two payloads are one text.
  #utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  /** @param {number} [maxFrameBytes] the largest acceptable payload, 1 to 2**24 - 1 bytes. */
  constructor(maxFrameBytes = MAX_FRAME_TO_CLIENT) {
    if (!(maxFrameBytes >= 1 && maxFrameBytes < FRAME_LIMIT_CEILING)) {
      throw new RangeError(`maxFrameBytes is ${maxFrameBytes}; 1 to ${FRAME_LIMIT_CEILING - 1} are accepted`);
    }
    this.#limit = maxFrameBytes;
  }

  /** How many bytes wait here for more; never 4 + the limit. Not 0 when the stream ends: it was cut. */
  get heldBytes() {
    return this.#headerBytes + this.#bodyBytes;
  }

  /**
   * Take in what the stream brought, and yield the payloads that are complete, oldest first. Take them all before the
   * next call; what is held is never more than one frame.
   *
   * @param {Uint8Array} data
   * @returns {Generator<string, void, void>}
   * @throws {FrameError} a bad length, or a payload that is no UTF-8, stands next in the stream. Every later call
   *     throws the same error.
   */
  *feed(data) {
    if (this.#error !== null) throw this.#error;
    let position = 0;
    while (position < data.length) {
      position = this.#takeHeader(data, position);
      if (this.#headerBytes < HEADER_BYTES) return;
      const length = this.#announced();
      const taken = Math.min(length - this.#bodyBytes, data.length - position);
      const piece = data.subarray(position, position + taken);
      position += taken;
      const body = taken === length ? piece : this.#collect(piece, length);
      if (body === null) return;
      this.#forget();
      yield this.#text(body);
    }
  }

  /** Move bytes into the header until it is whole; return the position behind them. */
  #takeHeader(/** @type {Uint8Array} */ data, /** @type {number} */ position) {
    while (this.#headerBytes < HEADER_BYTES && position < data.length) {
      this.#header[this.#headerBytes++] = data[position++];
    }
    return position;
  }

  /** Return the length that the header announces. */
  #announced() {
    const [a, b, c, d] = this.#header;
    const length = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
    if (length < 1 || length > this.#limit) {
      throw this.#fail(`a frame of ${length} bytes was announced; 1 to ${this.#limit} are accepted`, length);
    }
    return length;
  }

  /** Add to the frame that is not complete; return its body once it is. */
  #collect(/** @type {Uint8Array} */ piece, /** @type {number} */ length) {
    // Made at once in its final size, which the limit bounds: growing it would copy bytes again.
    this.#body ??= new Uint8Array(length);
    this.#body.set(piece, this.#bodyBytes);
    this.#bodyBytes += piece.length;
    return this.#bodyBytes === length ? this.#body : null;
  }

  #text(/** @type {Uint8Array} */ body) {
    try {
      return this.#utf8.decode(body);
    } catch {
      throw this.#fail("a payload is no UTF-8");
    }
  }

  /** Enter the error state for good. */
  #fail(/** @type {string} */ message, /** @type {number | undefined} */ length = undefined) {
    this.#forget();
    this.#error = new FrameError(message, length);
    return this.#error;
  }

  #forget() {
    this.#headerBytes = this.#bodyBytes = 0;
    this.#body = null;
  }
}

/**
 * Return `payload` with its length in front.
 *
 * @param {string} payload
 * @param {number} maxFrameBytes what the other side accepts.
 * @returns {Uint8Array<ArrayBuffer>}
 * @throws {FrameError} it is empty or too large; the peer would refuse it.
 */
export function encodeFrame(payload, maxFrameBytes) {
  const body = encoder.encode(payload);
  if (body.length < 1 || body.length > maxFrameBytes) {
    throw new FrameError(`it has ${body.length} bytes; 1 to ${maxFrameBytes} are accepted`, body.length);
  }
  const frame = new Uint8Array(HEADER_BYTES + body.length);
  new DataView(frame.buffer).setUint32(0, body.length);
  frame.set(body, HEADER_BYTES);
  return frame;
}
