"""The bot's model against a provider that nobody here wrote: streaming, tools, cancelling, and chaos."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel

from protocol import Message, Posted
from tests.bot.aimock import AIMock, aimock, needs_aimock, replies
from tests.bot.asking import Asking, prompt
from tests.bot.room import RoomInMemory
from trio_chat.bot.bot import run_bot
from trio_chat.bot.config import BotConfig
from trio_chat.bot.context import FOR_MODELS
from trio_chat.bot.models import Answer, ModelFailed, Tokens
from trio_chat.bot.room_tools import room_tools
from trio_chat.bot.tools import Toolbox

pytestmark = needs_aimock

SKY = "Because the air scatters blue light more than red light, in all directions."
PIZZA = {"name": "search_history", "arguments": {"words": "pizza"}, "id": "call_pizza"}
FIXTURES = (
    replies("sky", {"content": SKY, "usage": {"prompt_tokens": 120, "completion_tokens": 14}}),
    replies("slowly", {"content": SKY}, latency=50, chunkSize=2),
    replies("cut off", {"content": SKY}, chunkSize=8, latency=20, truncateAfterChunks=4),
    replies("dropped", {"content": SKY}, chunkSize=2, latency=50, disconnectAfterMs=300),
    replies("pizza", {"toolCalls": [PIZZA, {"name": "who_is_here", "arguments": {}}]}, with_result=False),
    replies("pizza", {"content": "Ann likes pizza."}, with_result=True),
    replies("too often", {"error": {"message": "slow down", "code": "rate_limit_exceeded"}, "status": 429}),
    replies("thinking", {"content": "Yes.", "reasoning": "Let me think."}),
)


@asynccontextmanager
async def asking(directory: Path, *flags: str, **settings: Any) -> AsyncIterator[tuple[Asking, AIMock]]:
    async with aimock(directory, FIXTURES, *flags) as provider:
        ask = Asking(provider.base_url, **settings)
        async with ask.client:
            yield ask, provider


async def test_an_answer_grows_piece_by_piece(tmp_path: Path) -> None:
    async with asking(tmp_path, "--chunk-size", "5", "--latency", "5") as (ask, _):
        answer = await ask.answer(prompt(text="why is the sky blue?"))
    assert (answer.text, answer.tokens, answer.unfinished) == (SKY, Tokens(120, 14), None)
    assert ask.shown[-1] == SKY
    assert len(ask.shown) > 5
    assert all(later.startswith(sooner) for sooner, later in zip(ask.shown, ask.shown[1:], strict=False))


async def test_a_slow_model_that_keeps_on_talking_is_not_cut_off(tmp_path: Path) -> None:
    async with asking(tmp_path, attempt_s=1.5) as (ask, _):
        answer = await ask.answer(prompt(text="slowly"))  # 38 pieces, 50 ms apart
    assert (answer.text, answer.unfinished) == (SKY, None)


async def test_what_the_model_thinks_aloud_is_not_said(tmp_path: Path) -> None:
    async with asking(tmp_path) as (ask, _):
        assert await ask.text(prompt(text="are you thinking?")) == "Yes."
    assert ask.shown == ["Yes."]


async def test_the_rooms_tools_are_called(tmp_path: Path) -> None:
    room = RoomInMemory()
    room.say("I like pizza")
    async with asking(tmp_path, tools=Toolbox(room_tools(room, "lobby"))) as (ask, provider):
        answer = await ask.answer(prompt(text="who likes pizza?"))
        requests = [entry["body"] for entry in await provider.journal()]
    assert answer.text == "Ann likes pizza."
    assert (ask.shown[0], ask.doing[0]) == ("", 'search_history: "pizza"; who_is_here …')
    results = [message["content"] for message in requests[1]["messages"] if message["role"] == "tool"]
    assert len(requests) == 2
    assert '"says":"I like pizza"' in results[0]
    assert '"nick":"ann"' in results[1]


async def test_cancelling_in_mid_stream_closes_the_connection(tmp_path: Path) -> None:
    async with asking(tmp_path) as (ask, provider):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask.answer, prompt(text="slowly"))
            while len(ask.shown) < 3:
                await trio.lowlevel.checkpoint()
            assert provider.connections() == 1
            nursery.cancel_scope.cancel()
        with trio.fail_after(60):
            while provider.connections():
                await trio.lowlevel.checkpoint()
    assert ask.shown[-1] != SKY


@pytest.mark.parametrize("how", ["cut off", "dropped"])
async def test_a_stream_that_breaks_leaves_what_was_shown_as_the_answer(tmp_path: Path, how: str) -> None:
    async with asking(tmp_path) as (ask, provider):
        answer = await ask.answer(prompt(text=how))
        requests = await provider.journal()
    assert answer.text == ask.shown[-1]
    assert SKY.startswith(answer.text)
    assert answer.unfinished == "the connection to the provider broke"
    assert len(requests) == 1


async def test_a_rate_limit_is_honoured(tmp_path: Path) -> None:
    async with asking(tmp_path) as (ask, _):
        with pytest.raises(ModelFailed, match="asked too often"):
            await ask.answer(prompt(text="too often"))
    assert ask.waits == [2.0, 3.0, 5.0, 9.0]  # the second that it asks for, and our own backoff on top


@pytest.mark.parametrize("fault", ["drop", "malformed", "disconnect", "ratelimit"])
async def test_a_fault_that_stays_is_one_clear_failure(tmp_path: Path, fault: str) -> None:
    why = {
        "drop": "the provider has a fault (status 500)",
        "malformed": "the provider's answer makes no sense",
        "disconnect": "the provider cannot be reached",
        "ratelimit": "the provider is asked too often",
    }[fault]
    async with asking(tmp_path, f"--chaos-{fault}", "1") as (ask, _):
        with pytest.raises(ModelFailed) as failed:
            await ask.answer(prompt(text="sky"))
    assert str(failed.value) == why
    assert len(ask.waits) == 4


CHAOS = ("--chaos-drop", "0.1", "--chaos-malformed", "0.1", "--chaos-disconnect", "0.1", "--chaos-ratelimit", "0.1")


async def test_in_chaos_every_question_gets_an_answer_a_part_of_one_or_one_clear_failure(tmp_path: Path) -> None:
    """As many requests as a busy bot makes in an hour; each worker asks, and now and then changes its mind."""
    rooms = room_tools(RoomInMemory(), "lobby")
    outcomes: list[Answer | ModelFailed | None] = []
    dice = random.Random(7)

    async def worker(provider: AIMock) -> None:
        ask = Asking(provider.base_url, tools=Toolbox(rooms), web_search=True)
        async with ask.client:
            for _ in range(40):
                text = dice.choice(["sky", "pizza", "cut off", "dropped", "thinking"])
                patience_s = dice.choice([30.0, 30.0, 30.0, 0.01, 0.05, 0.2])
                outcome: Answer | ModelFailed | None = None
                with trio.move_on_after(patience_s):
                    try:
                        outcome = await ask.answer(prompt(dice.choice(FOR_MODELS), text))
                    except ModelFailed as failure:
                        outcome = failure
                outcomes.append(outcome)

    async with aimock(tmp_path, FIXTURES, *CHAOS, "--chaos-latency", "2", "--journal-max", "10") as provider:
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for _ in range(15):
                    nursery.start_soon(worker, provider)
        assert provider.connections() == 0
    assert len(outcomes) == 600
    said = [outcome for outcome in outcomes if isinstance(outcome, Answer)]
    assert len([answer for answer in said if answer.text in (SKY, "Ann likes pizza.", "Yes.")]) > 100
    assert all(answer.text for answer in said)
    assert {answer.unfinished for answer in said} <= {None, "the connection to the provider broke"}


async def test_a_bot_in_a_room_answers_in_chaos_and_loses_no_question(tmp_path: Path) -> None:
    told, tell = trio.open_memory_channel[str](100)

    class Room(RoomInMemory):
        async def _post(self, room: str, text: str, **more: Any) -> Posted:
            posted = await super()._post(room, text, **more)
            told.send_nowait(text)
            return posted

    room = Room()
    answered: list[str] = []
    async with aimock(tmp_path, FIXTURES, "--chaos-drop", "0.5") as provider, trio.open_nursery() as nursery:
        config = BotConfig(model="m", base_url=provider.base_url, answer_s=3)
        await nursery.start(partial(run_bot, config, client=room, report=told.send_nowait))
        with trio.fail_after(30):
            for number in range(1, 6):
                room.say("sage, why is the sky blue?")
                while len(answered) < number:
                    line = await tell.receive()
                    answered += [line] if line == SKY or line.startswith("no answer: ") else []
        nursery.cancel_scope.cancel()
    failures = [line.removeprefix("no answer: ") for line in answered if line != SKY]
    assert set(failures) <= {"there was no answer within 3 s", "the provider has a fault (status 500)"}
    assert all(said == SKY or said.startswith("I cannot answer just now") for said in map(text_of, room.said_by_bot))


def text_of(message: Message) -> str:
    return message.text
