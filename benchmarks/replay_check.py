"""What differs between what somebody saw and what the log says.

This file owns the comparison. It must not know how a transcript came about; it trusts nothing in it.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from benchmarks.replay_plan import Expected
from protocol import Entry, Message, TopicSet


class Difference(Struct, frozen=True):
    """One thing that is not as it should be; `where` names the window and who saw it, `what` is a sentence."""

    kind: Literal["hole", "double", "order", "changed", "foreign", "answer", "stream"]
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.kind}: {self.what}"


class Truth(Struct, frozen=True):
    """What every transcript of a window has to be.

    Attributes:
        room: the room's name.
        expected: the entries; the first has seq 1.
        authors: the public id of each speaker.
    """

    room: str
    expected: Sequence[Expected]
    authors: Sequence[str]


def differences(truth: Truth, transcript: Sequence[Entry], where: str) -> list[Difference]:
    """Return everything in which a transcript is not the truth; an empty list if it is the truth exactly."""
    found: list[Difference] = []

    def differ(kind: Literal["hole", "double", "order", "changed", "foreign"], what: str) -> None:
        found.append(Difference(kind, where, what))

    seen: set[int] = set()
    highest = 0
    for entry in transcript:
        seq = entry.seq
        if not 1 <= seq <= len(truth.expected):
            differ("foreign", f"seq {seq} is not in the log of {len(truth.expected)} entries")
            continue
        if seq in seen:
            differ("double", f"seq {seq} came once more")
        elif seq < highest:
            differ("order", f"seq {seq} came after {highest}")
        seen.add(seq)
        highest = max(highest, seq)
        if changed := _changed(truth, entry):
            differ("changed", f"seq {seq} (line {truth.expected[seq - 1].line} of the log) has {changed}")
    for seq, expected in enumerate(truth.expected, 1):
        if seq not in seen:
            differ("hole", f"seq {seq} (line {expected.line} of the log) never came")
    return found


def _changed(truth: Truth, entry: Entry) -> str:
    """Say in what an entry is not as it should be."""
    expected = truth.expected[entry.seq - 1]
    wanted: dict[str, object] = {
        "room": truth.room,
        "author": truth.authors[expected.speaker],
        "nick": expected.nick,
        "text": expected.text,
    }
    if expected.kind == "topic":
        made: type[Entry] = TopicSet
    else:
        made = Message
        wanted |= {"action": expected.kind == "action", "bot": False, "reply_to": None, "command": None}
        wanted |= {"edited_at": None, "redacted": False}
    if type(entry) is not made:
        return f"type {type(entry).__name__} instead of {made.__name__}"
    return ", ".join(
        f"{field} {got!r} instead of {value!r}"
        for field, value in wanted.items()
        if (got := getattr(entry, field)) != value
    )


class Comparison:
    """Compares the transcripts of a window, of which nearly all are the same: one is looked at entry by entry.

    Args:
        truth: what they have to be.
    """

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._right: Sequence[Entry] | None = None  # a transcript that was found to be right

    def differences(self, transcript: Sequence[Entry], where: str) -> list[Difference]:
        """Return what `differences` returns."""
        if self._right is not None and transcript == self._right:
            return []
        found = differences(self._truth, transcript, where)
        if not found:
            self._right = transcript
        return found
