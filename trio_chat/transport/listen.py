"""Listening on a TCP port and handing every accepted connection, as a `Peekable` stream, to a handler.

This file owns listening sockets, accepting and dialling. It must not know what is said on a connection.
"""

import contextlib
import errno
import socket
from collections.abc import Awaitable, Callable, Iterator

import trio

from trio_chat.transport.stream import ByteStream, Peekable, SocketStream

Handler = Callable[[Peekable], Awaitable[object]]

BACKLOG = 4_096
"""Connections that may wait to be accepted; the kernel caps it at its own limit (Linux: 4,096 as well)."""

ACCEPTED_AT_ONCE = 64
"""Accepts between two checkpoints: enough that a storm of arrivals costs few switches, and bounded."""

_OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
_PAUSE_S = 0.1
_NOT_HERE = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})


async def open_listeners(host: str, port: int) -> list[socket.socket]:
    """Bind every address of `host` and listen; port 0 picks a free one.

    An address that this machine does not have is passed over while another one is bound: where IPv6 is off,
    ``localhost`` may still name ``::1``. The caller owns the sockets and closes them.

    Raises:
        OSError: the host is not known, no address of it is this machine's, or the port is no port, taken or not
            permitted.
    """
    if not 0 <= port <= 65_535:  # getaddrinfo would take it modulo 65,536
        raise OSError(errno.EINVAL, f"{port} is no port; 0 to 65535 are")
    with _host_named(host):
        found = await trio.socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    missing = OSError(errno.EADDRNOTAVAIL, f"{host!r} has no address")
    with contextlib.ExitStack() as bound:
        listeners: list[socket.socket] = []
        for family, kind, protocol, _, address in dict.fromkeys(found):  # /etc/hosts may name one twice
            if port == 0 and listeners:
                address = (address[0], listeners[0].getsockname()[1], *address[2:])
            try:
                listener = _listen(family, kind, protocol, address)
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                missing = error
            else:
                listeners.append(bound.enter_context(listener))
        if not listeners:
            raise missing
        bound.pop_all()
        return listeners


@contextlib.contextmanager
def _host_named(host: str) -> Iterator[None]:
    """Make what IDNA says about an impossible name (``a..b``) the error that an unknown name gives."""
    try:
        yield
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, f"{host!r} is no name of a host") from error


def _listen(family: int, kind: int, protocol: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


async def accept_forever(listener: socket.socket, handler: Handler, nursery: trio.Nursery) -> None:
    """Start `handler(stream)` in `nursery` for every connection, until cancelled; closes `listener` then.

    The stream belongs to the handler's task and is closed when the handler returns or raises. When the process
    is out of files or memory, accepting pauses and goes on by itself.
    """
    with listener:
        while True:
            await trio.lowlevel.wait_readable(listener.fileno())
            for _ in range(ACCEPTED_AT_ONCE):
                try:
                    sock, address = listener.accept()
                except BlockingIOError:
                    break
                except OSError as error:
                    if error.errno in _OUT_OF_RESOURCES:
                        await trio.sleep(_PAUSE_S)
                    break  # anything else concerns one connection that was gone before it was accepted
                nursery.start_soon(_run_handler, handler, SocketStream(sock, address_text(address)))


async def _run_handler(handler: Handler, stream: Peekable) -> None:
    try:
        await handler(stream)
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await stream.aclose()


async def dial_tcp(host: str, port: int) -> ByteStream:
    """Connect to a server, trying its addresses as RFC 8305 advises. The caller owns the stream.

    Raises:
        OSError: the host is not known, or nobody answers at any of its addresses.
    """
    with _host_named(host):
        stream = await trio.open_tcp_stream(host, port)
    # Named as it was dialled: getpeername() would raise for a connection that was lost by now.
    return SocketStream(socket.socket(fileno=stream.socket.detach()), address_text((host, port)))


def address_text(address: tuple[object, ...]) -> str:
    """Return a socket address as people write it: ``127.0.0.1:5002`` or ``[::1]:5002``."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
