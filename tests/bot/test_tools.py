"""Functions that a model may call: what it is told of them, and what comes of its calls."""

import json
import threading
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from trio_chat.bot.tools import (
    LABEL_CHARS,
    MAX_RESULT_CHARS,
    MAX_THREADS,
    Toolbox,
    ToolError,
    label,
    tool_from,
)


def roll(sides: Annotated[int, Meta(ge=2, description="How many sides.")], times: int = 1) -> list[int]:
    """Roll a die."""
    return [sides] * times


async def greet(name: str, tone: Literal["kind", "curt"] = "kind") -> str:
    """Greet somebody."""
    await trio.lowlevel.checkpoint()
    return f"{tone}: hello {name}"


class Place(Struct):
    lat: float
    lon: float


def box(*functions: Callable[..., Any], **settings: Any) -> Toolbox:
    return Toolbox(map(tool_from, functions), **settings)


def test_the_schema_follows_from_the_type_hints() -> None:
    tool = tool_from(roll)
    assert (tool.name, tool.description) == ("roll", "Roll a die.")
    properties = tool.schema["properties"]
    assert properties["sides"] == {"type": "integer", "minimum": 2, "description": "How many sides."}
    assert properties["times"] == {"type": "integer", "default": 1}
    assert tool.schema["type"] == "object"
    assert tool.schema["required"] == ["sides"]
    assert tool.schema["additionalProperties"] is False


def test_the_schema_of_a_function_without_parameters_is_an_empty_object() -> None:
    def now() -> str:
        """Tell the time."""
        return ""

    assert tool_from(now).schema["properties"] == {}


async def test_types_of_ones_own_may_be_arguments() -> None:
    def near(place: Place, others: list[Place] = [], words: dict[str, int] | None = None) -> str:  # noqa: B006
        """Tell what is near."""
        others.append(place)
        return f"{place.lat} {len(others)}"

    tools = box(near)
    (tool,) = tools.tools
    assert tool.schema["properties"]["place"] == {"$ref": "#/$defs/Place"}
    assert set(tool.schema["$defs"]) == {"Place"}
    for _ in range(2):  # a default that is changed is the next call's no more
        assert await tools.call("near", '{"place": {"lat": 1, "lon": 2}}') == "1.0 1"


def test_what_a_model_could_not_call_is_refused_when_it_is_put_in() -> None:
    def silent(text: str) -> str:
        return text

    def unhinted(text) -> str:  # type: ignore[no-untyped-def]  # that is what it is about
        """Do."""
        return str(text)

    def many(*texts: str) -> str:
        """Do."""
        return ""

    def unknown(client: threading.Thread) -> str:
        """Do."""
        return ""

    def größe() -> str:
        """Do."""
        return ""

    for function, says in (
        (silent, "needs a docstring"),
        (unhinted, "no type hint"),
        (many, "cannot be given by name"),
        (unknown, "cannot be called by a model"),
        (größe, "ASCII"),
        (lambda: "", "ASCII"),
    ):
        with pytest.raises(ValueError, match=says):
            tool_from(function)
    with pytest.raises(ValueError, match="a tool roll already"):
        box(roll, roll)


async def test_functions_are_put_in_by_a_decorator_and_stay_functions() -> None:
    tools = Toolbox()

    @tools.tool
    def double(number: int) -> int:
        """Double a number."""
        return 2 * number

    assert double(4) == 8
    assert await tools.call("double", '{"number": 4}') == "8"


