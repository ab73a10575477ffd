"""Ctrl-C on a full screen: stop the bot that is answering; twice, quit.

This file owns which of the two it means. It must not know keys, nor what it takes to end the program.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import trio

from trio_chat.client.screen.deeds import Deeds
from trio_chat.client.screen.model import Model

AGAIN_S: Final = 2.0
"""Within so long a second Ctrl-C means it."""


class Interrupter:
    """See the head of this file.

    Args:
        model: what is on the screen.
        deeds: asks the server.
        start: has a deed done beside all else.
        hint: tells the person something in passing.
        leave: ends the program.
    """

    def __init__(
        self,
        model: Model,
        deeds: Deeds,
        start: Callable[[Callable[[], Awaitable[object]]], None],
        hint: Callable[[str], None],
        leave: Callable[[], None],
    ) -> None:
        self._model = model
        self._deeds = deeds
        self._start = start
        self._hint = hint
        self._leave = leave
        self._quit_until = 0.0

    def interrupt(self) -> None:
        """Do what Ctrl-C does."""
        now, room = trio.current_time(), self._model.room
        if now < self._quit_until:
            self._leave()
            return
        self._quit_until = now + AGAIN_S
        if room is not None and room.drafts:
            self._hint("Stopping … (Ctrl-C again quits)")
            self._start(partial(self._stop, room.name))
        else:
            self._hint("Ctrl-C again to quit.")

    async def _stop(self, room: str) -> None:
        refused = await self._deeds.stop(room)
        if refused is not None:
            self._hint(f"{refused} Ctrl-C again to quit.")
            self._quit_until = trio.current_time() + AGAIN_S
        else:
            self._hint("")
            self._quit_until = 0.0  # this one has done what it is for
