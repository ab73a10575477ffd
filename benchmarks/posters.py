"""Clients that post as fast as they are answered, and one account of what all of them were told and saw.

This file owns the account, held against the promises as it grows. It must not know what happens to the server
meanwhile.
"""

import random
from collections.abc import Callable, Sequence
from math import inf
from typing import Final, NamedTuple

import trio

from benchmarks.server_process import PATIENCE_S
from protocol import Gap, Message, Posted
from trio_chat.client import Client, Connected, Disconnected, open_client

ROOM: Final = "lobby"
POSTS_UNDER_WAY: Final = 4
"""Posts that one client has not heard of at any time."""


class Line(NamedTuple):
    """An entry as everybody has to see it."""

    seq: int
    at: int
    author: str
    nick: str
    text: str


class Scene:
    """What all clients together were told and saw, held against the promises as it comes.

    Attributes:
        posted: what was acknowledged, by text.
        seen: the entry that the first client saw at each seq; all others have to see the same.
        faults: a sentence for each broken promise.
        posting: whether new posts are to be made; those under way go on being sent until they are acknowledged.
    """

    def __init__(self) -> None:
        self.posted: dict[str, Posted] = {}
        self.seen: dict[int, Line] = {}
        self.faults: list[str] = []
        self.posting = False
        self._changed = trio.Event()

    def tell(self) -> None:
        """Let those look again who wait for something."""
        self._changed.set()
        self._changed = trio.Event()

    async def until(self, holds: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        """Wait until `holds`.

        Raises:
            trio.TooSlowError: it has not come to that in time.
        """
        with trio.fail_after(patience_s):
            while not holds():
                await self._changed.wait()

    def start_posting(self) -> None:
        self.posting = True
        self.tell()

    async def stop_posting(self, posters: "Sequence[Poster]") -> None:
        """Make no new posts, and wait until those under way are acknowledged and everybody is connected."""
        self.posting = False
        await self.until(lambda: all(poster.connected and not poster.under_way for poster in posters))

    def fault(self, sentence: str) -> None:
        self.faults.append(sentence)


class Poster:
    """One client that posts as fast as it is answered, and keeps account."""

    def __init__(self, scene: Scene, number: int) -> None:
        self.nick = f"poster{number}"
        self.posted = 0
        self.seen = 0  # the seq of the last entry
        self.cuts = 0
        self.connected = False
        self.under_way = 0
        self._scene = scene
        self._session = random.randbytes(16).hex()
        self._texts = 0

    async def run(self, url: str, *, task_status: trio.TaskStatus[None]) -> None:
        """Join, then post whenever the scene is posting, and read, until cancelled."""
        async with open_client(url, nick=self.nick, session=self._session) as client, trio.open_nursery() as nursery:
            await client.join(ROOM)
            task_status.started()
            for _ in range(POSTS_UNDER_WAY):
                nursery.start_soon(self._post, client)
            await self._read(client)

    async def _post(self, client: Client) -> None:
        while True:
            await self._scene.until(lambda: self._scene.posting, patience_s=inf)
            self._texts += 1
            self.under_way += 1
            text = f"{self.nick} says {self._texts}"
            posted = await client.post(ROOM, text, key=str(self._texts))
            self.under_way -= 1
            self.posted += 1
            self._scene.posted[text] = posted
            self._scene.tell()

    async def _read(self, client: Client) -> None:
        async for event in client:
            match event:
                case Message():
                    self._see(Line(event.seq, event.at, event.author, event.nick, event.text))
                case Gap():
                    self._scene.fault(f"{self.nick} was told of a gap: {event}")
                case Connected():
                    self.connected = True
                case Disconnected():
                    self.cuts += self.connected
                    self.connected = False
                case _:
                    continue
            self._scene.tell()

    def _see(self, line: Line) -> None:
        if line.seq != self.seen + 1:
            self._scene.fault(f"{self.nick} saw entry {line.seq} after entry {self.seen}")
        self.seen = line.seq
        first = self._scene.seen.setdefault(line.seq, line)
        if line != first:
            self._scene.fault(f"{self.nick} saw {line} where another client saw {first}")
