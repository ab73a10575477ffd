"""When a bot speaks, by examples and properties, with a clock that the test holds."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import Gap, Live, Message, Presence
from tests.bot.events import ME, said
from trio_chat.bot.triggers import GREET_AGAIN_S, STALE_S, Cause, Me, Reason, Triggers, mentions
from trio_chat.client import ClientEvent, Connected, Disconnected

SAGE = Me(ME, "sage")
LIVE = Live("lobby", 0)
CUT, BACK = Disconnected("lost", 1.0), Connected(again=True, nick="sage")


def hear(triggers: Triggers, *events: ClientEvent, now: float = 0) -> list[Cause]:
    return [cause for event in events for cause in triggers.observe(event, now, SAGE)]


def live(*, every_lines: int | None = None, every_s: float | None = None, now: float = 0) -> Triggers:
    triggers = Triggers(now, every_lines=every_lines, every_s=every_s)
    hear(triggers, LIVE, now=now)
    return triggers


def test_every_n_lines_of_people_make_one_occasion() -> None:
    triggers = live(every_lines=3)
    assert hear(triggers, said(1), said(2)) == []
    assert hear(triggers, said(3)) == [Cause(Reason.LINES)]
    assert hear(triggers, said(4), said(5)) == []
    assert hear(triggers, said(6)) == [Cause(Reason.LINES)]


def test_its_own_lines_and_those_of_other_bots_do_not_count() -> None:
    triggers = live(every_lines=2)
    assert hear(triggers, said(1), said(2, nick="sage"), said(3, nick="other", bot=True)) == []
    assert hear(triggers, said(4, nick="other", bot=True), said(5)) == [Cause(Reason.LINES)]


def test_its_own_lines_are_known_by_the_author_whatever_the_nick_was() -> None:
    triggers = live(every_lines=1)
    assert hear(triggers, said(1, nick="old name", author=ME)) == []


def test_without_a_number_no_number_of_lines_is_enough() -> None:
    assert hear(live(), *(said(seq) for seq in range(100))) == []


def test_what_was_said_before_the_room_was_live_triggers_nothing() -> None:
    triggers = Triggers(0, every_lines=1)
    assert hear(triggers, said(1), said(2, "sage?"), said(3, "why", command="search")) == []
    assert hear(triggers, LIVE, said(4)) == [Cause(Reason.LINES)]


def test_a_mention_is_answered_in_any_mode() -> None:
    line = said(1, "what do you think, Sage?")
    assert hear(live(), line) == [Cause(Reason.MENTION, line)]
    assert hear(live(every_s=5), line) == [Cause(Reason.MENTION, line)]


def test_a_search_is_answered_in_any_mode() -> None:
    line = said(1, "why is the sky blue", command="search")
    assert hear(live(), line) == [Cause(Reason.SEARCH, line)]
    assert hear(live(every_lines=1), line) == [Cause(Reason.SEARCH, line)]


def test_a_mention_by_a_bot_is_not_answered() -> None:
    assert hear(live(every_lines=1), said(1, "hello sage", "other", bot=True)) == []


def test_a_search_by_another_bot_is_answered_and_counts_no_line() -> None:
    line = said(1, "why", "other", bot=True, command="search")
    triggers = live(every_lines=2)
    assert hear(triggers, line, said(2)) == [Cause(Reason.SEARCH, line)]


def test_its_own_search_is_not_answered() -> None:
    assert hear(live(), said(1, "why", "sage", command="search")) == []


def test_whoever_comes_back_soon_is_not_greeted_again() -> None:
    triggers = Triggers(0, greet=True)
    comes = Presence("lobby", "a", "ann", "joined")
    hear(triggers, LIVE)
    times = [0.0, 500.0, 1_000.0, 1_000.0 + GREET_AGAIN_S]
    assert [hear(triggers, comes, now=now) for now in times] == [
        [Cause(Reason.ARRIVAL, arrived=comes)], [], [], [Cause(Reason.ARRIVAL, arrived=comes)],
    ]  # fmt: skip


def test_a_number_of_lines_says_which_one_completed_it() -> None:
    triggers = live(every_lines=2)
    (cause,) = hear(triggers, said(1), said(2), said(3))
    assert cause.after == said(2)


def test_what_another_bot_is_asked_is_a_line_like_any() -> None:
    for command in ("search", "roll"):
        assert hear(live(), said(1, "why", command=command, asks="author-of-other")) == []
        assert hear(live(every_lines=1), said(1, "why", command=command, asks="author-of-other")) == [
            Cause(Reason.LINES)
        ]


def test_what_another_bot_is_asked_is_neither_looked_at_nor_a_mention() -> None:
    triggers = Triggers(0, each_line=True)
    asked = said(1, "sage or thyme?", command="choose", asks="author-of-other")
    assert hear(triggers, LIVE, asked) == []


def test_a_command_of_its_own_is_carried_out_whoever_types_it() -> None:
    for line in (said(1, "2d6", command="roll", asks=ME), said(1, "", "other", bot=True, command="roll", asks=ME)):
        assert hear(live(), line) == [Cause(Reason.COMMAND, line)]


def test_a_bot_that_looks_at_each_line_is_given_those_that_are_nothing_more() -> None:
    triggers = Triggers(0, every_lines=3, each_line=True)
    line = [said(seq, "sage?" if seq == 3 else "x", "other" if seq == 5 else "ann", bot=seq == 5) for seq in range(7)]
    assert hear(triggers, line[0], LIVE, *line[1:]) == [
        Cause(Reason.MESSAGE, line[1]),
        Cause(Reason.MESSAGE, line[2]),
        Cause(Reason.MENTION, line[3]),
        Cause(Reason.MESSAGE, line[4]),
        Cause(Reason.MESSAGE, line[6]),
    ]
    assert hear(triggers, said(7)) == [Cause(Reason.MESSAGE, said(7)), Cause(Reason.LINES)]


def test_other_commands_are_lines_like_any() -> None:
    assert hear(live(every_lines=1), said(1, "x", command="roll")) == [Cause(Reason.LINES)]


def test_a_line_that_was_taken_back_is_none() -> None:
    assert hear(live(every_lines=1), said(1, "", redacted=True)) == []


def test_one_answer_does_for_a_line_that_is_both_a_mention_and_the_last_of_the_number() -> None:
    triggers = live(every_lines=2)
    mention = said(2, "sage!")
    assert hear(triggers, said(1), mention) == [Cause(Reason.MENTION, mention)]
    assert hear(triggers, said(3)) == []
    assert hear(triggers, said(4)) == [Cause(Reason.LINES)]


def test_the_timer_comes_every_n_seconds() -> None:
    triggers = live(every_s=10, now=100)
    assert triggers.due == 110
    assert triggers.tick(109.9) is None
    assert triggers.tick(110) == Cause(Reason.TIMER)
    assert triggers.due == 120


def test_beats_that_were_missed_are_not_made_up_for() -> None:
    triggers = live(every_s=10)
    assert triggers.tick(47) == Cause(Reason.TIMER)
    assert triggers.due == 50


def test_without_a_timer_nothing_is_ever_due() -> None:
    triggers = live(every_lines=1)
    assert triggers.due == math.inf
    assert triggers.tick(1e9) is None


def test_the_timer_is_silent_before_the_room_is_live_and_while_cut_off() -> None:
    triggers = Triggers(0, every_s=10)
    assert triggers.tick(10) is None
    hear(triggers, LIVE)
    assert triggers.tick(20) == Cause(Reason.TIMER)
    hear(triggers, CUT)
    assert triggers.tick(30) is None
    hear(triggers, BACK)
    assert triggers.tick(40) == Cause(Reason.TIMER)


def test_what_was_missed_in_a_short_cut_counts() -> None:
    triggers = live(every_lines=2)
    missed = said(2, "why", command="search")
    hear(triggers, said(1))
    hear(triggers, CUT, now=10)
    assert hear(triggers, BACK, missed, now=12) == [Cause(Reason.SEARCH, missed)]


def test_what_was_missed_in_a_long_cut_is_history() -> None:
    triggers = live(every_lines=1)
    hear(triggers, CUT, now=10)
    hear(triggers, CUT, now=20 + STALE_S - 11)  # an attempt that failed is no new cut
    assert hear(triggers, BACK, said(1), said(2, "sage?"), now=10 + STALE_S) == []
    assert hear(triggers, LIVE, said(3)) == [Cause(Reason.LINES)]


def test_a_log_that_starts_anew_is_history_until_it_is_live() -> None:
    triggers = live(every_lines=1)
    gap = Gap("lobby", 7, 1, "epoch")
    assert hear(triggers, gap, said(1), LIVE) == []
    assert hear(triggers, said(2)) == [Cause(Reason.LINES)]


def test_a_gap_of_expired_entries_changes_nothing() -> None:
    assert hear(live(every_lines=1), Gap("lobby", 1, 5, "expired"), said(5)) == [Cause(Reason.LINES)]


@pytest.mark.parametrize(
    "text", ["sage", "Sage: hello", "hi @SAGE!", "is it sage's?", "(sage)", "\uff33age", "a sage\nb"]
)
def test_the_nick_as_a_word_is_a_mention(text: str) -> None:
    assert mentions(text, "sage")


@pytest.mark.parametrize("text", ["", "sages", "message", "sage-green", "ever-sage", "s a g e", "sage_2"])
def test_the_nick_inside_a_word_is_none(text: str) -> None:
    assert not mentions(text, "sage")


@pytest.mark.parametrize("nick", ["c++", "r2.d2", "a|b", "\u00c5sa", "STRASSE", "x-bot"])
def test_any_nick_can_be_mentioned(nick: str) -> None:
    assert mentions(f"well, {nick.lower()}, what now?", nick)


lines = st.builds(
    said,
    seq=st.just(1),
    text=st.sampled_from(["hello", "sage, look", "nothing"]),
    nick=st.sampled_from(["ann", "bob", "sage", "other"]),
    bot=st.booleans(),
    command=st.sampled_from([None, "search"]),
    redacted=st.booleans(),
)


@given(st.lists(lines), st.integers(1, 5))
def test_a_bot_is_never_made_to_speak_by_itself_and_never_more_often_than_people_say_lines(
    heard: Sequence[Message], every_lines: int
) -> None:
    triggers = live(every_lines=every_lines)
    for line in heard:
        before = triggers._lines
        for cause in hear(triggers, line):
            assert line.author != ME
            assert not line.bot or cause.reason is Reason.SEARCH
            assert cause.entry in (line, None)
            assert (cause.entry is None) == (cause.reason is Reason.LINES)
        assert triggers._lines <= before + (not line.bot)
        assert triggers._lines < every_lines


@given(st.lists(lines), st.integers(1, 5))
def test_plain_lines_of_people_make_exactly_one_occasion_in_n(heard: Sequence[Message], every_lines: int) -> None:
    plain = [said(1) for _ in heard]
    assert len(hear(live(every_lines=every_lines), *plain)) == len(plain) // every_lines


@given(st.lists(st.floats(0, 1_000), max_size=30), st.floats(0.5, 100))
def test_the_timer_never_speaks_twice_within_one_period_of_its_beat(steps: Sequence[float], every_s: float) -> None:
    triggers = live(every_s=every_s)
    now, spoken = 0.0, 0
    for step in steps:
        now += step
        due = triggers.due
        if triggers.tick(now) is not None:
            spoken += 1
            assert now >= due
            assert triggers.due > now - 1e-6
    assert spoken <= now / every_s + 1e-6


@given(st.text(), st.text(min_size=1))
def test_looking_for_any_nick_in_any_text_gives_an_answer(text: str, nick: str) -> None:
    assert mentions(text, nick) in (True, False)
