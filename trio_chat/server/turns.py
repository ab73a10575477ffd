"""Turns: a bot's leave to speak in a room, from the asking to the end, which comes exactly once.

This file owns which turns are open, and what becomes of one that is ended from outside: what it had said so far goes
into the log. Whether a turn may begin is the governor's to say. It must not know requests, or how drafts reach anybody.
"""

from itertools import count
from typing import TYPE_CHECKING, Final

import trio

from protocol import DraftShown, Notice, State, TurnChange, encode, encode_frame
from trio_chat.server.errors import Refusal
from trio_chat.server.governor import Allowance, Governor, NoTurn
from trio_chat.server.limits import TokenBucket
from trio_chat.server.log import log
from trio_chat.store import Draft, StoreUnavailable

if TYPE_CHECKING:
    from trio_chat.server.connection import Connection
    from trio_chat.server.hub import Hub
    from trio_chat.server.rooms import Membership

SHOWN_PER_S: Final = 20.0
"""Drafts of one turn that are shown in a second; more look no smoother. Of those between, the newest is shown later."""

TOLD_S: Final = 60.0
"""How long somebody is not told again that a bot does not answer."""

KEPT_WAITING: Final = 1_000
"""Texts of ended turns that may wait for the store."""

RETRY_S: Final = 1.0
"""How long to wait before a store that failed is given such a text again."""


class Turn:
    """One turn of one bot.

    Attributes:
        number: what names it on the wire.
        connection: that of the bot.
        person: the bot.
        room: where it speaks.
        asker: the author at whose wish it is; None if nobody's in particular.
        hops: how many turns of bots lead to it, itself included.
        text: what its next post is so far.
        doing: what the bot does besides.
        is_unseen: whether the members have not been shown this yet.
        ends_at: when it is ended, on Trio's clock.
    """

    __slots__ = (
        "asker", "connection", "doing", "ends_at", "hops", "is_unseen", "number", "pace", "person", "room", "text",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        connection: "Connection",
        membership: "Membership",
        asker: str | None,
        hops: int,
        now: float,
        turn_s: float,
    ) -> None:
        self.number = number
        self.connection = connection
        self.person = membership.person
        self.room = membership.room
        self.asker = asker
        self.hops = hops
        self.text = self.doing = ""
        self.is_unseen = False
        self.ends_at = now + turn_s
        self.pace = TokenBucket(SHOWN_PER_S, SHOWN_PER_S, now)

    @property
    def own(self) -> "Membership | None":
        """The bot's membership in the room, which is not told like the others; it may have joined anew."""
        return self.connection.memberships.get(self.room.name)


