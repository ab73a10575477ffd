"""What a server counts while it works: plain numbers, for whoever looks at them now and then.

This file owns the counting, which is done millions of times a second and must cost next to nothing: no locks, no labels
to look up. It must not know how the numbers are shown.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from typing import Final

COMMIT_BOUNDS_S: Final = (
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
"""From what memory takes to what a dying disk does; SQLite's fsync is in the middle."""

TURN_ENDS: Final = ("done", "stopped", "deadline", "gone", "moved", "asker left")
"""Why turns end; counted from zero, for a rate needs a first value."""


class Histogram:
    """How often something took up to how long.

    Args:
        bounds: the upper bounds of the buckets, inclusive, ascending; above the last one there is another bucket.

    Attributes:
        bounds: the same.
        counts: of each bucket by itself.
        total: of all that was observed.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Tally:
    """What has happened since the server was started.

    Args:
        clock: any monotonic one, in seconds. Trio's is the same as the default, and takes 0.3 µs to say so: much, for
            what only a histogram is told.

    Attributes:
        clock: the same.
        entries: committed to the logs and published.
        delivered_live: entries given to a member as they were published; an entry that three get counts three times.
        delivered_from_log: entries that a member was sent in pages, as it came, came back, or read slowly.
        commit_s: from handing something to the store until its feed told of it.
        failed_appends: calls of `append` that the store has refused; what they brought is usually sent again.
        turns_ended: by reason.
        refused: answers that were an `error`, by code.
        http: HTTP requests by what they were for, and the status that answered them.
    """

    __slots__ = (
        "clock", "commit_s", "delivered_from_log", "delivered_live", "entries", "failed_appends", "http", "refused",
        "turns_ended",
    )  # fmt: skip

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.entries = 0
        self.delivered_live = 0
        self.delivered_from_log = 0
        self.commit_s = Histogram(COMMIT_BOUNDS_S)
        self.failed_appends = 0
        self.turns_ended = Counter(dict.fromkeys(TURN_ENDS, 0))
        self.refused: Counter[str] = Counter()
        self.http: Counter[tuple[str, int]] = Counter()
