"""What a transport is to everybody above it: a stream of bytes that can be tried without waiting.

This file owns the interface, and the implementation over a plain TCP socket. It must not know frames,
messages or rooms.
"""

import contextlib
import socket
from typing import Protocol

import trio


class ByteStream(Protocol):
    """A two-way stream of bytes. One task may send and another receive at the same time, never two the same.

    `peer` names the other end for people and logs, as ``127.0.0.1:50012``.
    """

    peer: str

    async def receive_some(self, max_bytes: int = 65_536) -> bytes:
        """Return 1 to `max_bytes` bytes as soon as there are any, or ``b""`` at the end of the stream.

        Raises:
            trio.BrokenResourceError: the connection was lost.
            trio.ClosedResourceError: this side has closed it.
        """
        ...

    async def send_all(self, data: bytes | memoryview) -> None:
        """Send all of `data`. Cancelled, it leaves an unknown part sent: nothing may be sent after that.

        Raises:
            trio.BrokenResourceError: the connection was lost.
            trio.ClosedResourceError: this side has closed it.
        """
        ...

    def send_nowait(self, data: bytes | memoryview) -> int:
        """Return how many bytes of `data` were taken at once, 0 to all; call it only when no `send_all` is under way.

        Never raises for a lost connection: it takes nothing, and the next `send_all` or `receive_some` tells.
        """
        ...

    async def send_eof(self) -> None:
        """Tell the peer that no more bytes come; receiving goes on."""
        ...

    async def aclose(self) -> None:
        """Close at once, without waiting for the peer; calls under way raise `trio.ClosedResourceError`."""
        ...


class Peekable(ByteStream, Protocol):
    """A stream whose beginning can be looked at before it is decided who reads it."""

    async def peek(self) -> bytes:
        """Return what the next read begins with, a byte at least, and leave it there; ``b""`` at the end.

        Raises:
            trio.BrokenResourceError: the connection was lost.
            trio.ClosedResourceError: this side has closed it.
        """
        ...


class SocketStream:
    """A `Peekable` over a connected stdlib stream socket, which it makes non-blocking and owns.

    It goes by `trio.lowlevel.wait_readable` and `wait_writable` rather than `trio.SocketStream`, which has no
    way to try a send without a task switch.
    """

    def __init__(self, sock: socket.socket, peer: str) -> None:
        sock.setblocking(False)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            with contextlib.suppress(OSError):  # macOS refuses it once the peer is gone; receiving will tell
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._may_have_more = True  # else the last piece was short: trying before waiting would be in vain
        self.peer = peer

    async def receive_some(self, max_bytes: int = 65_536) -> bytes:
        has_waited = False
        if self._may_have_more:
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            has_waited = await self._readable()
        while True:
            try:
                data = self._sock.recv(max_bytes)
            except BlockingIOError:
                has_waited = await self._readable()
            except OSError as error:
                raise self._lost(error) from error
            else:
                self._may_have_more = len(data) == max_bytes
                if not has_waited:
                    await trio.lowlevel.cancel_shielded_checkpoint()
                return data

    async def peek(self) -> bytes:
        # The kernel keeps what was looked at: nothing is put back here, and no later read has to ask for it.
        await trio.lowlevel.checkpoint()
        while True:
            try:
                return self._sock.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                await self._readable()
            except OSError as error:
                raise self._lost(error) from error

    async def _readable(self) -> bool:
        await trio.lowlevel.wait_readable(self._sock.fileno())
        return True

    async def send_all(self, data: bytes | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        view = memoryview(data)
        while view:
            try:
                view = view[self._sock.send(view) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._sock.fileno())
            except OSError as error:
                raise self._lost(error) from error

    def send_nowait(self, data: bytes | memoryview) -> int:
        try:
            return self._sock.send(data)
        except OSError:
            return 0

    async def send_eof(self) -> None:
        await trio.lowlevel.checkpoint()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    async def aclose(self) -> None:
        if self._sock.fileno() != -1:
            trio.lowlevel.notify_closing(self._sock.fileno())
            self._sock.close()
            self._may_have_more = True  # so that the next read asks the socket, which says that it is closed
        await trio.lowlevel.checkpoint()

    def _lost(self, error: OSError) -> trio.ClosedResourceError | trio.BrokenResourceError:
        if self._sock.fileno() == -1:
            return trio.ClosedResourceError("this stream is closed")
        return trio.BrokenResourceError(f"the connection to {self.peer} was lost: {error}")
