/**
 * Whoever watches a client's events, and knows what may follow what.
 *
 * It holds each event against the promises of docs/protocol.md as it comes, and what is there in the end against the
 * server's logs. It must not know what was done to the network.
 */

import assert from "node:assert/strict";

const ENTRIES = new Set(["message", "edited", "redacted", "topic_set"]);

export class Witness {
  /** Where each stay in a room has got to: a room's view is a new object for each stay. */
  #stays = new Map();
  /** Every log that there was: epoch and room -> entries. */
  #logs = new Map();
  entries = 0;

  /** Note the logs of a server before it loses them. */
  note(server) {
    for (const { name, entries } of server.rooms.values()) this.#logs.set(`${server.epoch} ${name}`, entries);
  }

  /** Hold an event against what may come. */
  saw(event, client, server) {
    this.note(server);
    if (event.type === "joined") this.#joined(event, client);
    if (event.type === "gap") this.#gap(event, client);
    if (event.type === "live") this.#live(event, client);
    if (ENTRIES.has(event.type)) this.#entry(event, client);
  }

  #stay(room, client) {
    const view = client.rooms.get(room);
    assert(view, `an event of ${room}, which we are not in`);
    if (!this.#stays.has(view)) this.#stays.set(view, { seq: null, head: null });
    return [this.#stays.get(view), view];
  }

  #joined({ room, head }, client) {
    const [stay] = this.#stay(room, client);
    stay.head ??= head;
  }

  #gap({ room, next, reason }, client) {
    const [stay] = this.#stay(room, client);
    assert(reason === "epoch" || stay.seq === null || next > stay.seq + 1, "a gap of what has come");
    stay.seq = next - 1;
  }

  #live({ room, seq }, client) {
    const [stay] = this.#stay(room, client);
    assert(stay.seq === null || stay.seq === seq, `live at ${seq}, after ${stay.seq}`);
    stay.seq = seq;
  }

  #entry({ room, seq, type, author }, client) {
    const [stay, view] = this.#stay(room, client);
    if (stay.seq === null) assert(seq <= stay.head + 1, `the first entry is ${seq}; the head was ${stay.head}`);
    else assert.equal(seq, stay.seq + 1, `an entry of ${room} is missing, or comes twice`);
    assert.equal(view.seq, seq);
    const kept = this.#logs.get(`${view.epoch} ${room}`)?.[seq - 1];
    assert.deepEqual([kept?.type, kept?.author], [type, author], "an entry that is in no log");
    stay.seq = seq;
    this.entries += 1;
  }

  /** Hold what a client knows in the end against the server: it is where the log is, in the rooms that it is in. */
  concludes(client, server) {
    const [connection] = server.connections;
    assert.deepEqual([...client.rooms.keys()].sort(), [...connection.joined].sort());
    for (const [room, view] of client.rooms) {
      const { entries, topic } = server.room(room);
      assert.deepEqual([view.epoch, view.seq, view.topic], [server.epoch, entries.length, topic]);
    }
  }
}