async def test_an_async_function_runs_in_the_callers_task_and_any_other_in_a_thread() -> None:
    seen: list[object] = []

    async def here() -> None:
        """Note where it runs."""
        seen.append(trio.lowlevel.current_task())
        await trio.lowlevel.checkpoint()

    def there() -> None:
        """Note where it runs."""
        seen.append(threading.current_thread())

    tools = box(here, there)
    assert [await tools.call(name, "") for name in ("here", "there")] == ["null", "null"]
    assert seen[0] is trio.lowlevel.current_task()
    assert seen[1] is not threading.current_thread()


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        ('{"sides": 6}', "[6]"),
        ('{"sides": "6", "times": 2}', "[6,6]"),  # models write numbers as texts
        ('{"sides": 1}', "The arguments do not fit: Expected `int` >= 2"),
        ('{"sides": "six"}', "The arguments do not fit: Expected `int`"),
        ('{"side": 6}', "The arguments do not fit: Object contains unknown field `side`"),
        ("", "The arguments do not fit: Object missing required field `sides`"),
        ("[]", "The arguments do not fit"),
        ("{", "The arguments do not fit"),
        ("[" * 100_000, "The arguments do not fit"),
        ("\ud800", "The arguments do not fit"),
    ],
)
async def test_arguments_are_checked_and_what_is_wrong_is_told_as_data(arguments: str, result: str) -> None:
    told = await box(roll).call("roll", arguments)
    if result.startswith("["):
        assert told == result
    else:
        assert json.loads(told)["error"].startswith(result)


async def test_a_tool_that_does_not_exist_is_told_as_data() -> None:
    told = json.loads(await box(roll, greet).call("rm", "{}"))
    assert told == {"error": "There is no such tool. There are: roll, greet."}


async def test_an_error_of_a_tool_is_told_in_its_words_and_a_breakdown_by_its_type_only() -> None:
    def refuse() -> None:
        """Do."""
        raise ToolError("The shop is closed.")

    async def explode() -> None:
        """Do."""
        raise ZeroDivisionError("sk-secret")

    def unencodable() -> object:
        """Do."""
        return object()

    reports: list[str] = []
    tools = box(refuse, explode, unencodable, report=reports.append)
    told = [json.loads(await tools.call(name, ""))["error"] for name in ("refuse", "explode", "unencodable")]
    assert told[:2] == ["The shop is closed.", "The tool broke down (ZeroDivisionError)."]
    assert told[2].startswith("The tool broke down")
    assert len(reports) == 2
    assert "sk-secret" not in "".join(reports)


async def test_a_result_is_bounded() -> None:
    def much() -> str:
        """Do."""
        return "x" * 100_000

    told = await box(much).call("much", "")
    assert told.startswith("x" * MAX_RESULT_CHARS + "…")
    assert len(told) < MAX_RESULT_CHARS + 100


@pytest.mark.autojump
async def test_a_call_that_takes_too_long_is_given_up() -> None:
    async def sleep() -> None:
        """Sleep."""
        await trio.sleep_forever()

    assert json.loads(await box(sleep).call("sleep", "")) == {"error": "There was no result within 30 s."}


async def test_cancelling_a_call_waits_for_no_thread_and_those_given_up_still_count() -> None:
    release = threading.Event()
    running = threading.Semaphore(0)

    def block() -> None:
        """Block."""
        running.release()
        release.wait(60)

    tools = box(block)
    try:
        async with trio.open_nursery() as nursery:
            for _ in range(MAX_THREADS + 3):
                nursery.start_soon(tools.call, "block", "")
            for _ in range(MAX_THREADS):
                await trio.to_thread.run_sync(running.acquire)
            nursery.cancel_scope.cancel()
        assert not running.acquire(blocking=False)
        assert tools._limiter.borrowed_tokens == MAX_THREADS
    finally:
        release.set()
    while tools._limiter.borrowed_tokens:
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ('{"words": "pizza"}', 'f: "pizza"'),
        ('{"words": "pizza", "nick": null}', 'f: words="pizza", nick=null'),
        ("", "f …"),
        ("{}", "f …"),
        ("{", "f: …"),
        ('{"words": "a\\nb"}', 'f: "a\\nb"'),
    ],
)
def test_a_call_is_shown_in_one_line(arguments: str, shown: str) -> None:
    assert label("f", arguments) == shown


@given(st.text(max_size=300), st.text(max_size=300) | st.dictionaries(st.text(), st.text()).map(json.dumps))
def test_whatever_a_model_calls_is_shown_in_one_short_line(name: str, arguments: str) -> None:
    line = label(name, arguments)
    assert len(line) <= LABEL_CHARS
    assert line.isprintable()
