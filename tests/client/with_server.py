"""Helpers for tests of the client against the server in memory: opening clients, and reading their events."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import trio

from protocol import Live, Message
from tests.client.fake_server import FakeServer
from trio_chat.client import Client, ClientEvent, open_client
from trio_chat.client.events import Connected

ANN = "a" * 32
BOB = "b" * 32

_Event = TypeVar("_Event", bound=ClientEvent)


@asynccontextmanager
async def opened(server: FakeServer, nick: str = "ann", session: str = ANN) -> AsyncIterator[Client]:
    """Open a client on the server in memory."""
    async with open_client(nick=nick, session=session, dial=server.dial) as client:
        yield client


async def until(client: Client, last: Callable[[ClientEvent], bool]) -> list[ClientEvent]:
    """Read events up to the one for which `last` holds, and return them all."""
    events = []
    async for event in client:
        events.append(event)
        if last(event):
            return events
    raise AssertionError(f"the events ended: {events}")


async def next_of(client: Client, kind: type[_Event]) -> _Event:
    """Read events up to the first of a type, and return that."""
    event = (await until(client, lambda event: isinstance(event, kind)))[-1]
    assert isinstance(event, kind)
    return event


async def live(client: Client, seq: int = 0) -> list[ClientEvent]:
    """Read events until a room is live at `seq` or beyond."""
    return await until(client, lambda event: isinstance(event, Live) and event.seq >= seq)


async def back(client: Client) -> Connected:
    """Read events until the client is connected again."""
    while not (event := await next_of(client, Connected)).again:
        pass
    return event


def texts(events: list[ClientEvent]) -> list[str]:
    """Return what was said in `events`."""
    return [event.text for event in events if isinstance(event, Message)]


def said(seq: int) -> Callable[[ClientEvent], bool]:
    """Return a test for the message with this seq."""
    return lambda event: isinstance(event, Message) and event.seq == seq


async def settled() -> None:
    """Return when every other task waits for something to happen."""
    await trio.testing.wait_all_tasks_blocked()
