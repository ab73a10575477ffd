"""Pages of a log, fetched for whoever reads back, reads on, or goes to a message.

This file owns how much is fetched, and what is done with a page that comes too late. It must not know when one is
wanted.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from protocol import History, Message
from trio_chat.client.errors import Refused
from trio_chat.client.screen.model import Model

PAGE: Final = 100
"""Entries that are fetched at once when somebody reads back: three screens."""

AROUND: Final = 60
"""Entries that are fetched before, and after, a message that somebody goes to."""


class Log(Protocol):
    """Who has the pages; a `Client` does."""

    async def history(
        self, room: str, *, before: int | None = None, after: int | None = None, limit: int | None = None
    ) -> History: ...


class Reader:
    """See the head of this file. Each of its deeds raises `ChatError` when the client has ended.

    Args:
        log: has the pages.
        model: what is on the screen.
    """

    def __init__(self, log: Log, model: Model) -> None:
        self._log = log
        self._model = model
        self._reading: set[str] = set()  # rooms whose log is being read

    async def go_to(self, message: Message) -> bool:
        """Show the part of the log around a message; return whether it could be."""
        try:
            before = await self._log.history(message.room, before=message.seq + 1, limit=AROUND)
            after = await self._log.history(message.room, after=message.seq, limit=AROUND)
        except Refused as error:
            self._model.say(str(error), warning=True)
            return False
        room = self._model.rooms.get(message.room)
        if room is None or not before.entries or before.entries[-1].seq != message.seq:
            return False
        self._model.look_at(message.room)
        room.timeline.go_to([*before.entries, *after.entries], more=before.more)
        room.found = message.seq
        return True

    async def read_back(self, name: str) -> bool:
        """Fetch the page before what is shown of a room; return whether there was one."""
        return await self._read(name, self._read_back)

    async def read_on(self, name: str) -> bool:
        """Fetch the page behind what is shown of a room; return whether there was one."""
        return await self._read(name, self._read_on)

    async def _read(self, name: str, read: Callable[[str], Awaitable[bool]]) -> bool:
        if name in self._reading or name not in self._model.rooms:
            return False
        self._reading.add(name)
        try:
            return await read(name)
        except Refused as error:
            self._model.say(str(error), warning=True)
            return False
        finally:
            self._reading.discard(name)

    async def _read_back(self, name: str) -> bool:
        timeline = self._model.rooms[name].timeline
        low = timeline.shown.low
        if timeline.at_start:
            return False
        page = await self._log.history(name, before=low, limit=PAGE)
        if timeline.shown.low != low:
            return False  # one looks at something else by now, or a flood has taken what stood behind the page
        timeline.older(page.entries, more=page.more)
        return bool(page.entries)

    async def _read_on(self, name: str) -> bool:
        timeline = self._model.rooms[name].timeline
        if timeline.past is None or timeline.at_end:
            return False
        window, high = timeline.past, timeline.past.high
        page = await self._log.history(name, after=high, limit=PAGE)
        if timeline.past is not window or window.high != high:
            return False
        timeline.newer(page.entries)
        return bool(page.entries)
