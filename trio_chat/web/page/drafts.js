/**
 * What bots are about to say in a room, by turn.
 *
 * This file owns which turns are open as far as can be told: their beginnings and ends may be dropped on the way to
 * a slow reader. It must not know how drafts are drawn.
 */

/** A turn of which nothing is heard for so long is over, whatever was missed; a server gives five minutes. */
export const SILENT_MS = 330_000;

export class Drafts {
  #turns = new Map();

  /** The open turns, oldest first: `{turn, author, nick, asker, text, doing, since}`; `asker` alone may stop it, if set. */
  all() {
    return [...this.#turns.values()];
  }

  get size() {
    return this.#turns.size;
  }

  /**
   * Take in a `turn` or `draft`; true if there is something else to see. That a turn has begun may be told again, and
   * changes nothing of what is drafted in it.
   */
  take(event, now) {
    if (event.type === "turn" && event.change === "ended") return this.#turns.delete(event.turn);
    const before = this.#turns.get(event.turn) ?? { text: "", doing: "", since: now };
    const { turn, author, nick, asker = before.asker } = event;
    const said = event.type === "draft" ? { text: event.text, doing: event.doing ?? "" } : {};
    this.#turns.set(turn, { ...before, turn, author, nick, asker, ...said, heard: now });
    return true;
  }

  /** Somebody has said something: what they were about to say is said. */
  said(author) {
    for (const draft of this.all()) {
      if (draft.author === author) this.#turns.set(draft.turn, { ...draft, text: "", doing: "" });
    }
  }

  /** A bot has gone, and its turns with it. */
  gone(author) {
    for (const draft of this.all()) if (draft.author === author) this.#turns.delete(draft.turn);
  }

  expire(now) {
    for (const draft of this.all()) if (now - draft.heard > SILENT_MS) this.#turns.delete(draft.turn);
  }

  clear() {
    this.#turns.clear();
  }
}
