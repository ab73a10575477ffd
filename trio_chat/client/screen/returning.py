"""Coming back: into the rooms where one was the last time, with what was read then; and keeping that for the next time.

This file owns which rooms are joined at the start, and when bookmarks are kept. It must not know their form, nor how
what is unread is counted.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import trio

from protocol import Found, Joined, Message
from trio_chat.client.asking import TRANSIENT
from trio_chat.client.cursor import DEFAULT_LAST
from trio_chat.client.errors import Refused
from trio_chat.client.screen.bookmarks import NOTHING, Bookmarks, Damaged
from trio_chat.client.screen.model import Model
from trio_chat.client.screen.shelf import Shelf

KEEP_S: Final = 5.0
"""Between two writings: so much reading is lost at most when the program is killed."""

DISK_S: Final = 5.0
"""How long the start and the end wait for a disk that does not answer; one that is busy, or wakes up, may take a second
or two."""

_SILENT_DISK: Final = "the disk does not answer"


class Doors(Protocol):
    """Who lets us into rooms, and finds what was said there; a `Client` does."""

    async def join(self, room: str) -> Joined: ...

    async def search(self, query: str, *, room: str | None = None) -> Found: ...


class Returner:
    """See the head of this file.

    Args:
        shelf: has the bookmarks; None: nothing is kept.
        doors: lets us in.
        model: what is on the screen.
        enter: goes into the first room.
        tell: says a sentence to the person.
    """

    def __init__(
        self,
        shelf: Shelf | None,
        doors: Doors,
        model: Model,
        enter: Callable[[str], Awaitable[None]],
        tell: Callable[[str], None],
    ) -> None:
        self._shelf = shelf
        self._doors = doors
        self._model = model
        self._enter = enter
        self._tell = tell
        self._found = NOTHING
        self._kept: Bookmarks | None = None
        self._refused: set[str] = set()  # rooms that are not to be had any more
        self._forgotten: set[str] = set()  # rooms that were left, and taken out of what is kept since
        self._has_complained = False

    # --- coming -------------------------------------------------------------------------------------------

    async def come_in(self, room: str, *, asked: bool) -> None:
        """Go into the first room: `room` if it was asked for, or else that where one was last.

        Raises:
            ChatError: that is refused, or the client has ended.
        """
        trouble = await self._load()
        self._model.remember(self._found)
        first = self._found.last or next(iter(self._found.rooms), room)
        if asked or first == room:
            await self._enter(room)
        else:
            await self._go_back_to(first, otherwise=room)
        if trouble:
            self._tell(trouble)

    async def _go_back_to(self, first: str, otherwise: str) -> None:
        try:
            await self._enter(first)
        except Refused as error:
            await self._enter(otherwise)
            self._closed(first, error)

    async def come_back(self) -> None:
        """Join the other rooms, one after the other: a hundred at once would be a flood.

        Raises:
            ChatError: the client has ended.
        """
        for name in self._found.rooms:
            if name not in self._model.me.rooms and name not in self._refused | self._model.closed:
                try:
                    joined = await self._doors.join(name)
                except Refused as error:
                    self._closed(name, error)
                    if error.code == "too_many":  # so the others would hear
                        return
                else:
                    await self._find_mentions(joined)

    async def _find_mentions(self, joined: Joined) -> None:
        """Count the mentions among what was missed and is not fetched: they are what one comes back for."""
        mark, first = self._found.rooms.get(joined.room), joined.head - DEFAULT_LAST
        if mark is None or mark.epoch != joined.epoch or mark.seq >= first or joined.room.startswith("~"):
            return
        try:
            found = await self._doors.search(self._model.me.nick, room=joined.room)
        except Refused:
            return  # the count is then a little less than it could be
        missed = [entry for entry in found.entries if isinstance(entry, Message) and mark.seq < entry.seq <= first]
        self._model.mention_missed(joined.room, missed)

    def _closed(self, name: str, error: Refused) -> None:
        """Take it that a room is not to be had any more, unless it is for now only."""
        is_for_now = error.code in TRANSIENT
        if not is_for_now:
            self._refused.add(name)
        self._tell(f"You are not in {self._model.label(name)} {'now' if is_for_now else 'any more'}: {error}")

    # --- the shelf ----------------------------------------------------------------------------------------

    async def _load(self) -> str | None:
        """Take the bookmarks, or return why there are none."""
        if self._shelf is None:
            return None
        path = self._shelf.path
        try:
            with trio.move_on_after(DISK_S) as waiting:
                self._found = await trio.to_thread.run_sync(self._shelf.load, abandon_on_cancel=True)
            if not waiting.cancelled_caught:
                return None
            reason = _SILENT_DISK
        except OSError as error:
            reason = error.strerror or str(error)
        except Damaged:
            return f"Where you were is forgotten, for {path} was damaged; it is written anew."
        self._shelf = None
        return f"Where you were is not known, and not kept, for {path} cannot be read: {reason}."

    async def keep(self) -> None:
        """Keep what is read, again and again, and a last time when cancelled."""
        try:
            while True:
                await trio.sleep(KEEP_S)
                await self._save()
        finally:
            with trio.move_on_after(DISK_S, shield=True) as waiting:
                await self._save()
            if waiting.cancelled_caught:
                self._complain(_SILENT_DISK)

    async def _save(self) -> None:
        ours = self._model.bookmarks()
        if self._shelf is None or ours == self._kept:
            return
        left = (self._refused | self._model.closed) - set(ours.rooms)
        self._forgotten &= left
        try:
            # Another terminal may be in a room that was left in this one: it is forgotten once, not again and again.
            await trio.to_thread.run_sync(self._shelf.keep, ours, left - self._forgotten, abandon_on_cancel=True)
            self._kept, self._forgotten = ours, left
        except OSError as error:
            self._complain(error.strerror or str(error))

    def _complain(self, reason: str) -> None:
        """Tell once why nothing is kept."""
        if self._shelf is not None and not self._has_complained:
            self._has_complained = True
            self._tell(f"What you have read cannot be kept, for {self._shelf.path} cannot be written: {reason}.")
