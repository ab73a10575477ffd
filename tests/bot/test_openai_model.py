"""How an answer comes about behind an endpoint: shown as it grows, with tools, and with the web searched."""

import json
from dataclasses import replace
from typing import Any

import pytest
import trio

from tests.bot.asking import PROMPT, asking, prompt
from tests.bot.provider import Reply, calls, fails, piece, says, streams, usage
from trio_chat.bot.context import Line, tokens_in
from trio_chat.bot.models import ModelFailed, Source, Tokens
from trio_chat.bot.openai_model import MAX_ROUNDS
from trio_chat.bot.tools import Toolbox
from trio_chat.bot.triggers import Reason


def toolbox(**settings: Any) -> Toolbox:
    tools = Toolbox(**settings)

    @tools.tool
    def weather(city: str) -> str:
        """Tell the weather."""
        return f"sunny in {city}"

    @tools.tool
    async def forever() -> str:
        """Take for ever."""
        await trio.sleep_forever()
        return ""

    return tools


ASKS = calls(("weather", '{"city":"Rome"}'))


async def test_an_answer_is_shown_as_it_grows() -> None:
    async with asking(streams(piece(role="assistant"), "Hel", "lo ", "Ann.", usage(9, 3))) as (ask, _):
        answer = await ask.answer()
    assert (answer.text, answer.tokens, answer.unfinished) == ("Hello Ann.", Tokens(9, 3), None)
    # The pieces may come together, but nothing is shown that does not begin the whole.
    assert ask.shown[-1] == "Hello Ann."
    assert all("Hello Ann.".startswith(shown) for shown in ask.shown)


async def test_it_asks_for_a_stream_with_the_count_of_tokens() -> None:
    async with asking(streams("x")) as (ask, running):
        await ask.answer()
    (request,) = running.requests
    assert request["stream"] is True
    assert request["stream_options"] == {"include_usage": True}
    assert not {"tools", "web_search_options", "tool_choice"} & set(request)


async def test_an_endpoint_that_does_not_stream_is_understood_too() -> None:
    body = says("Hello.").body
    assert isinstance(body, dict)
    body["usage"] = {"prompt_tokens": 5, "completion_tokens": 1}
    async with asking(Reply(body=body)) as (ask, _):
        answer = await ask.answer()
    assert (answer.text, answer.tokens) == ("Hello.", Tokens(5, 1))
    assert ask.shown == ["Hello."] or ask.shown == []


async def test_a_tool_is_called_and_its_result_answered() -> None:
    script = (streams(ASKS, usage(10, 5)), streams("It is sunny.", usage(20, 4)))
    async with asking(*script, tools=toolbox()) as (ask, running):
        answer = await ask.answer()
    assert (answer.text, answer.tokens) == ("It is sunny.", Tokens(30, 9))
    assert ask.shown == ["", "It is sunny."]
    assert ask.doing == ['weather: "Rome"', ""]
    first, second = running.requests
    assert [tool["function"]["name"] for tool in first["tools"]] == ["weather", "forever"]
    assert first["tools"][0]["function"]["parameters"]["required"] == ["city"]
    assert second["messages"][2:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_weather_0",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city":"Rome"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_weather_0", "content": "sunny in Rome"},
    ]


async def test_what_is_said_before_a_call_is_shown_and_is_no_part_of_the_answer() -> None:
    async with asking(streams("Let me see.", ASKS), streams("Sunny."), tools=toolbox()) as (ask, running):
        answer = await ask.answer()
    assert answer.text == "Sunny."
    assert ask.shown == ["Let me see.", "Let me see.", "Let me see.\nSunny."]
    assert ask.doing == ["", 'weather: "Rome"', ""]
    assert running.requests[1]["messages"][2]["content"] == "Let me see."


async def test_calls_of_one_completion_run_side_by_side_and_are_answered_in_their_order() -> None:
    tools = Toolbox()
    met = trio.Event()

    @tools.tool
    async def wait() -> str:
        """Wait for the other one."""
        await met.wait()
        return "waited"

    @tools.tool
    async def meet() -> str:
        """Let the other one go on."""
        met.set()
        await trio.lowlevel.checkpoint()
        return "met"

    async with asking(streams(calls(("wait", ""), ("meet", ""))), streams("ok"), tools=tools) as (ask, running):
        with trio.fail_after(60):
            await ask.answer()
    assert [message["content"] for message in running.requests[1]["messages"][3:]] == ["waited", "met"]


async def test_calls_that_make_no_sense_are_answered_with_what_is_wrong() -> None:
    wrong = calls(("weather", "{"), ("rm", '{"path": "/"}'), ("weather", '{"town": 1}'))
    async with asking(streams(wrong), streams("Sorry."), tools=toolbox()) as (ask, running):
        assert await ask.text() == "Sorry."
    messages = running.requests[1]["messages"][2:]
    assert [call["function"]["arguments"] for call in messages[0]["tool_calls"]] == [
        "{}",
        '{"path": "/"}',
        '{"town": 1}',
    ]
    assert ["error" in json.loads(message["content"]) for message in messages[1:]] == [True] * 3


async def test_the_rounds_are_bounded_and_the_last_one_must_do_without_tools() -> None:
    async with asking(streams(ASKS), tools=toolbox()) as (ask, running):
        with pytest.raises(ModelFailed, match="does nothing but call tools"):
            await ask.answer()
    assert len(running.requests) == MAX_ROUNDS
    assert [request.get("tool_choice") for request in running.requests] == [None] * (MAX_ROUNDS - 1) + ["none"]


