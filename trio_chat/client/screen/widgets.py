"""The parts of the screen as urwid widgets: each makes rows of the model, and knows what a click on them means.

This file owns what is where in each part. It must not know what a click leads to, nor how the parts are put together.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar, Final

import urwid
from msgspec import Struct

from trio_chat.client.screen.layout import MARK, Row, Run, columns, fit
from trio_chat.client.screen.model import Model
from trio_chat.client.screen.room import Room
from trio_chat.client.screen.scroll import Sight
from trio_chat.client.screen.words import Words, nick_runs, runs_of

Size = tuple[()] | tuple[int] | tuple[int, int]
"""What urwid calls a size; here it is always columns and rows."""

LEFT_BUTTON: Final = 1
WHEEL: Final = {4: -1, 5: 1}


class GoTo(Struct, frozen=True):
    """A room was clicked."""

    room: str


class WriteTo(Struct, frozen=True):
    """Somebody was clicked."""

    nick: str


class Scroll(Struct, frozen=True):
    """The wheel was turned over the messages, or the hits: that many notches, down if positive."""

    notches: int


class Pick(Struct, frozen=True):
    """A hit of a search was clicked; or, with the number of hits, what stands behind them."""

    index: int


Click = GoTo | WriteTo | Scroll | Pick
OnClick = Callable[[Click], None]


def canvas_of(rows: Sequence[Row], size: tuple[int, int], cursor: tuple[int, int] | None = None) -> urwid.TextCanvas:
    """Return a canvas of rows that are as wide as it is; missing rows are blank."""
    room, height = size
    texts: list[bytes] = []
    attributes: list[list[tuple[Hashable, int]]] = []
    for row in rows[:height]:
        encoded = [(style or None, text.encode("utf-8", "replace")) for style, text in row]
        texts.append(b"".join(text for _, text in encoded))
        attributes.append([(style, len(text)) for style, text in encoded if text])
    blank = b" " * room
    for _ in range(height - len(texts)):
        texts.append(blank)
        attributes.append([(None, room)])
    # The widths have been measured when the rows were made.
    return urwid.TextCanvas(texts, attributes, cursor=cursor, maxcol=room, check_width=False)


class Part(urwid.Widget):
    """A part of the screen: rows of the size that it is given."""

    _sizing = frozenset([urwid.BOX])
    _selectable = True
    no_cache: ClassVar[list[str]] = ["render"]

    def rows_of(self, room: int, height: int) -> list[Row]:
        """Return at most `height` rows, each `room` columns wide."""
        raise NotImplementedError

    def pressed(self, button: int, column: int, row: int) -> None:
        """Take a click, or a turn of the wheel."""

    def render(self, size: Size, focus: bool = False) -> urwid.TextCanvas:
        """Draw the part, as urwid asks for it."""
        return canvas_of(self.rows_of(*_both(size)), _both(size))

    def keypress(self, size: Size, key: str) -> str | None:
        """Take no key: what is typed goes another way."""
        return key

    def mouse_event(self, size: Size, event: str, button: int, col: int, row: int, focus: bool) -> bool | None:
        """Take a click, as urwid hands it on."""
        self.pressed(button, col, row)
        return True


def _both(size: Size) -> tuple[int, int]:
    assert len(size) == 2, "a part is a box"
    return size


class RoomList(Part):
    """The rooms, with the numbers of their keys."""

    def __init__(self, model: Model, click: OnClick) -> None:
        super().__init__()
        self._model, self._click = model, click
        self._first = 0

    def rows_of(self, room: int, height: int) -> list[Row]:
        names = list(self._model.rooms)
        at = names.index(self._model.current) if self._model.current in self._model.rooms else 0
        self._first = max(0, min(at - height // 2, len(names) - height))
        return [
            self._row(number, self._model.rooms[name], room)
            for number, name in enumerate(names[self._first : self._first + height], self._first + 1)
        ]

    def _row(self, number: int, listed: Room, room: int) -> Row:
        here = listed.name == self._model.current
        count = str(listed.unread) if listed.unread < 1_000 else "999+"
        badge: list[Run] = []
        if listed.unread:
            badge = [("hot" if listed.mentions else "bar-dim", f" {count} ")]
        style = "here" if here else "unread" if listed.unread else ""
        name = list(runs_of(self._model.label(listed.name), style, line=True))
        mark = [("here" if here else "", " ◆" if listed.drafts else "")]
        left = max(room - sum(columns(text) for _, text in badge) - 1, 0)
        start: Row = [("here" if here else "time", f"{number:>2} ")]
        row = fit([*start, *name, *mark], left, "here" if here else "")
        return fit([*row, *badge, ("here" if here else "", " ")], room, "here" if here else "")

    def pressed(self, button: int, column: int, row: int) -> None:
        names = list(self._model.rooms)
        if button in WHEEL and (name := self._model.neighbour(WHEEL[button])) is not None:
            self._click(GoTo(name))
        elif button == LEFT_BUTTON and self._first + row < len(names):
            self._click(GoTo(names[self._first + row]))


class MemberList(Part):
    """Who is in the room: people first, then bots, by nick."""

    def __init__(self, model: Model, click: OnClick) -> None:
        super().__init__()
        self._model, self._click = model, click
        self._first = 0
        self._nicks: list[str] = []

    def rows_of(self, room: int, height: int) -> list[Row]:
        view = self._model.view()
        if view is None:
            return []
        members = sorted(view.members.values(), key=lambda member: (member.bot, member.nick.casefold()))
        self._first = max(0, min(self._first, len(members) - height + 1))
        shown = members[self._first : self._first + height - 1]
        self._nicks = [member.nick for member in shown]
        busy = {draft.author for draft in current.drafts.values()} if (current := self._model.room) else set()
        head = fit([("dim", f"{view.count} here")], room)
        rows = [head]
        for member in shown:
            writes: list[Run] = [("dim", " …")] if member.author in busy else []
            rows.append(fit([*nick_runs(member.nick, bot=member.bot), *writes], room))
        return rows

    def pressed(self, button: int, column: int, row: int) -> None:
        if button in WHEEL:
            self._first = max(0, self._first + 3 * WHEEL[button])
        elif button == LEFT_BUTTON and 0 < row <= len(self._nicks):
            self._click(WriteTo(self._nicks[row - 1]))


class Messages(Part):
    """What is said in the room that is looked at."""

    def __init__(self, model: Model, words: Words, click: OnClick) -> None:
        super().__init__()
        self._model, self._words, self._click = model, words, click
        self.size = (80, 20)

    def rows_of(self, room: int, height: int) -> list[Row]:
        self.size = (room, height)
        sight = self.sight()
        return sight.rows() if sight is not None else []

    def sight(self) -> Sight | None:
        """Return what is seen, to scroll it."""
        room = self._model.room
        return None if room is None else Sight(self._model, room, self._words, *self.size)

    def pressed(self, button: int, column: int, row: int) -> None:
        if button in WHEEL:
            self._click(Scroll(WHEEL[button]))


class Fixed(Part):
    """Rows that are made anew for each frame, such as a bar."""

    def __init__(self, make: Callable[[int, int], list[Row]]) -> None:
        super().__init__()
        self._make = make

    def rows_of(self, room: int, height: int) -> list[Row]:
        return self._make(room, height)


class Typing(Part):
    """The text that is being typed, with the cursor."""

    def __init__(self, rows: list[Row], cursor: tuple[int, int]) -> None:
        super().__init__()
        self._rows, self._cursor = rows, cursor

    def render(self, size: Size, focus: bool = False) -> urwid.TextCanvas:
        room, _ = both = _both(size)
        return canvas_of([fit(row, room) for row in self._rows], both, self.get_cursor_coords(size))

    def get_cursor_coords(self, size: Size) -> tuple[int, int]:
        """Say where the cursor is, as urwid asks for it."""
        room, height = _both(size)
        return min(self._cursor[0], room - 1), min(self._cursor[1], height - 1)


def rule(room: int, height: int) -> list[Row]:
    """Return a vertical line between two parts, with a blank behind it, and before it if there is room."""
    return [[("", " " * (room - 2)), ("rule", "│"), ("", " ")] for _ in range(height)]


def plain_text(rows: Sequence[Row]) -> list[str]:
    """Return what rows say, without styles and marks of direction; for tests and the curious."""
    return ["".join(text for _, text in row).replace(MARK, "").rstrip() for row in rows]


__all__ = [
    "Click", "Fixed", "GoTo", "MemberList", "Messages", "Part", "Pick", "RoomList", "Scroll", "Typing",
    "WriteTo", "canvas_of", "plain_text", "rule",
]  # fmt: skip
