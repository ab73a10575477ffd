"""The model that talks as the room talks."""

import itertools

import pytest
import trio

from tests.bot.events import said
from tests.bot.room import RoomInMemory
from trio_chat.bot.context import Line, Prompt
from trio_chat.bot.markov_model import MAX_ENTRIES, MAX_WORDS, MIN_LINES, TOO_LITTLE, MarkovModel, talk
from trio_chat.bot.models import ModelFailed
from trio_chat.bot.triggers import Reason
from trio_chat.client import Refused

SUBJECTS = ("the cat", "my neighbour", "a sailor", "the old teacher", "nobody")
VERBS = ("really likes to see", "was looking for", "never forgets about", "talks all day of")
OBJECTS = ("fresh fish on a plate", "a ship in the harbour", "the red umbrella", "rain in the evening")
# Half of what can be put together is said, so that there is something left to say.
TALK = [
    f"{subject} {verb} {thing}"
    for number, (subject, verb, thing) in enumerate(itertools.product(SUBJECTS, VERBS, OBJECTS))
    if number % 3 != 0
]


async def ask(model: MarkovModel, question: str | None = None) -> str:
    """Return the model's answer, which it has to show once."""
    line = None if question is None else Line(1, 0, "ann", question)
    shown: list[str] = []

    def show(text: str, doing: str = "") -> None:
        shown.append(text)

    answer = await model.answer(Prompt(Reason.MENTION, "sage", "", "lobby", "", (), line), show=show)
    assert shown == [answer.text]
    assert (answer.tokens, answer.sources, answer.unfinished) == (None, (), None)
    return answer.text


def room_with(*lines: str, page_entries: int = 500) -> RoomInMemory:
    room = RoomInMemory(page_entries=page_entries)
    for line in lines:
        room.say(line)
    return room


async def test_with_too_little_history_it_says_so_in_turns() -> None:
    model = MarkovModel(room_with(*TALK[: MIN_LINES - 1]), "lobby")
    answers = [await ask(model) for _ in range(4)]
    assert answers == [*TOO_LITTLE, TOO_LITTLE[0]]


async def test_what_it_says_is_made_of_the_rooms_words_and_was_never_said_like_that() -> None:
    model = MarkovModel(room_with(*TALK), "lobby")
    vocabulary = {word for line in TALK for word in line.split()}
    for _ in range(20):
        sentence = await ask(model)
        assert set(sentence.split()) <= vocabulary
        assert sentence not in TALK
        assert len(sentence.split()) <= MAX_WORDS


async def test_it_takes_up_a_word_of_the_question_if_it_can() -> None:
    model = MarkovModel(room_with(*TALK), "lobby")
    sentence = await ask(model, "A Sailor?")
    assert sentence.split()[0] == "sailor"


async def test_it_learns_neither_from_bots_nor_from_actions_nor_from_blanks() -> None:
    room = room_with(*TALK[: MIN_LINES - 1])
    for line in TALK:
        room.say(line, "sage")
        room.say(line, "other", bot=True)
        room.log.append(said(len(room.log) + 1, line, action=True))
    room.say(" \t")
    assert await ask(MarkovModel(room, "lobby")) in TOO_LITTLE


async def test_if_all_said_the_same_there_is_nothing_new_to_say() -> None:
    assert await ask(MarkovModel(room_with(*["good morning"] * 30), "lobby"), "morning?") in TOO_LITTLE


async def test_the_history_is_read_in_pages_to_its_beginning_once_and_then_only_what_is_new() -> None:
    room = room_with(*TALK, page_entries=30)
    model = MarkovModel(room, "lobby")
    await ask(model)
    assert room.pages_read == -(-len(TALK) // 30)
    room.pages_read = 0
    for line in TALK[:40]:
        room.say(f"yesterday {line}")
    sentence = await ask(model, "yesterday?")
    assert room.pages_read == 2
    assert sentence.startswith("yesterday")


async def test_what_was_taken_back_after_it_was_learnt_is_unlearnt() -> None:
    room = room_with(*TALK)
    model = MarkovModel(room, "lobby")
    await ask(model)
    for seq in range(1, len(TALK) + 1):
        room.redact(seq)
    assert await ask(model) in TOO_LITTLE


async def test_a_log_that_started_anew_is_learnt_anew() -> None:
    room = room_with(*TALK)
    model = MarkovModel(room, "lobby")
    await ask(model)
    room.begin_anew()
    assert await ask(model) in TOO_LITTLE


async def test_it_reads_no_further_back_than_its_bound() -> None:
    room = RoomInMemory()
    for seq in range(MAX_ENTRIES + 2_000):
        room.say(TALK[seq % len(TALK)])
    await ask(MarkovModel(room, "lobby"))
    assert room.pages_read == MAX_ENTRIES // 500


async def test_a_history_that_cannot_be_read_is_a_failure() -> None:
    room = room_with(*TALK)
    room.refusals.append(Refused("unavailable", "The disk is full."))
    with pytest.raises(ModelFailed, match="history cannot be read"):
        await ask(MarkovModel(room, "lobby"))


async def test_cancelling_it_waits_for_no_thread() -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await ask(MarkovModel(room_with(*TALK), "lobby"))
    assert scope.cancelled_caught


@pytest.mark.parametrize(
    "line", ["___BEGIN__ ___END__ ___BEGIN__ x", "___END__", "___BEGIN__ ___BEGIN__", "x", "a " * 2_000]
)
def test_lines_that_are_made_to_confuse_a_chain_give_a_sentence_or_none(line: str) -> None:
    sentence = talk([line] * 30, frozenset(line.casefold().split()))
    assert sentence is None or set(sentence.split()) <= set(line.split())
