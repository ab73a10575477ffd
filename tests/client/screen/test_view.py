"""The screen holds together at every size and whatever others write; each part shows what it should."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import DraftShown, Edited, Found, Message, Redacted, TopicSet, TurnChange
from tests.client.screen.staged import ME, NOW_MS, Stage
from tests.client.screen.test_layout import HOSTILE, cells_of
from trio_chat.client.events import Disconnected
from trio_chat.client.screen.hits import HITS_MOST, Hits
from trio_chat.client.screen.layout import MARK
from trio_chat.client.screen.widgets import GoTo, Pick, Scroll, WriteTo

SIZES = st.tuples(st.integers(20, 200), st.integers(1, 50))
HARMLESS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200f\u2028-\u202e\u2066-\u206f]")


@given(st.lists(st.tuples(HOSTILE, st.sampled_from(["bob", "日本太郎", "דנה", "x" * 32])), max_size=8), HOSTILE, SIZES)
def test_hostile_texts_never_break_the_screen(texts: list[tuple[str, str]], typed: str, size: tuple[int, int]) -> None:
    stage = Stage("lobby", "dev")
    stage.join("~x", peer="eve")
    for number, (text, nick) in enumerate(texts):
        said = stage.say(text or "x", nick, bot=number % 3 == 1, action=number % 4 == 3, reply_to=number // 2 or None)
        stage.model.take(DraftShown("lobby", number + 1, "a-bot", "bot", text, "doing " + text[:9].replace("\n", " ")))
        stage.model.take(TopicSet("lobby", said.seq + 1, NOW_MS, "a", nick, text.replace("\n", " ")))
        stage.say(text, "eve", "~x")
    stage.model.posting("lobby", "k", typed or "x")
    stage.client.rooms["lobby"].topic = typed
    stage.composer.replace(typed)
    canvas = stage.view.render(size)
    assert (canvas.cols(), canvas.rows()) == size
    for row in canvas.decoded_text:
        assert cells_of(row) == size[0]
        assert not HARMLESS.search(row)
    assert canvas.cursor is not None
    assert 0 <= canvas.cursor[0] < size[0]
    assert 0 <= canvas.cursor[1] < size[1]


@pytest.mark.parametrize("columns", range(1, 60, 7))
@pytest.mark.parametrize("height", [1, 2, 3, 4, 5, 9])
def test_even_the_smallest_terminal_is_drawn(columns: int, height: int) -> None:
    stage = Stage("lobby", "dev")
    stage.say("日本語 hello 👨‍👩‍👧 " * 9)
    stage.composer.replace("typed 日本 " * 5)
    canvas = stage.view.render((columns, height))
    assert (canvas.cols(), canvas.rows()) == (columns, height)


def test_lists_give_way_when_the_terminal_is_narrow() -> None:
    stage = Stage("lobby")
    assert "1 #lobby" in stage.rows(100)[1]
    assert "1 here" in stage.rows(100)[1]
    assert "1 #lobby" in stage.rows(99)[1]
    assert "1 here" in stage.rows(99)[0]
    assert "1 #lobby" not in "".join(stage.rows(59))


def test_messages_show_who_when_and_what_became_of_them() -> None:
    stage = Stage("lobby")
    stage.say("hello there")
    stage.say("waves", action=True)
    stage.say("beep", "sage", bot=True, stopped=True, reply_to=1)
    stage.say("2d6", "ann", command="roll", asks="a-dice")
    secret = stage.say("secret")
    typo = stage.say("tpyo")
    stage.model.take(Redacted("lobby", 7, NOW_MS, "a-bob", "bob", secret.seq))
    stage.model.take(Edited("lobby", 8, NOW_MS, "a-bob", "bob", typo.seq, "typo"))
    rows = [row[20:80].strip() for row in stage.rows() if "│" in row]
    assert rows[1:9] == [
        "22:13           bob │ hello there",
        "22:13             * │ bob waves",
        "│ ↪ bob: hello there",
        "22:13        ◆ sage │ beep … (stopped)",
        "22:13           ann │ /roll 2d6",
        "22:13           bob │ (deleted)",
        "22:13           bob │ typo (edited)",
        "",
    ]


def test_what_is_answered_is_not_repeated_right_below_it() -> None:
    stage = Stage("lobby")
    stage.say("question", "ann")
    stage.say("answer", reply_to=1)
    assert not any("↪" in row for row in stage.rows())
    stage.say("another answer", reply_to=1)
    stage.say("to something old", reply_to=99)
    assert sum("↪ ann: question" in row for row in stage.rows()) == 1
    assert sum("↪ an earlier message" in row for row in stage.rows()) == 1


def test_each_day_has_its_line() -> None:
    stage = Stage("lobby")
    for day in range(3):
        stage.model.take(Message("lobby", day + 1, NOW_MS + day * 86_400_000, "a", "bob", f"day {day}"))
    assert [row[20:80].strip(" ─│") for row in stage.rows() if "────" in row] == [
        "Tuesday, 14 November 2023", "Wednesday, 15 November 2023", "Thursday, 16 November 2023",
    ]  # fmt: skip


def test_drafts_are_shown_while_they_are_written() -> None:
    stage = Stage("lobby")
    stage.model.take(TurnChange("lobby", 7, "a-sage", "sage", "begun"))
    assert any("◆ sage │ is writing …" in row for row in stage.rows())
    stage.model.take(DraftShown("lobby", 7, "a-sage", "sage", "I think", "searching"))
    assert any("◆ sage │ I think searching …" in row for row in stage.rows())
    stage.model.take(TurnChange("lobby", 7, "a-sage", "sage", "ended", "done"))
    assert not any("sage" in row for row in stage.rows())


def test_the_status_tells_of_the_connection_and_of_what_is_unread() -> None:
    stage = Stage("lobby", "dev")
    stage.model.latency_s = 0.0123
    stage.say("hey ann", room="dev")
    assert stage.rows()[-2] == " ann  connected 12 ms  unread 2:#dev 1"
    stage.model.take(Disconnected("The server said goodbye: upgrade.", 7.4))
    assert stage.rows()[-2].startswith(" ann  reconnecting in 7 s: The server said goodbye: upgrade.  unread")


def test_where_there_is_little_room_what_is_unread_comes_before_that_all_is_well() -> None:
    stage = Stage("lobby", "dev", "operations")
    assert stage.rows(40)[-2] == " ann  connected"
    for room in ("dev", "operations"):
        stage.say("new", room=room)
    assert stage.rows(60)[-2] == " ann  connected  unread 2:#dev 1  3:#operations 1"
    assert stage.rows(40)[-2] == " unread 2:#dev 1  3:#operations 1"
    stage.model.take(Disconnected("gone.", 1))
    assert stage.rows(40)[-2].startswith(" ann  reconnecting")


def test_clicks_reach_the_part_that_is_there() -> None:
    stage = Stage("lobby", "dev")
    stage.join("ops", "bob")
    stage.model.look_at("ops")
    stage.rows()
    for button, column, row in ((1, 3, 2), (1, 110, 3), (4, 50, 9), (5, 50, 9), (2, 50, 9), (1, 3, 20), (1, 300, 300)):
        stage.view.click(button, column, row)
    assert stage.clicked == [GoTo("dev"), WriteTo("bob"), Scroll(-1), Scroll(1)]


def test_hits_stand_in_place_of_the_messages_and_can_be_picked() -> None:
    stage = Stage("lobby")
    entries = [Message("lobby", seq, NOW_MS, "a", "bob", f"hit {seq}\nmore") for seq in range(30, 0, -1)]
    found = Found(1, list(entries), "next")
    hits = stage.view.hits = Hits(found, "hit", "lobby", stage.words.moment, stage.clicked.append)
    rows = stage.rows()
    assert "30+ found: hit" in rows[1]
    assert "2023-11-14 22:13 bob  hit 30␊more" in rows[2]
    hits.step(99)
    assert ["hit 1␊more" in stage.rows()[-4], "more …" in stage.rows()[-3]] == [True, True]
    stage.view.click(1, 50, 2)
    stage.view.click(1, 50, 21)
    stage.view.click(5, 50, 9)
    assert stage.clicked == [Pick(29 - 18), Pick(30), Scroll(1)]


def test_hits_on_a_narrow_screen_leave_room_for_what_was_said() -> None:
    stage = Stage("lobby")
    found = Found(1, [Message("lobby", 1, NOW_MS, "a", "bob", "hit")])
    stage.view.hits = Hits(found, "hit", "lobby", stage.words.moment, stage.clicked.append)
    assert stage.rows(40)[2] == "11-14 bob  hit"


def test_hits_grow_by_pages_up_to_a_bound() -> None:
    stage = Stage("lobby")

    def page(next_page: str | None) -> Found:
        return Found(1, [Message("lobby", 1, NOW_MS, "a", "bob", "hit")] * (HITS_MOST // 2), next_page)

    hits = stage.view.hits = Hits(page("2"), "hit", None, stage.words.moment, stage.clicked.append)
    assert (hits.cursor, f" {HITS_MOST // 2}+ found" in stage.rows()[1]) == ("2", True)
    hits.extend(page("3"))
    hits.step(HITS_MOST)
    assert (hits.cursor, hits.index, f" {HITS_MOST}+ found" in stage.rows()[1]) == (None, HITS_MOST - 1, True)
    assert "there is more; search for more words to find less" in stage.rows()[-3]


def test_own_posts_are_shown_at_once_and_once_only() -> None:
    stage = Stage("lobby")
    stage.model.posting("lobby", "k", "mine")
    assert sum("mine" in row for row in stage.rows()) == 1
    stage.model.posted("lobby", "k", 1)
    assert sum("mine" in row for row in stage.rows()) == 1
    stage.model.take(Message("lobby", 1, NOW_MS, ME, "ann", "mine"))
    assert sum("mine" in row for row in stage.rows()) == 1


def test_right_to_left_text_has_a_mark_of_ours_and_none_of_others() -> None:
    stage = Stage("lobby")
    stage.say("שלום \u202eevil\u200e")
    (row,) = (row for row in stage.view.render((120, 24)).decoded_text if "evil" in row)
    assert "שלום \\u202eevil\\u200e" + MARK in row
    assert all(unicodedata.bidirectional(character) not in ("RLO", "LRO", "RLE") for character in row)


def test_the_second_column_of_a_table_stays_a_column() -> None:
    stage = Stage("lobby")
    stage.model.say("/help [COMMAND]   show this list, or one command of those in it\n/quit  say bye")
    rows = [row.partition("│")[2].partition("│")[2].rstrip() for row in stage.rows(90)]
    at = next(number for number, row in enumerate(rows) if "/help" in row)
    assert rows[at : at + 3] == [
        " /help [COMMAND]   show this list, or one command",
        "                   of those in it",
        " /quit  say bye",
    ]
