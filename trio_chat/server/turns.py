"""The turns of all rooms: from the asking to the end, which comes exactly once.

This file owns which turns are open, and what becomes of one that is ended from outside: what it had said so far goes
into the log. Whether a turn may begin is the governor's to say. It must not know requests, or how drafts reach anybody.
"""

import math
from itertools import count
from typing import TYPE_CHECKING, Final

import trio

from protocol import Notice, Post, State, encode, encode_frame
from trio_chat.server.errors import Refusal
from trio_chat.server.governor import Allowance, Governor, NoTurn
from trio_chat.server.keeping import Keeper
from trio_chat.server.turn import Origin, Turn
from trio_chat.store import Draft

if TYPE_CHECKING:
    from trio_chat.server.connection import Connection
    from trio_chat.server.hub import Hub
    from trio_chat.server.rooms import Membership

TOLD_S: Final = 60.0
"""How long somebody is not told again that a bot does not answer."""

KEPT_S: Final = 3_600.0
"""How long it is known who was greeted: longer than anybody may be greeted after coming."""

LATE_S: Final = 60.0
"""How long after its end, from outside, a bot may tell what a turn has used."""


class Turns:
    """The turns of all rooms.

    Args:
        hub: what all connections share.
        allowance: what bots may do.

    Attributes:
        keeper: appends what was said so far in turns that are ended from outside.
    """

    def __init__(self, hub: "Hub", allowance: Allowance) -> None:
        self._hub = hub
        self._allowance = allowance
        self._governor = Governor(allowance)
        self._numbers = count(1)
        self._open: dict[int, Turn] = {}
        self._over: dict[int, tuple[Turn, float]] = {}  # ended from outside, and when
        self._told: dict[tuple[str, str, str | None], float] = {}  # when somebody was told last of a bot in a room
        self._silent: set[tuple[str, str]] = set()  # rooms and bots of which the room was told that they keep silent
        self._greeted: dict[tuple[str, str, str], float] = {}  # who was greeted by a bot in a room: when they had come
        self.keeper = Keeper(hub)

    def begin(self, c: "Connection", membership: "Membership", origin: Origin) -> Turn:
        """Begin a turn, and tell the room. One that another connection of the bot has there ends: it may be a lost one.

        Raises:
            Refusal: `no_turn`, with the governor's reason.
        """
        now, room, person = trio.current_time(), membership.room, membership.person
        for lost in self.in_room(room.name):
            if lost.person is person and lost.connection is not c:
                self.end(lost, "moved")
        hops = origin.hops + 1
        try:
            self._governor.begin(room.name, person.author, origin.asker, hops, now, self._hub.wall_clock_ms())
        except NoTurn as no:
            wait_ms = None if no.retry_after_s is None else int(no.retry_after_s * 1000) + 1
            self._tell(membership, origin.asker, no, now)
            raise Refusal("no_turn", str(no), wait_ms) from None
        self._silent.discard((room.name, person.author))
        turn = Turn(next(self._numbers), c, membership, origin, now, self._allowance.turn_s)
        self._open[turn.number] = turn
        self._announce(turn, "begun")
        return turn

    def greets(self, bot: str, room: str, author: str, came: float) -> bool:
        """Note that a bot greets somebody who has `come`, and return whether it has not yet."""
        greeted = (room, bot, author)
        is_new = self._greeted.get(greeted, -math.inf) < came
        self._greeted[greeted] = came
        return is_new

    def _tell(self, membership: "Membership", asker: str | None, no: NoTurn, now: float) -> None:
        """Tell who asked why a bot does not answer, once in `TOLD_S`; or the room, once, why it is silent."""
        room, bot = membership.room, membership.person
        if asker is None:
            if no.is_of_hops and (room.name, bot.author) not in self._silent:
                self._silent.add((room.name, bot.author))
                room.announce(Notice(f"{bot.nick} keeps silent: {no}", room.name), but=membership)
            return
        person = self._hub.people.known(asker)
        told = (room.name, bot.author, asker)
        if person is None or now - self._told.get(told, -TOLD_S) < TOLD_S:
            return
        self._told[told] = now
        block = encode_frame(encode(Notice(f"{bot.nick} does not answer: {no}", room.name, "warning")))
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

    @property
    def open_count(self) -> int:
        """How many turns are open."""
        return len(self._open)

    def in_room(self, room: str) -> list[Turn]:
        """Return the open turns of a room, oldest first."""
        return [turn for turn in self._open.values() if turn.room.name == room]

    def show_all(self, membership: "Membership") -> None:
        """Show somebody who has just entered a room the turns that are open there, as if they began now."""
        for turn in self.in_room(membership.room.name):
            if turn.own is not membership:
                membership.delivery.offer(encode_frame(encode(turn.change("begun"))))
                if turn.text or turn.doing:
                    membership.delivery.show(turn.number, encode_frame(encode(turn.shown())))

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
        turn.room.show(turn.number, encode_frame(encode(turn.shown())), but=turn.own)

    def speak(self, c: "Connection", number: int | None, room: str) -> Turn:
        """Return the turn in which a post is said now; what its draft said is no longer only a draft.

        Raises:
            Refusal: as `find`.
        """
        turn = self.find(c, number, room)
        turn.text, turn.is_unseen = "", False
        turn.room.forget_shown(turn.number)
        return turn

    def begin_posting(self, c: "Connection", number: int | None) -> Turn:
        """Note that something said in a turn is on its way into the log: what would end the turn waits for that."""
        turn = self.find(c, number)
        turn.is_posting = True
        return turn

    def end_posting(self, turn: Turn, last: Post | None) -> None:
        """Note that it is there, up to the post `last`, or that it will not be there (None)."""
        turn.is_posting = False
        if last is not None and not last.more:
            self.end(turn, "done", tokens=last.tokens)
        elif turn.ends_as is not None:
            reason, by = turn.ends_as
            self.end(turn, reason, by=by)

    def finish(self, c: "Connection", number: int, tokens: int) -> None:
        """End a turn without a word, at its bot's wish; or take note of what one has used that was ended from outside.

        Raises:
            Refusal: `no_turn`: there is none.
        """
        over, _ = self._over.pop(number, (None, 0.0))
        if over is not None and over.connection is c:
            self._governor.use(over.room.name, tokens, self._hub.wall_clock_ms())
        else:
            self.end(self.find(c, number), "done", tokens=tokens)

    def end(self, turn: Turn, reason: str, *, by: str | None = None, tokens: int = 0) -> None:
        """End a turn, once: tell the room, and keep what it had said so far unless it is `done`."""
        if turn.is_posting:
            turn.ends_as = turn.ends_as or (reason, by)
            return
        if self._open.pop(turn.number, None) is None:
            return
        if reason not in ("done", "gone", "moved"):
            self._over[turn.number] = (turn, trio.current_time())
        self._hub.tally.turns_ended[reason] += 1
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
            c.delivery.forget_shown(turn.number)  # who is here no more is not told when it ends, either
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
        self._over = {number: (turn, at) for number, (turn, at) in self._over.items() if now - at < LATE_S}
        self._greeted = {greeted: came for greeted, came in self._greeted.items() if now - came < KEPT_S}
        self._silent = {(room, bot) for room, bot in self._silent if room in self._hub.rooms}
        self._governor.sweep(now, self._hub.wall_clock_ms())

    def _commit(self, turn: Turn) -> None:
        room, person, now_ms = turn.room, turn.person, self._hub.wall_clock_ms()
        draft = Draft(
            room.name, person.author, f"stopped-{now_ms}-{turn.number}", now_ms, person.nick, "message", turn.text,
            bot=True, reply_to=turn.reply_to, hops=turn.hops, stopped=True,
        )  # fmt: skip
        self.keeper.keep(draft)

    def _announce(self, turn: Turn, change: str, reason: str | None = None, by: str | None = None) -> None:
        event = turn.change(change, reason, by)
        turn.room.announce(event, but=turn.own)
        if change == "ended" and turn.connection.machine.state is not State.CLOSED:
            turn.connection.send(event)  # whose turn it is hears of it whatever waits
