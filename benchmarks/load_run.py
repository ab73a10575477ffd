"""A load from its first connection to its last: connecting, sending by the schedule, waiting for what is under way.

This file owns the phases and the clock. It must not know the command line, nor what becomes of what was measured.
"""

import gc
import random
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import cycle
from time import perf_counter
from typing import Final

import trio
from msgspec import Struct

from benchmarks.load_check import Receiver, RoomLog
from benchmarks.load_client import Client, Scene
from benchmarks.load_measurements import Kind
from benchmarks.load_schedule import Due

CONNECTED_AT_ONCE: Final = 50
GREETING_S: Final = 30.0
"""How long a client may take from dialling to being in its room."""
FIRST_S: Final = 5.0  # the same for the first, which comes alone

QUIET_S: Final = 0.2
SETTLING_S: Final = 10.0
"""Before the load starts nothing may come for `QUIET_S`, so that the arrivals of clients are over; but not for ever."""

LEAVING_S: Final = 5.0
POLL_S: Final = 0.05
TOLD_EVERY_S: Final = 0.25

TICK_S: Final = 0.001
"""The system waits for whole milliseconds (epoll): the last one is spent asking for the time."""

TURN_S: Final = 0.001
"""How long a sender that is late goes on before others get a turn."""


class CannotBegin(Exception):
    """There is nobody to put a load on; the message is one sentence for who started it."""


class Load(Struct, frozen=True):
    """What is to be done, and where.

    Attributes:
        host: the server's.
        port: the server's.
        where: how the server is called in a sentence.
        clients: how many connections, each in one room.
        rooms: how many rooms they are spread over evenly.
        dues: the messages, in order of time.
        count: how many they are, or will be on average.
        seconds: how long all that takes, by the schedule.
        measured: how many clients' deliveries are measured; those are chosen at random. All are checked.
        patience_s: when nothing at all has come for so long in the end, what is still missing counts as lost.
        seed: decides who is measured.
    """

    host: str
    port: int
    where: str
    clients: int
    rooms: int
    dues: Iterable[Due]
    count: float
    seconds: float
    measured: int
    patience_s: float
    seed: int


class Status(Struct):
    """How far a load is: `done` of `total`, in the unit of the phase."""

    phase: str
    done: float
    total: float
    sent: int
    delivered: int


class Outcome(Struct, frozen=True):
    """What came of a load: all that the clients noted, and besides:

    Attributes:
        scene: what the clients noted.
        sending_s: how long sending took.
        unsent: messages that were due from a client whose connection was lost.
        compared: it went on until what was missing could be counted as lost.
        interrupted: the signal that ended it early; 0 if none did.
    """

    scene: Scene
    sending_s: float
    unsent: int
    compared: bool
    interrupted: int


