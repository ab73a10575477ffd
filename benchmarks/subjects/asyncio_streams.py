"""asyncio streams, the standard library's event loop: a plain chat server with our frames, one write for each delivery.

TCP_NODELAY is asyncio's default. This file owns its I/O, and how it is run.
"""

import asyncio
import platform
import sys
from collections.abc import Sequence
from typing import Final

from benchmarks.subjects import Place
from benchmarks.subjects._chat import (
    ACK,
    ECHOES,
    IN_FLIGHT,
    JOINED,
    LOGGED_IN,
    environment,
    join,
    login,
    prepare,
    publish,
    speak_only,
)
from benchmarks.subjects._peer import Peer, Rooms, asked_port

__all__ = ["ACK", "ECHOES", "IN_FLIGHT", "JOINED", "LOGGED_IN", "NAME", "SETTINGS", "command", "environment"]
__all__ += ["join", "login", "missing", "prepare", "publish", "speak_only", "version"]

NAME: Final = "asyncio streams"
SETTINGS: Final = "a plain server with our frames: encoded once for all, `write` for each receiver, then `drain`"

READ_BYTES: Final = 65_536


def missing() -> str:
    return ""


def version() -> str:
    return "Python " + platform.python_version()


def command(place: Place) -> Sequence[str]:
    return [sys.executable, "-m", __name__, "--port", str(place.port)]


async def serve(port: int) -> None:
    """Serve until killed."""
    rooms = Rooms()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(rooms, writer.write)
        try:
            while data := await reader.read(READ_BYTES):
                peer.feed(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            peer.leave()
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", port, backlog=4_096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(asked_port()))
