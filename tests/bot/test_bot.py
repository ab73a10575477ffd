"""A bot's life: what it tells its operator, and what ends it."""

from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.bot.provider import calls, provider, streams
from tests.bot.room import RoomInMemory, ScriptedModel
from tests.bot.running import bot
from trio_chat.bot.bot import run_bot
from trio_chat.bot.config import MARKOV, BotConfig
from trio_chat.bot.context import Prompt
from trio_chat.bot.markov_model import TOO_LITTLE
from trio_chat.bot.models import Answer, Show
from trio_chat.bot.tools import tool_from
from trio_chat.client import ClientClosed, Connected, Disconnected, Refused

pytestmark = pytest.mark.autojump


async def test_it_says_where_it_is_what_it_does_and_how_the_connection_fares() -> None:
    async with bot(every_lines=5, model="m") as running:
        running.room.deliver(Disconnected("The server is gone.", 0.1))
        running.room.deliver(Connected(again=True, nick="sage_"))
        await wait_all_tasks_blocked()
    assert running.reports == [
        "joined #lobby as sage; it speaks every 5 lines, when called by name, in private and to /search, "
        "by the model m",
        "cut off: The server is gone.",
        "connected again, as sage_",
    ]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "it speaks when called by name, in private and to /search, by"),
        (
            {"every_seconds": 0.5},
            "it speaks every 0.5 seconds, when called by name, in private and to /search, by",
        ),
        ({"model": "m", "base_url": "http://127.0.0.1:9/v1"}, "by the model m at http://127.0.0.1:9/v1"),
        ({"every_lines": 2, "every_seconds": 3}, "it speaks every 2 lines, every 3 seconds, when"),
    ],
)
async def test_it_says_which_modes_it_has(settings: dict[str, Any], says: str) -> None:
    async with bot(**settings) as running:
        assert says in running.reports[0]


async def test_it_ends_when_the_events_end() -> None:
    room = RoomInMemory()
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(run_bot, BotConfig(), client=room, model=ScriptedModel("x")))
        room.end()


async def test_cancelling_it_abandons_the_answer_under_way() -> None:
    async with bot(None) as running:
        running.room.say("sage?")
        await wait_all_tasks_blocked()
        assert len(running.model.prompts) == 1
    assert running.posts == []


async def test_a_room_that_does_not_let_it_in_ends_it_with_that_error_alone() -> None:
    room = RoomInMemory()
    room.refusals.append(Refused("bad_name", "That is no room."))
    with pytest.raises(Refused, match="no room"):
        await run_bot(BotConfig(), client=room, model=ScriptedModel("x"))


async def test_a_client_closed_under_it_ends_it_with_that_error_alone() -> None:
    room = RoomInMemory()

    async def close_it(task_status: trio.TaskStatus[str]) -> None:
        with pytest.raises(ClientClosed):
            await run_bot(BotConfig(), client=room, model=ScriptedModel("x"), task_status=task_status)

    async with trio.open_nursery() as nursery:
        await nursery.start(close_it)
        room.refusals.append(ClientClosed("The client was closed."))
        room.say("sage?")


async def test_a_fault_that_is_none_of_the_chats_is_not_hidden() -> None:
    class Broken(ScriptedModel):
        async def answer(self, prompt: Prompt, *, show: Show) -> Answer:
            await trio.lowlevel.checkpoint()
            raise SystemExit

    room = RoomInMemory()

    async def break_it(task_status: trio.TaskStatus[str]) -> None:
        with pytest.raises(BaseExceptionGroup) as ended:
            await run_bot(BotConfig(), client=room, model=Broken("x"), task_status=task_status)
        assert ended.group_contains(SystemExit)

    async with trio.open_nursery() as nursery:
        await nursery.start(break_it)
        room.say("sage?")


async def test_the_model_that_the_settings_ask_for_is_opened_by_itself() -> None:
    room = RoomInMemory()
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(run_bot, BotConfig(model=MARKOV), client=room))
        room.say("sage?")
        while not room.said_by_bot:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert room.said_by_bot[0].text == TOO_LITTLE[0]


async def test_the_model_may_call_the_tools_of_the_room_and_those_that_it_is_given() -> None:
    def roll(sides: int) -> int:
        """Roll a die."""
        return sides

    room = RoomInMemory()
    async with (
        provider(streams(calls(("roll", '{"sides": 6}'), ("room_topic", ""))), streams("A six.")) as asked,
        trio.open_nursery() as nursery,
    ):
        config = BotConfig(model="m", base_url=asked.base_url)
        await nursery.start(partial(run_bot, config, client=room, tools=[tool_from(roll)]))
        room.say("sage, roll a die")
        while not room.said_by_bot:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert room.said_by_bot[0].text == "A six."
    offered = [tool["function"]["name"] for tool in asked.requests[0]["tools"]]
    assert offered == ["search_history", "who_is_here", "room_topic", "roll"]
    assert [message["content"] for message in asked.requests[1]["messages"][3:]] == ["6", '{"room":"lobby","topic":""}']


async def test_a_tool_named_like_one_of_the_rooms_is_a_mistake_to_mend() -> None:
    def room_topic() -> str:
        """Tell the topic."""
        return ""

    config = BotConfig(model="m", base_url="http://127.0.0.1:1/v1")
    with pytest.raises(ValueError, match="a tool room_topic already"):
        await run_bot(config, client=RoomInMemory(), tools=[tool_from(room_topic)])
