"""What was typed and waits for the server: line after line, in order, however long the server is away.

This file owns the bound on what waits, and what whoever types or leaves waits for. It must not know what a line asks
for.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from trio_chat.client.screen.deeds import Line

WAITING_LINES: Final = 100
"""Lines that may wait for the server."""


class Errands:
    """See the head of this file.

    Attributes:
        unanswered: how many lines the server has not answered yet.

    Args:
        carry_out: has a line carried out, and returns when it is answered.
        answered: is called then.
    """

    def __init__(self, carry_out: Callable[[Line], Awaitable[None]], answered: Callable[[], None]) -> None:
        self.unanswered = 0
        self._carry_out = carry_out
        self._answered = answered
        self._lines, self._to_do = trio.open_memory_channel[Line](WAITING_LINES)
        self._changed = trio.lowlevel.ParkingLot()

    async def run(self) -> None:
        """Have lines carried out, one by one, until cancelled.

        Raises:
            ChatError: the client has ended.
        """
        async for line in self._to_do:
            await self._carry_out(line)
            self.unanswered -= 1
            self._changed.unpark_all()
            self._answered()

    def changed(self) -> None:
        """Have whoever waits look again: there may be no connection any more."""
        self._changed.unpark_all()

    async def has_room(self, is_connected: Callable[[], bool]) -> bool:
        """Return whether one more line may wait. It waits itself for that, but not for a server that is away:
        nobody knows how long that lasts, and keys, Ctrl-C among them, must not wait so long."""
        while self.unanswered >= WAITING_LINES:
            if not is_connected():
                return False
            await self._changed.park()
        return True

    def put(self, line: Line) -> None:
        """Have a line carried out after those before it; there must be room for it."""
        self._lines.send_nowait(line)
        self.unanswered += 1

    async def settle(self) -> None:
        """Return when all is answered."""
        while self.unanswered:
            await self._changed.park()
