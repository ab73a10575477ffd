"""A bot, a person and a real server in one process; and the room in memory held against the real thing."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio

from protocol import Cause as TurnCause
from protocol import DraftShown, Joined, Live, Message
from tests.bot.room import RoomInMemory, ScriptedModel
from trio_chat.bot.bot import run_bot
from trio_chat.bot.config import MARKOV, BotConfig
from trio_chat.bot.context import tokens_in
from trio_chat.bot.markov_model import TOO_LITTLE
from trio_chat.bot.models import Answer, Tokens
from trio_chat.bot.needs import RoomClient
from trio_chat.bot.room_tools import room_tools
from trio_chat.bot.tools import Toolbox
from trio_chat.bot.triggers import Reason
from trio_chat.client import Client, ClientEvent, Dial, Refused, open_client
from trio_chat.server import Server, ServerConfig, open_server
from trio_chat.server.governor import Allowance
from trio_chat.transport import ByteStream

pytestmark = pytest.mark.autojump

ANN, SAGE = "a" * 32, "b" * 32


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with open_server(ServerConfig(port=0, store="memory:", rate_limit=None)) as running:
        yield running


@asynccontextmanager
async def person(server: Server) -> AsyncIterator[Client]:
    """A person in the lobby."""
    async with open_client(nick="ann", session=ANN, dial=server.dial) as client:
        await client.join("lobby")
        yield client


async def next_by_bot(client: Client) -> Message:
    """Return the next thing that the bot says, as the person sees it."""
    async for event in client:
        if isinstance(event, Message) and event.bot:
            return event
    raise AssertionError("the events ended")


async def next_draft(client: Client) -> DraftShown:
    """Return what the bot shows next, as the person sees it."""
    async for event in client:
        if isinstance(event, DraftShown):
            return event
    raise AssertionError("the events ended")


class Cuttable:
    """Dials a server, and can cut the last connection that it made."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stream: ByteStream | None = None

    async def dial(self) -> ByteStream:
        self._stream = await self._server.dial()
        return self._stream

    async def cut(self) -> None:
        assert self._stream is not None
        await self._stream.aclose()


@asynccontextmanager
async def bot(
    server: Server, answering: ScriptedModel | None, dial: Dial | None = None, **settings: Any
) -> AsyncIterator[list[str]]:
    """Run a bot in the lobby for as long as the block lasts; gives its reports."""
    reports: list[str] = []
    config = BotConfig(session=SAGE, **settings)
    run = partial(run_bot, config, dial=dial or server.dial, model=answering, report=reports.append)
    async with trio.open_nursery() as nursery:
        assert await nursery.start(run) == "sage"
        yield reports
        nursery.cancel_scope.cancel()


async def test_a_search_typed_by_a_person_is_answered_as_a_reply(server: Server) -> None:
    model = ScriptedModel("Because of the air.")
    async with person(server) as ann, bot(server, model):
        await ann.post("lobby", "what a day")
        asked = await ann.command("/search why is the sky blue", room="lobby")
        answer = await next_by_bot(ann)
    assert (answer.nick, answer.text) == ("sage", "Because of the air.")
    assert answer.reply_to == getattr(asked, "seq", None)
    assert [line.text for line in model.prompts[0].lines] == ["what a day", "why is the sky blue"]


async def test_the_model_is_shown_as_much_as_the_settings_allow(server: Server) -> None:
    model = ScriptedModel("yes")
    async with person(server) as ann, bot(server, model, context_tokens=700):
        await ann.post("lobby", "sage, " + "\U0001f600" * 3_900)
        await next_by_bot(ann)
    assert tokens_in(model.prompts[0].user) <= 700


async def test_a_mention_is_answered_as_a_reply(server: Server) -> None:
    async with person(server) as ann, bot(server, ScriptedModel("I am.")):
        posted = await ann.post("lobby", "are you there, Sage?")
        assert (await next_by_bot(ann)).reply_to == posted.seq


async def test_every_n_lines_it_joins_in(server: Server) -> None:
    model = ScriptedModel("Indeed.")
    async with person(server) as ann, bot(server, model, every_lines=3):
        for number in range(6):
            posted = await ann.post("lobby", f"line {number}")
            if number % 3 == 2:
                answer = await next_by_bot(ann)
                assert (answer.seq, answer.reply_to) == (posted.seq + 1, None)
    assert [prompt.reason for prompt in model.prompts] == [Reason.LINES] * 2


async def test_every_n_seconds_it_says_something(server: Server) -> None:
    async with person(server) as ann, bot(server, ScriptedModel("one", "two"), every_seconds=600):
        began = trio.current_time()
        assert [(await next_by_bot(ann)).text for _ in range(2)] == ["one", "two"]
        assert 1_200 <= trio.current_time() - began < 1_300


