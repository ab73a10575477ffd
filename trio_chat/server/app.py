"""A server: its listeners, its connections, its store, and how it stops.

This file owns the nursery of all connections and the order of starting and stopping. It must not know what is
said on a connection, nor the command line.
"""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from trio_chat.server.certificate import Certificate, load_certificate
from trio_chat.server.config import ServerConfig
from trio_chat.server.connection import Connection
from trio_chat.server.hub import Hub, unix_ms
from trio_chat.server.log import log
from trio_chat.server.routes import ServerRoutes, without_token
from trio_chat.server.turns import Turns
from trio_chat.store import OpenStore, open_store
from trio_chat.transport import (
    ByteStream,
    Front,
    HttpRequest,
    Site,
    accept_forever,
    address_text,
    memory_stream_pair,
    open_listeners,
)
from trio_chat.transport.forwarded import client_address, trusted_networks
from trio_chat.transport.handshake import known_origins
from trio_chat.web import Pages, load_pages

if TYPE_CHECKING:
    import socket

STOP_S: Final = 2.0
"""How long the connections have for their last words. The store's own deadlines follow; a disk that works needs a
fraction of a second, so that a stop takes less than 5 s."""

KEEP_S: Final = 0.5
"""How long a stop waits for the store to take what bots had said in turns that the stop has ended."""

COME_BACK_MS: Final = 1_000
"""When clients are told to come back after a stop: a restart is usually over by then."""


EVERYWHERE: Final = {"0.0.0.0:": "127.0.0.1", "[::]:": "[::1]"}  # no address that is bound here
"""What stands for all addresses of a machine, and what it is reached at from itself."""


class CannotListen(Exception):
    """The address cannot be bound; the message is one sentence for the operator."""


class Server:
    """A running server; made by `open_server`.

    Attributes:
        config: its settings.
        name: what it calls itself.
        hub: what its connections share.
        turns: the bots' turns.
        addresses: where it listens, as ``host:port``.
        routes: what it answers to HTTP.
        certificate: what it offers TLS with, if it does.
    """

    def __init__(
        self,
        config: ServerConfig,
        hub: Hub,
        nursery: trio.Nursery,
        pages: Pages,
        certificate: Certificate | None = None,
    ) -> None:
        self.config = config
        self.name = config.name
        self.hub = hub
        self.addresses: list[str] = []
        self.turns = Turns(hub, config.bots)
        self.routes = ServerRoutes(self, pages)
        self.certificate = certificate
        self._nursery = nursery
        self._accepting = trio.CancelScope()
        self._connections: set[Connection] = set()
        self._none_left = trio.Event()
        self._stopping = ""
        peer_name = partial(client_address, trusted=trusted_networks(config.trusted_proxies))
        site = Site(self.routes, self._page_failed, known_origins(config.origins), peer_name)
        self._front = Front(
            self.handle,
            site,
            tls=None if certificate is None else lambda: certificate.context,
            silent_s=config.hello_s,
            refused=self._refused,
            failed=self._failed,
            departed=self._one_left,
        )
        self._secure = "s" if certificate else ""

    @property
    def url(self) -> str:
        """Where a client on this machine connects to; there is no such place where the server listens nowhere."""
        return f"chat{self._secure}://{self._reached_at}"

    @property
    def page_url(self) -> str:
        """Where a browser on this machine finds the page."""
        return f"http{self._secure}://{self._reached_at}/"

    @property
    def is_everywhere(self) -> bool:
        """Whether every address of this machine is listened on, so that there are others to reach it at."""
        return self.addresses[0].startswith(tuple(EVERYWHERE))

    @property
    def _reached_at(self) -> str:
        """The first address, or this machine's own where that stands for all of them."""
        host, _, port = self.addresses[0].rpartition(":")
        return f"{EVERYWHERE.get(f'{host}:', host)}:{port}"

    @property
    def connection_count(self) -> int:
        """How many connections there are, whether they have said hello or not."""
        return len(self._connections)

    @property
    def connections(self) -> Collection[Connection]:
        """The connections, whether they have said hello or not."""
        return self._connections

    @property
    def is_stopping(self) -> bool:
        """Whether it says bye to all."""
        return bool(self._stopping)

    async def handle(self, stream: ByteStream, began: float | None = None, *, operator: bool = False) -> None:
        """Serve one connection of frames on any stream until it ends. The caller owns the stream and closes it.

        Args:
            stream: the connection.
            began: when it was made, on the clock of Trio; None: now.
            operator: whether whoever runs the server is at its other end.
        """
        connection = Connection(self, stream, operator=operator, began=began)
        self._connections.add(connection)
        try:
            if self._stopping:
                connection.stop(self._stopping, COME_BACK_MS)
            await connection.run()
        except* Exception:  # the border where a bug in one connection costs that connection alone
            self._failed(stream.peer)
        finally:
            self._connections.discard(connection)
            self._one_left()

    @property
    def _is_empty(self) -> bool:
        """Whether nobody is there any more, whatever they speak."""
        return not (self._connections or self._front.present)

    def _one_left(self) -> None:
        if self._is_empty:
            self._none_left.set()

    async def dial(self, *, operator: bool = False) -> ByteStream:
        """Connect to this server from inside its process; the caller owns the stream and closes it.

        Args:
            operator: whether whoever runs the server is at its other end; only they may be called `server`.
        """
        await trio.lowlevel.checkpoint()
        ours, theirs = memory_stream_pair(names=("in this process", self.name))
        self.accept(ours, operator=operator)
        return theirs

    def accept(self, stream: ByteStream, *, operator: bool = False) -> None:
        """Serve a connection that came by another way than the listeners, in a task of the server's.

        Args:
            stream: the connection; the server owns it from now on, and closes it.
            operator: whether whoever runs the server is at its other end.
        """
        self._nursery.start_soon(self._handle_accepted, stream, operator)

    async def _handle_accepted(self, stream: ByteStream, operator: bool) -> None:
        try:
            await self.handle(stream, operator=operator)
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await stream.aclose()

    def listen(self, listeners: list["socket.socket"]) -> None:
        """Accept connections on bound sockets, which belong to the server from now on. Called once at most."""
        self.addresses += [address_text(listener.getsockname()) for listener in listeners]
        self._nursery.start_soon(self._accept, listeners)

    async def _accept(self, listeners: list["socket.socket"]) -> None:
        with self._accepting:
            async with trio.open_nursery() as nursery:
                for listener in listeners:
                    nursery.start_soon(accept_forever, listener, self._front.serve, self._nursery)

    def _page_failed(self, request: HttpRequest) -> None:
        log.exception("a request failed", method=request.method, path=without_token(request.path), address=request.peer)

    def _refused(self, address: str, why: str) -> None:
        log.info("refused", address=address, why=why)

    def _failed(self, address: str) -> None:
        log.exception("a connection failed", address=address)

    async def watch(self) -> None:
        """Ping and cut silent peers, and forget who was lost long ago, until cancelled."""
        config = self.config
        every_s = min(1.0, config.ping_s / 4, config.hello_s / 4)
        while True:
            await trio.sleep(every_s)
            now = trio.current_time()
            for connection in list(self._connections):
                connection.check_silence(now)
            self.hub.people.sweep(now)
            self.turns.sweep(now)

    async def stop(self, reason: str) -> None:
        """Accept nobody any more, say bye to all, and wait until they are gone, `STOP_S` at most."""
        self._stopping = reason
        self._accepting.cancel()
        self._none_left = trio.Event()
        self._front.stop()
        for connection in list(self._connections):
            connection.stop(reason, COME_BACK_MS)
        if not self._is_empty:
            with trio.move_on_after(STOP_S):
                await self._none_left.wait()
        with trio.move_on_after(KEEP_S):
            await self.turns.keeper.idle()


