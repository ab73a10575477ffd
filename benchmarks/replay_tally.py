"""What a replay could not carry, carried in another way, or merely counted: how often, and where in the log.

This file owns the names of these matters and counting them. It must not know how a log is read or replayed.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

EXAMPLES: Final = 3
EXAMPLE_CHARS: Final = 90


class Matter(StrEnum):
    """What may become of a line; the value is how it is called in the summary."""

    EMPTY_TEXT = "messages without text"
    CONTROL_CHARACTER = "messages that hold a control character"
    LONG_TEXT = "messages longer than the protocol's limit"
    BAD_TOPIC = "topics too long, or with a control character"
    NICK_IN_USE = "changes to a nick that another connection has"
    LOGGER = "lines of the network or of the logging program"
    EMPTY_LINE = "empty lines"
    NOT_UTF8 = "lines that are not UTF-8"
    UNKNOWN_FORM = "lines of no known form"

    SILENT_ARRIVAL = "arrivals of people who say nothing in their window"
    SILENT_DEPARTURE = "departures of people who say nothing in their window"
    SILENT_RENAME = "nick changes of people who say nothing in their window"
    GONE_ALREADY = "departures of speakers who had left before"

    SUBSTITUTE = "nicks that nobody may bear: the speaker has a substitute"
    OTHER_CASE = "nicks that are another but for their case: one connection, which changes its nick"
    BACK_UNSEEN = "speakers back without an arrival in the log: they join before they speak"
    OLD_ACTION = 'actions in the form "=== nick text"'
    NOTICE = "channel notices, posted as messages"


GROUPS: Final[Mapping[str, tuple[Matter, ...]]] = {
    "Left out, because the protocol cannot carry it": (
        Matter.EMPTY_TEXT, Matter.CONTROL_CHARACTER, Matter.LONG_TEXT, Matter.BAD_TOPIC, Matter.NICK_IN_USE,
        Matter.LOGGER, Matter.EMPTY_LINE, Matter.NOT_UTF8, Matter.UNKNOWN_FORM,
    ),
    "Counted only": (
        Matter.SILENT_ARRIVAL, Matter.SILENT_DEPARTURE, Matter.SILENT_RENAME, Matter.GONE_ALREADY,
    ),
    "Carried in another way": (
        Matter.SUBSTITUTE, Matter.OTHER_CASE, Matter.BACK_UNSEEN, Matter.OLD_ACTION, Matter.NOTICE,
    ),
}  # fmt: skip
"""Every matter, under the heading of the summary that it belongs to."""


class Counted(Struct):
    """How often something was met, and the first few places where."""

    count: int = 0
    examples: list[str] = []


class Tally:
    """Counts matters and keeps a few examples of each."""

    def __init__(self) -> None:
        self.counted: dict[Matter, Counted] = {}

    def note(self, matter: Matter, line: int, what: str) -> None:
        """Count something met at `line` of the log."""
        counted = self.counted.setdefault(matter, Counted())
        counted.count += 1
        if len(counted.examples) < EXAMPLES:
            shown = what if len(what) <= EXAMPLE_CHARS else what[: EXAMPLE_CHARS - 1] + "…"
            counted.examples.append(f"line {line}: {shown!r}")

    def add(self, other: "Tally") -> None:
        """Count all that `other` has counted."""
        for matter, theirs in other.counted.items():
            mine = self.counted.setdefault(matter, Counted())
            mine.count += theirs.count
            mine.examples += theirs.examples[: EXAMPLES - len(mine.examples)]
