"""Which rows of a room are seen: counted from what one has scrolled to, upwards, and no farther than the screen goes.

This file owns the anchor. An item's rows are worked out when they come into sight and kept with the item. It must not
know keys, or how rows get onto a terminal.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from protocol import Message
from trio_chat.client.screen.layout import Row
from trio_chat.client.screen.model import Model
from trio_chat.client.screen.room import Anchor, Room
from trio_chat.client.screen.timeline import Item, Place, place_of
from trio_chat.client.screen.words import Frame, Words, draft_rows, post_rows, rows_of

ABOVE: Final = 3
"""Lines of our own between two messages that stand above each other all the same."""

_BEHIND_ALL: Final = 2**60
"""Where drafts and own posts stand: behind everything that has a place."""


class Sight:
    """What is seen of one room, at one size.

    Args:
        model: where the room is.
        room: the room.
        words: makes rows.
        columns: of each row.
        height: how many rows there are.
    """

    def __init__(self, model: Model, room: Room, words: Words, columns: int, height: int) -> None:
        self._model = model
        self._room = room
        self._words = words
        self._columns = columns
        self._height = height
        self._items: Sequence[Item] = room.timeline.shown.items
        self._writing = self._at_the_end() if room.timeline.at_end else []

    def rows(self) -> list[Row]:
        """Return the rows that are seen, `height` of them at most."""
        index, below = self._bottom()
        rows: list[Row] = []
        while index >= 0 and len(rows) < self._height:
            mine = self._rows(index)
            rows[:0] = mine[: len(mine) - below] if below else mine
            below = 0
            index -= 1
        return rows[max(0, len(rows) - self._height) :]

    def up(self, rows: int) -> bool:
        """Scroll towards the past; return whether that has reached the oldest that is held."""
        index, below = self._bottom()
        if index < 0:
            return True
        below += rows
        while below >= len(self._rows(index)):
            if index == 0:
                break
            below -= len(self._rows(index))
            index -= 1
        top, top_below, reached = self._highest()
        if reached and (index, -below) <= (top, -top_below):
            index, below = top, top_below
            if index == self._count - 1 and below == 0:
                return True  # all there is has room on the screen
            self._hold(index, below)
            return True
        self._hold(index, below)
        return index == 0

    def down(self, rows: int) -> bool:
        """Scroll towards the present; return whether that has reached the newest that is held."""
        if self._room.anchor is None:
            return True
        index, below = self._bottom()
        below -= rows
        while below < 0 and index + 1 < self._count:
            index += 1
            below += len(self._rows(index))
        if below > 0 or index + 1 < self._count:
            self._hold(index, max(below, 0))
            return False
        if self._room.timeline.at_end:
            self._room.follow()
        else:
            self._hold(index, 0)
        return True

    def to_start(self) -> None:
        """Scroll to the oldest that is held."""
        index, below, reached = self._highest()
        if reached and index >= 0:
            self._hold(index, below)

    def centre(self, seq: int) -> None:
        """Scroll so that the entry `seq`, which is held, is seen in the middle; higher, if little stands above it."""
        index = self._index((seq, 0))
        below, last = self._height // 2, index
        while last + 1 < self._count and below > 0:
            last += 1
            below -= len(self._rows(last))
        top, top_below, _ = self._highest()
        last, above_end = max((last, min(0, below)), (top, -top_below))
        self._hold(last, -above_end)

    def items_above(self) -> int:
        """Return how many items are held before the lowest that is seen."""
        return self._bottom()[0]

    def items_below(self) -> int:
        """Return how many items are held behind the lowest that is seen."""
        return self._count - 1 - self._bottom()[0]

    @property
    def is_short(self) -> bool:
        """Whether all that is held takes less than the screen."""
        total = 0
        for index in range(self._count - 1, -1, -1):
            total += len(self._rows(index))
            if total >= self._height:
                return False
        return True

    # --- places -------------------------------------------------------------------------------------------

    @property
    def _count(self) -> int:
        return len(self._items) + len(self._writing)

    def _index(self, place: Place) -> int:
        """Return the index of what stands at `place`, or else of what stands next behind it, or of the last."""
        if place[0] >= _BEHIND_ALL:
            return min(len(self._items) + place[1], self._count - 1)
        return min(bisect_left(self._items, place, key=place_of), self._count - 1)

    def _bottom(self) -> tuple[int, int]:
        """Return the index of the lowest item that is seen, and how many of its rows are not."""
        anchor = self._room.anchor
        if anchor is None or self._count == 0:
            return self._count - 1, 0
        index = self._index(anchor.place)
        return index, min(anchor.rows_below, len(self._rows(index)) - 1)

    def _highest(self) -> tuple[int, int, bool]:
        """Return the bottom at which the oldest row is the topmost one, and whether all rows above it are held.

        It looks no farther than a screen from the oldest item.
        """
        total = 0
        for index in range(self._count):
            total += len(self._rows(index))
            if total >= self._height:
                return index, total - self._height, True
        return self._count - 1, 0, True

    def _hold(self, index: int, below: int) -> None:
        self._room.timeline.go_back()
        place = self._items[index].place if index < len(self._items) else (_BEHIND_ALL, index - len(self._items))
        self._room.anchor = Anchor(place, below)

    # --- rows ---------------------------------------------------------------------------------------------

    def _rows(self, index: int) -> Sequence[Row]:
        if index >= len(self._items):
            return self._writing[index - len(self._items)]
        item = self._items[index]
        frame = self._frame(index, item)
        if item.layout is None or item.layout[0] != frame:
            item.layout = frame, rows_of(item.what, frame, self._words)
        return item.layout[1]  # type: ignore[return-value]  # only this file keeps anything there

    def _frame(self, index: int, item: Item) -> Frame:
        what = item.what
        before = self._items[index - 1] if index else None
        day = self._words.day(what.at)
        if before is not None and self._words.day(before.what.at) == day:
            day = ""
        line = self._room.line
        new = line is not None and item.place[0] > line and (before is None or before.place[0] <= line)
        answers: Message | None = None
        unknown = meant = False
        if isinstance(what, Message):
            meant = self._model.is_meant(what) and not self._room.is_private
            if what.reply_to is not None and self._said_before(index) != what.reply_to:
                said = self._room.timeline.find(what.reply_to)
                if said is not None and isinstance(said.what, Message):
                    answers = said.what
                unknown = answers is None
        found = self._room.found is not None and item.place == (self._room.found, 0)
        return Frame(self._columns, day, new, answers, unknown, meant, found)

    def _said_before(self, index: int) -> int | None:
        """Return the seq of the message above, with nothing but a few lines of our own between."""
        for above in reversed(self._items[max(0, index - ABOVE) : index]):
            if isinstance(above.what, Message):
                return above.place[0]
        return None

    def _at_the_end(self) -> list[Sequence[Row]]:
        drafts: list[Sequence[Row]] = [
            draft_rows(draft.nick, draft.text, draft.doing, self._columns) for draft in self._room.drafts.values()
        ]
        nick = self._model.me.nick
        return drafts + [post_rows(nick, post.text, self._columns) for post in self._room.posts.values()]