@asynccontextmanager
async def open_server(
    config: ServerConfig | None = None,
    *,
    store: OpenStore | None = None,
    wall_clock_ms: Callable[[], int] = unix_ms,
) -> AsyncIterator[Server]:
    """Run a server for as long as the block lasts.

    Leaving the block, also by an exception or cancellation, says bye to all, commits what is in flight and closes
    the store, within 5 s unless the disk hangs.

    Args:
        config: the settings; those of `console`, `bot` and `log_level` are the command line's to carry out.
        store: opens another store than the settings name.
        wall_clock_ms: what time it is, in Unix milliseconds: the `at` of entries.

    Raises:
        CannotListen: the address cannot be bound.
        CertificateUnusable: TLS cannot be offered as the settings want; the message is for the operator.
        StoreUnusable: the store cannot be opened; the message is for the operator.
    """
    config = config or ServerConfig()
    open_it = store or partial(open_store, config.store, sync=config.sync)
    wants_tls = config.certificate is not None or config.key is not None
    certificate = await trio.to_thread.run_sync(load_certificate, config) if wants_tls else None
    try:
        listeners = [] if config.port is None else await open_listeners(config.host, config.port)
    except OSError as error:
        where = f"{config.host or '*'}:{config.port}"
        raise CannotListen(f"cannot listen on {where}: {error.strerror}; choose another --port or --host") from error
    try:
        hub = Hub(wall_clock_ms)
        async with (
            open_it(hub.on_commits) as hub.store,
            trio.open_nursery() as nursery,
        ):
            server = Server(config, hub, nursery, load_pages(), certificate)
            server.listen(listeners)
            listeners = []
            nursery.start_soon(server.watch)
            nursery.start_soon(server.turns.keeper.run)
            if certificate is not None:
                nursery.start_soon(certificate.watch)
            try:
                yield server
            finally:
                with trio.CancelScope(shield=True, deadline=trio.current_time() + STOP_S + 1):
                    await server.stop("the server is stopping")
                nursery.cancel_scope.cancel()
    finally:
        for listener in listeners:
            listener.close()
