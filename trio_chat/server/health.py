"""Whether the server can do its work: one word, for whoever watches it.

This file owns how that is found out, and how often. It must not know HTTP.
"""

import math
from typing import Final

import trio

from trio_chat.server.hub import Hub
from trio_chat.store import StoreUnavailable

HEALTHY_S: Final = 1.0
"""Within what time the store of a healthy server answers; it needs a hundred microseconds."""

FRESH_S: Final = 1.0
"""How long an answer holds: everybody may ask, and must not be able to keep the store busy by it."""

PROBED: Final = "lobby"
"""The room that the store is asked for; it need not exist."""


class Health:
    """What is known of the server's health.

    Args:
        hub: has the store.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._asking = trio.Lock()
        self._word = ""
        self._asked_at = -math.inf

    async def word(self) -> str:
        """Return `ok`, `slow` (the store has not answered in time) or `failing`, as of `FRESH_S` ago at most."""
        async with self._asking:
            if trio.current_time() - self._asked_at >= FRESH_S:
                self._word = await self._ask()
                self._asked_at = trio.current_time()
            return self._word

    async def _ask(self) -> str:
        """Ask the store for a room, which its committing task looks up: one that hangs would not answer."""
        with trio.move_on_after(HEALTHY_S):
            try:
                await self._hub.store.find_room(PROBED)
            except StoreUnavailable:
                return "failing"
            return "ok"
        return "slow"
