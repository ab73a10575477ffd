"""All that a bot does in a room, with a real server and a provider that nobody here wrote.

What is looked at is what people in the room see; the operator's reports are another matter.
"""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
import trio
import trio.lowlevel

from protocol import DraftShown, Message, TurnChange
from tests.bot.aimock import AIMock, aimock, needs_aimock, replies
from tests.bot.test_with_aimock import CHAOS, PIZZA, SKY
from trio_chat.bot import BotConfig, run_bot
from trio_chat.client import Client, ClientEvent, open_client
from trio_chat.server import Server, ServerConfig, open_server

pytestmark = needs_aimock

ANN, BOB, SAGE, OWL = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)
PATIENCE_S: Final = 30.0
FOR_EVER: Final = " ".join([SKY] * 50)  # two minutes
FIXTURES = (
    replies("for ever", {"content": FOR_EVER}, latency=50, chunkSize=2),
    replies("arrived", {"content": "Welcome, bob!"}),
    replies("slowly", {"content": SKY}, latency=50, chunkSize=2),
    replies("cut off", {"content": SKY}, chunkSize=8, latency=20, truncateAfterChunks=4),
    replies("pizza", {"toolCalls": [PIZZA, {"name": "who_is_here", "arguments": {}}]}, with_result=False),
    replies("pizza", {"content": "Ann likes pizza."}, with_result=True, latency=300),
    replies("why is the sky blue", {"content": SKY}),
    replies("owl, ask around", {"content": "sage, why is the sky blue?"}),
    replies("lobby", {"content": "Well said."}),
)


