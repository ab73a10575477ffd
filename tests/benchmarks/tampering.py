"""A relay between clients and a server that may change what the server sends, for tests that need a bad one.

This file owns the relaying. It must not know what is changed, or who finds out.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count

import trio

from protocol import MAX_FRAME_TO_CLIENT, FrameDecoder, encode_frame

Tamper = Callable[[int, bytes], Sequence[bytes]]
"""Given the number of a connection, from 0, and a payload that is sent to it; returns what it gets instead."""


@asynccontextmanager
async def tampering_relay(host: str, port: int, tamper: Tamper) -> AsyncIterator[int]:
    """Relay to a server for as long as the block lasts, and give the port to connect to."""
    numbers = count()
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, handler_nursery=nursery)

        async def handle(client: trio.SocketStream) -> None:
            async with client, await trio.open_tcp_stream(host, port) as server, trio.open_nursery() as pumps:
                pumps.start_soon(_pump_requests, client, server)
                await _pump_frames(server, client, partial(tamper, next(numbers)))
                pumps.cancel_scope.cancel()

        (listener,) = await nursery.start(partial(serve, handle, 0, host="127.0.0.1"))
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def _pump_requests(client: trio.SocketStream, server: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError):
        async for data in client:
            await server.send_all(data)


async def _pump_frames(
    server: trio.SocketStream, client: trio.SocketStream, tamper: Callable[[bytes], Sequence[bytes]]
) -> None:
    decoder = FrameDecoder(MAX_FRAME_TO_CLIENT)
    with suppress(trio.BrokenResourceError):  # a client may hang up on what it was told
        async for data in server:
            decoder.feed(data)
            while payloads := decoder.take():
                frames = [encode_frame(changed) for payload in payloads for changed in tamper(payload)]
                await client.send_all(b"".join(frames))
