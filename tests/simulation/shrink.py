"""Making a failing scenario as short as it can be, once it is found: Hypothesis shrinks its own choices, this the list.

This file owns leaving out steps and making numbers plain. It must not know what a failure is: it is told.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from tests.simulation.scenario import Scenario, Step

PLAIN: tuple[Any, ...] = (0, 1, 2, 0.0, 0.5)
NAMES = ("who", "whom", "room", "nick")


def shrunk(scenario: Scenario, fails: Callable[[Scenario], bool], tries: int = 600) -> Scenario:
    """Return a scenario from which nothing can be left out, or made plainer, without losing the failure.

    Args:
        fails: whether a scenario fails in the way that is looked for.
        tries: how often to ask at most.
    """
    size = len(scenario.steps)
    while tries > 0:
        for smaller in (*_shorter(scenario, size), *(_plainer(scenario) if size == 1 else ())):
            tries -= 1
            if smaller != scenario and fails(smaller):
                scenario = smaller
                break
            if tries <= 0:
                break
        else:
            if size == 1:
                break
            size = max(1, size // 2)
    return scenario


def _shorter(scenario: Scenario, size: int) -> Iterator[Scenario]:
    for start in range(max(0, len(scenario.steps) - size), -size, -size):
        first = max(0, start)
        yield replace(scenario, steps=scenario.steps[:first] + scenario.steps[first + size :])


def _plainer(scenario: Scenario) -> Iterator[Scenario]:
    plain = Scenario(scenario.steps)
    for field in fields(Scenario):
        if field.name != "steps":
            yield replace(scenario, **{field.name: getattr(plain, field.name)})
    for index, step in enumerate(scenario.steps):
        for simpler in _plainer_step(step):
            yield replace(scenario, steps=(*scenario.steps[:index], simpler, *scenario.steps[index + 1 :]))


def _plainer_step(step: Step) -> Iterator[Step]:
    for field in fields(step):
        value = getattr(step, field.name)
        if field.default is None and value is not None:
            yield replace(step, **{field.name: None})  # type: ignore[arg-type]  # each has fields of its own
        for plain in PLAIN if field.name not in NAMES else ():
            if type(plain) is type(value) and plain < value:
                yield replace(step, **{field.name: plain})