class Person:
    """Somebody in the room, who looks at one event after another."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def say(self, line: str) -> None:
        """Say something, or carry out a command."""
        if line.startswith("/"):
            await self.client.command(line, room="lobby")
        else:
            await self.client.post("lobby", line)

    async def see(self) -> ClientEvent:
        """Return what happens next."""
        with trio.fail_after(PATIENCE_S):
            async for event in self.client:
                return event
        raise AssertionError("the events ended")

    async def hear(self, nick: str = "sage") -> Message:
        """Return what a bot says next."""
        while not (isinstance(event := await self.see(), Message) and event.nick == nick):
            pass
        return event

    async def drafts(self, *, to: str) -> list[DraftShown]:
        """Return what is shown until it begins with `to`, in text or in what is done."""
        shown: list[DraftShown] = []
        while not shown or not (shown[-1].text + shown[-1].doing).startswith(to):
            event = await self.see()
            assert not isinstance(event, Message) or not event.bot, "it was said before it was shown"
            shown += [event] if isinstance(event, DraftShown) else []
        return shown


@asynccontextmanager
async def person(server: Server, nick: str = "ann", session: str = ANN) -> AsyncIterator[Person]:
    async with open_client(nick=nick, session=session, dial=server.dial) as client:
        await client.join("lobby")
        yield Person(client)


@asynccontextmanager
async def room(provider: AIMock, *bots: dict[str, Any]) -> AsyncIterator[tuple[Person, Server]]:
    """Give a server with bots that ask `provider`, and a person who was there before them."""
    settings = ServerConfig(port=None, store="memory:", rate_limit=None)
    async with open_server(settings) as server, person(server) as ann, trio.open_nursery() as nursery:
        for bot in bots:
            config = BotConfig(model="m", base_url=provider.base_url, **({"session": SAGE} | bot))
            await nursery.start(partial(run_bot, config, dial=server.dial))
        yield ann, server
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "line", ["sage, why is the sky blue?", "/search why is the sky blue", "/ask why is the sky blue"]
)
async def test_a_mention_and_a_question_are_answered_as_a_reply(tmp_path: Path, line: str) -> None:
    async with aimock(tmp_path, FIXTURES) as provider, room(provider, {}) as (ann, _):
        await ann.say(line)
        answer = await ann.hear()
        (asked,) = [entry for entry in (await ann.client.history("lobby")).entries if entry.seq == answer.reply_to]
    assert (answer.text, answer.bot, answer.stopped) == (SKY, True, False)
    assert asked.author == ann.client.author


async def test_a_word_in_private_is_answered_in_private(tmp_path: Path) -> None:
    async with aimock(tmp_path, FIXTURES) as provider, room(provider, {}) as (ann, _):
        await ann.say("/msg sage why is the sky blue")
        answer = await ann.hear()
        said_in_the_room = (await ann.client.history("lobby")).entries
    assert answer.text == SKY
    assert answer.room.startswith("~")
    assert not said_in_the_room


async def test_every_n_lines_it_joins_in(tmp_path: Path) -> None:
    async with aimock(tmp_path, FIXTURES) as provider, room(provider, {"every_lines": 3}) as (ann, _):
        for number in range(1, 7):
            await ann.say(f"line {number}")
            if number % 3 == 0:
                answer = await ann.hear()
                assert (answer.text, answer.seq) == ("Well said.", number + number // 3)
        assert len(await provider.journal()) == 2


async def test_every_n_seconds_it_says_something(tmp_path: Path) -> None:
    async with aimock(tmp_path, FIXTURES) as provider, room(provider, {"every_seconds": 0.2}) as (ann, _):
        said = [await ann.hear() for _ in range(3)]
    assert [(message.text, message.reply_to) for message in said] == [("Well said.", None)] * 3


async def test_who_comes_is_greeted(tmp_path: Path) -> None:
    async with aimock(tmp_path, FIXTURES) as provider, room(provider, {"greet": True}) as (ann, server):
        async with person(server, "bob", BOB) as bob:
            assert (await bob.hear()).text == "Welcome, bob!"
        assert (await ann.hear()).text == "Welcome, bob!"


async def test_another_bot_is_answered_by_one_that_answers_bots(tmp_path: Path) -> None:
    owl = {"nick": "owl", "session": OWL}
    async with aimock(tmp_path, FIXTURES) as provider, room(provider, {"answer_bots": True}, owl) as (ann, _):
        await ann.say("owl, ask around")
        question = await ann.hear("owl")
        answer = await ann.hear("sage")
    assert question.text == "sage, why is the sky blue?"
    assert (answer.text, answer.reply_to) == (SKY, question.seq)
    assert (question.hops, answer.hops) == (1, 2)


async def test_an_answer_is_seen_to_grow(tmp_path: Path) -> None:
    async with aimock(tmp_path, FIXTURES) as provider, room(provider, {}) as (ann, _):
        await ann.say("sage, talk for ever")
        shown = [draft.text for draft in await ann.drafts(to=SKY[:40])]
    assert len(shown) > 1
    assert all(len(sooner) < len(later) and later.startswith(sooner) for sooner, later in pairwise(shown))
    assert FOR_EVER.startswith(shown[-1])


async def test_the_tools_that_are_called_are_seen_beside_the_text(tmp_path: Path) -> None:
    async with aimock(tmp_path, FIXTURES) as provider, room(provider, {}) as (ann, _):
        await ann.say("I like pizza")
        await ann.say("sage, who does?")
        shown = await ann.drafts(to="search_history")
        answer = await ann.hear()
        messages = (await provider.journal())[-1]["body"]["messages"]
    results = [message["content"] for message in messages if message["role"] == "tool"]
    assert (shown[-1].text, shown[-1].doing) == ("", 'search_history: "pizza"; who_is_here …')
    assert answer.text == "Ann likes pizza."
    assert '"says":"I like pizza"' in results[0]
    assert '"nick":"ann"' in results[1]


async def test_stop_in_mid_stream_cuts_the_provider_off_and_keeps_what_was_shown(tmp_path: Path) -> None:
    async with aimock(tmp_path, FIXTURES) as provider, room(provider, {}) as (ann, _):
        await ann.say("sage, talk for ever")
        (*_, shown) = await ann.drafts(to=SKY[:6])
        assert provider.connections() == 1
        await ann.say("/stop")
        said = await ann.hear()
        # Its journal tells of cuts of its own alone; that it streams for minutes, and nobody listens, tells of ours.
        with trio.fail_after(PATIENCE_S):
            while provider.connections():
                await trio.lowlevel.checkpoint()
        asked = await provider.journal()
        kept = (await ann.client.history("lobby")).entries[-1]
    assert said.stopped
    assert said.text.startswith(shown.text)
    assert FOR_EVER.startswith(said.text)
    assert len(said.text) < len(FOR_EVER) / 2
    assert isinstance(kept, Message)
    assert (kept.seq, kept.text, kept.stopped) == (said.seq, said.text, True)
    assert len(asked) == 1


async def test_in_chaos_the_room_is_told_something_on_every_question(tmp_path: Path) -> None:
    """An answer, a part of one that says so, or one clear line; now and then somebody says /stop."""
    outcomes: list[str] = []
    dice = random.Random(7)

    async def ask(provider: AIMock, questions: int) -> None:
        ends: dict[int, str | None] = {}
        async with room(provider, {"answer_s": 4.0}) as (ann, _):
            for _ in range(questions):
                text = dice.choice(["why is the sky blue", "slowly", "cut off", "pizza"])
                asked = await ann.client.post("lobby", f"sage, {text}?")
                ends[asked.seq] = await _end_of_turn(ann, stops=dice.random() < 0.3)
            await ann.say("that is all")
            while not (isinstance(event := await ann.see(), Message) and event.text == "that is all"):
                pass
            said = [
                each for each in (await ann.client.history("lobby")).entries if isinstance(each, Message) and each.bot
            ]
        assert {message.reply_to for message in said} <= ends.keys()
        for seq, reason in ends.items():
            outcomes.append(_outcome([message for message in said if message.reply_to == seq], reason))

    async with aimock(tmp_path, FIXTURES, *CHAOS) as provider:
        with trio.fail_after(90):
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(ask, provider, 6)
    assert len(outcomes) == 30
    assert outcomes.count("answered") > 5
    assert set(outcomes) <= {"answered", "answered in part", "told why not", "stopped", "stopped before a word"}


async def _end_of_turn(ann: Person, *, stops: bool) -> str | None:
    """Wait until the bot has done with a question, and return why."""
    while not (isinstance(event := await ann.see(), TurnChange) and event.change == "ended"):
        if isinstance(event, DraftShown) and stops:
            stops = False
            await ann.say("/stop")
    return event.reason


def _outcome(said: list[Message], reason: str | None) -> str:
    """Say what the room was told on one question, as it stands in the log."""
    if not said:
        return "stopped before a word" if reason == "stopped" else f"nothing: {reason}"
    (message,) = said
    if message.stopped or message.text in (SKY, "Ann likes pizza."):
        return "stopped" if message.stopped else "answered"
    if message.text.startswith("I cannot answer just now: ") and "\n" not in message.text:
        return "told why not"
    part, _, why = message.text.rpartition("\n")
    return "answered in part" if part and SKY.startswith(part) and why.startswith("… (") else message.text
