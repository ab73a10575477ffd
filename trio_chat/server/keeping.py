"""What bots had said so far in turns that were ended from outside, on its way into the log.

This file owns that nothing of it is lost while the store fails, and its bound. It must not know why a turn was ended.
"""

from typing import TYPE_CHECKING, Final

import trio

from trio_chat.server.log import log
from trio_chat.store import Draft, StoreUnavailable

if TYPE_CHECKING:
    from trio_chat.server.hub import Hub

KEPT_WAITING: Final = 1_000
"""Texts of ended turns that may wait for the store."""

RETRY_S: Final = 1.0
"""How long to wait before a store that failed is given such a text again."""


class Keeper:
    """Appends drafts that nobody waits for; run `run` beside it.

    Args:
        hub: has the store.
    """

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._keep, self._kept = trio.open_memory_channel[Draft](KEPT_WAITING)
        self._idle = trio.Event()
        self._idle.set()

    def keep(self, draft: Draft) -> None:
        """Append a draft soon; never waits."""
        try:
            self._keep.send_nowait(draft)
        except trio.WouldBlock:
            log.error("what a bot had said is lost: the storage is too slow", nick=draft.nick, room=draft.room)
        else:
            if self._idle.is_set():
                self._idle = trio.Event()

    async def run(self) -> None:
        """Append what is to be kept, until cancelled."""
        async for draft in self._kept:
            while True:
                try:
                    await self._hub.store.append([draft])
                except StoreUnavailable as error:
                    self._hub.tally.failed_appends += 1
                    log.error("the storage failed", error=str(error))
                    await trio.sleep(RETRY_S)  # again under the same key, so that it is there once
                else:
                    break
            if not self._kept.statistics().current_buffer_used:
                self._idle.set()

    async def idle(self) -> None:
        """Wait until nothing waits to be appended."""
        await self._idle.wait()
