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
        pages = await self._around(message.room, message.seq)
        room = self._model.rooms.get(message.room)
        if pages is None or room is None:
            return False
        before, after = pages
        if not before.entries or before.entries[-1].seq != message.seq:
            return False
        self._model.look_at(message.room)
        room.timeline.go_to([*before.entries, *after.entries], more=before.more)
        room.found = message.seq
        return True

    async def go_to_new(self, name: str) -> int | None:
        """Show the part of a room's log where what is new begins; return the seq behind which it does, if it could."""
        room = self._model.rooms[name]
        line = room.line
        if line is None or room.timeline.shown.low <= line + 1 <= room.timeline.shown.high:
            return line
        pages = await self._around(name, line)
        if pages is None or name != self._model.current or self._model.room is not room:
            return None
        entries = [*pages[0].entries, *pages[1].entries]
        if not entries:
            return None
        room.timeline.go_to(entries, more=pages[0].more)
        return line

    async def _around(self, name: str, seq: int) -> tuple[History, History] | None:
        """Fetch what is up to `seq`, and what is behind it; say so if that is refused."""
        try:
            before = await self._log.history(name, before=seq + 1, limit=AROUND)
            return before, await self._log.history(name, after=seq, limit=AROUND)
        except Refused as error:
            self._model.say(str(error), warning=True)
            return None

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
