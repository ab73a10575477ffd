"""Names of styles to what a terminal understands: SGR parameters, for 256 colours, for 16, and for none.

This file owns which colour means what. Text stands on the terminal's own background, in colours that can be read on
black and on white; bars bring their own background. It must not know where a style is used.
"""

import os
import re
from collections.abc import Mapping
from typing import Final

_RICH_COLOUR: Final = re.compile(r"color\((\d{1,3})\)")

_MANY: Final[Mapping[str, str]] = {
    "": "",
    "bold": "1",
    "dim": "38;5;245",
    "reverse": "7",
    "yellow": "38;5;172",
    "time": "38;5;245",
    "rule": "38;5;242",
    "day": "38;5;245",
    "new": "38;5;166",
    "mention": "1;38;5;231;48;5;161",
    "found": "7",
    "draft": "3",
    "bar": "38;5;252;48;5;237",
    "bar-bold": "1;38;5;231;48;5;237",
    "bar-dim": "38;5;247;48;5;237",
    "bar-hot": "1;38;5;221;48;5;237",
    "bar-bad": "1;38;5;210;48;5;237",
    "bar-good": "38;5;114;48;5;237",
    "here": "1;38;5;231;48;5;237",
    "unread": "1",
    "hot": "1;38;5;231;48;5;161",
}

_FEW: Final[Mapping[str, str]] = {
    **{style: "7" for style in _MANY if style.startswith("bar")},
    "": "",
    "bold": "1",
    "dim": "2",
    "reverse": "7",
    "yellow": "1",
    "time": "2",
    "rule": "2",
    "day": "2",
    "new": "31",
    "mention": "1;7",
    "found": "7",
    "draft": "2",
    "bar-hot": "1;7",
    "bar-bad": "1;7",
    "bar-bold": "1;7",
    "here": "7",
    "unread": "1",
    "hot": "1;7",
}
_FEW_NICKS: Final = (31, 32, 34, 35, 36)  # yellow and white cannot be read on white, black not on black


_NONE: Final[Mapping[str, str]] = {**_FEW, "new": "1"}


def colours_wanted() -> int:
    """Return how many colours the terminal says that it has: 256 or 16; or 0, for who wants none (`NO_COLOR`)."""
    if os.environ.get("NO_COLOR"):
        return 0
    term = os.environ.get("TERM", "")
    has_many = "256" in term or "direct" in term or os.environ.get("COLORTERM", "") in ("truecolor", "24bit")
    return 256 if has_many else 16


class Palette:
    """Makes names of styles into escape sequences.

    Args:
        colours: how many there are: 256, 16, or none.
    """

    def __init__(self, colours: int) -> None:
        self._colours = colours
        self._styles = _MANY if colours == 256 else _FEW if colours else _NONE
        self._known: dict[str, str] = {}

    def escape(self, style: str) -> str:
        """Return what switches to a style from any other; an unknown one is plain text."""
        known = self._known.get(style)
        if known is None:
            known = self._known[style] = f"\x1b[0;{parameters}m" if (parameters := self._of(style)) else "\x1b[0m"
        return known

    def has_background(self, style: str) -> bool:
        """Tell whether blanks of a style are to be seen."""
        parameters = self._of(style)
        return "48;" in parameters or "7" in parameters.split(";")

    def _of(self, style: str) -> str:
        if colour := _RICH_COLOUR.fullmatch(style):
            number = int(colour[1])
            few = str(_FEW_NICKS[number % len(_FEW_NICKS)]) if self._colours else ""
            return f"38;5;{number}" if self._colours == 256 else few
        return self._styles.get(style, "")
