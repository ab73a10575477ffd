"""How long to wait before trying again: exponential backoff with full jitter.

This file owns the rule. It must not know what is tried, nor sleep: it is told what happened and says how long.
"""

import random
from collections.abc import Callable
from typing import Final

FIRST_S: Final = 0.1
"""The cap of the first wait: a restarted server is back in about that time."""

CAP_S: Final = 15.0
"""The cap of all waits: what a person still sits through, and 1,000 clients are some 130 attempts a second."""

STABLE_S: Final = CAP_S
"""What must have held for this long counts as recovered; one that fails sooner goes on where it was."""


class Backoff:
    """The waits of one thing that is tried again and again.

    Full jitter (uniform between 0 and the cap) spreads a crowd that lost its server at the same moment better
    than a jitter around the cap does (Brooker, "Exponential Backoff And Jitter", 2015).

    Args:
        uniform: draws a number between two; `random.uniform` unless a test wants to know which.
    """

    __slots__ = ("_failures", "_uniform")

    def __init__(self, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._failures = 0
        self._uniform = uniform

    def failed(self, retry_after_ms: int | None = None) -> float:
        """Note a failure and return how many seconds to wait: the jitter, on top of what the server asked for."""
        cap = min(CAP_S, FIRST_S * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return (retry_after_ms or 0) / 1_000 + self._uniform(0.0, cap)

    def held(self, seconds: float) -> None:
        """Note that it worked for so long: after `STABLE_S` the next failure counts as the first."""
        if seconds >= STABLE_S:
            self._failures = 0
