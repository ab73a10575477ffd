"""Bugs sown on purpose, one sentence each, and the edits that sow them: `nox -s mutants` has the simulation find them.

This file owns the list. A replacement names the smallest text that occurs once in its file. It must not know how
mutants are run.
"""

from dataclasses import dataclass
from typing import Final

SERVER: Final = "trio_chat/server"
CLIENT: Final = "trio_chat/client"


@dataclass(frozen=True)
class Edit:
    """In `file`, `old`, which occurs there exactly once, becomes `new`."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A bug: what it is called, what is wrong, and how it comes in."""

    name: str
    what: str
    edits: tuple[Edit, ...]


def _mutant(name: str, what: str, *edits: tuple[str, str, str]) -> Mutant:
    return Mutant(name, what, tuple(Edit(*edit) for edit in edits))


_APPEND: Final = "        await c.hub.store.append(drafts, origin=ticket)\n"
_GUESS: Final = (
    "        head = c.hub.rooms[drafts[0].room].head\n"
    "        guess = [draft.entry(head + n) for n, draft in enumerate(drafts, 1)]\n"
)

MUTANTS: Final = (
    _mutant(
        "ack before commit",
        "Posts are acknowledged, under the seqs that they will probably get, before the store has them.",
        (
            f"{SERVER}/posting.py",
            _APPEND,
            _GUESS + "        ticket.settle(Commit(ticket, drafts, guess))\n        ticket.published()\n"
            "        await c.hub.store.append(drafts)\n",
        ),
    ),
    _mutant(
        "publish before commit",
        "Posts are shown to the room before the store has them, and not again when it has.",
        (
            f"{SERVER}/posting.py",
            _APPEND,
            _GUESS + "        c.hub.rooms[drafts[0].room].publish(guess)\n" + _APPEND,
        ),
        (
            f"{SERVER}/hub.py",
            "                room.publish(entries)\n",
            "                room.publish([entry for entry in entries if entry.seq > room.head])\n",
        ),
    ),
    _mutant(
        "ack after publish",
        "The poster is answered after its entries were published, so that it sees its message first.",
        (f"{SERVER}/hub.py", "            origin.settle(commit)\n", "            pass\n"),
        (
            f"{SERVER}/hub.py",
            "            for origin, _ in origins:\n",
            "            for origin, commit in origins:\n                origin.settle(commit)\n",
        ),
    ),
    _mutant(
        "held answer kept",
        "An answer that no entry takes along is not sent before something else is.",
        (f"{SERVER}/hub.py", "            origin.published()\n", "            pass\n"),
    ),
    _mutant(
        "held answer after its entry",
        "An answer that is held leaves behind the entry that it should leave before.",
        (f"{SERVER}/outbox.py", "return held + block", "return bytes(block) + held"),
    ),
    _mutant(
        "cursor check dropped",
        "A cursor that has left, or was replaced, while its page was sent goes on, and turns live beside the new one.",
        (
            f"{SERVER}/delivery.py",
            "                return  # the same, while the page was sent",
            "                self._behind[membership] = None",
        ),
    ),
    _mutant(
        "old cursor not forgotten",
        "Joining a room again leaves the old cursor catching up beside the new one.",
        (f"{SERVER}/rooms.py", "        old.delivery.forget(old)\n", ""),
    ),
    _mutant(
        "duplicate on retry",
        "The store does not look whether the key is there already.",
        ("trio_chat/store/memory.py", "            if draft.key in keys:\n", "            if draft.key in ():\n"),
    ),
    _mutant(
        "page ends one early",
        "Catching up ends one entry before the head, and believes that it has reached it.",
        (f"{SERVER}/delivery.py", "before=head + 1, ", "before=head, "),
    ),
    _mutant(
        "page beyond the head",
        "A page brings what is committed and not published yet; then it is published.",
        (f"{SERVER}/delivery.py", "before=head + 1, ", "before=None, "),
    ),
    _mutant(
        "live without a second look",
        "A cursor turns live at the head that it saw before it read its page.",
        (
            f"{SERVER}/delivery.py",
            "        if membership.cursor < room.head:\n",
            "        if membership.cursor < head:\n",
        ),
    ),
    _mutant(
        "behind by one too few",
        "A member that falls behind at a block goes on after the block's first entry.",
        (f"{SERVER}/rooms.py", "self._fall_behind(membership, first - 1)", "self._fall_behind(membership, first)"),
    ),
    _mutant(
        "bytes twice",
        "What the socket took of a block at the first try is sent once more.",
        (f"{SERVER}/outbox.py", "self._put(memoryview(block)[taken:] if taken else block)", "self._put(block)"),
    ),
    _mutant(
        "outbox bound ignored",
        "Events are queued for a slow reader however many bytes wait already.",
        (f"{SERVER}/outbox.py", "self.waiting_bytes + len(block) > self._limit or ", ""),
    ),
    _mutant(
        "answers without bound",
        "Requests are carried out for a client that does not read its answers.",
        (
            f"{SERVER}/connection.py",
            "        await self.delivery.room()\n        self._busy = True\n",
            "        await trio.lowlevel.checkpoint()\n        self._busy = True\n",
        ),
    ),
    _mutant(
        "gap not told",
        "After the epoch has changed, the log starts anew without a word.",
        (f"{SERVER}/requests.py", 'gap = Gap(room.name, cursor, 1, "epoch")', "gap = None"),
    ),
    _mutant(
        "place beyond the head believed",
        "A client that says it is beyond the head is taken to be there.",
        (f"{SERVER}/requests.py", " or cursor > room.head:", ":"),
    ),
    _mutant(
        "presence lost",
        "Whoever had no room for presence gets no fresh list of members.",
        (
            f"{SERVER}/rooms.py",
            "                membership.delivery.miss_presence(membership)\n",
            "                pass\n",
        ),
    ),
    _mutant(
        "arrival untold",
        "Who renames by a second hello is not announced under the new nick.",
        (f"{SERVER}/requests.py", "    if before is not None:\n        _announce_rename(person, before)\n", ""),
    ),
    _mutant(
        "answers out of turn",
        "A post that is refused is answered before the posts that came with it, and before it, are appended.",
        (f"{SERVER}/posting.py", "        await append(c, drafts, said)\n        if", "        if"),
        (
            f"{SERVER}/posting.py",
            "            posts = posts[1:]\n",
            "            posts = posts[1:]\n        await append(c, drafts, said)\n",
        ),
    ),
    _mutant(
        "head forgotten while opening",
        "What is committed to a room while it is being opened is missing from its head.",
        (
            f"{SERVER}/hub.py",
            "                    room.publish([entry for entry in opening.passed if entry.seq > record.head])\n",
            "",
        ),
    ),
    _mutant(
        "published backwards",
        "What one commit brought to a room is published newest first.",
        (
            f"{SERVER}/hub.py",
            "                room.publish(entries)\n",
            "                room.publish(entries[::-1])\n",
        ),
    ),
    _mutant(
        "answered twice",
        "An append that was answered with unavailable is answered again when it turns out to be kept.",
        (f"{SERVER}/posting.py", "if self._withdrawn or ", "if "),
    ),
    _mutant(
        "nick free at once",
        "A nick is anybody's as soon as its connection is lost.",
        (f"{SERVER}/people.py", "person.held_until = now + NICK_HELD_S", "person.held_until = now"),
    ),
    _mutant(
        "ghosts",
        "Whoever loses the connection stays in the rooms.",
        (
            f"{SERVER}/connection.py",
            "        self._exit_rooms()\n        if self.person is None:\n",
            "        if self.person is None:\n",
        ),
    ),
    _mutant(
        "silence unheard",
        "A peer that says nothing is closed after forty pings instead of two.",
        (f"{SERVER}/connection.py", "if silent >= 2 * config.ping_s:", "if silent >= 40 * config.ping_s:"),
    ),
    _mutant(
        "library: another key",
        "The client library sends a post again under a new key when the store was down.",
        (
            f"{CLIENT}/client.py",
            "Post(self._id(), room, made, text",
            "Post(self._id(), room, key or new_key(), text",
        ),
    ),
    _mutant(
        "library: known entries again",
        "The client library gives out again what comes again.",
        (f"{CLIENT}/cursor.py", "        return reached == self.seq\n", "        return reached <= self.seq\n"),
    ),
    _mutant(
        "library: place forgotten",
        "The client library comes back one entry after its place.",
        (
            f"{CLIENT}/cursor.py",
            "        return Position(self.epoch, self.seq)\n",
            "        return Position(self.epoch, self.seq + 1)\n",
        ),
    ),
    _mutant(
        "library: unanswered dropped",
        "The client library asks nothing again after the connection was lost.",
        (
            f"{CLIENT}/asking.py",
            "                if not pending.internal:\n                    self._send(pending)\n",
            "                pass\n",
        ),
    ),
)
