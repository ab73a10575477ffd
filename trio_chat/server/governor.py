"""How much bots may speak: hops, turns at once, turns a minute, tokens a day.

This file owns the rules, as synchronous code that is given the time and the facts and says yes or no. It must not know
connections, the log, or what a turn says.
"""

import math
from collections import defaultdict, deque
from typing import Annotated, Final

from msgspec import Meta, Struct

MINUTE_S: Final = 60.0
DAY_MS: Final = 86_400_000


class Allowance(Struct, frozen=True, forbid_unknown_fields=True):
    """What bots are allowed in a room. None: any number.

    Attributes:
        hops: how long a chain of bots may be that answer each other, from what no bot said.
        room_turns: turns a minute in one room.
        asker_turns: turns a minute that one person may cause in one room.
        tokens: tokens a day (UTC) in one room, as the bots report them.
        turn_s: how long one turn may take, in seconds.
    """

    hops: Annotated[int, Meta(ge=0)] = 3
    room_turns: Annotated[int, Meta(ge=0)] | None = 30
    asker_turns: Annotated[int, Meta(ge=0)] | None = 10
    tokens: Annotated[int, Meta(ge=0)] | None = None
    turn_s: Annotated[float, Meta(gt=0)] = 300.0


class NoTurn(Exception):
    """A bot may not speak now; `str()` says why, in a sentence for the room.

    Attributes:
        retry_after_s: in how many seconds it may; None where time does not help.
        is_of_hops: whether it may once somebody else has spoken.
    """

    def __init__(self, message: str, retry_after_s: float | None = None, *, is_of_hops: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.is_of_hops = is_of_hops


class Governor:
    """Keeps count of the turns of all rooms.

    Args:
        allowance: the limits, the same in all rooms.
    """

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._speaking: set[tuple[str, str]] = set()  # a room and the author of a bot there
        self._begun: defaultdict[tuple[str, str | None], deque[float]] = defaultdict(deque)  # by room and asker
        self._tokens: dict[str, tuple[int, int]] = {}  # by room: the day, and what was used on it

    def begin(self, room: str, bot: str, asker: str | None, hops: int, now: float, now_ms: int) -> None:
        """Count a turn that begins.

        Args:
            room: where.
            bot: whose turn it is.
            asker: who caused it; None where nobody in particular did.
            hops: how many turns of bots lead to it, itself included: at least 1.
            now: seconds, of a clock that only goes forward.
            now_ms: Unix milliseconds: what day it is.

        Raises:
            NoTurn: it may not begin; nothing was counted.
        """
        limits = self._allowance
        if (room, bot) in self._speaking:
            raise NoTurn("This bot is speaking here already; it has one turn at a time.")
        if hops > limits.hops:
            had = "one turn" if limits.hops == 1 else f"{limits.hops} turns"
            why = f"Bots have had {had} since anybody else spoke; they go on once somebody speaks."
            raise NoTurn(why if limits.hops else "Bots may not speak on this server.", is_of_hops=True)
        if limits.tokens is not None and self._used(room, now_ms) >= limits.tokens:
            left_s = (DAY_MS - now_ms % DAY_MS) / 1000
            raise NoTurn("The bots of this room have used up their tokens for today.", left_s)
        counted: list[tuple[str | None, int | None, str]] = [(None, limits.room_turns, "for this room")]
        if asker is not None:
            counted.append((asker, limits.asker_turns, "at the wish of one person"))
        for who, most, what in counted:
            if most is not None and (wait_s := self._wait_s((room, who), most, now)):
                raise NoTurn(f"Bots speak {most} times a minute at most {what}.", wait_s if most else None)
        self._speaking.add((room, bot))
        for who, most, _ in counted:
            if most is not None:
                self._begun[room, who].append(now)

    def end(self, room: str, bot: str) -> None:
        """Count a turn as over."""
        self._speaking.discard((room, bot))

    def use(self, room: str, tokens: int, now_ms: int) -> None:
        """Count tokens that a bot has reported."""
        self._tokens[room] = (now_ms // DAY_MS, self._used(room, now_ms) + tokens)

    def sweep(self, now: float, now_ms: int) -> None:
        """Forget what counts no more; called every now and then."""
        for who, times in list(self._begun.items()):
            if not times or now - times[-1] >= MINUTE_S:
                del self._begun[who]
        for room, (day, _) in list(self._tokens.items()):
            if day != now_ms // DAY_MS:
                del self._tokens[room]

    def _used(self, room: str, now_ms: int) -> int:
        day, used = self._tokens.get(room, (0, 0))
        return used if day == now_ms // DAY_MS else 0

    def _wait_s(self, who: tuple[str, str | None], most: int, now: float) -> float:
        times = self._begun[who]
        while times and now - times[0] >= MINUTE_S:
            times.popleft()
        if len(times) < most:
            return 0.0
        return MINUTE_S - (now - times[0]) if most else math.inf
