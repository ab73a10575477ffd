"""What a scenario happens in: the disk, the servers that come and go on it, the links, and what is noted of them.

This file owns starting, killing and stopping servers, and dialling. It must not know what clients say.
"""

from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Final

import trio

from protocol import Entry
from tests.simulation.disk import Disk, Life, Moment
from tests.simulation.network import Link
from tests.simulation.record import Clock, Transcript
from tests.simulation.scenario import Kill, Scenario
from tests.simulation.store import DiskStore, open_disk
from trio_chat.server import Server, ServerConfig, open_server

START_MS: Final = 1_700_000_000_000
"""What the servers' clock says when a run begins."""


class Running:
    """One server, from its start to its end.

    Attributes:
        server: once it runs.
        store: what it has open.
        has_ended: whether nothing of it is left.
        is_killed: whether it was.
        is_stopping: whether it was told to stop.
    """

    def __init__(self, number: int, epoch: str) -> None:
        self.number = number
        self.epoch = epoch
        self.server: Server | None = None
        self.store: DiskStore | None = None
        self.has_ended = trio.Event()
        self.is_killed = False
        self.is_stopping = False
        self.stop = trio.Event()
        self.scope = trio.CancelScope()


@dataclass
class Notes:
    """What was noted besides the transcripts.

    Attributes:
        waiting_bytes: the most that ever waited to be sent on one connection.
        left: what servers left behind.
        counts: how often what happened.
        views: the members of each room at the end, as they have to be.
    """

    waiting_bytes: int = 0
    left: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


class World:
    """Everything that a scenario happens in.

    Attributes:
        failures: what is wrong already.
        transcripts: of all connections, in the order in which they were dialled.
        intents: every text that a client of the library was to say, with who.
    """

    def __init__(self, scenario: Scenario, nursery: trio.Nursery) -> None:
        self.scenario = scenario
        self.nursery = nursery
        self.clock = Clock()
        self.disk = Disk(Random(f"{scenario.seed} disk"), self.clock.tick)
        self.failures: list[str] = []
        self.transcripts: list[Transcript] = []
        self.notes = Notes()
        self.servers: list[Running] = []
        self.texts: dict[str, int] = {}
        self.disk.on_work = self.measure

    # --- servers --------------------------------------------------------------------------------------

    @property
    def present(self) -> Running | None:
        """The server that can be dialled, if there is one."""
        running = self.servers[-1] if self.servers else None
        up = running is not None and running.server is not None and not (running.is_killed or running.is_stopping)
        return running if up else None

    async def start(self) -> None:
        """Start a server on the disk and wait until it runs."""
        await self.disk.store()
        running = Running(len(self.servers), self.disk.life.epoch)
        self.servers.append(running)
        await self.nursery.start(self._run, running)

    async def _run(self, running: Running, task_status: trio.TaskStatus[None]) -> None:
        config = ServerConfig(port=0, store="simulated:", rate_limit=self.scenario.rate_limit)

        def opened(store: DiskStore) -> None:
            running.store = store

        try:
            with running.scope:
                async with open_server(
                    config, store=partial(open_disk, self.disk, on_open=opened), wall_clock_ms=wall_clock_ms
                ) as running.server:
                    task_status.started()
                    await running.stop.wait()
        finally:
            running.has_ended.set()
        self._look_for_leftovers(running)

    def _look_for_leftovers(self, running: Running) -> None:
        """Note what a server that has ended did not clean up."""
        server = running.server
        assert server is not None
        left = {
            "connections": server.connection_count,
            "rooms": len(server.hub.rooms),
            "people online": len(list(server.hub.people.online())),
            "streams": sum(t.server == running.number and t.link.server.closed_at is None for t in self.transcripts),
        }
        self.notes.left += [f"server {running.number} left {count} {what}" for what, count in left.items() if count]

    def kill(self, step: Kill) -> None:
        """End the server now: nothing that it does from here on reaches a disk or a client. Another one follows."""
        running = self.present
        if running is None or running.store is None:
            return
        self.count("kills")
        if running.store.is_busy:
            self.count("kills with commits under way")
        running.is_killed = True
        running.store.kill()
        for transcript in self.transcripts:
            if transcript.server == running.number:
                transcript.link.cut()
        running.scope.cancel()
        self.nursery.start_soon(self._replace, step, running)

    def kill_at(self, step: Kill) -> None:
        """Kill the server, whichever it is then, when the next transaction reaches a moment."""

        def reached(at: Moment) -> None:
            if at == step.when and self.present is not None:
                self.disk.on_moment = lambda at: None
                self.count(f"kills when {at}")
                self.kill(step)

        self.disk.on_moment = reached

    async def _replace(self, step: Kill, running: Running) -> None:
        """Start another server after one was killed."""
        await running.has_ended.wait()
        await trio.sleep(step.down_s)
        if step.lose:
            await self.disk.roll_back(step.lose)
        await self.start()

    async def stop(self) -> None:
        """Stop the server in good order and wait until nothing of it is left."""
        running = self.present
        if running is not None:
            self.count("graceful stops")
            running.is_stopping = True
            running.stop.set()
            await running.has_ended.wait()

    # --- links ----------------------------------------------------------------------------------------

    def dial(self, who: int) -> Transcript | None:
        """Connect to the server; None if there is none."""
        running = self.present
        if running is None or running.server is None:
            return None
        number = len(self.transcripts)
        link = Link(f"client {who}", Random(f"{self.scenario.seed} link {number}"), self.scenario.pipe_bytes)
        transcript = Transcript(number, who, running.epoch, running.number, link, opened_at=trio.current_time())
        self.transcripts.append(transcript)
        self.count("connections")
        running.server.accept(link.server)
        return transcript

    def text(self, who: int, number: int, chars: int) -> str:
        """Return a text that nobody says twice."""
        text = f"{who}.{number} "
        text += "x" * (chars - len(text))
        self.texts[text] = who
        return text

    # --- notes ----------------------------------------------------------------------------------------

    def broken(self, transcript: Transcript, why: str) -> None:
        """Note that a client saw what it may not see."""
        self.failures.append(f"connection {transcript.number} of client {transcript.who}: {why}")

    def count(self, what: str, times: int = 1) -> None:
        self.notes.counts[what] = self.notes.counts.get(what, 0) + times

    def measure(self) -> None:
        """Note how much waits to be sent on the connections."""
        running = self.present
        if running is not None and running.server is not None:
            for connection in running.server._connections:
                waiting = connection.delivery._outbox.waiting_bytes  # what no public name tells
                self.notes.waiting_bytes = max(self.notes.waiting_bytes, waiting)

    def head(self, room: str) -> int:
        """Return the newest entry of a room that is durable."""
        return self.disk.life.head(room)


def wall_clock_ms() -> int:
    return START_MS + int(trio.current_time() * 1000)


@dataclass(frozen=True)
class Evidence:
    """All that the promises are judged by.

    Attributes:
        present: the logs in their present state, by room.
        seen_by_users: the events of every client of the library.
        ended_at: when all was over.
    """

    scenario: Scenario
    transcripts: list[Transcript]
    lives: list[Life]
    servers: list[Running]
    notes: Notes
    present: dict[str, list[Entry]]
    texts: dict[str, int]
    ended_at: float

    def life(self, epoch: str) -> Life:
        return next(life for life in self.lives if life.epoch == epoch)
