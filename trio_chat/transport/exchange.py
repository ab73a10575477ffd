"""What HTTP is to whoever answers it: one request, whole, and one response, whole.

This file owns these two types. It must not know how they travel, nor what is served.
"""

from collections.abc import Awaitable, Callable

from msgspec import Struct


class HttpRequest(Struct, frozen=True):
    """A request whose body has arrived.

    Attributes:
        method: in upper case.
        path: what stands before the `?`, percent-decoded; it begins with a slash.
        query: what stands behind the `?`, as sent; empty if there is none.
        headers: by name in lower case; one that came several times is joined by ``, ``.
        body: at most as many bytes as the listener takes.
        peer: where it came from, ``host:port``.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    peer: str


class HttpResponse(Struct, frozen=True):
    """What is answered. `Content-Length`, `Date` and `Connection` are added on the way out; to HEAD no body is sent."""

    status: int
    headers: dict[str, str] = {}
    body: bytes = b""


Routes = Callable[[HttpRequest], Awaitable[HttpResponse]]
"""Answers every request; an exception in it is answered with 500, and logged by whoever listens."""
