"""A bot in a room: what it says, when, and what becomes of it when something goes wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from protocol import TEXT_CHARS, Live
from tests.bot.events import said
from tests.bot.room import RoomInMemory, ScriptedModel
from trio_chat.bot.agenda import MAX_QUESTIONS
from trio_chat.bot.bot import run_bot
from trio_chat.bot.config import MARKOV, BotConfig
from trio_chat.bot.context import Prompt
from trio_chat.bot.markov_model import TOO_LITTLE
from trio_chat.bot.models import ModelFailed
from trio_chat.bot.seat import BUSY
from trio_chat.bot.triggers import Reason
from trio_chat.client import ClientClosed, Connected, Disconnected, Refused

pytestmark = pytest.mark.autojump


class Running:
    """A bot at work: its room, its model, and what it reported."""

    def __init__(self, room: RoomInMemory, model: ScriptedModel) -> None:
        self.room = room
        self.model = model
        self.reports: list[str] = []

    @property
    def posts(self) -> list[str]:
        return [message.text for message in self.room.said_by_bot]


@asynccontextmanager
async def bot(
    *answers: str | Exception | None, room: RoomInMemory | None = None, **settings: Any
) -> AsyncIterator[Running]:
    """Run a bot for as long as the block lasts; by default its model says "yes"."""
    running = Running(room or RoomInMemory(), ScriptedModel(*answers or ("yes",)))
    run = partial(
        run_bot, BotConfig(**settings), client=running.room, model=running.model, report=running.reports.append
    )
    async with trio.open_nursery() as nursery:
        assert await nursery.start(run) == "sage"
        await wait_all_tasks_blocked()
        yield running
        nursery.cancel_scope.cancel()


async def test_it_answers_every_n_lines() -> None:
    async with bot(every_lines=2) as running:
        for expected in ([], ["yes"], ["yes"], ["yes", "yes"]):
            running.room.say("hello")
            await wait_all_tasks_blocked()
            assert running.posts == expected
    assert {prompt.reason for prompt in running.model.prompts} == {Reason.LINES}
    assert [message.reply_to for message in running.room.said_by_bot] == [None, None]


async def test_it_reads_the_conversation_before_it_answers() -> None:
    async with bot(every_lines=2, persona="You like tea.") as running:
        running.room.say("one")
        running.room.say("two", "bob")
        await wait_all_tasks_blocked()
    (prompt,) = running.model.prompts
    assert [(line.nick, line.text) for line in prompt.lines] == [("ann", "one"), ("bob", "two")]
    assert (prompt.nick, prompt.persona, prompt.room) == ("sage", "You like tea.", "lobby")


async def test_it_says_something_new_every_n_seconds() -> None:
    async with bot(every_seconds=10) as running:
        for expected in range(1, 4):
            await trio.sleep(10)
            await wait_all_tasks_blocked()
            assert len(running.posts) == expected
    assert {prompt.reason for prompt in running.model.prompts} == {Reason.TIMER}


async def test_it_answers_a_search_as_a_reply_with_what_was_said_before() -> None:
    async with bot("Because of the air.") as running:
        running.room.say("what a day")
        seq = running.room.say("why is the sky blue", command="search")
        await wait_all_tasks_blocked()
    (answer,) = running.room.said_by_bot
    assert (answer.text, answer.reply_to) == ("Because of the air.", seq)
    (prompt,) = running.model.prompts
    assert prompt.reason is Reason.SEARCH
    assert prompt.question is not None
    assert prompt.question.text == "why is the sky blue"
    assert prompt.lines[0].text == "what a day"


async def test_it_answers_who_calls_it_by_name_as_a_reply() -> None:
    async with bot(every_seconds=1_000) as running:
        seq = running.room.say("Sage: are you there?")
        await wait_all_tasks_blocked()
    (answer,) = running.room.said_by_bot
    assert answer.reply_to == seq


async def test_after_a_change_of_nick_it_answers_to_the_new_one() -> None:
    async with bot() as running:
        running.room.nick = "sage_"
        running.room.say("sage?")
        running.room.say("sage_?")
        await wait_all_tasks_blocked()
    assert [prompt.nick for prompt in running.model.prompts] == ["sage_"]
    assert running.posts == ["yes"]


async def test_what_was_said_before_it_came_is_context_and_nothing_else() -> None:
    room = RoomInMemory()
    room.say("sage, are you there?")
    room.say("why", command="search")
    async with bot(room=room, every_lines=1) as running:
        assert running.posts == []
        room.say("hello")
        await wait_all_tasks_blocked()
        assert running.posts == ["yes"]
    assert len(running.model.prompts[0].lines) == 3


async def test_it_does_not_answer_itself_or_other_bots() -> None:
    async with bot("sage says: hello sage", every_lines=1) as running:
        running.room.say("hello")
        await wait_all_tasks_blocked()
        running.room.deliver(said(99, "hello sage", "other", bot=True))
        await wait_all_tasks_blocked()
        assert len(running.posts) == 1


async def test_lines_that_come_while_it_is_busy_are_answered_once_and_together() -> None:
    async with bot(None, "then", every_lines=2) as running:
        for _ in range(2 * 5):
            running.room.say("hello")
            await wait_all_tasks_blocked()
        assert len(running.model.prompts) == 1
        running.model.release.set()
        await wait_all_tasks_blocked()
        assert running.posts == ["at last", "then"]
    # It reads the room when it gets to answer, so nothing said meanwhile is missed, nor what it said itself.
    assert [line.text for line in running.model.prompts[-1].lines] == ["hello"] * 10 + ["at last"]


async def test_what_it_just_said_itself_is_in_the_conversation_before_the_next_answer() -> None:
    async with bot("one", "two", "three") as running:
        for _ in range(3):
            running.room.say("sage?")
        await wait_all_tasks_blocked()
    own = [[line.text for line in prompt.lines if line.own] for prompt in running.model.prompts]
    assert own == [[], ["one"], ["one", "two"]]
    assert [line.seq for line in running.model.prompts[-1].lines] == [1, 2, 3, 4, 5]


async def test_questions_wait_while_it_is_busy_and_those_too_many_are_told_so_once() -> None:
    async with bot(None, "then") as running:
        first = running.room.say("sage?")
        await wait_all_tasks_blocked()
        waiting = [running.room.say("why", command="search") for _ in range(MAX_QUESTIONS)]
        refused = [running.room.say("sage, hurry!") for _ in range(20)]
        await wait_all_tasks_blocked()
        assert running.posts == [BUSY]
        assert running.room.said_by_bot[0].reply_to == refused[0]
        running.model.release.set()
        await wait_all_tasks_blocked()
    answers = running.room.said_by_bot[1:]
    assert [answer.reply_to for answer in answers] == [first, *waiting]


async def test_once_it_has_let_a_question_in_again_the_next_too_many_is_told_again() -> None:
    async with bot(None) as running:
        for _ in range(1 + MAX_QUESTIONS + 1):
            running.room.say("sage?")
            await wait_all_tasks_blocked()
        running.model.release.set()
        await wait_all_tasks_blocked()
        running.model.release = trio.Event()
        for _ in range(1 + MAX_QUESTIONS + 1):
            running.room.say("sage?")
            await wait_all_tasks_blocked()
        assert running.posts.count(BUSY) == 2


async def test_a_question_taken_back_while_it_waits_is_not_answered() -> None:
    async with bot(None, "then") as running:
        running.room.say("sage?")
        await wait_all_tasks_blocked()
        running.room.redact(running.room.say("sage, what is my password?"))
        await wait_all_tasks_blocked()
        running.model.release.set()
        await wait_all_tasks_blocked()
    assert running.posts == ["at last"]
    assert all("password" not in prompt.user for prompt in running.model.prompts)


async def test_a_question_changed_while_it_waits_is_answered_as_it_is_now() -> None:
    async with bot(None, "then") as running:
        running.room.say("sage?")
        await wait_all_tasks_blocked()
        running.room.edit(running.room.say("sage, why is the sky green?"), "sage, why is the sky blue?")
        await wait_all_tasks_blocked()
        running.model.release.set()
        await wait_all_tasks_blocked()
    question = running.model.prompts[-1].question
    assert question is not None
    assert question.text == "sage, why is the sky blue?"


async def test_a_question_that_has_gone_out_of_the_window_is_still_answered() -> None:
    async with bot(None, "then", context_chars=1_000) as running:
        running.room.say("sage?")
        await wait_all_tasks_blocked()
        running.room.say("sage, why?")
        for _ in range(20):
            running.room.say("x" * 200)
        await wait_all_tasks_blocked()
        running.model.release.set()
        await wait_all_tasks_blocked()
    question = running.model.prompts[-1].question
    assert question is not None
    assert question.text == "sage, why?"


async def test_questions_to_a_log_that_is_lost_are_forgotten() -> None:
    async with bot(None, "then") as running:
        running.room.say("sage?")
        await wait_all_tasks_blocked()
        running.room.say("sage!")
        running.room.begin_anew()
        await wait_all_tasks_blocked()
        running.model.release.set()
        await wait_all_tasks_blocked()
        assert len(running.model.prompts) == 1
        running.room.deliver(Live("lobby", 0))
        running.room.say("sage, are you back?")
        await wait_all_tasks_blocked()
        assert running.posts[-1] == "then"


async def test_a_long_answer_comes_in_posts_that_fit_all_of_them_replies() -> None:
    async with bot("A sentence. " * 600) as running:
        seq = running.room.say("sage, tell me a story")
        await wait_all_tasks_blocked()
    assert [len(post) <= TEXT_CHARS for post in running.posts] == [True, True]
    assert " ".join(running.posts) == ("A sentence. " * 600).strip()
    assert [message.reply_to for message in running.room.said_by_bot] == [seq, seq]


async def test_an_answer_is_cleaned_and_an_empty_one_skipped() -> None:
    async with bot("\x1b[31m\x00", "re\x07d") as running:
        running.room.say("sage?")
        running.room.say("sage?")
        await wait_all_tasks_blocked()
    assert running.posts == ["red"]
    assert running.reports[1:] == ["the model had nothing to say"]


async def test_a_failure_is_told_once_and_not_again_until_an_answer_has_come() -> None:
    failure = ModelFailed("the provider cannot be reached")
    async with bot(failure, failure, failure, "yes", failure) as running:
        for _ in range(6):
            running.room.say("sage?")
            await wait_all_tasks_blocked()
    told = "I cannot answer just now: the provider cannot be reached."
    assert running.posts == [told, "yes", told]
    assert running.reports[1:] == ["no answer: the provider cannot be reached"] * 5


async def test_a_model_that_breaks_ends_an_answer_and_not_the_bot() -> None:
    async with bot(ZeroDivisionError("sk-secret"), "yes") as running:
        running.room.say("sage?")
        running.room.say("sage?")
        await wait_all_tasks_blocked()
    assert running.posts == ["I cannot answer just now: the model broke down (ZeroDivisionError).", "yes"]
    assert "sk-secret" not in "".join(running.reports)


async def test_a_model_that_takes_too_long_is_given_up() -> None:
    async with bot(None, "yes", answer_s=60) as running:
        running.room.say("sage?")
        running.room.say("sage?")
        await trio.sleep(61)
        await wait_all_tasks_blocked()
    assert running.posts == ["I cannot answer just now: there was no answer within 60 s.", "yes"]


async def test_a_post_that_the_room_does_not_take_is_reported_and_the_bot_goes_on() -> None:
    async with bot() as running:
        running.room.refusals.append(Refused("forbidden", "You may not speak here."))
        running.room.say("sage?")
        running.room.say("sage?")
        await wait_all_tasks_blocked()
    assert running.posts == ["yes"]
    assert running.reports[1:] == ["the room did not take a post: You may not speak here."]


async def test_other_rooms_mean_nothing_to_it() -> None:
    async with bot(every_lines=1) as running:
        running.room.deliver(said(1, "sage?", room="elsewhere"))
        await wait_all_tasks_blocked()
        assert running.model.prompts == []


async def test_it_takes_events_in_however_long_the_model_thinks() -> None:
    async with bot(None, every_lines=1) as running:
        for _ in range(3_000):
            running.room.say("hello")
            if len(running.room.log) % 500 == 0:
                await wait_all_tasks_blocked()
        assert len(running.model.prompts) == 1


async def test_it_says_where_it_is_what_it_does_and_how_the_connection_fares() -> None:
    async with bot(every_lines=5, model="m") as running:
        running.room.deliver(Disconnected("The server is gone.", 0.1))
        running.room.deliver(Connected(again=True, nick="sage_"))
        await wait_all_tasks_blocked()
    assert running.reports == [
        "joined #lobby as sage; it speaks every 5 lines, when its nick is mentioned and to /search, by the model m",
        "cut off: The server is gone.",
        "connected again, as sage_",
    ]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "it speaks when its nick is mentioned and to /search, by"),
        ({"every_seconds": 0.5}, "it speaks every 0.5 seconds, when its nick is mentioned and to /search, by"),
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
        async def answer(self, prompt: Prompt) -> str:
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
