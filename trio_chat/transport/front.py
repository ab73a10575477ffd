"""One port for any client: what a connection speaks is told by its first byte.

This file owns telling apart, and what is wrapped around what: frames in TLS, a WebSocket in HTTP in TLS. It must not
know how any of them is read, nor what is said on a connection.
"""

import enum
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import trio

from trio_chat.transport.http import Site, serve_http
from trio_chat.transport.lull import Lull, end_and_linger
from trio_chat.transport.stream import ByteStream, Peekable
from trio_chat.transport.tls import TlsStream

_TLS_BYTE: Final = 0x16
"""The record type of a handshake (RFC 8446, section 5.1), with which every TLS connection begins."""

_NO_CERTIFICATE: Final = bytes((21, 3, 3, 0, 2, 2, 40))
"""A TLS record: fatal alert, handshake_failure (RFC 8446, section 6). Clients show it as an error of TLS."""


class Kind(enum.Enum):
    """What a connection may speak."""

    FRAMES = enum.auto()
    TLS = enum.auto()
    HTTP = enum.auto()


def kind_of(first: bytes) -> Kind:
    """Tell what a connection speaks that begins with `first`, which is one byte, or nothing where it ended at once.

    A frame begins with 0x00, and a method of HTTP with a capital letter. What is neither is left to whoever reads
    frames, and can say that it is none.
    """
    if first[:1] == bytes((_TLS_BYTE,)):
        return Kind.TLS
    return Kind.HTTP if b"A" <= first[:1] <= b"Z" else Kind.FRAMES


class Front:
    """Takes every accepted connection, finds out what it speaks, and hands it on.

    Args:
        frames: serves a stream of frames, given when the connection began on the clock of Trio: also one that has said
            nothing for `silent_s`, or had not by the time of `stop`.
        site: what is served by HTTP.
        tls: gives what TLS is offered with now; None: who asks for it is refused.
        silent_s: how long a connection may say nothing, and then again to agree on keys of TLS.
        refused: is told who was refused, and why.
        failed: is told whose connection made something here raise, while the exception is being handled.
        departed: is told whenever a connection has ended.

    Attributes:
        present: how many connections there are.
    """

    def __init__(
        self,
        frames: Callable[[ByteStream, float], Awaitable[object]],
        site: Site,
        *,
        tls: Callable[[], ssl.SSLContext] | None,
        silent_s: float,
        refused: Callable[[str, str], None],
        failed: Callable[[str], None],
        departed: Callable[[], None],
    ) -> None:
        self._frames = frames
        self._site = site
        self._tls = tls
        self._silent_s = silent_s
        self._refused = refused
        self._failed = failed
        self._departed = departed
        self.present = 0
        self._lull = Lull()

    async def serve(self, stream: Peekable) -> None:
        """Serve a connection until it ends, whatever comes on it. The caller owns the stream and closes it."""
        began = trio.current_time()
        self.present += 1
        try:
            kind = await self._tell(stream)
            if kind is Kind.FRAMES:  # here, because each call in between would stay in memory for each connection
                await self._frames(stream, began)
            elif kind is Kind.HTTP:
                await self._serve_http(stream)
            else:
                await self._serve_tls(stream)
        except* Exception:  # the border where a bug in what is around frames costs the connection alone
            self._failed(stream.peer)
        finally:
            self.present -= 1
            self._departed()

    def stop(self) -> None:
        """Wait for nobody any more who has said nothing, or asks for nothing more by HTTP."""
        self._lull.end()

    async def _tell(self, stream: Peekable) -> Kind:
        first = b""
        lost = (trio.BrokenResourceError, trio.ClosedResourceError)  # whoever reads frames is told the same
        with self._lull.waiting(self._silent_s), suppress(*lost):
            first = await stream.peek()
        return kind_of(first)

    async def _serve_http(self, stream: ByteStream) -> None:
        if websocket := await serve_http(stream, self._site, self._lull):
            async with _closing(websocket):
                await self._frames(websocket, trio.current_time())

    async def _serve_tls(self, stream: ByteStream) -> None:
        if self._tls is None:
            self._refused(stream.peer, "asked for TLS, and there is no certificate")
            stream.send_nowait(_NO_CERTIFICATE)
            await end_and_linger(stream)
            return
        secure = TlsStream(stream, self._tls())
        async with _closing(secure):
            if await self._handshake(secure):
                began = trio.current_time()
                if await self._tell(secure) is Kind.HTTP:
                    await self._serve_http(secure)
                else:
                    await self._frames(secure, began)

    async def _handshake(self, stream: TlsStream) -> bool:
        """Agree on keys, and return whether that was possible in time."""
        with self._lull.waiting(self._silent_s):
            try:
                await stream.do_handshake()
            except ssl.SSLError as error:
                self._refused(stream.peer, f"no agreement on TLS: {error.reason}")
                await end_and_linger(stream)
            except trio.BrokenResourceError:
                pass  # it has thought better of it
            else:
                return True
        return False


@asynccontextmanager
async def _closing(stream: ByteStream) -> AsyncIterator[None]:
    """Close a stream after the block, so that its end is told within what it runs over."""
    try:
        yield
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await stream.aclose()
