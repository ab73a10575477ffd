"""When a bot speaks: lines counted, time passed, its nick said, a question asked, somebody come, a word in private.

This file owns the rules, as synchronous code that is given the time and the events of one room and says what
to do. It must not know how an answer comes about, and it reads no clock.
"""

import math
import re
import unicodedata
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Final

from protocol import Gap, Live, Message, Presence
from trio_chat.client import ClientEvent, Connected, Disconnected

STALE_S: Final = 300.0
"""After a cut as long as this, what was said meanwhile is history: nobody waits for its answer any more."""


GREET_AGAIN_S: Final = 600.0
"""Whoever comes back within this time, perhaps after a cut, is not greeted again."""


class Reason(Enum):
    """What made the bot speak."""

    LINES = "lines"
    TIMER = "timer"
    MENTION = "mention"
    SEARCH = "search"
    PRIVATE = "private"
    ARRIVAL = "arrival"
    MESSAGE = "message"  # any line, for bots that look at each
    COMMAND = "command"  # one that the bot has added


@dataclass(frozen=True, slots=True)
class Cause:
    """One occasion to speak. `entry` is the message to be answered, `arrived` who has come, where there is one; `after`
    the line that has completed a number of them."""

    reason: Reason
    entry: Message | None = None
    arrived: Presence | None = None
    after: Message | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Me:
    """Who the bot is at the moment: its nick may change, and its author may after the server lost its memory."""

    author: str
    nick: str


class Triggers:
    """The rules at work in one room. Give it every event of the room, and those of the connection, in order.

    Lines that were said before the room was live trigger nothing. After a short cut, what was missed counts as
    if it came now; after a long one, or when the log starts anew, it is history again.

    Args:
        now: the time, in seconds of any clock that only goes forward, the same for all calls.
        every_lines: how many lines of people make a `Reason.LINES`; None: no number does.
        every_s: how many seconds make a `Reason.TIMER`; None: no time does.
        private_since: in a private room, the seq after which every line is for the bot; None: it is no private room.
        each_line: whether every line is a `Reason.MESSAGE`, if it is nothing more.
        greet: whether somebody's coming is a `Reason.ARRIVAL`.
        hear_bots: whether what other bots say counts like what people say.

    Attributes:
        due: when `tick` is to be called next; `math.inf` if never.
    """

    def __init__(
        self,
        now: float,
        *,
        every_lines: int | None = None,
        every_s: float | None = None,
        private_since: int | None = None,
        each_line: bool = False,
        greet: bool = False,
        hear_bots: bool = False,
    ) -> None:
        self._private_since = private_since
        self._each_line = each_line
        self._greet = greet
        self._hear_bots = hear_bots
        self._every_lines = every_lines
        self._every_s = every_s
        self._lines = 0  # of people, since the bot last had a reason to speak
        self._live = private_since is not None  # whoever opened it has said the first line meanwhile
        self._cut_at: float | None = None
        self._greeted: dict[str, float] = {}  # when those who were here of late have come last
        self.due = math.inf if every_s is None else now + every_s

    def observe(self, event: ClientEvent, now: float, me: Me) -> tuple[Cause, ...]:
        """Take in one event and say what it asks for.

        Where a line both addresses the bot and completes the number of lines, one answer does for both.
        """
        match event:
            case Message():
                return self._hear(event, me)
            case Presence(change="joined"):
                if self._live and self._greet and not event.bot and event.author != me.author:
                    return self._greeting(event, now)
            case Live():
                self._live = True
            case Gap(reason="epoch"):
                self._live = False
            case Disconnected():
                self._cut_at = now if self._cut_at is None else self._cut_at
            case Connected():
                self._live = self._live and (self._cut_at is None or now - self._cut_at < STALE_S)
                self._cut_at = None
        return ()

    def tick(self, now: float) -> Cause | None:
        """Say whether the timer asks for something, and set `due` anew. Beats that were missed are not made up for.

        While the connection is cut, and before the room is live, nothing is asked for.
        """
        if now < self.due or self._every_s is None:
            return None
        self.due = now + self._every_s - (now - self.due) % self._every_s
        if not self._live or self._cut_at is not None:
            return None
        return Cause(Reason.TIMER)

    def _hear(self, said: Message, me: Me) -> tuple[Cause, ...]:
        if not self._live or said.redacted or said.author == me.author or said.seq <= (self._private_since or 0):
            return ()
        heard = self._hear_bots or not said.bot
        if said.asks == me.author:  # whoever asks, a bot too: an answer is no question, so there is no loop
            reason = Reason.SEARCH if said.command == "search" else Reason.COMMAND
        elif not heard:
            return ()
        elif said.command is not None:
            reason = Reason.LINES  # it is for another bot, whatever it says
        elif self._private_since is not None:
            reason = Reason.PRIVATE
        else:
            reason = Reason.MENTION if mentions(said.text, me.nick) else Reason.LINES
        if heard:
            self._lines += 1
        full = self._every_lines is not None and self._lines >= self._every_lines
        if full:
            self._lines = 0
        if reason is not Reason.LINES:
            return (Cause(reason, said),)
        each = (Cause(Reason.MESSAGE, said),) if self._each_line and said.command is None else ()
        return (*each, Cause(reason, after=said)) if full else each

    def _greeting(self, arrived: Presence, now: float) -> tuple[Cause, ...]:
        for author in [author for author, at in self._greeted.items() if now - at >= GREET_AGAIN_S]:
            del self._greeted[author]
        is_back = arrived.author in self._greeted
        self._greeted[arrived.author] = now
        return () if is_back else (Cause(Reason.ARRIVAL, arrived=arrived),)


def mentions(text: str, nick: str) -> bool:
    """Return whether `nick` stands in `text` as a word of its own, upper and lower case being the same.

    Part of a longer word is no mention, nor is part of a hyphenated one: ``robot`` and ``bot-net`` do not call ``bot``.
    """
    return _mention(nick).search(_folded(text)) is not None


@lru_cache(maxsize=64)
def _mention(nick: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?<!\w-){re.escape(_folded(nick))}(?!\w)(?!-\w)")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
