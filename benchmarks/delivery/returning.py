"""Coming back: many clients are cut at once, come back at once, and read what they missed.

This file owns the work and its figures. It speaks our protocol only: the promise is ours.
"""

import re
import select
import time
from typing import Final

from benchmarks.delivery.counting import Buffer, Counter, mark_of, percentile, text_of
from benchmarks.delivery.crowd import EVENTS, Crowd, GaveUp, Link, connect
from benchmarks.delivery.flood import Magazine
from benchmarks.delivery.process import Running
from benchmarks.subjects import _chat

ROOM: Final = "r0"
IN_FLIGHT: Final = 1_000
PATIENCE_S: Final = 120.0


def come_back(server: Running, *, clients: int, entries: int, text_bytes: int) -> dict[str, float]:
    """Let clients in, cut them all, say so much without them, and let them all come back at once."""
    text = text_of(text_bytes)
    with Crowd(server) as crowd:
        crowd.bring([ROOM] * clients)
        epoch = _epoch(crowd)
        crowd.close()
    with Crowd(server) as crowd:
        link = Link(connect(server.address), clients, ROOM)
        crowd.links.append(link)
        link.send(_chat.login(link.number) + _chat.join(link.number, ROOM))
        _say_all(link, Magazine(server.subject, link.number, ROOM, text), entries)
    cpu_s = server.cpu_s()
    with Crowd(server) as crowd:
        times_s, lost = _return_all(crowd, clients, epoch, entries, text)
    cpu_s = server.cpu_s() - cpu_s
    took = times_s[-1] if len(times_s) == clients else PATIENCE_S
    delivered = clients * entries - lost
    return {
        "deliveries_per_s": delivered / took,
        "all_live_s": took,
        "live_p50_s": percentile(times_s, 50),
        "cpu_us_per_delivery": cpu_s / max(1, delivered) * 1e6,
        "live": len(times_s),
        "lost": lost,
    }


def _epoch(crowd: Crowd) -> str:
    """Return the epoch of the room, as one more who joins is told."""
    sock = connect(crowd.server.address)
    sock.setblocking(True)
    sock.settimeout(PATIENCE_S)
    with sock:
        sock.sendall(_chat.login(900_000) + _chat.join(900_000, ROOM))
        heard = b""
        while not (found := re.search(rb'"type":"joined".*?"epoch":"([^"]+)"', heard)):
            if not (data := sock.recv(1 << 20)):
                raise GaveUp(f"the server does not let anyone in: {heard[-200:]!r}")
            heard += data
    return found[1].decode()


def _say_all(link: Link, magazine: Magazine, entries: int) -> None:
    """Post so many messages, never too many at a time, and return once all are acknowledged."""
    buffer = Buffer(_chat.ACK)
    acks, sent = Counter(buffer), 0
    deadline = time.monotonic() + PATIENCE_S
    with select.epoll() as epoll:
        link.watch(epoll)
        while acks.count < entries:
            if acks.count == sent:
                data = magazine.take(min(entries - sent, IN_FLIGHT))
                sent += magazine.count(data)
                link.send(data)
            for _, events in epoll.poll(1, EVENTS):
                if events & select.EPOLLOUT:
                    link.flush()
                if events & ~select.EPOLLOUT:
                    acks.add(link.sock.recv_into(buffer.view))
            if time.monotonic() > deadline:
                raise GaveUp(f"{entries - acks.count} posts were not acknowledged")


class _Comer:
    """One client that comes back."""

    def __init__(self, link: Link, buffer: Buffer) -> None:
        self.link = link
        self.counter = Counter(buffer)
        self.live = False
        self._end = b""

    def read(self, buffer: Buffer, entries: int) -> bool:
        """Read once; return whether it has turned live just now."""
        size = self.link.sock.recv_into(buffer.view)
        if not size:
            raise GaveUp("the server closed a connection that came back")
        self.counter.add(size)
        if self.live or self.counter.count < entries:
            return False
        came = self._end + bytes(buffer.view[:size])
        self._end = came[-len(_chat.JOINED) :]
        self.live = _chat.JOINED in came
        return self.live


def _return_all(crowd: Crowd, clients: int, epoch: str, entries: int, text: bytes) -> tuple[list[float], int]:
    """Connect them all and read until each is live; return when each was, and how many entries are wrong."""
    buffer = Buffer(mark_of(text))
    coming: dict[int, _Comer] = {}
    times_s: list[float] = []
    with select.epoll() as epoll:
        started = time.perf_counter()
        for number in range(clients):
            link = Link(connect(crowd.server.address), number, ROOM)
            crowd.links.append(link)
            link.watch(epoll)
            coming[link.sock.fileno()] = _Comer(link, buffer)
            link.send(_chat.login(number) + _chat.come_back(ROOM, epoch, 0))
        while len(times_s) < clients and time.perf_counter() - started < PATIENCE_S:
            for fd, _ in epoll.poll(1, EVENTS):
                if coming[fd].read(buffer, entries):
                    times_s.append(time.perf_counter() - started)
    return times_s, sum(abs(entries - comer.counter.count) for comer in coming.values())
