"""What a bot says in its room and when, also while it is busy or something goes wrong."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from protocol import TEXT_CHARS, Live, Presence
from protocol import Cause as TurnCause
from tests.bot.events import said
from tests.bot.room import RoomInMemory
from tests.bot.running import bot
from trio_chat.bot.agenda import MAX_QUESTIONS
from trio_chat.bot.context import tokens_in
from trio_chat.bot.models import Answer, ModelFailed, Source, Tokens
from trio_chat.bot.seat import BUSY
from trio_chat.bot.speaker import NOTHING
from trio_chat.bot.triggers import Reason
from trio_chat.client import Refused, TurnLost

pytestmark = pytest.mark.autojump


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
        await trio.sleep(1)
        assert running.posts == [BUSY]
        assert running.room.said_by_bot[0].reply_to == refused[0]
        assert running.room.drafts == [(1, "at", ""), (1, "at", "")]  # a post takes the place of what was shown
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
    async with bot(None, "then", context_tokens=350) as running:
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
    assert running.posts == [NOTHING, "red"]
    assert running.reports[1:] == ["the model had nothing to say"]


async def test_a_model_without_words_for_what_nobody_asked_leaves_it_at_that() -> None:
    async with bot("", every_lines=1) as running:
        running.room.say("hello")
        await wait_all_tasks_blocked()
    assert running.posts == []


async def test_the_sources_of_an_answer_are_listed_and_an_answer_that_ends_in_the_middle_says_so() -> None:
    cited = Answer("The air.", (Source("https://a/1", "Air"),))
    async with bot(cited, Answer("The ai", unfinished="the connection to the provider broke")) as running:
        running.room.say("why is the sky blue", command="search")
        running.room.say("sage?")
        await wait_all_tasks_blocked()
    assert running.posts == [
        "The air.\n\n[1] Air: https://a/1",
        "The ai\n… (the connection to the provider broke)",
    ]


async def test_a_failure_is_told_once_and_not_again_until_an_answer_has_come() -> None:
    failure = ModelFailed("the provider cannot be reached")
    async with bot(failure, failure, failure, "yes", failure, every_lines=1) as running:
        for _ in range(6):
            running.room.say("hello")
            await wait_all_tasks_blocked()
    told = "I cannot answer just now: the provider cannot be reached."
    assert running.posts == [told, "yes", told]
    assert running.reports[1:] == ["no answer: the provider cannot be reached"] * 5


async def test_a_failure_is_told_everybody_who_asks() -> None:
    async with bot(ModelFailed("the provider cannot be reached"), every_lines=2) as running:
        asked = [running.room.say("hello"), running.room.say("hello")]
        for nick in ("ann", "bob"):
            await wait_all_tasks_blocked()
            asked.append(running.room.say("sage?", nick))
        await wait_all_tasks_blocked()
    told = "I cannot answer just now: the provider cannot be reached."
    assert [(said.text, said.reply_to) for said in running.room.said_by_bot] == [
        (told, None), (told, asked[2]), (told, asked[3]),
    ]  # fmt: skip


async def test_a_turn_that_was_lost_on_the_way_is_asked_for_again() -> None:
    async with bot("yes") as running:
        running.room.no_turns.extend([TurnLost(), TurnLost()])
        seq = running.room.say("sage?")
        await wait_all_tasks_blocked()
    assert [message.reply_to for message in running.room.said_by_bot] == [seq]
    assert len(running.model.prompts) == 1


@pytest.mark.parametrize("cuts", [1, 2, 5])
async def test_an_answer_whose_saying_the_connection_has_cut_is_said_to_its_end_and_nothing_twice(cuts: int) -> None:
    async with bot("A sentence. " * 900) as running:
        running.room.cuts = cuts
        running.room.say("sage?")
        await wait_all_tasks_blocked()
        assert " ".join(running.posts) == ("A sentence. " * 900).strip()
        assert len(running.model.prompts) == 1
        assert len(running.room.causes) == 1 + cuts
        running.room.say("sage?")
        await wait_all_tasks_blocked()
        assert len(running.posts) == 6


async def test_what_a_stopped_answer_has_used_is_told_at_a_guess() -> None:
    async with bot(None, Answer("yes", tokens=Tokens(20, 3))) as running:
        running.room.say("sage, a long story")
        await wait_all_tasks_blocked()
        prompt, turn = running.model.prompts[0], running.room.speaking
        assert turn is not None
        running.room.stop()
        await wait_all_tasks_blocked()
        assert turn.tokens == tokens_in(prompt.system) + tokens_in(prompt.user) > 100
        running.room.say("sage?")
        await wait_all_tasks_blocked()
    assert running.room.tokens == 23


async def test_a_question_that_was_cut_comes_before_those_that_wait() -> None:
    async with bot(None, "yes") as running:
        seqs = [running.room.say("sage?")]
        await wait_all_tasks_blocked()
        seqs += [running.room.say("sage?") for _ in range(MAX_QUESTIONS)]
        running.room.stop("gone", None)
        await wait_all_tasks_blocked()
    assert [message.reply_to for message in running.room.said_by_bot] == seqs


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


async def test_it_speaks_in_a_turn_that_names_its_cause_and_what_it_has_used() -> None:
    async with bot("x" * 5_000, "two", "three", every_lines=2, every_seconds=100) as running:
        room = running.room
        asked, called = room.say("why", command="search"), room.say("sage?")
        await wait_all_tasks_blocked()
        room.say("one")
        last = room.say("two")
        await trio.sleep(1)
        await trio.sleep(100)
    assert room.causes == [
        TurnCause("command", seq=asked),
        TurnCause("entry", seq=called),
        TurnCause("lines", seq=last),
        TurnCause("timer"),
    ]
    assert len(running.posts) == 5  # the first answer in two posts of one turn


async def test_its_answer_is_shown_as_it_grows() -> None:
    async with bot(None) as running:
        running.room.say("sage?")
        await wait_all_tasks_blocked()
        assert running.room.drafts == [(1, "at", "")]
        assert running.posts == []
        running.model.release.set()
        await wait_all_tasks_blocked()
        assert running.posts == ["at last"]


@pytest.mark.parametrize("reason", ["stopped", "deadline", "asker left"])
async def test_a_turn_that_is_ended_cancels_the_answer_and_nothing_else(reason: str) -> None:
    async with bot(None, "yes") as running:
        running.room.say("sage, a long story")
        await wait_all_tasks_blocked()
        running.room.stop(reason, "ann" if reason == "stopped" else None)
        running.room.say("sage?")
        await wait_all_tasks_blocked()
    assert running.posts == ["yes"]
    by = ", by ann" if reason == "stopped" else ""
    assert running.reports[1:] == [f"its turn was ended: {reason}{by}"]


async def test_a_question_whose_turn_was_lost_with_the_connection_is_answered_in_another() -> None:
    async with bot(None, "yes") as running:
        seq = running.room.say("sage?")
        await wait_all_tasks_blocked()
        running.room.stop("gone", None)
        await wait_all_tasks_blocked()
    assert [message.reply_to for message in running.room.said_by_bot] == [seq]
    assert running.room.causes == [TurnCause("entry", seq=seq)] * 2


async def test_a_turn_that_is_refused_is_reported_and_the_bot_goes_on() -> None:
    async with bot() as running:
        running.room.no_turns.append(Refused("no_turn", "Bots have talked among themselves for 3 turns."))
        running.room.say("sage?")
        running.room.say("sage?")
        await wait_all_tasks_blocked()
    assert running.posts == ["yes"]
    assert len(running.model.prompts) == 1
    assert running.reports[1:] == ["it may not speak: Bots have talked among themselves for 3 turns."]


async def test_it_greets_people_who_come_and_no_bots() -> None:
    async with bot("Hello, ann!", greet=True) as running:
        for author, nick, is_bot in (("a", "ann", False), ("b", "owl", True)):
            running.room.deliver(Presence("lobby", author, nick, "joined", bot=is_bot))
            await wait_all_tasks_blocked()
    assert running.posts == ["Hello, ann!"]
    assert running.room.causes == [TurnCause("arrival", author="a")]
    assert running.model.prompts[0].user.endswith('{"arrived": "ann"}')


async def test_it_answers_other_bots_where_it_is_asked_to() -> None:
    async with bot(answer_bots=True, every_lines=1) as running:
        seq = running.room.say("sage, I am a bot like you", "owl", bot=True)
        await wait_all_tasks_blocked()
    assert [message.reply_to for message in running.room.said_by_bot] == [seq]
