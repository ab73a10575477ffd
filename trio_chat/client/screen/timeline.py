"""One room's timeline: a window onto its log in which edits and deletions are applied, and lines of our own between.

This file owns which entries are held, in their order and in their present state, however they come: live, in pages, or
around a hit of a search. It is pure: it must not know who asks for pages, or how anything is drawn.
"""

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import Struct
from rich.text import Text

from protocol import Edited, Entry, Message, Redacted, TopicSet

TAIL_ITEMS: Final = 1_000
"""What is held of the newest: two pages of a log, and far more than any screen shows."""

PAST_ITEMS: Final = 3_000
"""What is held of what somebody reads back to; farther away, it is fetched again."""

CHANGES: Final = 1_000
"""How many messages' last edits are remembered, for pages that were read before them and arrive after them."""

Place = tuple[int, int]
"""Where an item stands: behind its seq, those of our own in the order in which they came; entries have 0."""


class Note(Struct, frozen=True):
    """A line of our own: what somebody did that is in no log, or what the program has to tell.

    `tells_of` is for whoever may have more to tell in the same line.
    """

    at: int
    text: Text
    warning: bool = False
    tells_of: object = None


class Item:
    """One thing in a timeline.

    Attributes:
        place: where it stands.
        what: the message or topic in its present state, or a note.
        layout: room for whoever draws it to keep what was worked out, with what it depends on.
    """

    __slots__ = ("layout", "place", "what")

    def __init__(self, place: Place, what: Message | TopicSet | Note) -> None:
        self.place = place
        self.what = what
        self.layout: tuple[object, Sequence[object]] | None = None


def place_of(item: Item) -> Place:
    """Return where an item stands."""
    return item.place


class Window:
    """A part of the log without holes, from `low` to `high`, both included; nothing if `low` is above `high`.

    Attributes:
        items: what is to be seen of it, in order. (Edits and deletions are not, but for what they do.)
    """

    __slots__ = ("high", "items", "low")

    def __init__(self, low: int, high: int, items: list[Item]) -> None:
        self.low = low
        self.high = high
        self.items = items

    def find(self, seq: int) -> Item | None:
        """Return the entry with this seq, if it is held and is one to see."""
        at = bisect_left(self.items, (seq, 0), key=place_of)
        return self.items[at] if at < len(self.items) and self.items[at].place == (seq, 0) else None

    def cut_low(self, most: int) -> None:
        """Let go of the oldest, so that at most so many are left."""
        if len(self.items) > most:
            del self.items[: len(self.items) - most]
            self.low = self.items[0].place[0]
            if self.items[0].place[1]:  # a note behind an entry that is gone
                self.low += 1

    def cut_high(self, most: int) -> None:
        """Let go of the newest, so that at most so many are left."""
        if len(self.items) > most:
            self.high = self.items[most].place[0] - 1 if not self.items[most].place[1] else self.items[most].place[0]
            del self.items[most:]


