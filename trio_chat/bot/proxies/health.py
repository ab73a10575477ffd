"""How well a proxy does, from what was measured: its latency, its failures, and when it may be tried again.

This file owns that policy, as functions of what happened and the time. It must not know proxies, sockets or clocks.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

WEIGHT: Final = 0.3
"""How much the newest measurement counts: half of what is known comes from the last two."""

FAILURE_COST_S: Final = 10.0
"""What a failure costs who waits: about the time after which a connection is given up."""

UNTRIED_S: Final = 2.0
"""What an untried proxy is taken for. One that works and is faster is kept; one that is slower makes way for a try."""

HALF_LIFE_S: Final = 120.0
"""After which time a failure counts half: a fast proxy that was down for a while is to come back."""

FIRST_BACKOFF_S: Final = 1.0
MAX_BACKOFF_S: Final = 600.0

Uniform = Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of one proxy. A new one has never been tried.

    Args:
        latency_s: how long it takes to be ready for a request, an exponentially weighted mean; None: not known.
        failing: the share of tries that failed, weighted alike, as it was at `as_of`.
        as_of: when it was last tried.
        failures: how often it failed in a row.
        retry_at: before which time it is not tried.
    """

    latency_s: float | None = None
    failing: float = 0.0
    as_of: float = -math.inf
    failures: int = 0
    retry_at: float = -math.inf


def after_success(health: Health, now: float, latency_s: float) -> Health:
    """Return the health of a proxy that has just done its work, after `latency_s` seconds."""
    known = health.latency_s
    mean_s = latency_s if known is None else known + WEIGHT * (latency_s - known)
    return Health(mean_s, failing_at(health, now) * (1 - WEIGHT), now)


def after_failure(health: Health, now: float, uniform: Uniform) -> Health:
    """Return the health of a proxy that has just failed.

    It is left alone for a time that doubles with each failure in a row, up to 10 minutes; half of it is random, so
    that many bots that share a list do not come back together.
    """
    failures = health.failures + 1
    failing = failing_at(health, now)
    backoff_s = backoff_after_s(failures)
    retry_at = now + uniform(backoff_s / 2, backoff_s)
    return Health(health.latency_s, failing + WEIGHT * (1 - failing), now, failures, retry_at)


def backoff_after_s(failures: int) -> float:
    """Return the longest time that a proxy is left alone after so many failures in a row, at least one."""
    return min(math.ldexp(FIRST_BACKOFF_S, min(failures - 1, 60)), MAX_BACKOFF_S)


def failing_at(health: Health, now: float) -> float:
    """Return the share of tries that failed as it counts now: between 0 and what it was."""
    if not health.failing:
        return 0.0
    return health.failing * math.exp2(-max(0.0, now - health.as_of) / HALF_LIFE_S)


def cost_s(health: Health, now: float) -> float:
    """Return how long a request through this proxy has to wait, as far as one can tell; the least is the best."""
    latency_s = UNTRIED_S if health.latency_s is None else health.latency_s
    return latency_s + failing_at(health, now) * FAILURE_COST_S
