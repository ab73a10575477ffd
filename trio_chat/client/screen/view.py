"""The whole screen, put together for the size that the terminal has: bars, lists, messages, what is typed.

This file owns which part is where and which gives way when there is little room. It must not know the terminal, nor
what a click or a key leads to.
"""

from collections.abc import Sequence
from typing import Final

import urwid

from trio_chat.client.screen.composer import MAX_ROWS, Composer
from trio_chat.client.screen.hits import Hits
from trio_chat.client.screen.layout import Row, Run, columns, fit
from trio_chat.client.screen.model import Model
from trio_chat.client.screen.widgets import (
    Fixed,
    MemberList,
    Messages,
    OnClick,
    Part,
    RoomList,
    Typing,
    rule,
)
from trio_chat.client.screen.words import Words, runs_of

ROOMS_FROM: Final = 60
"""The list of rooms is hidden on a terminal of fewer columns."""

MEMBERS_FROM: Final = 100
"""And the list of members."""

_ROOMS: Final = 18
_MEMBERS: Final = 18
_TITLE_FROM: Final = 5  # rows
_PROMPT: Final = "> "


class View:
    """Draws a model.

    Attributes:
        hits: what a search has found, while that is shown in place of the messages.
        hint: what the status line says instead of the status.
        messages: the messages, to scroll them.

    Args:
        model: what to draw.
        words: makes rows of messages.
        composer: what is typed.
        click: is told what is clicked.
    """

    def __init__(self, model: Model, words: Words, composer: Composer, click: OnClick) -> None:
        urwid.set_encoding("utf-8")
        self.hits: Hits | None = None
        self.hint = ""
        self.messages = Messages(model, words, click)
        self._model, self._composer = model, composer
        self._room_list = RoomList(model, click)
        self._member_list = MemberList(model, click)
        self._drawn: tuple[urwid.Widget, tuple[int, int]] | None = None

    def render(self, size: tuple[int, int]) -> urwid.Canvas:
        """Return a canvas of `size`, columns and rows, each at least 1."""
        widget = self._arranged(size)
        self._drawn = widget, size
        return widget.render(size, focus=True)

    def click(self, button: int, column: int, row: int) -> None:
        """Hand a click to whatever part was last drawn there."""
        if self._drawn is not None:
            widget, size = self._drawn
            if column < size[0] and row < size[1]:
                widget.mouse_event(size, "mouse press", button, column, row, focus=True)

    # --- what is where ------------------------------------------------------------------------------------

    def _arranged(self, size: tuple[int, int]) -> urwid.Widget:
        room, height = size
        typed = self._typing(room, height)
        parts: list[tuple[int, Part | urwid.Widget]] = [(typed[0], typed[1])]
        left = height - typed[0]
        if left >= 1:
            parts.insert(0, (1, Fixed(self._status)))
            left -= 1
        has_title = height >= _TITLE_FROM and left > 1
        left -= has_title
        if left >= 1:
            parts.insert(0, (left, self._middle(room)))
        if has_title:
            parts.insert(0, (1, Fixed(self._title)))
        return urwid.Pile([(urwid.GIVEN, rows, part) for rows, part in parts], focus_item=len(parts) - 1)

    def _middle(self, room: int) -> urwid.Widget:
        main: Part = self.hits or self.messages
        left: list[tuple[int, Part]] = [(_ROOMS, self._room_list), (2, Fixed(rule))] if room >= ROOMS_FROM else []
        right: list[tuple[int, Part]] = (
            [(3, Fixed(rule)), (_MEMBERS, self._member_list)] if room >= MEMBERS_FROM else []
        )
        parts: list[Part | tuple[int, Part]] = [*left, main, *right]
        return urwid.Columns(parts, box_columns=range(len(parts)))

    def _typing(self, room: int, height: int) -> tuple[int, Part]:
        indent = columns(_PROMPT) if room >= 2 * columns(_PROMPT) else 0
        typed = self._composer.rows(room - indent, max(1, min(MAX_ROWS, height // 3)))
        first, *rest = typed.rows
        rows: list[Row] = [[("dim", _PROMPT[:indent]), *first], *([("", " " * indent), *row] for row in rest)]
        return len(rows), Typing(rows, (typed.cursor[0] + indent, typed.cursor[1]))

    # --- bars ---------------------------------------------------------------------------------------------

    def _title(self, room: int, height: int) -> list[Row]:
        current = self._model.current
        if current is None:
            return [fit([("bar", " No room: /join ROOM")], room, "bar")]
        view = self._model.view()
        title: list[Run] = [("bar", " "), *runs_of(self._model.label(current), "bar-bold", line=True)]
        if view is not None and view.topic:
            title += [("bar-dim", "  "), *runs_of(view.topic, "bar", line=True)]
        count = f" {view.count} here " if view is not None and room < MEMBERS_FROM else ""
        row = fit(title, max(room - len(count), 0), "bar")
        return [fit([*row, ("bar-dim", count)], room, "bar")]

    def _status(self, room: int, height: int) -> list[Row]:
        if self.hint or self._composer.offered:
            return [fit(self._hint(), room, "bar")]
        behind = self._behind()
        left = max(room - columns(behind), 0)
        runs = [*self._connection(), *self._elsewhere()]
        if self._model.outage is None and sum(columns(text) for _, text in runs) > left:
            runs = self._elsewhere() or runs  # that all is well is the least that one wants to know
        row = fit(runs, left, "bar")
        return [fit([*row, ("bar-hot", behind)], room, "bar")]

    def _hint(self) -> list[Run]:
        offered = self._composer.offered
        if not offered:
            return [("bar", " "), *runs_of(self.hint, "bar", line=True)]
        runs: list[Run] = [("bar", " ")]
        for number, word in enumerate(_near(offered, self._composer.offered_at)):
            style = "bar-hot" if number == 0 else "bar-dim"
            runs += [*runs_of(word.rstrip(" :"), style, line=True), ("bar", "  ")]
        if self.hint:
            runs += [("bar-dim", "│ "), *runs_of(self.hint, "bar", line=True)]
        return runs

    def _connection(self) -> list[Run]:
        model = self._model
        who = [("bar", " "), *runs_of(model.me.nick, "bar-bold", line=True), ("bar", "  ")]
        if model.outage is None:
            latency = "" if model.latency_s is None else f" {model.latency_s * 1_000:.0f} ms"
            return [*who, ("bar-good", "connected"), ("bar-dim", f"{latency} ")]
        wait_s = max(0, (model.retry_at_ms - model.now_ms()) // 1_000)
        when = f"reconnecting in {wait_s} s: " if wait_s else "reconnecting: "
        return [*who, ("bar-bad", when), *runs_of(model.outage.reason, "bar", line=True), ("bar", " ")]

    def _elsewhere(self) -> list[Run]:
        runs: list[Run] = []
        for number, (name, room) in enumerate(self._model.rooms.items(), 1):
            if room.unread:
                style = "bar-hot" if room.mentions else "bar"
                runs += [*runs_of(f"{number}:{self._model.label(name)}", style, line=True)]
                runs.append(("bar-dim", f" {room.unread}  "))
        return [("bar-dim", " unread "), *runs] if runs else []

    def _behind(self) -> str:
        room = self._model.room
        if room is None:
            return ""
        if self._model.is_lagging:
            return " catching up "
        if room.anchor is None:
            is_far = room.line is not None and room.line + 1 < room.timeline.shown.low
            return " Alt-N: new " if is_far else ""
        return f" {room.below} new below " if room.below else " End: newest "


def _near(words: Sequence[str], at: int) -> Sequence[str]:
    """Return the words from the one chosen on, around the end."""
    return [*words[at:], *words[:at]]
