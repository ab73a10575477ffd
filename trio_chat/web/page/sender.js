/**
 * Saying things: what is typed goes into the outbox at once, to the server when it can be reached, and out of the outbox
 * once it is seen in the log. A message that is refused stays there, to be tried again; a command that is refused goes
 * back to where it was typed, with a word on why.
 *
 * This file owns what each answer to a line means. It must not know how lines are typed or drawn.
 */

import { Client } from "./client.js";

const QUIT = /^\/(?:quit|exit)(?:\s|$)/i;

export class Sender {
  constructor(model) {
    this.model = model;
  }

  /** Say a line in the open room, or carry out the command that it is. */
  say(text, { replyTo } = {}) {
    const { model } = this;
    const command = text.startsWith("/") && !text.startsWith("//");
    const item = { key: Client.newKey(), room: model.current, text, command, at: model.now(), state: "sending" };
    if (replyTo !== undefined) item.replyTo = replyTo;
    if (!command && text.startsWith("//")) item.text = text.slice(1);
    this.#send(item);
    model.room.newAfter = null;
    model.reader.toEnd(model.room);
  }

  /** Send all that was on its way when the tab was closed; whoever has come back does not quit any more. */
  again() {
    for (const item of this.model.outbox.all()) {
      if (item.command && (QUIT.test(item.text) || item.state === "refused")) this.discard(item.key);
      else if (item.state !== "refused") this.#send(item);
    }
  }

  /** Send a message that was refused once more. */
  retry(key) {
    const item = this.model.outbox.get(key);
    if (item === undefined) return;
    this.model.outbox.drop(key);
    this.#send({
      ...item,
      key: item.code === "key_reused" ? Client.newKey() : key,
      state: "sending",
      at: this.model.now(),
    });
  }

  discard(key) {
    this.model.outbox.drop(key);
    this.model.changed("timeline");
  }

  /** Replace the text of one's message; until that is confirmed the new one is shown as on its way. */
  edit(room, seq, text) {
    room.saving.set(seq, text);
    this.model.changed("timeline");
    this.#try(room, this.model.client.edit(room.name, seq, text), () => room.saving.delete(seq));
  }

  redact(room, seq) {
    this.#try(room, this.model.client.redact(room.name, seq, ""));
  }

  setTopic(room, text) {
    this.#try(room, this.model.client.setTopic(room.name, text));
  }

  /** Stop a bot's answer. */
  async stop(room, nick) {
    await this.#try(room, this.#commandQuietly(`/stop ${nick}`, room));
  }

  async #commandQuietly(line, room) {
    const answer = await this.model.client.command(line, { room: room.name });
    // That it was stopped can be seen; why it was not is worth a line.
    if (answer.type === "notice" && !answer.text.startsWith("Stopped"))
      this.model.tell(answer.text, { room: room.name });
  }

  async #try(room, promise, undo = () => {}) {
    try {
      await promise;
    } catch (error) {
      undo();
      this.model.tell(error.message, { level: "warning", room: room.name });
    }
    this.model.changed("timeline");
  }

  async #send(item) {
    const { model } = this;
    model.outbox.put(item);
    model.changed("timeline");
    try {
      const answer = await this.#ask(item);
      await this.#answered(item, answer);
    } catch (error) {
      if (item.command) this.#notDone(item, error.message);
      else if (model.rooms.has(item.room))
        model.outbox.put({ ...item, state: "refused", error: error.message, code: error.code });
      else this.#lost(item, error);
    }
    model.changed("timeline", "rooms");
  }

  /** Say why a command was not carried out, and hand back what was typed. */
  #notDone({ key, room, text }, sentence) {
    const { model } = this;
    model.outbox.drop(key);
    model.tell(sentence, { level: "warning", room, typed: text });
    if (model.rooms.has(room)) model.onReturned(room, text);
  }

  /** Say what cannot be said any more: its room is gone, and no row there could tell. */
  #lost(item, error) {
    this.model.outbox.drop(item.key);
    this.model.tell(`This was not sent: ${item.text}\n${error.message}`, { level: "warning" });
  }

  #ask({ key, room, text, command, replyTo }) {
    const { client } = this.model;
    return command ? client.command(text, { room, key }) : client.post(room, text, { key, replyTo });
  }

  async #answered(item, answer) {
    const { model } = this;
    if (answer.type === "posted" && answer.room === item.room) {
      model.outbox.put({ ...item, state: "sent", seq: answer.seq });
      // Its message may have come in the same breath.
      model.outbox.seen(item.room, model.rooms.get(item.room)?.timeline.head ?? 0);
      return;
    }
    if (answer.type === "notice" && answer.level === "warning") {
      this.#notDone(item, answer.text);
      return;
    }
    model.outbox.drop(item.key);
    ANSWERS[answer.type]?.(model, answer, item);
  }
}

/** What the answer to a command does, by its type. */
const ANSWERS = {
  posted: (model, answer) => model.open(answer.room),
  joined: (model, answer) => model.open(answer.room),
  done: (model) => model.forgetLeft(),
  notice: (model, answer, item) => model.tell(answer.text, { level: answer.level, room: item.room }),
  rooms: (model, answer) => model.onShow("rooms", answer),
  found: (model, answer, item) => model.onShow("found", { answer, query: item.text.replace(/^\S+\s*/, "") }),
  history: (model, answer, item) => model.onShow("history", item),
  members: (model, answer, item) => {
    const names = answer.members.map(({ nick, bot }) => (bot ? `${nick} (bot)` : nick));
    const more = answer.count > names.length ? ` and ${answer.count - names.length} more` : "";
    model.tell(`Here (${answer.count}): ${names.join(", ")}${more}`, { room: item.room });
  },
};