class Timeline:
    """The windows onto one log.

    Attributes:
        tail: the newest; it follows the log.
        past: what somebody has gone back to; None while they look at the tail.
        head: the seq of the newest entry that has been seen to happen.
        at_start: whether nothing comes before the tail, or before the past.
    """

    def __init__(self) -> None:
        self.tail = Window(1, 0, [])
        self.clear()

    def clear(self) -> None:
        """Forget all, for the log has begun anew, but for lines of our own that stand behind everything: they may tell
        why."""
        said = [number for number, item in enumerate(self.tail.items, 1) if not item.place[1]]
        self.tail = Window(1, 0, self.tail.items[max(said, default=0) :])
        self.past: Window | None = None
        self.head = 0
        self._is_new = True
        self._notes = len(self.tail.items)
        for number, item in enumerate(self.tail.items, 1):
            item.place = (0, number)
        self._starts: set[int] = set()  # seqs before which the server has nothing more
        self._changes: OrderedDict[int, Edited | Redacted] = OrderedDict()

    @property
    def shown(self) -> Window:
        """The window that is looked at."""
        return self.past or self.tail

    @property
    def at_start(self) -> bool:
        """Whether there is nothing before what is shown."""
        return self.shown.low <= 1 or self.shown.low in self._starts

    @property
    def at_end(self) -> bool:
        """Whether what is shown goes up to the newest."""
        return self.past is None or self.past.high >= self.head

    def find(self, seq: int) -> Item | None:
        """Return the entry with this seq, wherever it is held."""
        return (self.past.find(seq) if self.past else None) or self.tail.find(seq)

    # --- what happens -------------------------------------------------------------------------------------

    def happened(self, entry: Entry) -> None:
        """Take in the entry that follows in the log."""
        self._begin(entry.seq)
        item = self._item(entry)
        for window in filter(None, (self.tail, self.past)):
            if window.high == entry.seq - 1:
                window.high = entry.seq
                if item is not None:
                    window.items.append(item)
        self.head = max(self.head, entry.seq)
        if isinstance(entry, Edited | Redacted):
            self._change(entry)
        self.tail.cut_low(TAIL_ITEMS)
        if self.past is not None and len(self.past.items) > PAST_ITEMS:
            self.past.cut_high(PAST_ITEMS)

    def reached(self, seq: int) -> None:
        """Note that the log goes up to `seq`; the entries that have not come before this are not wanted, or gone."""
        self._begin(seq + 1)
        if self.past is not None and self.past.high >= self.head:
            self.past.high = max(self.past.high, seq)
        self.tail.high = max(self.tail.high, seq)
        self.head = max(self.head, seq)

    def _begin(self, seq: int) -> None:
        """Note where the tail begins, if that is not known; lines of our own that are there already stand before it."""
        if self._is_new:
            self._is_new = False
            self.tail.low, self.tail.high = seq, seq - 1
            if self.past is not None:
                self.past.items = [item for item in self.past.items if not item.place[1]]
            for item in self.tail.items:
                item.place = (seq - 1, item.place[1])

    def note(self, note: Note) -> None:
        """Put in a line of our own, behind the newest entry."""
        self._notes += 1
        item = Item((self.head, self._notes), note)
        self.tail.items.append(item)
        if self.past is not None and self.past.low - 1 <= self.head <= self.past.high:
            insort(self.past.items, item, key=place_of)  # a page may be ahead of what has been seen to happen
        self.tail.cut_low(TAIL_ITEMS)

    @property
    def last_note(self) -> Note | None:
        """The line of our own that stands behind everything; None if there is none there."""
        last = self.tail.items[-1].what if self.tail.items else None
        return last if isinstance(last, Note) else None

    def retell(self, note: Note) -> None:
        """Put `note` in the place of `last_note`."""
        last = self.tail.items[-1]
        last.what, last.layout = note, None

    # --- going back ---------------------------------------------------------------------------------------

    def go_back(self) -> None:
        """Hold on to what is shown, whatever happens to the tail."""
        if self.past is None:
            self.past = Window(self.tail.low, self.tail.high, list(self.tail.items))

    def return_to_tail(self) -> None:
        """Look at the newest again."""
        self.past = None

    def older(self, entries: Sequence[Entry], *, more: bool) -> None:
        """Put a page before what is shown: the entries right before `shown.low`.

        Args:
            entries: in order; none that is not below `shown.low` counts.
            more: whether there are others before them.
        """
        window = self.shown
        entries = [entry for entry in entries if entry.seq < window.low]
        if entries:
            window.low = entries[0].seq
            window.items[:0] = self._items(entries)
        if not more:
            self._starts.add(window.low)
        if window is self.past:
            window.cut_high(PAST_ITEMS)

    def newer(self, entries: Sequence[Entry]) -> None:
        """Put a page behind what is shown: the entries right after `shown.high`."""
        window = self.past
        if window is None:
            return
        for entry in entries:
            if entry.seq > window.high:
                window.high = entry.seq
                window.items += self._items([entry])
        self._join_tail(window)
        if len(window.items) > PAST_ITEMS:
            window.cut_low(PAST_ITEMS)

    def go_to(self, entries: Sequence[Entry], *, more: bool) -> None:
        """Look at another part of the log: `entries`, in order and without holes between them."""
        window = Window(entries[0].seq, entries[-1].seq, self._items(entries))
        if not more:
            self._starts.add(window.low)
        self.past = window
        self._join_tail(window)

    def _join_tail(self, window: Window) -> None:
        """Let what is shown go on with the tail, where the two touch."""
        if window.high + 1 < self.tail.low or self._is_new:
            return
        held = {item.place for item in window.items}
        window.items += [item for item in self.tail.items if item.place >= (window.low, 0) and item.place not in held]
        window.items.sort(key=place_of)
        window.high = max(window.high, self.tail.high)

    # --- present states -----------------------------------------------------------------------------------

    def _items(self, entries: Iterable[Entry]) -> list[Item]:
        return [item for entry in entries if (item := self._item(entry)) is not None]

    def _item(self, entry: Entry) -> Item | None:
        if isinstance(entry, TopicSet):
            return Item((entry.seq, 0), entry)
        if not isinstance(entry, Message):
            return None
        known = self.find(entry.seq)  # so that both windows hold the same one
        if known is not None:
            return known
        change = self._changes.get(entry.seq)
        return Item((entry.seq, 0), _changed(entry, change) if change else entry)

    def _change(self, change: Edited | Redacted) -> None:
        last = self._changes.get(change.target)
        if not isinstance(last, Redacted):
            self._changes[change.target] = change
            self._changes.move_to_end(change.target)
            if len(self._changes) > CHANGES:
                self._changes.popitem(last=False)
        for window in filter(None, (self.tail, self.past)):
            item = window.find(change.target)
            if item is not None and isinstance(item.what, Message):
                item.what = _changed(item.what, change)
                item.layout = None


def _changed(message: Message, change: Edited | Redacted) -> Message:
    """Return a message as a change makes it, unless it is newer than the change."""
    if message.redacted:
        return message
    if isinstance(change, Redacted):
        return msgspec.structs.replace(message, text="", redacted=True)
    if change.at < (message.edited_at or 0):
        return message
    return msgspec.structs.replace(message, text=change.text, edited_at=change.at)
