"""A bot's seats in private rooms: taken when somebody writes to it, each with a model of its own.

This file owns which private rooms the bot sits in, and their bound. It must not know when the bot speaks or what it
says.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

import trio

from protocol import Joined
from trio_chat.bot.config import BotConfig
from trio_chat.bot.handlers import Handlers
from trio_chat.bot.models import Model, Report
from trio_chat.bot.needs import RoomClient
from trio_chat.bot.seat import Seat
from trio_chat.client import ClientEvent

ROOMS_MAX: Final = 100
"""Private rooms that one bot talks in; for one more, it leaves the one that was silent for longest. One costs its
window of the conversation, and a client of the provider."""

EVENTS_WAITING: Final = 1_000
"""Events of a private room that wait while its model is opened, and no longer."""

OpenModel = Callable[[str], AbstractAsyncContextManager[Model | None]]
"""Opens the model for a room, if the bot has one."""


class PrivateSeats:
    """The private rooms of one bot. Give it the events of the client; its tasks run in `nursery`.

    Args:
        client: through which it speaks.
        config: the bot.
        open_model: opens a model for each of them.
        handlers: the functions of the bot's author.
        report: takes lines for the operator.
        nursery: where each has a task, which ends with the nursery.
    """

    def __init__(
        self,
        client: RoomClient,
        config: BotConfig,
        open_model: OpenModel,
        handlers: Handlers,
        report: Report,
        nursery: trio.Nursery,
    ) -> None:
        self._client = client
        self._config = config
        self._open_model = open_model
        self._handlers = handlers
        self._report = report
        self._nursery = nursery
        self._rooms: dict[str, trio.MemorySendChannel[ClientEvent]] = {}  # the one that was silent for longest first

    def observe(self, event: ClientEvent) -> None:
        """Take in an event, of a private room or of the connection; never waits."""
        room = getattr(event, "room", None)
        if room is None:
            for send in self._rooms.values():
                self._give(send, event)
            return
        if not room.startswith("~"):
            return
        if room not in self._rooms and isinstance(event, Joined):
            if len(self._rooms) >= ROOMS_MAX:
                self._rooms.pop(next(iter(self._rooms))).close()
            self._rooms[room], receive = trio.open_memory_channel[ClientEvent](EVENTS_WAITING)
            self._nursery.start_soon(self._sit, event, receive)
        elif room in self._rooms:
            self._rooms[room] = self._rooms.pop(room)
            self._give(self._rooms[room], event)

    def _give(self, send: "trio.MemorySendChannel[ClientEvent]", event: ClientEvent) -> None:
        try:
            send.send_nowait(event)
        except trio.WouldBlock:
            self._report("it does not keep up with a private room; something said there goes unanswered")

    async def _sit(self, joined: Joined, receive: "trio.MemoryReceiveChannel[ClientEvent]") -> None:
        async with self._open_model(joined.room) as model, trio.open_nursery() as nursery:
            seat = Seat(self._client, joined, self._config, model, self._handlers, self._report)
            nursery.start_soon(seat.run)
            async for event in receive:
                seat.observe(event)
            nursery.cancel_scope.cancel()  # it is another one's place now; who writes again by /msg gets a new one
        await self._client.leave(joined.room)
