"""A client that speaks the protocol to the letter, with nothing of the client library in it.

This file owns what such a client remembers from one connection to the next: its places in the logs, and what was not
answered. It must not know what is right or wrong: that is judged by its transcripts.
"""

from dataclasses import dataclass
from typing import Final

import trio

from protocol import (
    Answer,
    Bye,
    Done,
    Entry,
    Error,
    FrameError,
    FromClient,
    FromServer,
    Gap,
    Hello,
    Join,
    Joined,
    Leave,
    Live,
    Message,
    Ping,
    Pong,
    Position,
    Posted,
    ProtocolError,
    Request,
    SetNick,
    State,
    Welcome,
    encode,
    encode_frame,
)
from tests.simulation.record import Tap
from tests.simulation.scenario import NICKS, Connect
from tests.simulation.talk import KEYED, Keyed, Talk, numbered
from tests.simulation.world import World

LAST: Final = 50
"""How many entries a `join` brings that names no number."""

TRANSIENT: Final = frozenset({"unavailable", "too_many", "not_a_member", "not_welcome"})
"""What may go well another time."""

ENTRIES: Final = Entry.__args__


@dataclass
class View:
    """One's place in a room's log."""

    epoch: str
    seq: int
    arriving: str
    is_live: bool = False


class Peer:
    """A client to the letter.

    Attributes:
        rooms: its places, by room.
        wanted: the rooms that it is in, or comes back into.
        owed: what has a key and no answer yet, by key.
        mine: the seqs of its person's messages that it has seen, by room.
        said: its posts, for saying them again.
    """

    def __init__(self, who: int, world: World) -> None:
        self.who = who
        self.nick = NICKS[who]
        self.author = ""
        self.rooms: dict[str, View] = {}
        self.wanted: dict[str, None] = {}
        self.owed: dict[str, Keyed] = {}
        self.mine: dict[str, list[int]] = {}
        self.said: list[Keyed] = []
        self.talk: Talk | None = None
        self._world = world
        self.session = f"{NICKS.index(self.nick):032x}"
        self._reading = trio.Event()
        self._reading.set()
        self._count = 0

    # --- connections ----------------------------------------------------------------------------------

    @property
    def is_connected(self) -> bool:
        return self.talk is not None and not self.talk.is_over

    @property
    def tap(self) -> Tap | None:
        return None if self.talk is None else self.talk.tap

    @property
    def reads(self) -> bool:
        return self._reading.is_set()

    def connect(self, step: Connect) -> None:
        """Dial, say hello, come back into all rooms, and send again what has no answer."""
        if self.is_connected:
            return
        self.nick = self.nick if step.nick is None else NICKS[step.nick]
        transcript = self._world.dial(self.who)
        if transcript is None:
            return
        self.talk = talk = Talk(Tap(transcript, self._world.clock, decode_sent=False))
        self._world.nursery.start_soon(self._run, talk)
        hello = Hello(talk.next_id(), 1, self.session, self.nick, "peer")
        if step.rushed:
            self.send(hello, *self._comeback(talk))
        else:
            talk.after_welcome = self._comeback(talk)
            self.send(hello)

    def _comeback(self, talk: Talk) -> list[Request]:
        joins = [Join(talk.next_id(), room, self.place(room)) for room in self.wanted]
        return [*joins, *(numbered(request, talk.next_id()) for request in self.owed.values())]

    def place(self, room: str) -> Position | None:
        """Return where one stands in a room's log."""
        view = self.rooms.get(room)
        return None if view is None else Position(view.epoch, view.seq)

    def hang_up(self) -> None:
        """Close the connection from this side, without a word."""
        if self.talk is not None:
            self.talk.is_over = True
            self.talk.tap.close()

    def stop_reading(self) -> None:
        if self._reading.is_set():
            self._reading = trio.Event()

    def read(self) -> None:
        self._reading.set()

    async def _run(self, talk: Talk) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, talk)
            try:
                await self._read(talk)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass
            except (ProtocolError, FrameError) as error:
                self._world.broken(talk.tap.transcript, f"{type(error).__name__}: {error}")
            talk.is_over = True
            talk.tap.close()
            nursery.cancel_scope.cancel()

    async def _write(self, talk: Talk) -> None:
        while True:
            await talk.filled.wait()
            data, talk.outgoing, talk.filled = bytes(talk.outgoing), bytearray(), trio.Event()
            try:
                await talk.tap.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return  # reading will tell

    async def _read(self, talk: Talk) -> None:
        lines = talk.tap.transcript.lines
        while True:
            await self._reading.wait()
            data = await talk.tap.receive_some()
            while talk.read_lines < len(lines):
                line = lines[talk.read_lines]
                talk.read_lines += 1
                if line.way == "←":
                    talk.machine.received(line.message)  # type: ignore[arg-type]
                    self._take_in(talk, line.message)  # type: ignore[arg-type]
            if not data or talk.machine.state is State.CLOSED:
                return

    # --- sending --------------------------------------------------------------------------------------

    def send(self, *messages: FromClient) -> None:
        """Send in one piece."""
        talk = self.talk
        if talk is None or talk.is_over or talk.said_bye:
            return
        for message in messages:
            talk.machine.sent(message)
            if not isinstance(message, Ping | Pong):
                talk.pending[message.id] = message
            talk.tap.sent(message)
            talk.outgoing += encode_frame(encode(message))
        talk.filled.set()

    def send_raw(self, data: bytes) -> None:
        if self.talk is not None and self.is_connected:
            self.talk.tap.sent(None, data)
            self.talk.outgoing += data
            self.talk.filled.set()

    def new_key(self) -> str:
        self._count += 1
        return f"{self.who}-{self._count}"

    def write(self, *requests: Keyed) -> None:
        """Send what has a key; it is owed until it is answered."""
        for request in requests:
            self.owed[request.key] = request
            self.said.append(request)
        self.send(*requests)

    # --- hearing --------------------------------------------------------------------------------------

    def _take_in(self, talk: Talk, message: FromServer) -> None:
        match message:
            case Ping():
                self.send(Pong(message.id))
            case Pong():
                pass
            case Joined(id=None):
                self._joined(talk, message, None)
            case Gap():
                if view := self.rooms.get(message.room):
                    view.seq, view.epoch = message.next - 1, view.arriving
            case Live():
                if view := self.rooms.get(message.room):
                    view.is_live = True
            case _ if isinstance(message, ENTRIES):
                self._entry(message)
            case _ if getattr(message, "id", None) is not None:
                self._answered(talk, message)  # type: ignore[arg-type]
            case _:
                pass

    def _entry(self, entry: Entry) -> None:
        if view := self.rooms.get(entry.room):
            view.seq = entry.seq
        if isinstance(entry, Message) and entry.author == self.author:
            self.mine.setdefault(entry.room, []).append(entry.seq)

    def _answered(self, talk: Talk, answer: Answer) -> None:
        asked = talk.pending.pop(answer.id or 0, None)
        match answer:
            case Welcome():
                talk.is_welcome = True
                self.author = answer.author
                following, talk.after_welcome = talk.after_welcome, []
                self.send(*following)
            case Joined():
                self._joined(talk, answer, asked if isinstance(asked, Join) else None)
            case Posted() if isinstance(asked, KEYED):
                self.owed.pop(asked.key, None)
            case Done() if isinstance(asked, Leave):
                talk.inside.discard(asked.room)
                self.rooms.pop(asked.room, None)
            case Done() if isinstance(asked, SetNick):
                self.nick = asked.nick
            case Error():
                if isinstance(asked, KEYED) and answer.code not in TRANSIENT:
                    self.owed.pop(asked.key, None)
                if isinstance(asked, Join) and answer.code == "no_such_room":
                    self.wanted.pop(asked.room, None)  # rolled back with the log
            case Bye():
                talk.is_over = True
            case _:
                pass

    def _joined(self, talk: Talk, joined: Joined, asked: Join | None) -> None:
        inside = joined.room in talk.inside
        talk.inside.add(joined.room)
        if asked is None:
            self.wanted.setdefault(joined.room)
            if inside:
                return  # `direct` to where one is: nothing starts anew
        if asked is not None and asked.after is not None:
            before = self.rooms.get(joined.room)
            if before is not None and (before.epoch, before.seq) == (asked.after.epoch, asked.after.seq):
                before.arriving, before.is_live = joined.epoch, False
                return
            self.rooms[joined.room] = View(asked.after.epoch, asked.after.seq, joined.epoch)
            return
        last = LAST if asked is None or asked.last is None else asked.last
        self.rooms[joined.room] = View(joined.epoch, max(0, joined.head - last), joined.epoch)
