"""Scrolling goes row by row through all that is held, and what is seen does not move for what others do."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from protocol import DraftShown, Redacted
from tests.client.screen.staged import NOW_MS, Stage
from trio_chat.client.screen.scroll import Sight
from trio_chat.client.screen.widgets import plain_text

TEXTS = st.lists(st.integers(1, 9).map(lambda lines: "\n".join(f"line {n}" for n in range(lines))), max_size=30)
COLUMNS = 60


def sight(stage: Stage, height: int) -> Sight:
    return Sight(stage.model, stage.model.rooms["lobby"], stage.words, COLUMNS, height)


def seen(stage: Stage, height: int) -> list[str]:
    return plain_text(sight(stage, height).rows())


def staged(texts: Sequence[str]) -> Stage:
    stage = Stage("lobby")
    for number, text in enumerate(texts):
        stage.say(f"{number} {text}")
    return stage


@given(TEXTS, st.integers(1, 12), st.lists(st.integers(-9, 9), max_size=12))
def test_scrolling_shows_the_part_of_all_rows_that_lies_so_far_up(
    texts: list[str], height: int, steps: list[int]
) -> None:
    stage = staged(texts)
    everything = seen(stage, 1_000)
    highest, up = max(len(everything) - height, 0), 0
    for step in steps:
        if step > 0:
            sight(stage, height).up(step)
        else:
            sight(stage, height).down(-step)
        up = min(max(up + step, 0), highest)
        end = len(everything) - up
        assert seen(stage, height) == everything[max(end - height, 0) : end]


@given(TEXTS, st.integers(1, 12), st.integers(1, 40), st.integers(1, 20))
def test_what_is_seen_stays_while_others_talk_and_bots_write(
    texts: list[str], height: int, up: int, count: int
) -> None:
    stage = staged(texts)
    everything = seen(stage, 1_000)
    sight(stage, height).up(up)
    before = seen(stage, height)
    for number in range(count):
        stage.say(f"more {number}")
        stage.model.take(DraftShown("lobby", 1, "a-bot", "bot", "x" * number))
    if len(everything) > height:
        assert seen(stage, height) == before
        assert stage.model.rooms["lobby"].below == count


def test_not_even_a_flood_longer_than_what_is_held_moves_it() -> None:
    stage = staged(["x"] * 100)
    sight(stage, 10).up(80)
    before = seen(stage, 10)
    for number in range(5_000):
        stage.say(f"flood {number}")
    assert seen(stage, 10) == before
    stage.model.rooms["lobby"].follow()
    assert seen(stage, 10)[-1].endswith("flood 4999")


def test_one_comes_to_the_oldest_and_to_an_entry_in_the_middle_of_the_screen() -> None:
    stage = staged(["x"] * 100)
    sight(stage, 10).to_start()
    assert seen(stage, 10)[1].endswith("│ 0 x")
    assert sight(stage, 10).items_above() < 10
    sight(stage, 11).centre(51)
    assert seen(stage, 11)[5].endswith("│ 50 x")
    assert sight(stage, 10).items_below() > 40
    sight(stage, 11).centre(2)
    assert len(seen(stage, 11)) == 11  # there is nothing above that could bring it to the middle
    assert seen(stage, 11)[2].endswith("│ 1 x")


def test_what_one_has_scrolled_to_may_change_and_go() -> None:
    stage = staged(["a\nb\nc\nd"] * 20)
    sight(stage, 5).up(6)
    for seq in range(1, 21):
        stage.model.take(Redacted("lobby", 20 + seq, NOW_MS, "a-bob", "bob", seq))
    assert len(seen(stage, 5)) == 5
    stage.model.rooms["lobby"].timeline.past = None  # as when the log begins anew
    stage.model.rooms["lobby"].timeline.clear()
    assert seen(stage, 5) == []
    sight(stage, 5).up(3)
    sight(stage, 5).down(3)


def test_an_empty_room_is_short() -> None:
    stage = Stage("lobby")
    assert sight(stage, 5).is_short
    assert sight(stage, 5).up(1)
    assert sight(stage, 5).down(1)
    stage.say("a\nb\nc\nd\ne\nf")
    assert not sight(stage, 5).is_short
