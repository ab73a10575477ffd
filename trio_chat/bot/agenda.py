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
        self._others: dict[Reason, Cause] = {}
        self._line_was_last = False

    def offer(self, cause: Cause) -> Verdict:
        """Take in `cause`, if there is room for it."""
        if cause.entry is None:
            verdict = Verdict.MERGED if cause.reason in self._others else Verdict.TAKEN
            self._others[cause.reason] = cause
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

    def take(self) -> Cause | None:
        """Return what is to be answered next, or None if nothing waits."""
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
        for waiting in (self._questions, self._lines):
            for cause in [cause for cause in waiting if cause.entry is not None and cause.entry.seq == seq]:
                waiting.remove(cause)

    def clear(self) -> None:
        """Drop all that waits: it belongs to a log that is no more."""
        self._questions.clear()
        self._lines.clear()
        self._others.clear()
