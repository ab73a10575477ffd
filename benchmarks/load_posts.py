"""Every message that a load sent, what was answered, and where it was seen: and the faults that this brings up.

This file owns the messages by their number, and counting faults. It must not know sockets or clocks, nor who received
what.
"""

from array import array
from collections import Counter
from collections.abc import Iterator
from typing import Final

from benchmarks.load_schedule import Due, number_in, text_of
from protocol import Entry, Error, Message, Posted

EXAMPLES_KEPT: Final = 3

LOST: Final = "lost"
DOUBLED: Final = "doubled"
DISORDER: Final = "out of order"
CHANGED: Final = "changed"
UNANSWERED: Final = "never answered"
REFUSED: Final = "refused"
CUT: Final = "connections lost"

RATE_LIMITED: Final = "too_many"
"""The one refusal that is no fault: the server's operator wants it so."""


class Faults:
    """Counts what a server may not do, by kind, and keeps a few examples of each.

    Attributes:
        counts: how often each kind was met.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def note(self, kind: str, what: str, count: int = 1) -> None:
        """Count a fault `count` times; `what` says what and where, in a few words."""
        self.counts[kind] += count
        examples = self._examples.setdefault(kind, [])
        if len(examples) < EXAMPLES_KEPT:
            examples.append(what)

    def sentences(self) -> Iterator[str]:
        """Yield a sentence for each kind, with its examples."""
        for kind, count in self.counts.items():
            examples = "; ".join(self._examples[kind])
            rest = "; …" if count > len(self._examples[kind]) else ""
            yield f"{kind.capitalize()}: {count:,} ({examples}{rest})."


class Posts:
    """The messages, numbered from 0.

    Args:
        nicks: those of the clients, by their number.
        faults: where faults are counted.

    Attributes:
        due_s: when each was due, in seconds since the start.
        acknowledged: how many have their `posted`.
        refused: how many were refused, by the error's code.
    """

    def __init__(self, nicks: list[str], faults: Faults) -> None:
        self.due_s = array("d")
        self.acknowledged = 0
        self.refused: Counter[str] = Counter()
        self._nicks = nicks
        self._ours = frozenset(nicks)
        self._faults = faults
        self._senders = array("l")
        self._chars = array("l")
        self._acked_at = array("q")  # seqs, where 0 stands for none
        self._seen_at = array("q")

    def __len__(self) -> int:
        return len(self.due_s)

    @property
    def unanswered(self) -> int:
        """How many wait for their answer."""
        return len(self) - self.acknowledged - self.refused.total()

    def add(self, due: Due) -> tuple[int, str]:
        """Take in a message that is about to be sent; return its number and its text."""
        number = len(self)
        self.due_s.append(due.at_s)
        self._senders.append(due.sender)
        self._chars.append(due.chars)
        self._acked_at.append(0)
        self._seen_at.append(0)
        return number, text_of(number, due.chars)

    def answer(self, number: int, answer: Posted | Error) -> None:
        """Take in the answer to a message."""
        if isinstance(answer, Posted):
            self.acknowledged += 1
            self._acked_at[number] = answer.seq
            if answer.duplicate:
                self._faults.note(DOUBLED, f"message {number} was sent once and acknowledged as a duplicate")
            return
        self.refused[answer.code] += 1
        if answer.code != RATE_LIMITED:
            self._faults.note(REFUSED, f"message {number}: {answer.code}: {answer.message}")

    def see(self, entry: Entry) -> int | None:
        """Take in an entry, the first time that anybody sees it; return which message it is, None for a stranger's."""
        if entry.nick not in self._ours:
            return None
        number = number_in(entry.text) if isinstance(entry, Message) else None
        if number is None or not self._is(entry, number):
            self._faults.note(CHANGED, f"nobody sent what stands at seq {entry.seq} of {entry.room}")
            return None
        if self._seen_at[number]:
            where = f"seq {self._seen_at[number]} and {entry.seq} of {entry.room}"
            self._faults.note(DOUBLED, f"message {number} stands at {where}")
        self._seen_at[number] = entry.seq
        return number

    def _is(self, entry: Entry, number: int) -> bool:
        return (
            isinstance(entry, Message)
            and number < len(self)
            and entry.nick == self._nicks[self._senders[number]]
            and entry.text == text_of(number, self._chars[number])
        )

    def compare(self, *, all_there: bool) -> None:
        """Hold what was seen against what was acknowledged, once nothing more comes.

        `all_there` says that nobody's connection was lost, so whatever was acknowledged must have been seen.
        """
        newest: dict[int, int] = {}  # the seq of each sender's last message: all of them go to one room, in their order
        for number, (acked, seen, sender) in enumerate(zip(self._acked_at, self._seen_at, self._senders, strict=True)):
            if not acked or not (seen or all_there):
                continue
            if acked < newest.get(sender, 0):
                before = f"seq {newest[sender]}, that of one which was sent before it"
                self._faults.note(DISORDER, f"message {number} was acknowledged as seq {acked} after {before}")
            newest[sender] = max(acked, newest.get(sender, 0))
            if not seen:
                self._faults.note(LOST, f"message {number} was acknowledged as seq {acked}, and nobody saw it")
            elif acked != seen:
                self._faults.note(CHANGED, f"message {number} was acknowledged as seq {acked} and seen as {seen}")
        if self.unanswered:
            self._faults.note(UNANSWERED, f"of {len(self):,} messages", self.unanswered)