async def test_two_bots_do_not_answer_each_other(server: Server) -> None:
    first, second = ScriptedModel("robin, sage, hello"), ScriptedModel("sage, robin, hello")
    async with person(server) as ann, bot(server, first, every_lines=1), trio.open_nursery() as nursery:
        config = BotConfig(nick="robin", session="c" * 32, every_lines=1)
        await nursery.start(partial(run_bot, config, dial=server.dial, model=second))
        await ann.post("lobby", "hello")
        await next_by_bot(ann)
        await next_by_bot(ann)
        await trio.sleep(60)
        nursery.cancel_scope.cancel()
    assert len(first.prompts) == len(second.prompts) == 1


async def test_after_a_cut_it_comes_back_and_answers_what_it_missed(server: Server) -> None:
    line = Cuttable(server)
    async with person(server) as ann, bot(server, ScriptedModel("Here."), line.dial) as reports:
        await line.cut()
        posted = await ann.post("lobby", "sage, are you there?")
        assert (await next_by_bot(ann)).reply_to == posted.seq
    assert [report.split(":")[0].split(",")[0] for report in reports[1:]] == ["cut off", "connected again"]


async def test_markov_talks_from_the_history_of_the_server(server: Server) -> None:
    async with person(server) as ann, bot(server, None, model=MARKOV):
        await ann.post("lobby", "sage?")
        assert (await next_by_bot(ann)).text == TOO_LITTLE[0]


async def test_the_tools_about_a_room_tell_of_this_room_of_the_server_and_no_other(server: Server) -> None:
    elsewhere = open_client(nick="bob", session="c" * 32, dial=server.dial)
    async with person(server) as ann, elsewhere as bob, real_client(server) as client:
        await bob.join("secret")
        await ann.join("secret")
        await ann.post("secret", "the pizza is poisoned")
        await ann.post("lobby", "I like pizza")
        await ann.set_topic("lobby", "food")
        joined = await client.join("lobby")
        tools = Toolbox(room_tools(client, joined.room))
        (line,) = json.loads(await tools.call("search_history", '{"words": "pizza"}'))
        assert (line["nick"], line["says"]) == ("ann", "I like pizza")
        here = json.loads(await tools.call("who_is_here", ""))
        assert here == {"count": 2, "present": [{"nick": "ann"}, {"nick": "sage", "bot": True}]}
        assert json.loads(await tools.call("room_topic", "")) == {"room": "lobby", "topic": "food"}


async def test_a_nick_that_is_taken_ends_it_with_that_error_alone(server: Server) -> None:
    async with person(server):
        with pytest.raises(Refused) as refused:
            await run_bot(BotConfig(nick="ann", session=SAGE), dial=server.dial, model=ScriptedModel("x"))
    assert refused.value.code == "nick_taken"


async def test_when_it_goes_it_says_goodbye_so_that_its_nick_is_free_at_once(server: Server) -> None:
    async with bot(server, ScriptedModel("x")):
        pass
    async with open_client(nick="sage", session=ANN, dial=server.dial) as client:
        assert client.nick == "sage"


async def test_a_word_in_private_is_answered_in_private(server: Server) -> None:
    async with person(server) as ann, bot(server, ScriptedModel("Between us.", "Still.")):
        await ann.command("/msg sage are you there?", room="lobby")
        answer = await next_by_bot(ann)
        assert answer.text == "Between us."
        assert answer.room.startswith("~")
        await ann.post(answer.room, "and now?")
        second = await next_by_bot(ann)
        assert (second.text, second.room) == ("Still.", answer.room)


async def test_stop_cancels_the_answer_and_keeps_what_was_shown_of_it(server: Server) -> None:
    model = ScriptedModel(None, "yes")
    async with person(server) as ann, bot(server, model) as reports:
        posted = await ann.post("lobby", "sage, a long story")
        assert (await next_draft(ann)).text == "at"
        await ann.command("/stop", room="lobby")
        said = await next_by_bot(ann)
        assert (said.text, said.stopped, said.hops) == ("at", True, 1)
        again = await ann.post("lobby", "sage?")
        answer = await next_by_bot(ann)
        assert (answer.reply_to, answer.stopped) == (again.seq, False)
    assert posted.seq < said.seq < again.seq
    assert reports[1:] == ["its turn was ended: stopped, by ann"]


@pytest.mark.parametrize("count", [2**31, 10**30, -1])
async def test_a_model_that_miscounts_its_tokens_is_heard_all_the_same(server: Server, count: int) -> None:
    async with person(server) as ann, bot(server, ScriptedModel(Answer("yes", tokens=Tokens(count)))):
        await ann.post("lobby", "sage?")
        with trio.fail_after(60):
            assert (await next_by_bot(ann)).text == "yes"


