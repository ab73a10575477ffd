"""A room in which much was said, made quickly: by one connection, many posts at a time.

This file owns saying it. It must not know why.
"""

from collections.abc import Sequence
from typing import Final

from benchmarks.server_process import ServerProcess
from benchmarks.wire import connected
from protocol import Join as JoinRoom
from protocol import Joined, Post, Posted, Quit

AT_ONCE: Final = 200
"""Posts whose answers are awaited at the same time: what comes of them has to fit into what the server keeps for us."""


async def chronicle(server: ServerProcess, room: str, texts: Sequence[str], *, nick: str = "chronicler") -> None:
    """Say all texts in a room, in order, and return once they are kept."""
    async with connected(server) as wire:
        await wire.come_in(nick)
        await wire.send(JoinRoom(3, room, last=0))
        await wire.expect(Joined)
        for start in range(0, len(texts), AT_ONCE):
            batch = enumerate(texts[start : start + AT_ONCE], start)
            posts = [Post(4 + number, room, f"{nick}-{number}", text) for number, text in batch]
            await wire.send(*posts)
            for _ in posts:
                await wire.expect(Posted)
        await wire.send(Quit(3))
