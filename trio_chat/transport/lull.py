"""Waiting for peers who may never say anything: with a deadline, and only while the server goes on.

This file owns who waits so, and for how long at the end of a connection. It must not know what is waited for.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import trio

from trio_chat.transport.stream import ByteStream

LINGER_S: Final = 1.0
"""How long a peer that was told the end has to close first: some round trips."""


class Lull:
    """Cancel scopes around such waiting, which end when their time is over, or all when the server stops.

    Attributes:
        is_over: whether nobody is waited for any more.
    """

    def __init__(self) -> None:
        self.is_over = False
        self._scopes: set[trio.CancelScope] = set()

    @contextmanager
    def waiting(self, timeout_s: float) -> Iterator[None]:
        """Wait in the block, `timeout_s` at most; then, or once the lull is over, the block is left early."""
        with trio.CancelScope(deadline=trio.current_time() + timeout_s) as scope:
            if self.is_over:
                scope.cancel()
            self._scopes.add(scope)
            try:
                yield
            finally:
                self._scopes.discard(scope)

    def end(self) -> None:
        """Wait for nobody any more."""
        self.is_over = True
        for scope in self._scopes:
            scope.cancel()


async def end_and_linger(stream: ByteStream) -> None:
    """Tell the end, and let the peer close first. The caller closes the stream.

    Closed with bytes unread, TCP resets the connection, and the last words may never arrive.
    """
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError), trio.move_on_after(LINGER_S):
        await stream.send_eof()
        while await stream.receive_some():
            pass
