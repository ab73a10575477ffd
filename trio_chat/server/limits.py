"""How often somebody may do something.

This file owns counting and decides synchronously on a given `now` (seconds, any monotonic clock). It must
not read a clock, wait, or know what is being limited.
"""

from collections import deque
from typing import Final

BURST_S: Final = 5
"""How many seconds' worth of posts somebody may send at once under a rate limit."""


class TokenBucket:
    """Allows `rate` things a second on average and `burst` at once (the leaky bucket as a meter, ITU-T I.371)."""

    __slots__ = ("_burst", "_rate", "_seen", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._seen = now

    def left(self, now: float) -> int:
        """Return how many things are allowed at `now`; `spend` those that are done before asking for `wait_s`."""
        self._tokens = min(self._burst, self._tokens + (now - self._seen) * self._rate)
        self._seen = now
        return int(self._tokens)

    def spend(self, count: int) -> None:
        """Count things that are done, of those that were `left`."""
        self._tokens -= count

    @property
    def wait_s(self) -> float:
        """How many seconds after the last look at what is `left` one more thing is allowed; where nothing is left."""
        return (1 - self._tokens) / self._rate


def rate_bucket(rate: float, now: float) -> TokenBucket:
    """Return what allows `rate` things a second on average, and `BURST_S` seconds' worth at once, one at least."""
    return TokenBucket(rate, max(1.0, rate * BURST_S), now)


class Strikes:
    """Tolerates `allowed` mistakes within any `window_s` seconds."""

    __slots__ = ("_allowed", "_times", "_window_s")

    def __init__(self, allowed: int = 10, window_s: float = 60.0) -> None:
        self._allowed = allowed
        self._window_s = window_s
        self._times: deque[float] = deque(maxlen=allowed)

    def strike(self, now: float) -> bool:
        """Note a mistake; False if it is one too many."""
        too_many = len(self._times) == self._allowed and now - self._times[0] < self._window_s
        self._times.append(now)
        return not too_many
