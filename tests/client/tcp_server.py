"""The fake server on a real port, for programs that can only be given an address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from tests.client.fake_server import Connection, FakeServer
from trio_chat.transport import ByteStream, accept_forever, open_listeners


@asynccontextmanager
async def serving_tcp() -> AsyncIterator[tuple[FakeServer, str]]:
    """Serve on a free port of this machine; yield the server and its address as ``chat://…``."""
    async with trio.open_nursery() as nursery:
        server = FakeServer(nursery)

        async def serve(stream: ByteStream) -> None:
            connection = Connection(server, stream)
            server.connections.append(connection)
            await connection.run()

        for listener in await open_listeners("127.0.0.1", 0):
            port = listener.getsockname()[1]
            nursery.start_soon(accept_forever, listener, serve, nursery)
        yield server, f"chat://127.0.0.1:{port}"
        nursery.cancel_scope.cancel()