@pytest.mark.parametrize("max_tokens", [300, 3_000])
@pytest.mark.parametrize("asked", ["why?", "\U0001f600" * 4_000])
async def test_what_tools_tell_and_the_conversation_share_one_budget(max_tokens: int, asked: str) -> None:
    tools = Toolbox()

    @tools.tool
    def read(page: str = "") -> str:
        """Read much."""
        return "x" * 100_000

    lines = tuple(Line(seq, 0, "ann", f"line {seq}") for seq in range(200))
    question = Line(200, 0, "ann", asked)
    wanted = replace(PROMPT, reason=Reason.MENTION, lines=lines, question=question, max_tokens=max_tokens)
    script = streams("y" * 5_000, calls(*[("read", '{"page": "%s"}' % ("z" * 5_000))] * 4, *[("read", "")] * 4))
    async with asking(script, tools=tools) as (ask, running):
        await ask.answer(wanted)
    for request in running.requests:
        texts = [message["content"] or "" for message in request["messages"][1:]]
        called = [call["function"] for message in request["messages"] for call in message.get("tool_calls", ())]
        assert sum(map(tokens_in, [*texts, *(each["arguments"] for each in called)])) <= max_tokens
        assert '"answer_this"' in texts[0]
    assert 1 < len(running.requests) < MAX_ROUNDS
    assert [request.get("tool_choice") for request in running.requests][-1] == "none"
    assert running.requests[-1]["messages"][3]["content"].endswith("x…")


async def test_a_model_that_calls_tools_to_the_end_but_has_said_something_has_said_that() -> None:
    async with asking(streams("Well.", ASKS), streams(ASKS), tools=toolbox()) as (ask, _):
        answer = await ask.answer()
    assert (answer.text, answer.unfinished) == ("Well.", "the model does nothing but call tools")


async def test_a_later_round_is_tried_again_without_calling_the_tool_again() -> None:
    called: list[str] = []
    tools = Toolbox()

    @tools.tool
    def note() -> str:
        """Note the call."""
        called.append("x")
        return "noted"

    script = (streams(calls(("note", "")), usage(1, 1)), fails(503), streams("", done=False), streams("Done."))
    async with asking(*script, tools=tools) as (ask, _):
        assert await ask.text() == "Done."
    assert called == ["x"]
    assert len(ask.waits) == 2


async def test_a_failure_tells_what_was_spent_before_it() -> None:
    async with asking(streams(ASKS, usage(10, 5)), fails(401), tools=toolbox()) as (ask, _):
        with pytest.raises(ModelFailed) as failed:
            await ask.answer()
    assert failed.value.tokens == Tokens(10, 5)


async def test_cancelling_an_answer_cancels_the_tool_under_way() -> None:
    async with asking(streams(calls(("forever", ""))), tools=toolbox()) as (ask, _), trio.open_nursery() as nursery:
        nursery.start_soon(ask.answer)
        while not ask.shown:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert (ask.shown, ask.doing) == ([""], ["forever …"])


async def test_an_endpoint_that_refuses_tools_is_asked_without_them_from_then_on() -> None:
    async with asking(fails(400), streams("one"), streams("two"), tools=toolbox()) as (ask, running):
        assert [await ask.text(), await ask.text()] == ["one", "two"]
    assert ["tools" in request for request in running.requests] == [True, False, False]
    assert ask.reports == ["the provider refuses the request (status 400); asking without tools"]


async def test_a_request_that_is_refused_without_tools_as_well_says_nothing_against_them() -> None:
    async with asking(fails(400), fails(400), streams("yes"), tools=toolbox()) as (ask, running):
        with pytest.raises(ModelFailed, match="refuses the request"):
            await ask.answer()
        assert await ask.text() == "yes"
    assert ["tools" in request for request in running.requests] == [True, False, True]


async def test_once_a_tool_has_answered_a_refusal_is_no_more_laid_to_the_tools() -> None:
    async with asking(streams(ASKS), fails(400), tools=toolbox()) as (ask, running):
        with pytest.raises(ModelFailed, match="refuses the request"):
            await ask.answer()
    assert len(running.requests) == 2


SEARCH = prompt(Reason.SEARCH, "why is the sky blue?")


def citing(url: str, title: str) -> dict[str, Any]:
    return piece(annotations=[{"type": "url_citation", "url_citation": {"url": url, "title": title}}])


async def test_the_web_is_searched_for_a_search_and_nothing_else_and_the_sources_come_with_the_answer() -> None:
    script = streams("The air.", citing("https://a/1", "Air"), citing("https://b/", "Light"))
    async with asking(script, web_search=True) as (ask, running):
        answer = await ask.answer(SEARCH)
        await ask.answer(PROMPT)
    assert answer.sources == (Source("https://a/1", "Air"), Source("https://b/", "Light"))
    assert [request.get("web_search_options") for request in running.requests] == [{}, None]


@pytest.mark.parametrize(
    ("refusals", "had", "reported"),
    [
        (1, {"web_search_options"}, ["tools"]),
        (2, {"tools"}, ["tools", "web search"]),
        (3, set(), ["tools", "web search", "tools and web search"]),
    ],
)
async def test_of_tools_and_web_search_only_what_an_endpoint_refuses_is_given_up(
    refusals: int, had: set[str], reported: list[str]
) -> None:
    script = (*[fails(400)] * refusals, streams("one"), streams("two"))
    async with asking(*script, tools=toolbox(), web_search=True) as (ask, running):
        assert [await ask.text(SEARCH), await ask.text(SEARCH)] == ["one", "two"]
    for request in running.requests[-2:]:
        assert {"tools", "web_search_options"} & set(request) == had
    assert len(running.requests) == refusals + 2
    assert [report.partition("; asking without ")[2] for report in ask.reports] == reported
