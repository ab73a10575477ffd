"""A turn: a bot's leave to speak in a room, and what of it others are told.

This file owns what is known of one turn. When it begins and ends, and who is told, is `turns`' to say.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

from protocol import DraftShown, TurnChange
from trio_chat.server.limits import TokenBucket

if TYPE_CHECKING:
    from trio_chat.server.connection import Connection
    from trio_chat.server.rooms import Membership

SHOWN_PER_S: Final = 20.0
"""Drafts of one turn that are shown in a second; more look no smoother. Of those between, the newest is shown later."""


class Origin(NamedTuple):
    """What a bot speaks of: at whose wish, if at somebody's; after how many turns of bots; in reply to what."""

    asker: str | None
    hops: int
    reply_to: int | None = None


class Turn:
    """One turn of one bot.

    Attributes:
        number: what names it on the wire.
        connection: that of the bot.
        person: the bot.
        room: where it speaks.
        asker: the author at whose wish it is; None if nobody's in particular.
        hops: how many turns of bots lead to it, itself included.
        reply_to: the seq of what it answers.
        text: what its next post is so far.
        doing: what the bot does besides.
        is_unseen: whether the members have not been shown this yet.
        ends_at: when it is ended, on Trio's clock.
        is_posting: whether something that it says is on its way into the log.
        ends_as: why it ends once that is there, and by whom.
    """

    __slots__ = (
        "asker", "connection", "doing", "ends_as", "ends_at", "hops", "is_posting", "is_unseen", "number", "pace",
        "person", "reply_to", "room", "text",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        connection: "Connection",
        membership: "Membership",
        origin: Origin,
        now: float,
        turn_s: float,
    ) -> None:
        self.number = number
        self.connection = connection
        self.person = membership.person
        self.room = membership.room
        self.asker = origin.asker
        self.hops = origin.hops + 1
        self.reply_to = origin.reply_to
        self.is_posting = False
        self.ends_as: tuple[str, str | None] | None = None
        self.text = self.doing = ""
        self.is_unseen = False
        self.ends_at = now + turn_s
        self.pace = TokenBucket(SHOWN_PER_S, SHOWN_PER_S, now)

    @property
    def own(self) -> "Membership | None":
        """The bot's membership in the room, which is not told like the others; it may have joined anew."""
        return self.connection.memberships.get(self.room.name)

    def change(self, change: str, reason: str | None = None, by: str | None = None) -> TurnChange:
        """Return what the room is told when it has `begun`, or `ended` for a `reason`, maybe at the wish of `by`."""
        who = self.person
        return TurnChange(self.room.name, self.number, who.author, who.nick, change, reason, by, self.asker)

    def shown(self) -> DraftShown:
        """Return what the room is shown of its next post."""
        return DraftShown(self.room.name, self.number, self.person.author, self.person.nick, self.text, self.doing)
