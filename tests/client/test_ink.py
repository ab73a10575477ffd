"""Nothing that others wrote has any power over a terminal, proved on an emulated one."""

import re

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from tests.client.test_harmless import ANY_TEXT, is_harmful
from trio_chat.client.harmless import harmless
from trio_chat.client.ink import INDENT, NICK_COLOURS, Painter, add_name, add_nick, add_text, colour_of

ORDERS = [
    *("\x1b]0;owned\x07", "\x1b[2J", "\x1b[H", "\x1b[1A", "\x1b[?25l", "\x1b[31m", "\x9b2J", "\x90q\x9c", "\x1b[6n"),
    *("\r", "\b", "\x0e", "\x1b(0", "\x1bc", "\x05", "\x0b", "\x0c", "\x85", "\u2028", "\u202e", "\ud800", "\n", "\t"),
    *("\x1b]8;;http://x\x1b\\", "[red]", "[/]", ":smile:", "a", "日"),
]
HOSTILE = st.lists(st.sampled_from(ORDERS), max_size=8).map("".join)
SGR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def capable_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)


def line_with(nick: str, text: str) -> Text:
    return add_text(add_name(add_nick(Text(), nick, bot=True).append(" "), nick).append(" "), text)


def painted(lines: list[Text], *, colours: bool) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm-256color")
        return Painter(colours=colours).paint(lines)


@given(HOSTILE | ANY_TEXT, HOSTILE | ANY_TEXT)
def test_no_escape_and_no_other_harmful_character_is_written_that_is_not_our_style(nick: str, text: str) -> None:
    with_colours = painted([line_with(nick, text)], colours=True)
    rest = SGR.sub("", with_colours)
    assert not [character for character in rest if is_harmful(character) and character != "\n"]
    plain = painted([line_with(nick, text)], colours=False)
    assert not [character for character in plain if is_harmful(character) and character not in "\n\t"]
    assert [line.expandtabs(8) if "\t" in line else line for line in plain.split("\n")] == rest.split(
        "\n"
    ) or "\t" in plain


@given(HOSTILE, HOSTILE)
def test_the_screen_above_the_title_and_the_modes_stay_as_they_are(nick: str, text: str) -> None:
    screen = pyte.Screen(500, 16)  # what is written fits: nothing wraps or scrolls
    stream = pyte.Stream(screen)
    stream.feed("what stood here before\r\n")
    modes, charset = set(screen.mode), screen.g0_charset
    stream.feed(painted([line_with(nick, text)], colours=True).replace("\n", "\r\n"))
    stream.feed("below")
    assert screen.display[0].rstrip() == "what stood here before"
    assert screen.display[screen.cursor.y].rstrip() == "below"
    assert screen.cursor.y == 2 + text.count("\n")
    assert (screen.title, screen.icon_name) == ("", "")
    assert (set(screen.mode), screen.g0_charset, screen.charset) == (modes, charset, 0)
    assert not screen.cursor.hidden
    assert screen.buffer[screen.cursor.y][0].fg == "default"


@given(ANY_TEXT.filter(lambda text: "\t" not in text))
def test_without_colours_the_text_is_written_as_it_is_but_for_harmful_characters(text: str) -> None:
    expected = harmless(text).replace("\n", f"\n{INDENT}") + "\n"
    assert painted([add_text(Text(), text)], colours=False) == expected
    assert SGR.sub("", painted([add_text(Text(), text)], colours=True)) == expected


def test_further_lines_of_a_text_are_indented_so_that_they_cannot_pass_for_lines_of_ours() -> None:
    assert add_text(Text("[12:00] <a> "), "hi\n[12:01] <b> I agree").plain == (
        "[12:00] <a> hi\n        [12:01] <b> I agree"
    )


def test_markup_and_emoji_codes_are_text() -> None:
    assert "[bold red]:smile:[/]" in painted([add_text(Text(), "[bold red]:smile:[/]")], colours=True)


def test_what_stands_for_a_harmful_character_is_drawn_in_reverse() -> None:
    assert painted([add_text(Text(), "a\x1bb")], colours=True) == "a\x1b[7m␛\x1b[0mb\n"


def test_a_nick_has_the_same_colour_in_every_run_and_in_any_case() -> None:
    assert (colour_of("alice"), colour_of("bob")) == ("color(133)", "color(33)")
    assert colour_of("ALICE") == colour_of("alice")
    assert len({colour_of(f"nick{number}") for number in range(200)}) == len(NICK_COLOURS)


def test_a_long_line_is_left_to_the_terminal_to_wrap() -> None:
    text = "word " * 100
    assert SGR.sub("", painted([add_text(Text(), text)], colours=True)) == text + "\n"


def test_a_bot_is_marked_and_a_person_is_not() -> None:
    assert add_nick(Text(), "sage", bot=True).plain == "sage [bot]"
    assert add_nick(Text(), "sage").plain == "sage"
