"""How hard Hypothesis tries, for all tests: profiles chosen by HYPOTHESIS_PROFILE; `ci` where CI is set.

And the mark `autojump`. Nothing else is shared by all tests: fixtures belong beside the tests that use them.
"""

import os
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, settings

# On a machine that others use too, the time of one example says nothing about the code: no profile has a
# deadline, nor the health check that is one. A failure prints how to have it again.
settings.register_profile("local", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
# The same examples on every run, so that a red build can be had again from its commit alone.
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, database=None)
settings.register_profile("thorough", settings.get_profile("local"), max_examples=2_000, stateful_step_count=100)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "local"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run tests marked `autojump` on a clock that jumps when every task waits.

    The fixture `autojump_clock` alone would not do where it is another fixture that needs the clock: pytest-trio looks
    for one among a test's own arguments.
    """
    for item in items:
        if item.get_closest_marker("autojump"):
            item.add_marker(pytest.mark.trio(run=_run_on_autojump_clock), append=False)


def _run_on_autojump_clock(async_fn: Any, *args: Any, clock: trio.abc.Clock | None = None, **kwargs: Any) -> Any:
    return trio.run(async_fn, *args, clock=clock or trio.testing.MockClock(autojump_threshold=0), **kwargs)
