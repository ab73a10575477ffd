/**
 * Sockets in memory, on which bytes lie until a test lets them through.
 *
 * `FakeSocket` is as much of a browser's WebSocket as a client uses, and no more forgiving. `Network` makes them, cuts
 * them, and decides how many bytes come at a time. The other end is whatever `accept` returns: `receive(bytes)`, and
 * `closed()`.
 */

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

export class FakeSocket {
  readyState = CONNECTING;
  bufferedAmount = 0;
  binaryType = "blob";
  onopen = null;
  onmessage = null;
  onclose = null;
  /** Bytes on their way to the server, and to us. */
  up = [];
  down = [];
  /** Whether the network has swallowed the connection without telling anybody. */
  isDead = false;

  send(data) {
    if (this.readyState === CONNECTING) throw new Error("InvalidStateError: still connecting");
    if (this.readyState === OPEN) this.up.push(...data);
  }

  close() {
    if (this.readyState !== CLOSED) this.readyState = CLOSING;
  }

  open(server) {
    this.server = server;
    this.readyState = OPEN;
    this.onopen?.({});
  }

  /** Hand over bytes that came from the server. */
  message(data) {
    if (this.readyState !== OPEN) return;
    if (this.binaryType !== "arraybuffer") throw new Error("the client would have to wait for a blob");
    this.onmessage?.({ data: Uint8Array.from(data).buffer });
  }

  /** End it, as the network or the server does. */
  end({ wasClean = false, reason = "" } = {}) {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    this.server?.closed();
    this.onclose?.({ wasClean, reason, code: wasClean ? 1000 : 1006 });
  }
}

export class Network {
  sockets = [];
  /** Whether sockets can be opened at all. */
  isUp = true;

  /** @param {(send: (bytes: Uint8Array) => void, close: () => void) => object} accept makes the server's end. */
  constructor(accept) {
    this.#accept = accept;
  }

  #accept;

  /** What a client takes as `openSocket`. */
  openSocket = () => {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  };

  /** The sockets that somebody still listens to, or has something to say to. */
  get live() {
    return this.sockets.filter(({ readyState }) => readyState !== CLOSED);
  }

  /** Let up to `limit` bytes through on each live socket in each direction; return how many that were. */
  step(limit = Infinity) {
    let moved = 0;
    for (const socket of this.live) moved += this.#stepOne(socket, limit);
    this.sockets = this.live;
    return moved;
  }

  #stepOne(socket, limit) {
    if (socket.isDead) {
      if (socket.readyState === CLOSING) socket.end(); // each side has given the other one up by now
      return 0;
    }
    if (socket.readyState === CONNECTING) {
      if (this.isUp)
        socket.open(
          this.#accept(
            (data) => socket.down.push(...data),
            () => (socket.isHungUp = true),
          ),
        );
      else socket.end();
      return 1;
    }
    const up = socket.up.splice(0, limit);
    if (up.length > 0) socket.server?.receive(Uint8Array.from(up));
    const down = socket.down.splice(0, limit);
    if (down.length > 0) socket.message(down);
    const isDone = socket.up.length === 0 && socket.down.length === 0;
    if (isDone && (socket.readyState === CLOSING || socket.isHungUp)) socket.end({ wasClean: true });
    return up.length + down.length;
  }

  /** Break all connections; what is on its way is lost. */
  cut() {
    for (const socket of this.live) socket.end();
  }

  /** Swallow all connections: nothing comes through any more, and nobody is told. */
  swallow() {
    for (const socket of this.live) socket.isDead = true;
  }
}
