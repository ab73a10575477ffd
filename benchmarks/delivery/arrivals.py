"""Many people coming in: what an idle connection weighs, and how long joining takes while others join.

Open loop: a client starts when it is due, whatever became of those before. The loop does not sleep.
This file owns that loop and its figures. It must not know which server it drives.
"""

import gc
import select
import socket
import time
from collections.abc import Sequence
from typing import Final

from benchmarks.delivery.counting import percentile
from benchmarks.delivery.crowd import Crowd, GaveUp, connect
from benchmarks.delivery.process import Running

PATIENCE_S: Final = 30.0
READ_BYTES: Final = 65_536
AT_ONCE: Final = 64
"""Of how many sockets the loop reads before it looks who is due."""

REST_S: Final = 1.0
"""How long the server has after the last arrival to come to rest, and then to show how little it does idle."""

KIB: Final = 1_024


class _Comer:
    """One client on its way in."""

    __slots__ = ("asked_at", "due", "heard", "logged_in", "number", "room", "sock")

    def __init__(self, number: int, room: str, due: int, sock: socket.socket) -> None:
        self.number = number
        self.room = room
        self.due = due
        self.sock = sock
        self.heard = b""
        self.logged_in = False
        self.asked_at = 0


class _Arrivals:
    def __init__(self, server: Running, rooms: Sequence[str], rate: float, count: int) -> None:
        self._server = server
        self._subject = server.subject
        self._rooms = rooms
        self._step = 1e9 / rate
        self._count = count
        self._news = bytearray(READ_BYTES)  # what those inside are told of who comes; nobody looks at it
        self._coming: dict[int, _Comer] = {}
        self._inside: dict[int, socket.socket] = {}
        self.late_us: list[float] = []  # how late the generator itself was
        self.whole_us: list[float] = []  # from when it was due until it has joined
        self.join_us: list[float] = []  # from the request to join until it has

    def run(self, epoll: select.epoll) -> None:
        start, number = time.perf_counter_ns() + 10_000_000, 0
        deadline = start + round(self._count * self._step + PATIENCE_S * 1e9)
        while number < self._count or self._coming:
            due = start + round(number * self._step)
            now = time.perf_counter_ns()
            if number < self._count and now >= due:
                self.late_us.append((now - due) / 1000)
                self._begin(epoll, number, due)
                number += 1
            for fd, _ in epoll.poll(0, AT_ONCE):
                self._hear(fd)
            if now > deadline:
                last = next(iter(self._coming.values())).heard[-100:]
                raise GaveUp(f"{len(self._coming)} of {self._count} never came in; one was told last: {last!r}")

    def close(self) -> None:
        for comer in self._coming.values():
            comer.sock.close()
        for sock in self._inside.values():
            sock.close()

    def _begin(self, epoll: select.epoll, number: int, due: int) -> None:
        sock = connect(self._server.address)
        comer = _Comer(number, self._rooms[number % len(self._rooms)], due, sock)
        self._coming[sock.fileno()] = comer
        epoll.register(sock.fileno(), select.EPOLLIN)
        sock.send(self._subject.login(number))

    def _hear(self, fd: int) -> None:
        if sock := self._inside.get(fd):
            if not sock.recv_into(self._news):
                raise GaveUp("the server closed a connection that was idle")
            return
        comer = self._coming[fd]
        data = comer.sock.recv(READ_BYTES)
        if not data:
            raise GaveUp(f"the server closed a connection that came in: {comer.heard[-200:]!r}")
        comer.heard += data
        if not comer.logged_in and self._subject.LOGGED_IN in comer.heard:
            comer.logged_in, comer.heard = True, b""
            comer.asked_at = time.perf_counter_ns()
            comer.sock.send(self._subject.join(comer.number, comer.room))
        elif comer.logged_in and self._subject.JOINED in comer.heard:
            now = time.perf_counter_ns()
            self.whole_us.append((now - comer.due) / 1000)
            self.join_us.append((now - comer.asked_at) / 1000)
            self._inside[fd] = self._coming.pop(fd).sock


def let_arrive(
    server: Running, *, connections: int, rooms: int, rate: float, rest_s: float = REST_S
) -> dict[str, float]:
    """Let so many clients come, `rate` a second, into so many rooms in turn; then weigh the server."""
    names = [f"r{number}" for number in range(rooms)]
    with Crowd(server) as crowd:
        crowd.prepare(names)
        crowd.bring(names[:1])  # what the first client brings with it is not what each weighs
        crowd.settle()
    before, cpu_s = server.memory_bytes(), server.cpu_s()
    arrivals = _Arrivals(server, names, rate, connections)
    gc.collect()
    gc.freeze()
    try:
        with select.epoll() as epoll:
            arrivals.run(epoll)
        cpu_s = server.cpu_s() - cpu_s
        time.sleep(rest_s)
        idle_s, memory = server.cpu_s(), server.memory_bytes()
        time.sleep(rest_s)
        idle_s = server.cpu_s() - idle_s
    finally:
        gc.unfreeze()
        arrivals.close()
    whole, join = sorted(arrivals.whole_us), sorted(arrivals.join_us)
    return {
        "kib_per_connection": (memory - before) / connections / KIB,
        "join_p50_ms": percentile(whole, 50) / 1000,
        "join_p99_ms": percentile(whole, 99) / 1000,
        "join_alone_p99_ms": percentile(join, 99) / 1000,
        "late_p99_us": percentile(sorted(arrivals.late_us), 99),
        "cpu_us_per_join": cpu_s / connections * 1e6,
        "idle_cpu_share": idle_s / max(rest_s, 1e-9),
        "joined": len(whole),
        "lost": connections - len(whole),
    }
