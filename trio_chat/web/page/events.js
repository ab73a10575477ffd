/**
 * What each event of the client changes of what one sees.
 *
 * This file owns that, by type, and which parts have to be drawn anew after it. It must not know how they are drawn,
 * nor where events come from.
 */

function entry(model, event, room) {
  if (room === undefined) return;
  if (event.target !== undefined) model.reader.forget(event.room, event.target);
  const { news, mention } = room.entry(event, model);
  model.outbox.seen(event.room, room.timeline.head);
  if (news) model.onNews(room, event, mention);
  model.changed("timeline", "rooms");
}

function turn(model, event, room) {
  if (room?.drafts.take(event, model.now())) model.changed("timeline");
}

/** What an event does, by its type: `(model, event, room)`, the room being undefined where one is not in it. */
export const HANDLERS = {
  joined: (model, event) => model.joined(event),
  message: entry,
  edited: entry,
  redacted: entry,
  topic_set: entry,
  turn,
  draft: turn,
  live: (model, event, room) => {
    if (room === undefined) return;
    room.timeline.head = Math.max(room.timeline.head, event.seq);
    model.changed("timeline");
  },
  gap: (model, event, room) => {
    room?.gap(event);
    if (event.reason === "epoch") {
      model.reader.forgetRoom(event.room);
      model.outbox.lost(event.room);
    }
    model.changed("timeline", "rooms");
  },
  presence: (model, event, room) => {
    if (room?.presence(event, { me: model.me, now: model.now() })) model.changed("timeline");
    if (event.change === "renamed" && room?.peer === event.nick) room.peer = event.to;
    model.changed("members", "rooms");
  },
  members: (model, event, room) => {
    // Presence had to be dropped: bots may have gone without a word.
    const here = new Set(event.members.map(({ author }) => author));
    for (const { author } of room?.drafts.all() ?? []) if (!here.has(author)) room.drafts.gone(author);
    model.changed("members", "rooms", "timeline");
  },
  notice: (model, event) => model.tell(event.text, event),
  state: (model, event) => {
    const wanted = model.connection.nick;
    model.connection = { ...event, at: model.now() };
    if (event.state === "open" && model.current !== null && wanted !== event.nick) {
      model.tell(`Somebody has taken the name ${wanted} meanwhile: you are ${event.nick} now.`, { level: "warning" });
    }
    // Nobody can say which turns are still open, until the server does so behind `joined`.
    if (event.state !== "open") for (const room of model.rooms.values()) room.drafts.clear();
    model.changed("state", "timeline", "rooms", "members");
  },
};
