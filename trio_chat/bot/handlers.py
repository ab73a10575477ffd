"""What a bot does by functions of its author's: which function is for what, and what it is given.

This file owns both. It must not know how a function comes to run, or how its words reach the room.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from protocol import CommandOffer, Message
from trio_chat.bot.context import Conversation, Line
from trio_chat.bot.needs import RoomClient
from trio_chat.bot.triggers import Cause, Reason


class Saying(Protocol):
    """Who says what a function wants said."""

    async def reply(self, text: str) -> None: ...

    def show(self, text: str, doing: str) -> None: ...


class Occasion:
    """One occasion on which a function of a bot's author is called: it says why, and is how to answer.

    Attributes:
        reason: why: `Reason.MESSAGE`, `MENTION`, `PRIVATE`, `COMMAND`, `SEARCH`, `ARRIVAL` or `TIMER`.
        room: where.
        nick: who has said something, or has come; empty for the timer.
        text: what was said, of a command the words behind its name; empty where nothing was.
        entry: the message, where there is one.
        client: the bot's client, to read the room's history or see who is there.
    """

    def __init__(self, cause: Cause, conversation: Conversation, client: RoomClient, saying: Saying) -> None:
        self.reason = cause.reason
        self.room = conversation.room
        self.nick = cause.entry.nick if cause.entry else cause.arrived.nick if cause.arrived else ""
        self.text = cause.entry.text if cause.entry else ""
        self.entry: Message | None = cause.entry
        self.client = client
        self._conversation = conversation
        self._saying = saying

    @property
    def lines(self) -> Sequence[Line]:
        """The last lines of the room, oldest first, as far as the bot's window of the conversation goes back."""
        return self._conversation.lines

    async def reply(self, text: str) -> None:
        """Say something, before the function ends. A text too long for one message becomes several.

        The first thing that is said or shown begins the bot's turn, unless it has one already; the turn lasts until the
        function returns. Where the server refuses the turn, or ends it (``/stop``, for one), the function is cancelled.

        Raises:
            Refused: the room does not take it.
            RuntimeError: the function has ended: a task that it has left behind says nothing.
        """
        await self._saying.reply(text)

    def show(self, text: str, doing: str = "") -> None:
        """Show people what is about to be said, as far as it is known, and in a line what is done besides; never waits.

        The newest text replaces the one before. A turn that is stopped leaves it in the room, marked so.

        Raises:
            TypeError: that is no text.
            RuntimeError: as `reply`.
        """
        self._saying.show(text, doing)


Handler = Callable[[Occasion], Awaitable[str | None] | AsyncIterator[str]]
"""A function of a bot's author: `async def`, it returns what the bot is to say, or None; or an asynchronous generator,
whose pieces are shown as they come and are said together."""


def name_of(handler: Handler) -> str:
    """Return what to call a function in a sentence."""
    return getattr(handler, "__name__", type(handler).__name__)


@dataclass(frozen=True)
class Handlers:
    """The functions of one bot.

    Args:
        reasons: which one is called for what; the one for `Reason.MENTION` also for `Reason.PRIVATE`.
        commands: which one carries out a command, by its name without the slash.
        offers: the commands as people are shown them.
        strict: whether a function's fault ends the bot, as a test wants it, and not that call alone.
    """

    reasons: dict[Reason, Handler] = field(default_factory=dict)
    commands: dict[str, Handler] = field(default_factory=dict)
    offers: list[CommandOffer] = field(default_factory=list)
    strict: bool = False

    def are_awaited(self, cause: Cause) -> bool:
        """Return whether the function for an occasion is one that answers somebody."""
        addressed = cause.reason in (Reason.MENTION, Reason.PRIVATE) and Reason.MENTION in self.reasons
        return addressed or cause.reason in (Reason.COMMAND, Reason.SEARCH)

    def find(self, cause: Cause) -> Handler | None:
        """Return the function for an occasion, if there is one."""
        match cause.reason:
            case Reason.COMMAND | Reason.SEARCH if cause.entry is not None:
                return self.commands.get(cause.entry.command or "")
            case Reason.MENTION | Reason.PRIVATE:
                return self.reasons.get(Reason.MENTION)
        return self.reasons.get(cause.reason)
