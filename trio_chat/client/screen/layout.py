"""Text cut into rows of a terminal, by what a person sees as one character and as many columns as that takes.

This file owns widths (grapheme clusters, UAX #29, measured by wcwidth), wrapping, and what keeps right-to-left text in
its place. It must not know what a text says. What comes in is harmless already, but for newlines and tabs.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from wcwidth import iter_graphemes, width

Run = tuple[str, str]
"""A style, and text in it."""

Row = list[Run]
"""What stands in one row of a terminal, or a part of it."""

_Cell = tuple[str, str, int]  # a style, a grapheme cluster, its columns

TAB: Final = 4

# Characters that a terminal with bidirectional text draws from right to left (UAX #9: R, AL, AN), by their blocks.
_RIGHT_TO_LEFT: Final = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
MARK: Final = "\u200e"
"""LEFT-TO-RIGHT MARK: behind a column with right-to-left text it keeps what follows, such as a nick in Hebrew, from
being drawn as one with it. It takes no column, and nobody else can write one: theirs are shown as ``\\u200e``."""

_DOTTED_CIRCLE: Final = "\u25cc"
_JOINER: Final = "\u200d"  # at the end of a character it joins nothing, but some terminals join what follows to it
_APART: Final = "\u200b"  # takes no column, and keeps what stands around it from becoming one character
_ELLIPSIS: Final = "…"


def columns(text: str) -> int:
    """Return how many columns a harmless text takes."""
    return len(text) if text.isascii() else sum(cell[2] for cell in _cells([("", text)]))


def wrap(runs: Iterable[Run], room: int) -> list[Row]:
    """Return the rows that a text takes, broken between words where they fit, each at most `room` columns wide.

    Args:
        runs: the text; it may hold newlines and tabs.
        room: columns of a row, at least 1.
    """
    rows: list[list[_Cell]] = []
    row: list[_Cell] = []
    at = breakable = 0
    for style, cluster, size in _cells(runs):
        if cluster == "\n":
            rows.append(row)
            row, at, breakable = [], 0, 0
            continue
        if cluster == "\t":
            cluster, size = " ", TAB - at % TAB
            cluster *= size
        if size > room:
            cluster, size = "?" if cluster.strip() else " ", 1
        if at + size > room:
            is_space = cluster.isspace()
            if is_space or not breakable:
                rows.append(row)
                row, at = [], 0
            else:
                rows.append(row[:breakable])
                row = row[breakable:]
                at = sum(cell[2] for cell in row)
                if at + size > room:  # the word alone leaves no room for a wide character behind it
                    rows.append(row)
                    row, at = [], 0
            breakable = 0
            if is_space:
                continue
        row.append((style, cluster, size))
        at += size
        if size > 1 or cluster == " ":
            breakable = len(row)
    rows.append(row)
    return [_joined(row) for row in rows]


def fit(runs: Iterable[Run], room: int, pad: str = "") -> Row:
    """Return a row of exactly `room` columns: `runs`, cut short with an ellipsis, or filled up in the style `pad`."""
    taken: list[_Cell] = []
    at = 0
    for cell in _cells(runs):
        if cell[1] in "\n\t":
            cell = (cell[0], " ", 1)
        if at + cell[2] > room:
            while taken and at > room - 1:
                at -= taken.pop()[2]
            if room > 0:
                taken.append((taken[-1][0] if taken else cell[0], _ELLIPSIS, 1))
                at += 1
            break
        taken.append(cell)
        at += cell[2]
    row = _joined(taken)
    if at < room:
        row.append((pad, " " * (room - at)))
    return row


def right(runs: Sequence[Run], room: int) -> Row:
    """Return a row of exactly `room` columns with `runs` at its right end."""
    free = room - sum(columns(text) for _, text in runs)
    return [("", " " * free), *fit(runs, room - free)] if free > 0 else fit(runs, room)


def clusters(text: str) -> Iterator[tuple[str, str, int]]:
    """Yield what a person sees as one character, what is drawn of it, and its columns, which may be none."""
    if text.isascii():
        for character in text:
            yield character, character, 1
        return
    for cluster in iter_graphemes(text):
        drawn = cluster if cluster[-1] != _JOINER else cluster.rstrip(_JOINER) + _APART
        if drawn.isascii():
            yield cluster, drawn, len(drawn)
        elif (size := width(drawn, control_codes="ignore")) > 0:
            yield cluster, drawn, size
        elif unicodedata.category(drawn[0]).startswith("M"):
            drawn = _DOTTED_CIRCLE + drawn  # or it would change the character before it
            yield cluster, drawn, width(drawn, control_codes="ignore")
        else:
            yield cluster, drawn, 0  # not to be seen, but what stands around it is not to become one character


def _cells(runs: Iterable[Run]) -> Iterator[_Cell]:
    for style, text in runs:
        for _, drawn, size in clusters(text):
            if drawn:
                yield style, drawn, size


def _joined(cells: Sequence[_Cell]) -> Row:
    row: Row = []
    for style, cluster, _ in cells:
        if row and row[-1][0] == style:
            row[-1] = (style, row[-1][1] + cluster)
        else:
            row.append((style, cluster))
    if any(not text.isascii() and _RIGHT_TO_LEFT.search(text) for _, text in row):
        row.append(("", MARK))
    return row
