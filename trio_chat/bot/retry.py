"""When a provider that failed is asked again.

This file owns that policy, as functions of what happened and the time. It must not know any provider's
library, and it neither sleeps nor reads a clock.
"""

import math
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Final

ATTEMPTS: Final = 5
FIRST_BACKOFF_S: Final = 1.0
MAX_BACKOFF_S: Final = 30.0
MAX_WAIT_S: Final = 120.0
"""A provider that asks for more patience than this is not waited for: the room is told instead."""

Uniform = Callable[[float, float], float]


def next_wait_s(failures: int, asked_s: float | None, uniform: Uniform) -> float | None:
    """Return how long to wait before the next attempt, in seconds, or None to give up.

    The wait doubles with each failure, up to 30 s; half of it is random, so that many bots that failed together
    do not come back together. What the provider asks for is honoured as the least.

    Args:
        failures: how often this answer failed so far, at least 1.
        asked_s: the wait that the provider asked for (`retry_after_s`), if it did.
        uniform: `random.uniform`, or its like.
    """
    if failures >= ATTEMPTS or (asked_s is not None and asked_s > MAX_WAIT_S):
        return None
    backoff = min(FIRST_BACKOFF_S * 2.0 ** (failures - 1), MAX_BACKOFF_S)
    return (asked_s or 0.0) + uniform(backoff / 2, backoff)


def retry_after_s(headers: Mapping[str, str], now_unix_s: float) -> float | None:
    """Return the wait that a response asks for, in seconds from now, or None where it asks for none.

    Understood are ``retry-after-ms`` as OpenAI sends it, and ``Retry-After`` as seconds or a date (RFC 9110, 10.2.3).

    Args:
        headers: the response's headers, with names in lower case or found without regard to it.
        now_unix_s: the time now, Unix seconds.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now_unix_s)
    except (ValueError, OverflowError):
        return None


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < math.inf else None