class Turns:
    """The turns of all rooms.

    Args:
        hub: what all connections share.
        allowance: what bots may do.
    """

    def __init__(self, hub: "Hub", allowance: Allowance) -> None:
        self._hub = hub
        self._allowance = allowance
        self._governor = Governor(allowance)
        self._numbers = count(1)
        self._open: dict[int, Turn] = {}
        self._told: dict[tuple[str, str, str | None], float] = {}  # when somebody was told last of a bot in a room
        self._keep, self._kept = trio.open_memory_channel[Draft](KEPT_WAITING)
        self._idle = trio.Event()
        self._idle.set()

    def begin(self, c: "Connection", membership: "Membership", asker: str | None, hops: int) -> Turn:
        """Begin a turn, and tell the room.

        Raises:
            Refusal: `no_turn`, with the governor's reason.
        """
        now, room = trio.current_time(), membership.room.name
        try:
            self._governor.begin(room, membership.person.author, asker, hops, now, self._hub.wall_clock_ms())
        except NoTurn as no:
            wait_ms = None if no.retry_after_s is None else int(no.retry_after_s * 1000) + 1
            self._tell(membership, asker, str(no), now)
            raise Refusal("no_turn", str(no), wait_ms) from None
        turn = Turn(next(self._numbers), c, membership, asker, hops, now, self._allowance.turn_s)
        self._open[turn.number] = turn
        self._announce(turn, "begun")
        return turn

    def _tell(self, membership: "Membership", asker: str | None, why: str, now: float) -> None:
        """Tell who asked why a bot does not answer; once in `TOLD_S`."""
        person, room = self._hub.people.known(asker) if asker is not None else None, membership.room
        told = (room.name, membership.person.author, asker)
        if person is None or now - self._told.get(told, -TOLD_S) < TOLD_S:
            return
        self._told[told] = now
        block = encode_frame(encode(Notice(f"{membership.person.nick} does not answer: {why}", room.name, "warning")))
        for member in room.members:
            if member.person is person:
                member.delivery.offer(block)

    def find(self, c: "Connection", number: int | None, room: str | None = None) -> Turn:
        """Return the open turn with this number, of this connection and in this room, if one is named.

        Raises:
            Refusal: `no_turn`: there is none.
        """
        turn = None if number is None else self._open.get(number)
        if turn is None or turn.connection is not c or room not in (None, turn.room.name):
            why = "A bot speaks within a turn; ask for one first." if number is None else "This turn is over."
            raise Refusal("no_turn", why)
        return turn

    def in_room(self, room: str) -> list[Turn]:
        """Return the open turns of a room, oldest first."""
        return [turn for turn in self._open.values() if turn.room.name == room]

    def show(self, turn: Turn, text: str, doing: str) -> None:
        """Take note of what the turn's next post is so far, and show it to the room."""
        turn.text, turn.doing, turn.is_unseen = text, doing, True
        self._show_newest(turn, trio.current_time())

    def _show_newest(self, turn: Turn, now: float) -> None:
        """Show what the members have not been shown yet, unless it is too soon for another draft."""
        if not turn.is_unseen or not turn.pace.left(now):
            return
        turn.pace.spend(1)
        turn.is_unseen = False
        room, person = turn.room, turn.person
        shown = DraftShown(room.name, turn.number, person.author, person.nick, turn.text, turn.doing)
        room.show(turn.number, encode_frame(encode(shown)), but=turn.own)

    def speak(self, c: "Connection", number: int | None, room: str) -> Turn:
        """Return the turn in which a post is said now; what its draft said is no longer only a draft.

        Raises:
            Refusal: as `find`.
        """
        turn = self.find(c, number, room)
        turn.text, turn.is_unseen = "", False
        turn.room.forget_shown(turn.number)
        return turn

    def posted(self, number: int | None, tokens: int, *, more: bool) -> None:
        """Take note that a post of a turn is in the log: the last one, unless there is `more` to come."""
        turn = None if number is None else self._open.get(number)
        if turn is not None and not more:  # or it was ended meanwhile
            self.end(turn, "done", tokens=tokens)

    def end(self, turn: Turn, reason: str, *, by: str | None = None, tokens: int = 0) -> None:
        """End a turn, once: tell the room, and keep what it had said so far unless it is `done`."""
        if self._open.pop(turn.number, None) is None:
            return
        room, person = turn.room, turn.person
        self._governor.end(room.name, person.author)
        self._governor.use(room.name, tokens, self._hub.wall_clock_ms())
        room.forget_shown(turn.number)
        if turn.text and reason != "done":
            self._commit(turn)
        self._announce(turn, "ended", reason, by)

    def depart(self, c: "Connection", membership: "Membership", change: str) -> None:
        """End what ends when a connection is in a room no more: its turns, and those at the wish of who has left."""
        room, person = membership.room, membership.person
        for turn in self.in_room(room.name):
            if turn.connection is c:
                self.end(turn, "gone")
            elif change == "left" and turn.asker == person.author and person not in room.people:
                self.end(turn, "asker left", by=person.nick)

    def sweep(self, now: float) -> None:
        """End the turns that have taken too long, and show drafts that came too soon; called every now and then."""
        for turn in list(self._open.values()):
            if now >= turn.ends_at:
                self.end(turn, "deadline")
            else:
                self._show_newest(turn, now)
        self._told = {told: at for told, at in self._told.items() if now - at < TOLD_S}
        self._governor.sweep(now, self._hub.wall_clock_ms())

    async def run(self) -> None:
        """Append what ended turns had said so far, until cancelled."""
        async for draft in self._kept:
            while True:
                try:
                    await self._hub.store.append([draft])
                except StoreUnavailable as error:
                    log.error("the storage failed", error=str(error))
                    await trio.sleep(RETRY_S)  # again under the same key, so that it is there once
                else:
                    break
            if not self._kept.statistics().current_buffer_used:
                self._idle.set()

    async def idle(self) -> None:
        """Wait until nothing waits to be appended."""
        await self._idle.wait()

    def _commit(self, turn: Turn) -> None:
        room, person, now_ms = turn.room, turn.person, self._hub.wall_clock_ms()
        draft = Draft(
            room.name, person.author, f"stopped-{now_ms}-{turn.number}", now_ms, person.nick, "message", turn.text,
            bot=True, hops=turn.hops, stopped=True,
        )  # fmt: skip
        try:
            self._keep.send_nowait(draft)
        except trio.WouldBlock:
            log.error("what a bot had said is lost: the storage is too slow", nick=person.nick, room=room.name)
        else:
            if self._idle.is_set():
                self._idle = trio.Event()

    def _announce(self, turn: Turn, change: str, reason: str | None = None, by: str | None = None) -> None:
        room, person = turn.room, turn.person
        event = TurnChange(room.name, turn.number, person.author, person.nick, change, reason, by)
        room.announce(event, but=turn.own)
        if change == "ended" and turn.connection.machine.state is not State.CLOSED:
            turn.connection.send(event)  # whose turn it is hears of it whatever waits
