"""A given rate: messages that are sent when they are due, whatever became of those before; and how long they take.

Open loop: a latency runs from the moment at which the message was due, so that a server that holds up its senders
does not look the better for it (no coordinated omission). The loop does not sleep, so that its own waking up is in no
figure; what comes is kept with the time at which it was read, and looked at afterwards. This file owns that loop. It
must not know which server it drives.
"""

import gc
import re
import select
import time
from collections.abc import Sequence, Set
from typing import Final

from benchmarks.delivery.counting import text_of
from benchmarks.delivery.crowd import EVENTS, Crowd, GaveUp, Link
from benchmarks.delivery.figures import Pace

DIGITS: Final = 8
QUIET_S: Final = 3.0
READ_BYTES: Final = 16_384  # some tens of messages: Python takes and gives back as much memory for each read
Piece = tuple[int, bytes]


def pace_room(
    crowd: Crowd, *, members: int, among: int, besides: int, rate: float, text_bytes: int, seconds: float
) -> Pace:
    """Fill one room, send at `rate` messages a second in all, the speakers in turn, and measure each delivery."""
    crowd.prepare(["r0"])
    listeners = crowd.bring(["r0"] * members)
    speakers = listeners[:among] + crowd.bring(["r0"] * besides, listen=False)
    crowd.settle()
    warm_up = round(rate / 2)
    count = warm_up + round(rate * seconds)
    loop = _Loop(crowd, speakers, rate, text_bytes, count, warm_up)
    expected = count * (members if crowd.subject.ECHOES else members - among + (among > 0) * (among - 1))
    loop.run(expected, {link.sock.fileno() for link in listeners})
    latencies, lost = [], 0
    for link in listeners:
        own = 0 if crowd.subject.ECHOES or link not in speakers else loop.said_by(link)
        numbers, came = arrivals(loop.pieces[link.sock.fileno()], text_of(text_bytes - DIGITS))
        lost += abs(count - own - len(set(numbers))) + len(numbers) - len(set(numbers))
        latencies += [(t - loop.due[n]) / 1000 for n, t in zip(numbers, came, strict=True) if n >= warm_up]
    latencies.sort()
    late = sorted([ns / 1000 for ns in loop.late_ns[warm_up:]])
    return Pace(loop.seconds, count - warm_up, latencies, late, loop.server_s, lost)


class _Loop:
    def __init__(
        self, crowd: Crowd, speakers: Sequence[Link], rate: float, text_bytes: int, count: int, warm_up: int
    ) -> None:
        text = text_of(text_bytes - DIGITS)
        self._server = crowd.server
        self._links = crowd.links
        self._speakers = speakers
        self._warm_up = warm_up
        self._step = 1e9 / rate
        self._frames: list[tuple[Link, bytes]] = []
        for number in range(count):
            link, ticket = speakers[number % len(speakers)], b"%08d" % number
            self._frames.append((link, crowd.subject.publish(link.number, "r0", ticket + text, ticket)))
        self.due: list[int] = []
        self.late_ns: list[int] = []
        self.pieces: dict[int, list[Piece]] = {link.sock.fileno(): [] for link in crowd.links}
        self.seconds = self.server_s = 0.0

    def said_by(self, link: Link) -> int:
        """Return how many of all messages are this speaker's."""
        return sum(1 for speaker, _ in self._frames if speaker is link)

    def run(self, expected: int, listening: Set[int]) -> None:
        """Send everything, and read until so many texts have come to those who listen."""
        clock, frames = time.perf_counter_ns, self._frames
        gc.collect()
        gc.disable()
        try:
            with select.epoll() as epoll:
                for link in self._links:
                    epoll.register(link.sock.fileno(), select.EPOLLIN)
                self._socks = {link.sock.fileno(): link.sock for link in self._links}
                start = clock() + 10_000_000
                self.due = [start + round(number * self._step) for number in range(len(frames))]
                self._send_and_read(epoll)
                self._read_the_rest(epoll, expected, listening)
        finally:
            gc.enable()

    def _send_and_read(self, epoll: select.epoll) -> None:
        clock, poll, socks, pieces = time.perf_counter_ns, epoll.poll, self._socks, self.pieces
        server_s, measured = 0.0, 0
        for number, (link, frame) in enumerate(self._frames):
            if number == self._warm_up:
                server_s, measured = self._server.cpu_s(), clock()
            due = self.due[number]
            while (now := clock()) < due:
                for fd, _ in poll(0, EVENTS):
                    data = socks[fd].recv(READ_BYTES)
                    pieces[fd].append((clock(), data))
                    if not data:
                        raise GaveUp("the server closed a connection")
            self.late_ns.append(now - due)
            link.send(frame)
        while clock() < self.due[-1] + self._step:
            for fd, _ in poll(0, EVENTS):
                pieces[fd].append((clock(), socks[fd].recv(READ_BYTES)))
        self.server_s = self._server.cpu_s() - server_s
        self.seconds = (clock() - measured) / 1e9

    def _read_the_rest(self, epoll: select.epoll, expected: int, listening: Set[int]) -> None:
        clock = time.perf_counter_ns
        quiet_since = clock()
        seen = sum(data.count(b"<") for fd in listening for _, data in self.pieces[fd])
        while seen < expected and clock() - quiet_since < QUIET_S * 1e9:
            for link in self._links:
                if link.has_left:
                    link.flush()
            for fd, _ in epoll.poll(0, EVENTS):
                data = self._socks[fd].recv(READ_BYTES)
                self.pieces[fd].append((clock(), data))
                seen += data.count(b"<") if fd in listening else 0
                quiet_since = clock()
                if not data:
                    raise GaveUp("the server closed a connection")


def arrivals(pieces: Sequence[Piece], text: bytes) -> tuple[list[int], list[int]]:
    """Return the numbers before `text` in a stream of pieces, and when the last byte of each text was read."""
    stream = b"".join([data for _, data in pieces])
    pattern = re.compile(rb"(\d{%d})%s" % (DIGITS, re.escape(text)))
    numbers, times = [], []
    here = iter(pieces)
    when, end = 0, 0
    for found in pattern.finditer(stream):
        while end < found.end():
            when, data = next(here)
            end += len(data)
        numbers.append(int(found[1]))
        times.append(when)
    return numbers, times