async def test_no_line_of_an_answer_is_taken_for_a_tool_that_is_called(server: Server) -> None:
    text = "[Note: mind the gap]\nWell,\n[1: first]\n[Source: RFC 9110]"
    model = ScriptedModel(None)
    model.first_shown = (text, 'weather: "Rome"')
    async with person(server) as ann, bot(server, model):
        await ann.post("lobby", "sage?")
        with trio.fail_after(60):
            draft = await next_draft(ann)
        await ann.command("/stop", room="lobby")
        said = await next_by_bot(ann)
    assert (draft.text, draft.doing) == (text, 'weather: "Rome"')
    assert (said.text, said.stopped) == (text, True)


@pytest.mark.parametrize("hops", [3, 10])
async def test_two_bots_left_alone_fall_silent_after_as_many_hops_as_are_allowed(hops: int) -> None:
    config = ServerConfig(port=0, store="memory:", rate_limit=None, bots=Allowance(hops=hops))
    async with open_server(config) as server, person(server) as ann, trio.open_nursery() as nursery:
        for nick, session in (("sage", SAGE), ("owl", "c" * 32)):
            settings = BotConfig(nick=nick, session=session, answer_bots=True, every_lines=1)
            model = ScriptedModel(f"{nick} says so")
            await nursery.start(partial(run_bot, settings, dial=server.dial, model=model))
        await ann.post("lobby", "talk to each other")
        with trio.move_on_after(60):
            said = [await next_by_bot(ann) for _ in range(100)]
            raise AssertionError(said)
        page = await ann.history("lobby")
        hopped = [entry.hops for entry in page.entries if isinstance(entry, Message) and entry.bot]
        assert max(hopped) == hops
        assert set(hopped) == set(range(1, hops + 1))
        nursery.cancel_scope.cancel()


async def test_a_question_whose_turn_was_cut_off_is_answered_after_the_cut(server: Server) -> None:
    wire, model = Cuttable(server), ScriptedModel(None, "yes")
    async with person(server) as ann, bot(server, model, wire.dial):
        posted = await ann.post("lobby", "sage?")
        await next_draft(ann)
        await wire.cut()
        first, answer = await next_by_bot(ann), await next_by_bot(ann)
        assert (first.text, first.stopped) == ("at", True)
        assert (answer.text, answer.reply_to) == ("yes", posted.seq)


# --- the room in memory, held against the real thing ---------------------------------------------------


@asynccontextmanager
async def real_client(server: Server) -> AsyncIterator[RoomClient]:
    async with open_client(nick="sage", bot=True, session=SAGE, dial=server.dial) as client:
        yield client


@asynccontextmanager
async def room_in_memory(server: Server) -> AsyncIterator[RoomClient]:
    yield RoomInMemory(page_entries=3)


@pytest.mark.parametrize("connect", [real_client, room_in_memory])
async def test_a_room_in_memory_does_what_the_client_does(server: Server, connect: Callable[[Server], Any]) -> None:
    async with connect(server) as client:
        joined = await client.join("lobby", last=50)
        assert (joined.room, joined.head) == ("lobby", 0)
        async with client.turn("lobby", TurnCause("timer")) as turn:
            posted = [await turn.post(f"line {number}", more=True) for number in range(1, 6)]
            await turn.show("rep")
            turn.tokens = 5
            reply = await turn.post("reply", reply_to=posted[0].seq)
        assert turn.ended == "done"
        assert [each.seq for each in posted] == [1, 2, 3, 4, 5]
        seen: list[ClientEvent] = []
        async for event in client:
            seen.append(event)
            if isinstance(event, Message) and event.seq == reply.seq:
                break
        entries = [event for event in seen if isinstance(event, Message)]
        assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5, 6]
        assert {(entry.author, entry.nick, entry.bot) for entry in entries} == {(client.author, "sage", True)}
        assert entries[-1].reply_to == 1
        marks = [event for event in seen if isinstance(event, Joined | Live)]
        assert [type(mark) for mark in marks] == [Joined, Live]
        assert client.rooms["lobby"].epoch == joined.epoch
        for bounds, seqs, more in (
            ({}, [4, 5, 6], True),
            ({"before": 4}, [1, 2, 3], False),
            ({"before": 3}, [1, 2], False),
            ({"after": 2}, [3, 4, 5], True),
            ({"after": 3}, [4, 5, 6], False),
            ({"after": 6}, [], False),
        ):
            page = await client.history("lobby", limit=3, **bounds)
            assert ([entry.seq for entry in page.entries], page.more) == (seqs, more)
        assert client.rooms["lobby"].topic == joined.topic == ""
        for query, wanted, seqs in (
            ("line", {"limit": 3}, [5, 4, 3]),
            ("LINE 2", {}, [2]),
            ("reply", {"nick": "sage"}, [6]),
            ("line", {"nick": "nobody"}, []),
        ):
            assert [entry.seq for entry in (await client.search(query, room="lobby", **wanted)).entries] == seqs
        here = await client.members("lobby", limit=10)
        assert [(member.nick, member.bot) for member in here.members] == [("sage", True)]
        assert (here.count, here.more) == (1, False)
