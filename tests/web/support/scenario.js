/**
 * What two people do in a chat, step by step, and all that they are told: the same on any server.
 *
 * It is played on the server in memory and on the real one, so that what tests prove with the former is worth
 * something.
 * A stage has `person(nick)`, `until(condition)`, and `cut(client)`; who is cut off does not come back by themselves.
 */

/** Play it, and return what everybody was told, without what differs from run to run. */
export async function play(stage) {
  const said = [];
  /** Wait for an answer and write it down. */
  const answer = async (promise) => {
    let settled = null;
    promise.then(
      (value) => (settled = { ...value, id: 0 }),
      ({ code }) => (settled = { refused: code }),
    );
    await stage.until(() => settled !== null);
    said.push(settled);
    return settled;
  };
  const saw = (client, fits) => stage.until(() => client.events.some(fits));

  const ann = stage.person("ann");
  ann.start();
  await answer(ann.join("lobby"));
  const bob = stage.person("bob");
  bob.start();
  await answer(bob.join("Lobby"));
  await saw(ann, ({ type, change }) => type === "presence" && change === "joined");
  const authors = [ann.author, bob.author];
  await talk({ ann, bob, answer, saw });
  await comeBack({ ann, bob, answer, saw, stage });
  await wander({ ann, bob, answer, saw });
  await meetInPrivate({ ann, bob, answer, saw });
  await end({ ann, bob, answer, saw, stage });
  return cleaned({ said, ann: channels(ann.events), bob: channels(bob.events) }, authors);
}

async function talk({ ann, bob, answer, saw }) {
  await answer(ann.post("lobby", "one", { key: "k1" }));
  await answer(ann.post("lobby", "one", { key: "k1" }));
  await saw(bob, ({ text }) => text === "one");
  await answer(bob.post("lobby", "waves", { action: true }));
  await answer(bob.post("lobby", "two", { replyTo: 1 }));
  await answer(bob.edit("lobby", 3, "two, mended"));
  await answer(bob.redact("lobby", 2, "shy"));
  await answer(bob.setTopic("lobby", "tea"));
  await answer(ann.command("/me nods", { room: "lobby" }));
  await answer(ann.command("//etc", { room: "lobby" }));
  await answer(ann.ask({ type: "nick", nick: "anna" }));
  await saw(bob, ({ change }) => change === "renamed");
}

/** What is said before `live` may come before or behind it, so a next step waits for it. */
const isLive = (head) => (event) => event.type === "live" && event.seq === head;

/** Somebody is cut off, misses something, and catches up. */
async function comeBack({ ann, bob, answer, saw, stage }) {
  stage.cut(bob);
  await saw(ann, ({ type, change }) => type === "presence" && change === "lost");
  await answer(ann.post("lobby", "missed"));
  await stage.until(() => bob.state === "waiting"); // others may hear of the cut first
  bob.retryNow();
  await saw(bob, ({ text }) => text === "missed");
  await saw(bob, isLive(9));
  await answer(bob.post("lobby", "back"));
  await saw(ann, ({ text }) => text === "back");
}

async function wander({ ann, bob, answer, saw }) {
  await answer(ann.ask({ type: "history", room: "lobby", before: 5, limit: 3 }));
  await answer(ann.leave("lobby"));
  await saw(bob, ({ change }) => change === "left");
  await answer(ann.leave("lobby"));
  await answer(ann.post("lobby", "from outside"));
  await answer(ann.join("lobby", { last: 2 }));
  await saw(ann, isLive(10));
  await answer(bob.post("lobby", "welcome back"));
  await saw(ann, ({ text }) => text === "welcome back");
  await answer(ann.leave("lobby"));
  await answer(ann.join("lobby", { after: { epoch: "another", seq: 3 } }));
  await saw(ann, isLive(11));
  await answer(bob.post("lobby", "again"));
  await saw(ann, ({ text }) => text === "again");
  await answer(bob.command("/join den"));
  await answer(bob.join("den"));
  await answer(bob.command("/leave", { room: "den" }));
}

async function meetInPrivate({ ann, bob, answer, saw }) {
  await answer(bob.direct("nobody"));
  const { room } = await answer(bob.direct("anna"));
  await saw(ann, (event) => event.type === "live" && event.room === room);
  await answer(ann.post(room, "psst"));
  await saw(bob, ({ text }) => text === "psst");
}

async function end({ ann, bob, answer, saw, stage }) {
  const other = stage.person("bob");
  other.start();
  await stage.until(() => other.state === "refused");
  other.close();
  await answer(bob.command("/quit tired"));
  await stage.until(() => bob.state === "closed");
  for (const room of ["lobby", "~"]) {
    await saw(ann, (event) => event.change === "left" && event.nick === "bob" && event.room.startsWith(room));
  }
  ann.close();
}

/** What comes in order of its own each: the states, the log of each room, and who came and went there. */
function channels(events) {
  const found = {};
  for (const { id, ...event } of events) {
    const kind = { state: "state", presence: "people" }[event.type] ?? "log";
    (found[`${kind} ${event.room ?? ""}`] ??= []).push(event);
  }
  return found;
}

/** Replace what a server makes up: authors, epochs, private rooms, times, and its own words. */
function cleaned(told, authors) {
  let text = JSON.stringify(told);
  authors.forEach((author, index) => (text = text.replaceAll(JSON.stringify(author), `"author ${index}"`)));
  text = text.replaceAll(/"epoch":"(?!another)[^"]*"/gu, '"epoch":"this one"').replaceAll(/~[-\w]+/gu, "~private");
  return JSON.parse(text, (name, value) => {
    if (name === "at" || name === "edited_at") return typeof value === "number" ? "then" : value;
    return ["reason", "retryInMs"].includes(name) ? undefined : value;
  });
}
