"""A Trio stream as httpcore2 wants one.

This file owns the names that the errors and timeouts of the one have in the other. It must not know proxies.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import httpcore2
import trio


class NetworkStream(httpcore2.AsyncNetworkStream):
    """A Trio stream, TLS or not; httpcore2 has one too, but gives it only together with the connecting.

    Args:
        stream: from now on this one's to close.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # httpcore2's interface
        """Return what comes next, at most `max_bytes`; empty at the end."""
        with _translated(httpcore2.ReadError, httpcore2.ReadTimeout, timeout):
            return bytes(await self._stream.receive_some(max_bytes))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  # httpcore2's interface
        """Send all of `buffer`."""
        with _translated(httpcore2.WriteError, httpcore2.WriteTimeout, timeout):
            await self._stream.send_all(buffer)

    async def aclose(self) -> None:
        """Close the stream, without a goodbye that the other side would have to take."""
        await trio.aclose_forcefully(self._stream)


@contextmanager
def _translated(broken: type[Exception], too_slow: type[Exception], timeout: float | None) -> Iterator[None]:
    try:
        with trio.fail_after(math.inf if timeout is None else timeout):
            yield
    except trio.TooSlowError:
        raise too_slow("nothing came in time") from None
    except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
        raise broken("the connection broke") from error