class LoadRun:
    """One load. `run` is called once."""

    def __init__(self, load: Load, tell: Callable[[Status], None]) -> None:
        self._load = load
        self._tell = tell
        chance = random.Random(load.seed)
        tag = f"load-{random.SystemRandom().getrandbits(32):08x}"
        self._scene = scene = Scene([f"{tag}-{number}" for number in range(load.clients)])
        rooms = [RoomLog(f"{tag}-{number}", scene.posts, scene.faults) for number in range(1, load.rooms + 1)]
        self._receivers = [Receiver(nick, room) for nick, room in zip(scene.nicks, cycle(rooms), strict=False)]
        self._measured = frozenset(chance.sample(range(load.clients), load.measured))
        self._clients: list[Client | None] = [None] * load.clients
        self._phase = "connecting"
        self._stopping = trio.CancelScope()  # what the first signal cancels
        self._interrupted = 0
        self._sending_s = 0.0
        self._unsent = 0
        self._compared = False

    async def run(self) -> Outcome:
        """Do it all.

        Raises:
            CannotBegin: (in an exception group) a client cannot be reached, or is not let in.
        """
        try:
            with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._stop_at_signal, signals, nursery.cancel_scope)
                    nursery.start_soon(self._scene.reading.run)
                    nursery.start_soon(self._keep_telling)
                    await self._run_phases()
                    nursery.cancel_scope.cancel()
        finally:
            for client in self._connected():
                client.abandon()
            self._scene.reading.close()
        return Outcome(self._scene, self._sending_s, self._unsent, self._compared, self._interrupted)

    async def _run_phases(self) -> None:
        with self._stopping:
            await self._connect_all()
            await self._settle()
            await self._send_all()
        if self._scene.start:
            self._sending_s = perf_counter() - self._scene.start
            await self._drain()
            self._compare()
        await self._leave()

    async def _stop_at_signal(self, signals: AsyncIterator[int], everything: trio.CancelScope) -> None:
        """End what can be ended early at the first signal, and wait for nothing more at the second."""
        async for number in signals:
            if self._interrupted:
                everything.cancel()
            self._interrupted = number
            self._stopping.cancel()

    def _connected(self) -> list[Client]:
        return [client for client in self._clients if client is not None and not client.gone]

    # --- connecting ---------------------------------------------------------------------------------------

    async def _connect_all(self) -> None:
        await self._connect(0)  # alone: if nobody is there, one is enough to find out
        limiter = trio.CapacityLimiter(CONNECTED_AT_ONCE)

        async def connect(number: int) -> None:
            async with limiter:
                await self._connect(number)

        async with trio.open_nursery() as nursery:
            for number in range(1, self._load.clients):
                nursery.start_soon(connect, number)

    async def _connect(self, number: int) -> None:
        where = self._load.where
        with trio.move_on_after(GREETING_S if number else FIRST_S):
            try:
                stream = await trio.open_tcp_stream(self._load.host, self._load.port)
            except (OSError, UnicodeError) as error:
                raise CannotBegin(f"{where} cannot be reached: {_reason(error)}") from None
            sock = socket.socket(fileno=stream.socket.detach())
            client = Client(self._scene, sock, self._receivers[number], measured=number in self._measured)
            self._clients[number] = client
            client.greet()
            await client.ready.wait()
            if client.refused:
                raise CannotBegin(f"{where} does not let client {number + 1:,} in: {client.refused}")
            return
        if not number:
            raise CannotBegin(f"{where} did not answer within {FIRST_S:g} s; is it a chat server?")
        raise CannotBegin(f"{where} did not let client {number + 1:,} in within {GREETING_S:g} s.")

    async def _settle(self) -> None:
        self._phase = "settling"
        with trio.move_on_after(SETTLING_S):
            before = -1
            while before != self._scene.reading.reads:
                before = self._scene.reading.reads
                await trio.sleep(QUIET_S)
        # What lives now lives to the end: the garbage collector need not look at it while time is measured.
        gc.collect()
        gc.freeze()

    # --- sending ------------------------------------------------------------------------------------------

    async def _send_all(self) -> None:
        self._phase = "sending"
        scene = self._scene
        scene.reading.counts = True
        scene.start = self._turn = perf_counter()
        lateness = scene.measurements[Kind.LATENESS]
        for due in self._load.dues:
            await self._until(scene.start + due.at_s)
            client = self._clients[due.sender]
            if client is None or client.gone:
                self._unsent += 1
                if not self._connected():
                    return
                continue
            number, text = scene.posts.add(due)
            client.post(number, text)
            lateness.add(due.at_s, (perf_counter() - scene.start - due.at_s) * 1_000)

    async def _until(self, moment: float) -> None:
        """Wait until `moment`; if that has passed, let others have their turn every now and then."""
        late = True
        while (left_s := moment - perf_counter()) > 0:
            late = False
            if left_s > TICK_S:
                await trio.sleep(left_s - TICK_S)
            else:
                await trio.lowlevel.checkpoint()
        if not late:
            self._turn = moment
        elif perf_counter() - self._turn > TURN_S:
            await trio.lowlevel.checkpoint()
            self._turn = perf_counter()

    # --- ending -------------------------------------------------------------------------------------------

    async def _drain(self) -> None:
        """Wait for all that is under way, as long as anything comes."""
        self._phase = "waiting for the rest"
        reads, since = self._scene.reading.reads, perf_counter()
        while not self._complete() and self._connected():
            await trio.sleep(POLL_S)
            if reads != self._scene.reading.reads:
                reads, since = self._scene.reading.reads, perf_counter()
            elif perf_counter() - since > self._load.patience_s:
                return

    def _complete(self) -> bool:
        return not self._scene.posts.unanswered and all(receiver.complete for receiver in self._receivers)

    def _compare(self) -> None:
        self._compared = True
        for receiver in self._receivers:
            receiver.compare()
        self._scene.posts.compare(all_there=len(self._connected()) == self._load.clients)

    async def _leave(self) -> None:
        """Say goodbye, and read to the end: what comes too often comes now."""
        self._phase = "leaving"
        with trio.move_on_after(LEAVING_S):
            for client in self._connected():
                client.leave()
                await trio.lowlevel.checkpoint()
            while connected := self._connected():
                await connected[0].ended.wait()

    async def _keep_telling(self) -> None:
        while True:
            self._tell(self._status())
            await trio.sleep(TOLD_EVERY_S)

    def _status(self) -> Status:
        scene, load = self._scene, self._load
        done: float = sum(client is not None and client.ready.is_set() for client in self._clients)
        total: float = load.clients
        if scene.start:
            done, total = min(load.seconds, perf_counter() - scene.start), load.seconds
        return Status(self._phase, done, total, len(scene.posts), scene.delivered)


def _reason(error: BaseException) -> str:
    causes = [error, *getattr(error.__cause__, "exceptions", ())]
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return (
            "nobody listens there. Start a server with `python -m trio_chat.server --rate-limit off`, or give the"
            " address of one that runs."
        )
    return f"{getattr(causes[-1], 'strerror', None) or causes[-1]}. Check the address, and that it is a chat server's."
