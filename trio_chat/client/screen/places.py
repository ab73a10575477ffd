"""The rooms on a screen, in their order, and which of them is looked at.

This file owns going from one to another, and how somebody means one. It must not know what happens in them.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from protocol import Member
from trio_chat.client.cursor import Cursor
from trio_chat.client.screen.bookmarks import Bookmarks, Mark
from trio_chat.client.screen.room import Room


class View(Protocol):
    """What is to be known of a room that one is in; the client library has it."""

    @property
    def topic(self) -> str: ...

    @property
    def count(self) -> int: ...

    @property
    def peer(self) -> str | None: ...

    @property
    def members(self) -> Mapping[str, Member]: ...

    @property
    def cursor(self) -> Cursor: ...


class Me(Protocol):
    """Who we are; a `Client` is one."""

    @property
    def nick(self) -> str: ...

    @property
    def author(self) -> str: ...

    @property
    def rooms(self) -> Mapping[str, View]: ...


class Places:
    """See the head of this file.

    Attributes:
        me: who we are, and what is known of our rooms.
        rooms: those on the screen, in the order of coming into them.
        current: the name of the one that is looked at.
        closed: those that were left, and not come into again.

    Args:
        me: who we are.
    """

    def __init__(self, me: Me) -> None:
        self.me = me
        self.rooms: dict[str, Room] = {}
        self.current: str | None = None
        self.closed: set[str] = set()
        self._left: str | None = None  # the room looked at before the current one
        self._marks: dict[str, Mark] = {}  # of rooms that are not on the screen yet
        self._order: dict[str, int] = {}

    @property
    def room(self) -> Room | None:
        """The room that is looked at."""
        return self.rooms.get(self.current or "")

    def view(self, name: str | None = None) -> View | None:
        """Return what the client knows of a room, or of the current one."""
        return self.me.rooms.get(name or self.current or "")

    def label(self, name: str) -> str:
        """Return a room's name for people: ``#room``, and ``@nick`` for a private one."""
        view = self.me.rooms.get(name)
        if view is not None and view.peer is not None:
            return f"@{view.peer}"
        return name if name.startswith("~") else f"#{name}"

    # --- from one run to the next ---------------------------------------------------------------------------

    def remember(self, bookmarks: Bookmarks) -> None:
        """Take note of where one was and what one had read, for rooms that come onto the screen."""
        self._marks = dict(bookmarks.rooms)
        self._order = {name: number for number, name in enumerate(bookmarks.rooms)}

    def bookmarks(self) -> Bookmarks:
        """Return what is to be remembered of the rooms on the screen."""
        for room in self.rooms.values():
            room.note_read()
        marks = {name: Mark(room.epoch, room.read) for name, room in self.rooms.items() if room.epoch}
        return Bookmarks(marks, self.current)

    def put(self, name: str) -> Room:
        """Return a room, which is put on the screen if it is not there yet: where it was the last time, or last."""
        if name not in self.rooms:
            self.rooms[name] = Room(name)
            self.closed.discard(name)
            if name in self._order:
                known = sorted(self.rooms.items(), key=lambda item: self._order.get(item[0], len(self._order)))
                self.rooms.clear()
                self.rooms.update(known)
        return self.rooms[name]

    # --- which room ---------------------------------------------------------------------------------------

    def look_at(self, name: str) -> None:
        """Look at a room, which is put on the screen if it is not there yet."""
        if name == self.current:
            return
        if (before := self.room) is not None:
            before.line = None if before.anchor is not None else before.timeline.head
            self._left = before.name
        room = self.put(name)
        self.current = name
        room.unread = room.mentions = 0
        room.note_read()

    def neighbour(self, step: int) -> str | None:
        """Return the room so many places after the current one, around the ends."""
        names = list(self.rooms)
        if not names:
            return None
        return names[(names.index(self.current) + step) % len(names)] if self.current in self.rooms else names[0]

    def next_unread(self) -> str | None:
        """Return the room to read next: one in which we are mentioned, or any with something new; or the one before."""
        names = [*self.rooms]
        start = names.index(self.current) + 1 if self.current in self.rooms else 0
        ordered = names[start:] + names[:start]
        for name in sorted(ordered, key=lambda name: not self.rooms[name].mentions):
            if self.rooms[name].unread:
                return name
        return self._left if self._left in self.rooms else None

    def by_words(self, words: str) -> str | None:
        """Return the room that somebody means by its number, its name, or the beginning or a part of that."""
        words = words.strip()
        names = list(self.rooms)
        if words.isascii() and words.isdigit():
            return names[int(words) - 1] if 0 < int(words) <= len(names) else None
        labels = {name: self.label(name).casefold() for name in names}
        folded = words.casefold()
        bare = folded.lstrip("#@")
        shown = (folded,) if folded[:1] in ("#", "@") else (f"#{folded}", f"@{folded}")
        tests: tuple[Callable[[str], bool], ...] = (
            lambda label: label in shown,
            lambda label: label.startswith(shown),
            lambda label: bare in label,
        )
        for fits in tests:
            for name, label in labels.items():
                if bare and fits(label):
                    return name
        return None

    def close(self, name: str) -> None:
        """Take a room off the screen; look at the one before it."""
        names = list(self.rooms)
        at = names.index(name)
        del self.rooms[name]
        self.closed.add(name)
        if self.current == name:
            self.current = None
            rest = [other for other in names if other != name]
            if rest:
                self.look_at(rest[max(0, at - 1)])
