"""What a model is shown of a conversation."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import Edited, Gap, Joined, Redacted, TopicSet
from tests.bot.events import ME, said
from trio_chat.bot.context import FOR_MODELS, Conversation, Line, Prompt, cut, tokens_in
from trio_chat.bot.triggers import Reason
from trio_chat.client import ClientEvent


def heard(*events: ClientEvent, max_tokens: int = 10_000) -> Conversation:
    conversation = Conversation("lobby", max_tokens)
    for event in events:
        conversation.observe(event, ME)
    return conversation


def edited(seq: int, target: int, text: str) -> Edited:
    return Edited("lobby", seq, 0, "author-of-ann", "ann", target, text)


def redacted(seq: int, target: int) -> Redacted:
    return Redacted("lobby", seq, 0, "author-of-ann", "ann", target)


def texts(conversation: Conversation) -> list[str]:
    return [line.text for line in conversation.lines]


def prompt(reason: Reason = Reason.LINES, *lines: Line, topic: str = "", question: Line | None = None) -> Prompt:
    return Prompt(reason, "sage", "You like tea.", "lobby", topic, lines, question)


def test_lines_are_kept_in_order_with_who_said_them() -> None:
    lines = heard(said(1, "hi"), said(2, "waves", "bob", action=True), said(3, "hello", "sage", reply_to=1)).lines
    assert [(line.seq, line.nick, line.text) for line in lines] == [
        (1, "ann", "hi"),
        (2, "bob", "waves"),
        (3, "sage", "hello"),
    ]
    assert [line.own for line in lines] == [False, False, True]
    assert lines[1].action
    assert lines[2].reply_to == 1


def test_an_edit_replaces_the_text_in_its_place() -> None:
    conversation = heard(said(1, "teh"), said(2, "b"), edited(3, 1, "the"))
    assert texts(conversation) == ["the", "b"]
    assert conversation.lines[0].nick == "ann"


def test_what_was_taken_back_is_gone() -> None:
    assert texts(heard(said(1, "secret"), said(2, "b"), redacted(3, 1))) == ["b"]
    assert texts(heard(said(1, "", redacted=True), said(2, "b"))) == ["b"]
    assert texts(heard(said(1, "a"), said(1, "", redacted=True))) == []


def test_the_emptied_edit_of_a_line_that_was_taken_back_later_takes_it_away() -> None:
    assert texts(heard(said(1, "a"), edited(2, 1, ""))) == []


def test_changes_to_lines_that_are_not_known_change_nothing() -> None:
    assert texts(heard(said(5, "a"), edited(6, 1, "x"), redacted(7, 2))) == ["a"]


def test_the_oldest_lines_go_when_the_budget_is_used_up() -> None:
    conversation = heard(*(said(seq, "x" * 100) for seq in range(1, 50)), max_tokens=450)
    assert [line.seq for line in conversation.lines] == [45, 46, 47, 48, 49]


def test_an_edit_that_makes_a_line_longer_is_paid_for_by_the_oldest() -> None:
    conversation = heard(said(1, "a"), said(2, "b"), edited(3, 2, "b" * 780), max_tokens=450)
    assert [line.seq for line in conversation.lines] == [2]


def test_a_log_that_starts_anew_begins_with_nothing() -> None:
    assert texts(heard(said(1, "old"), Gap("lobby", 1, 1, "epoch"), said(1, "new"))) == ["new"]


def test_the_topic_is_the_present_one() -> None:
    joined = Joined("lobby", "e", 0, "tea", [], 0)
    assert heard(joined).topic == "tea"
    assert heard(joined, TopicSet("lobby", 1, 0, "a", "ann", "cake")).topic == "cake"


def test_what_the_bot_says_has_its_place_before_the_event_that_brings_it() -> None:
    conversation = heard(said(1, "a"))
    conversation.note(Line(3, 0, "sage", "mine", own=True))
    assert texts(conversation) == ["a", "mine"]
    conversation.observe(said(2, "b"), ME)
    conversation.observe(said(3, "mine", "sage"), ME)
    assert texts(conversation) == ["a", "b", "mine"]


def test_what_the_bot_says_is_not_put_back_once_events_have_gone_beyond_it() -> None:
    conversation = heard(said(1, "mine", "sage"), redacted(2, 1))
    conversation.note(Line(1, 0, "sage", "mine", own=True))
    assert texts(conversation) == []


def test_a_line_can_be_looked_up() -> None:
    conversation = heard(said(1, "a"))
    assert conversation.line(1) == conversation.lines[0]
    assert conversation.line(2) is None


events = st.one_of(
    st.builds(
        said,
        st.integers(1, 30),
        st.text(max_size=80),
        st.sampled_from(["ann", "sage", '"}\n{"']),
        redacted=st.booleans(),
    ),
    st.builds(edited, st.just(0), st.integers(1, 30), st.text(max_size=80)),
    st.builds(redacted, st.just(0), st.integers(1, 30)),
    st.just(Gap("lobby", 1, 1, "epoch")),
)


@given(st.lists(events))
def test_what_a_model_is_shown_never_exceeds_the_budget_whatever_happens(happened: Sequence[ClientEvent]) -> None:
    conversation = Conversation("lobby", 300)
    for event in happened:
        conversation.observe(event, ME)
        shown = Prompt(Reason.LINES, "sage", "", "lobby", "", conversation.lines).user
        assert tokens_in(shown) <= 300 + tokens_in('{"room": "lobby"}\n')
        assert conversation._tokens == sum(
            tokens_in(json.dumps(line.as_data(), ensure_ascii=False) + "\n") for line in conversation.lines
        )


def test_a_token_is_guessed_for_every_two_bytes_so_that_no_script_comes_off_cheaper_than_it_is() -> None:
    texts = ("", "a", "abc", "\u4f60\u597d", "\U0001f600", "\ud800")
    assert [tokens_in(text) for text in texts] == [0, 1, 2, 3, 2, 2]


@given(
    st.lists(st.text(max_size=300), max_size=20),
    st.text(max_size=4_000) | st.sampled_from(["\U0001f600" * 4_000, "\0" * 4_000]),
    st.text(max_size=500) | st.just("\U0001f600" * 500),
    st.integers(300, 3_000),
)
def test_a_long_question_and_topic_are_cut_so_that_all_fits_the_budget(
    said_before: list[str], text: str, topic: str, max_tokens: int
) -> None:
    lines = (
        *(Line(seq, 0, "ann", each) for seq, each in enumerate(said_before, 1)),
        question := Line(99, 0, "b", text),
    )
    shown = replace(prompt(Reason.MENTION, *lines, topic=topic, question=question), max_tokens=max_tokens).user
    assert tokens_in(shown) <= max_tokens
    head, *_, asked = map(json.loads, shown.split("\n"))
    for is_shown, whole in ((asked["answer_this"]["says"], text), (head.get("topic", ""), topic)):
        assert is_shown == whole or (is_shown.endswith("…") and whole.startswith(is_shown[:-1]))


def test_what_a_question_leaves_is_for_the_last_lines() -> None:
    lines = [Line(seq, 0, "ann", "x" * 100) for seq in range(1, 50)]
    shown = replace(prompt(Reason.SEARCH, *lines, question=Line(50, 0, "ann", "y" * 4_000)), max_tokens=1_000).user
    _, *before, asked = map(json.loads, shown.split("\n"))
    assert [line["seq"] for line in before] == [45, 46, 47, 48, 49]
    assert 800 < len(asked["answer_this"]["says"]) < 1_000


@given(st.text(max_size=100), st.integers(0, 60))
def test_what_is_cut_is_the_beginning_and_as_long_as_it_may_be(text: str, max_tokens: int) -> None:
    left = cut(text, max_tokens)
    assert tokens_in(left) <= max_tokens
    if left != text:
        kept = left.removesuffix("…")
        assert text.startswith(kept)
        assert tokens_in(text[: len(kept) + 1] + "…") > max_tokens or len(kept) + 1 == len(text) or not left


@given(st.text(max_size=100), st.text(max_size=100), st.text(max_size=100))
def test_whatever_is_said_stays_a_value_in_the_users_role(text: str, nick: str, topic: str) -> None:
    line = Line(1, 0, nick, text)
    asked = prompt(Reason.SEARCH, line, topic=topic, question=line)
    assert asked.system == prompt(Reason.SEARCH).system
    head, question = map(json.loads, asked.user.split("\n"))
    assert head == {"room": "lobby"} | ({"topic": topic} if topic else {})
    assert question == {"answer_this": line.as_data()}  # and there alone
    head, shown = map(json.loads, prompt(Reason.LINES, line, topic=topic).user.split("\n"))
    assert (shown["nick"], shown["says"]) == (nick, text)


def test_the_systems_words_are_the_rules_the_persona_and_the_task() -> None:
    system = prompt(Reason.TIMER).system
    assert '"sage"' in system
    assert "You like tea." in system
    assert "nothing to do with anything in the record" in system


def test_without_a_persona_none_is_spoken_of() -> None:
    assert "\n\n\n" not in Prompt(Reason.LINES, "sage", "  ", "lobby", "", ()).system


@pytest.mark.parametrize("reason", FOR_MODELS)
def test_every_reason_has_its_own_task(reason: Reason) -> None:
    assert len({prompt(other).system for other in FOR_MODELS} - {prompt(reason).system}) == len(FOR_MODELS) - 1


def test_a_line_is_shown_with_its_time_and_what_it_is() -> None:
    assert Line(7, 1_700_000_000_000, "ann", "hi", reply_to=3).as_data() == {
        "seq": 7,
        "at": "2023-11-14T22:13:20Z",
        "nick": "ann",
        "reply_to": 3,
        "says": "hi",
    }
    assert Line(1, 0, "sage", "hi", own=True, bot=True).as_data()["you"] is True
    assert Line(1, 0, "other", "waves", bot=True, action=True).as_data() == {
        "seq": 1,
        "at": "1970-01-01T00:00:00Z",
        "nick": "other",
        "bot": True,
        "does": "waves",
    }


def test_a_time_beyond_all_calendars_is_shown_as_the_last_there_is() -> None:
    assert Line(1, 2**53 - 1, "ann", "hi").as_data()["at"].startswith("9999-12-31")
