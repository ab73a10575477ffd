"""What a bot still has to answer while it is busy answering.

This file owns the order of that and its bound. It must not know why something is to be answered, or how.
"""

from collections import deque
from enum import Enum
from typing import Final

from trio_chat.bot.triggers import Cause, Reason

MAX_QUESTIONS: Final = 8
"""Questions that may wait. At some ten seconds each, the last of them waits more than a minute already."""


MAX_LINES: Final = 1_000
"""Lines that may wait to be looked at, by a bot that looks at each."""


MAX_OTHERS: Final = 8
"""What may wait that nobody waits for: the beat of the timer, a number of lines, and people to be greeted."""


class Verdict(Enum):
    """What became of something offered."""

    TAKEN = "taken"
    MERGED = "merged"  # the same is waiting already, and one answer will do for both
    REFUSED = "refused"  # too many questions wait
    DROPPED = "dropped"  # too many lines wait


class Agenda:
    """Causes that wait. Questions come first, in their order; then, in turns, a line that is only looked at, and
    something that nobody in particular waits for, of which there is one each: neither keeps the other waiting for ever.

    Args:
        max_questions: searches and mentions that may wait, at least 1.
        max_lines: lines that may wait, at least 1.
    """

    def __init__(self, max_questions: int = MAX_QUESTIONS, max_lines: int = MAX_LINES) -> None:
        self._max_questions = max_questions
        self._max_lines = max_lines
        self._lines: deque[Cause] = deque()
        self._questions: deque[Cause] = deque()
        self._others: dict[tuple[Reason, str | None], Cause] = {}  # by who has arrived
        self._first: Cause | None = None
        self._line_was_last = False

    def offer(self, cause: Cause) -> Verdict:
        """Take in `cause`, if there is room for it."""
        if cause.entry is None:
            what = (cause.reason, cause.arrived.author if cause.arrived else None)
            if what not in self._others and len(self._others) >= MAX_OTHERS:
                return Verdict.MERGED  # so many have come that a greeting is for nobody in particular
            verdict = Verdict.MERGED if what in self._others else Verdict.TAKEN
            self._others[what] = cause
            return verdict
        if cause.reason is Reason.MESSAGE:
            if len(self._lines) >= self._max_lines:
                return Verdict.DROPPED
            self._lines.append(cause)
            return Verdict.TAKEN
        if len(self._questions) >= self._max_questions:
            return Verdict.REFUSED
        self._questions.append(cause)
        return Verdict.TAKEN

    def put_back(self, cause: Cause) -> None:
        """Take in again, ahead of all others, what was taken last and could not be answered."""
        self._first = cause

    def take(self) -> Cause | None:
        """Return what is to be answered next, or None if nothing waits."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        if self._questions:
            return self._questions.popleft()
        if self._lines and not (self._others and self._line_was_last):
            self._line_was_last = True
            return self._lines.popleft()
        if self._others:
            self._line_was_last = False
            return self._others.pop(next(iter(self._others)))
        return None

    def forget(self, seq: int) -> None:
        """Drop what stands at `seq` in the room's log: it was taken back."""
        if self._first is not None and self._first.entry is not None and self._first.entry.seq == seq:
            self._first = None
        for waiting in (self._questions, self._lines):
            for cause in [cause for cause in waiting if cause.entry is not None and cause.entry.seq == seq]:
                waiting.remove(cause)

    def clear(self) -> None:
        """Drop all that waits: it belongs to a log that is no more."""
        self._first = None
        self._questions.clear()
        self._lines.clear()
        self._others.clear()
