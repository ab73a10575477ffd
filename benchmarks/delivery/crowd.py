"""Many connections to one subject: connecting, coming in, and sending without waiting.

This file owns the sockets of the load generator. It must not know what is measured on them.
"""

import contextlib
import select
import socket
import time
from collections.abc import Iterable, Sequence
from typing import Final

from benchmarks.delivery.process import Running
from benchmarks.server_process import PATIENCE_S

RECEIVE_BUFFER: Final = 4_194_304
"""So large that no server ever waits for the load generator; the kernel takes memory only for what lies there."""

TOGETHER: Final = 100
"""How many clients come in at the same time."""

EVENTS: Final = 4_096


class GaveUp(Exception):
    """A subject did not do what the work asks for; the message says what."""


class Link:
    """One client's connection.

    Attributes:
        number: which client it is.
        room: where it is.
        sock: its socket, not blocking.
    """

    __slots__ = ("_epoll", "_left", "number", "room", "sock")

    def __init__(self, sock: socket.socket, number: int, room: str) -> None:
        self.sock = sock
        self.number = number
        self.room = room
        self._left = memoryview(b"")
        self._epoll: select.epoll | None = None

    def watch(self, epoll: select.epoll) -> None:
        """Hear from it by this epoll."""
        self._epoll = epoll
        epoll.register(self.sock.fileno(), select.EPOLLIN)

    def send(self, data: bytes | memoryview) -> None:
        """Send `data` after what is left from before, as far as the socket takes it; the rest goes by `flush`."""
        if self._left:
            data = b"".join((self._left, data))
        self._left = memoryview(data)
        self.flush()

    def flush(self) -> None:
        """Go on sending what is left."""
        waited = len(self._left) > 0
        with contextlib.suppress(BlockingIOError):
            self._left = self._left[self.sock.send(self._left) :]
        if self._epoll is not None and (waited or self._left):
            events = select.EPOLLIN | select.EPOLLOUT if self._left else select.EPOLLIN
            self._epoll.modify(self.sock.fileno(), events)

    @property
    def has_left(self) -> bool:
        """Whether not all is sent yet."""
        return len(self._left) > 0


class Crowd:
    """All the clients of one subject; closed by leaving the `with` block."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.subject = server.subject
        self.links: list[Link] = []

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection at once."""
        for link in self.links:
            link.sock.close()
        self.links.clear()

    def prepare(self, rooms: Sequence[str]) -> None:
        """Say what has to be said before anyone comes."""
        if asked := self.subject.prepare(rooms):
            link = self._connect(999_999, "")
            _say([(link, self.subject.login(link.number))], self.subject.LOGGED_IN)
            _say([(link, asked)], self.subject.JOINED)

    def bring(self, rooms: Iterable[str], *, listen: bool = True) -> list[Link]:
        """Connect one client for each room named, let it join, and return once all are in."""
        subject, came = self.subject, []
        wanted = list(rooms)
        for start in range(0, len(wanted), TOGETHER):
            base = len(self.links)
            some = [self._connect(base + n, room) for n, room in enumerate(wanted[start : start + TOGETHER])]
            join = subject.join if listen else subject.speak_only
            _say([(link, subject.login(link.number)) for link in some], subject.LOGGED_IN)
            _say([(link, join(link.number, link.room)) for link in some], subject.JOINED)
            came += some
        return came

    def settle(self, quiet_s: float = 0.2) -> None:
        """Read and drop what comes until nothing has come for a while: news of who has joined."""
        with select.epoll() as epoll:
            by_fd = {link.sock.fileno(): link.sock for link in self.links}
            for fd in by_fd:
                epoll.register(fd, select.EPOLLIN)
            while ready := epoll.poll(quiet_s, EVENTS):
                for fd, _ in ready:
                    if not by_fd[fd].recv(1 << 20):
                        raise GaveUp("the server closed a connection")

    def _connect(self, number: int, room: str) -> Link:
        link = Link(connect(self.server.address), number, room)
        self.links.append(link)
        return link


def connect(address: tuple[str, int]) -> socket.socket:
    """Return a socket that is connected, does not block, and does not wait for more to send."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.connect(address)
    sock.setblocking(False)
    return sock


def _say(words: Sequence[tuple[Link, bytes]], answer: bytes) -> None:
    """Let each client say something, and wait until each was answered."""
    heard: dict[int, bytes] = {}
    links = {link.sock.fileno(): link for link, _ in words}
    with select.epoll() as epoll:
        for link, data in words:
            epoll.register(link.sock.fileno(), select.EPOLLIN)
            heard[link.sock.fileno()] = b""
            link.send(data)
        deadline = time.monotonic() + PATIENCE_S
        while heard:
            for fd, _ in epoll.poll(1, EVENTS):
                came = links[fd].sock.recv(1 << 20)
                heard[fd] += came
                if not came:
                    raise GaveUp(f"the server closed a connection that came in; its last words: {heard[fd][-200:]!r}")
                if answer in heard[fd]:
                    del heard[fd]
                    epoll.unregister(fd)
            if time.monotonic() > deadline:
                raise GaveUp(f"no answer to a client that comes in, but {next(iter(heard.values()))[-200:]!r}")
