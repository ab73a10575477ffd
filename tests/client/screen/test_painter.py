"""What the painter writes makes a terminal show what was drawn, whatever it showed before."""

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.screen.test_layout import HOSTILE
from trio_chat.client.harmless import harmless_line
from trio_chat.client.screen.layout import Row, fit
from trio_chat.client.screen.painter import Painter
from trio_chat.client.screen.palette import Palette, colours_wanted
from trio_chat.client.screen.widgets import canvas_of

STYLES = st.sampled_from(["", "bold", "bar", "color(33)", "hot", "dim", "unheard-of"])
COLUMNS, HEIGHT = 30, 6


class Emulator:
    def __init__(self) -> None:
        self.screen = pyte.Screen(COLUMNS, HEIGHT)
        self.screen.reset_mode(7, private=True)
        self._stream = pyte.Stream(self.screen)

    def show(self, text: str) -> None:
        self._stream.feed(text)

    @property
    def cells(self) -> list[list[object]]:
        return [[self.screen.buffer[y][x] for x in range(COLUMNS)] for y in range(HEIGHT)]


def rows_of(texts: list[list[tuple[str, str]]]) -> list[Row]:
    return [fit([(style, harmless_line(text)) for style, text in row], COLUMNS) for row in texts]


ROWS = st.lists(st.lists(st.tuples(STYLES, HOSTILE.map(lambda text: text[:20])), max_size=3), max_size=HEIGHT)


@given(st.lists(ROWS, min_size=1, max_size=4), st.sampled_from([0, 16, 256]))
def test_a_changed_screen_looks_like_one_that_is_drawn_whole(
    frames: list[list[list[tuple[str, str]]]], colours: int
) -> None:
    palette = Palette(colours)
    painter, changed = Painter(palette), Emulator()
    for frame in frames:
        canvas = canvas_of(rows_of(frame), (COLUMNS, HEIGHT), (1, 2))
        changed.show(painter.paint((COLUMNS, HEIGHT), canvas))
        whole = Emulator()
        whole.show(Painter(palette).paint((COLUMNS, HEIGHT), canvas))
        assert changed.cells == whole.cells
        assert (changed.screen.cursor.x, changed.screen.cursor.y) == (1, 2)
        assert painter.paint((COLUMNS, HEIGHT), canvas) == ""


@given(ROWS)
def test_nothing_is_obeyed_but_what_the_painter_itself_writes(frame: list[list[tuple[str, str]]]) -> None:
    canvas = canvas_of([fit([("", text) for _, text in row], COLUMNS) for row in frame], (COLUMNS, HEIGHT))
    for text in Painter(Palette(256)).paint((COLUMNS, HEIGHT), canvas).split("\x1b")[1:]:
        assert text[0] == "["
        assert text[1:].lstrip("?0123456789;")[0] in "hlmGHJK"
        assert not any(character < " " or "\x7f" <= character < "\xa0" for character in text)


@pytest.mark.parametrize("cluster", ["👨‍👩‍👧‍👦", "🇩🇪", "❤️", "👍🏽", "1️⃣", "é", "நி", "ש", "\u00ad", "☎"])
def test_what_terminals_find_wider_or_narrower_moves_nothing_behind_it(cluster: str) -> None:
    shown = Emulator()
    canvas = canvas_of([fit([("", f"a{cluster}b")], 10) + fit([("", "|end")], 20)], (COLUMNS, HEIGHT))
    shown.show(Painter(Palette(256)).paint((COLUMNS, HEIGHT), canvas))
    assert "".join(shown.screen.buffer[0][x].data for x in range(10, 14)) == "|end"
    assert shown.screen.buffer[0][0].data == "a"


def test_plain_words_are_written_in_one_piece() -> None:
    canvas = canvas_of([fit([("", "Grüße, 日本語 und Ελλάδα")], COLUMNS)], (COLUMNS, HEIGHT))
    assert "Grüße, 日本語 und Ελλάδα\x1b" in Painter(Palette(256)).paint((COLUMNS, HEIGHT), canvas)


@pytest.mark.parametrize(
    ("term", "colorterm", "no_color", "colours"),
    [
        ("xterm-256color", "", "", 256),
        ("xterm", "truecolor", "", 256),
        ("linux", "", "", 16),
        ("xterm-256color", "truecolor", "1", 0),
    ],
)
def test_as_many_colours_are_used_as_the_terminal_has_and_none_where_none_are_wanted(
    term: str, colorterm: str, no_color: str, colours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("TERM", term), ("COLORTERM", colorterm), ("NO_COLOR", no_color)):
        monkeypatch.setenv(name, value)
    assert colours_wanted() == colours
    palette, used = Palette(colours_wanted()), set()
    for style in ("", "bold", "dim", "time", "new", "mention", "bar-hot", "here", "hot", "color(33)", "color(202)"):
        used.update(palette.escape(style)[2:-1].split(";"))
    assert ("38" in used) is (colours == 256)
    assert any(len(parameter) == 2 for parameter in used) is (colours > 0)  # 30 to 37, 38 and 48 are colours
