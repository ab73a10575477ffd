"""Text that others wrote, put into coloured lines; and coloured lines made into what is written to a terminal.

This file owns colours and how rich is used. It must not know what a line says. Nothing but a style given by
this program ever becomes an escape sequence: what others wrote passes through `pieces`, and is text to rich,
never markup.
"""

import zlib
from collections.abc import Iterable
from io import StringIO
from typing import Final

from rich.console import Console
from rich.text import Text

from trio_chat.client.harmless import pieces

NICK_COLOURS: Final = (
    "color(33)", "color(34)", "color(37)", "color(63)", "color(69)", "color(99)", "color(130)", "color(133)",
    "color(136)", "color(141)", "color(161)", "color(166)", "color(168)", "color(172)", "color(199)", "color(202)",
)  # fmt: skip
"""Of the 256 colours of a terminal, ones that can be read on black and on white."""

QUIET: Final = "dim"
_HARMFUL: Final = "reverse"
_BOT: Final = " [bot]"  # no nick can imitate it, for none may hold a space
INDENT: Final = " " * len("[00:00] ")
"""What stands before the second and further lines of a text, so that none of them can pass for a line of ours."""


def colour_of(nick: str) -> str:
    """Return the colour of a nick: the same in every run and on every machine."""
    return NICK_COLOURS[zlib.crc32(nick.casefold().encode("utf-8", "surrogatepass")) % len(NICK_COLOURS)]


def add_name(line: Text, name: str, style: str = "") -> Text:
    """Append a name, or anything that must stay on one line, made harmless."""
    for piece, harmful in pieces(name, line=True):
        line.append(piece, _HARMFUL if harmful else style)
    return line


def add_text(line: Text, text: str, style: str = "", indent: str = INDENT) -> Text:
    """Append a text, made harmless, its further lines indented."""
    for piece, harmful in pieces(text):
        line.append(piece.replace("\n", f"\n{indent}"), _HARMFUL if harmful else style)
    return line


def add_nick(line: Text, nick: str, bot: bool = False) -> Text:
    """Append a nick in its colour, with a mark if it is a bot's."""
    add_name(line, nick, colour_of(nick))
    return line.append(_BOT, QUIET) if bot else line


class Painter:
    """Makes lines into characters to write: with escape sequences for styles, or plain.

    Args:
        colours: whether to use styles; how many colours there are is told by TERM and COLORTERM.
    """

    def __init__(self, *, colours: bool) -> None:
        self._console = (
            Console(file=StringIO(), force_terminal=True, highlight=False, markup=False, emoji=False)
            if colours
            else None
        )

    def paint(self, lines: Iterable[Text]) -> str:
        """Return `lines`, each with a newline at its end. The terminal wraps long ones."""
        if self._console is None:
            return "".join(f"{line.plain}\n" for line in lines)
        with self._console.capture() as capture:
            for line in lines:
                self._console.print(line, soft_wrap=True)
        return capture.get()
