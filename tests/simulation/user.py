"""A client of the client library: it asks, reads its events at its own pace, and leaves all else to the library.

This file owns what such a user notes: the events of each client, in order, and the answers to posts. It must not know
what is right or wrong.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import trio

from protocol import Posted
from tests.simulation.record import Tap
from tests.simulation.scenario import NICKS
from tests.simulation.world import World
from trio_chat.client import CannotConnect, ChatError, Client, ClientClosed, ClientEvent, Refused, open_client

AGAIN_S: Final = 1.0
"""How long a user waits who could not come in."""


@dataclass
class Chain:
    """What one client gave out.

    Attributes:
        events: in order, with when they came.
        left: the rooms that were left at some time.
        posted: texts whose post returned, with the answer.
        refused: texts whose post was refused, with the code.
        said: all texts, in the order in which they were to be said, by room.
    """

    events: list[tuple[int, ClientEvent]] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    posted: list[tuple[str, Posted]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    asking: int = 0


class User:
    """Whoever uses the client library."""

    def __init__(self, who: int, world: World) -> None:
        self.who = who
        self.client: Client | None = None
        self.chains: list[Chain] = []
        self.tap: Tap | None = None
        self.is_wanted = False
        self._stays = 0  # blocks of clients that have not been left
        self._world = world
        self._nick = NICKS[who]
        self._session = f"{NICKS.index(self._nick):032x}"
        self._closing = trio.Event()
        self._nursery: trio.Nursery | None = None
        self._reading = trio.Event()
        self._reading.set()
        self._count = 0

    @property
    def is_gone(self) -> bool:
        """Whether nothing of it is there any more, no goodbye either."""
        return not self._stays

    @property
    def reads(self) -> bool:
        return self._reading.is_set()

    def connect(self, nick: int | None = None) -> None:
        """Want to be there; the library does the rest."""
        if not self.is_wanted:
            self.is_wanted = True
            self._closing = trio.Event()
            if nick is not None:
                self._nick = NICKS[nick]
            self._stays += 1
            self._world.nursery.start_soon(self._stay)

    def leave(self) -> None:
        """Leave the client's block, which says goodbye."""
        self.is_wanted = False
        self._closing.set()

    def stop_reading(self) -> None:
        if self._reading.is_set():
            self._reading = trio.Event()

    def read(self) -> None:
        self._reading.set()

    async def _stay(self) -> None:
        closing, attempts = self._closing, 0
        while not closing.is_set():
            nick = self._nick + "x" * attempts
            try:
                async with open_client(nick=nick, session=self._session, agent="user", dial=self._dial) as client:
                    await self._use(client, closing)
            except Refused as error:
                attempts += error.code == "nick_taken"
            except CannotConnect:
                pass
            with trio.move_on_after(AGAIN_S):
                await closing.wait()
        self._stays -= 1

    async def _use(self, client: Client, closing: trio.Event) -> None:
        chain = Chain()
        self.chains.append(chain)
        try:
            async with trio.open_nursery() as nursery:
                self.client, self._nursery = client, nursery
                nursery.start_soon(self._read, client, chain, closing)
                await closing.wait()
                nursery.cancel_scope.cancel()
        finally:
            self.client = self._nursery = None

    async def _dial(self) -> Tap:
        await trio.lowlevel.checkpoint()
        transcript = self._world.dial(self.who)
        if transcript is None:
            raise ConnectionRefusedError("no server is there")
        self.tap = Tap(transcript, self._world.clock, decode_sent=True)
        return self.tap

    async def _read(self, client: Client, chain: Chain, closing: trio.Event) -> None:
        try:
            while True:
                await self._reading.wait()
                event = await client.__anext__()
                chain.events.append((self._world.clock.tick(), event))
        except StopAsyncIteration:
            closing.set()
        except Refused:
            closing.set()

    # --- asking ---------------------------------------------------------------------------------------

    def post(self, room: str, count: int, chars: int) -> None:
        """Say texts, each in a task of its own, all at once."""
        for _ in range(count):
            self._count += 1
            self._start(self._post, room, self._world.text(self.who, self._count, chars))

    async def _post(self, client: Client, chain: Chain, room: str, text: str) -> None:
        try:
            chain.posted.append((text, await client.post(room, text)))
        except Refused as error:
            chain.refused.append((text, error.code))

    def do(self, act: Callable[[Client], Awaitable[object]]) -> None:
        """Ask something, and do not mind the answer."""
        self._start(self._do, act)

    async def _do(self, client: Client, chain: Chain, act: Callable[[Client], Awaitable[object]]) -> None:
        await act(client)

    def part(self, room: str) -> None:
        """Leave a room."""
        if self.chains:
            self.chains[-1].left.add(room)
        self.do(lambda client: client.leave(room))

    def _start(self, act: Callable[..., Awaitable[None]], *arguments: object) -> None:
        if self.client is not None and self._nursery is not None and not self._closing.is_set():
            self._nursery.start_soon(self._asking, act, self.client, self.chains[-1], arguments)

    async def _asking(
        self, act: Callable[..., Awaitable[None]], client: Client, chain: Chain, arguments: tuple[object, ...]
    ) -> None:
        chain.asking += 1
        try:
            await act(client, chain, *arguments)
        except (Refused, ClientClosed):
            pass
        except ChatError as error:  # nothing else may come out of a request
            self._world.failures.append(f"the client library raised {error!r}")
        finally:
            chain.asking -= 1
