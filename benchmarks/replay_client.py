"""One connection of a replay: it writes requests, reads everything, and keeps a transcript of the room.

Nearly all that it reads was read by another connection of the window before, for the server sends the same bytes to
all: what a payload says is looked up, and decoded once. This file must not know the log, nor what ought to come.
"""

import math
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Final

import trio

from protocol import (
    MAX_FRAME_TO_CLIENT,
    VERSION,
    Bye,
    Entry,
    Error,
    FrameDecoder,
    FrameError,
    FromClient,
    FromServer,
    Gap,
    Hello,
    Join,
    Joined,
    Leave,
    Live,
    Machine,
    MessageError,
    Ping,
    Pong,
    Position,
    Presence,
    ProtocolError,
    Quit,
    Request,
    Role,
    State,
    Welcome,
    decode_from_server,
    encode,
    encode_frame,
)

READ_BYTES: Final = 65_536
PATIENCE_S: Final = 60.0
"""How long an answer, or an entry that everybody has to see, may take before the replay is given up."""

ALL: Final = 2**31 - 1
"""As many entries as `join` can ask for."""


class ReplayError(Exception):
    """The replay cannot go on; the message says why, in one sentence."""


class Reception:
    """What the connections of one window share.

    Attributes:
        known: what each payload says that was met: an entry, or None for an event that is none.
        written: when each entry's post was handed to the socket, by seq.
        latencies_s: for each entry that reached a connection as it happened, how long after `written` it was parsed.
        faults: what a server may not do to a connection that keeps up, in sentences.
    """

    def __init__(self) -> None:
        self.known: dict[bytes, Entry | None] = {}
        self.written: dict[int, float] = {}
        self.latencies_s = array("d")
        self.faults: list[str] = []


class Connection:
    """One connection to the server, in one room.

    `read` is its task, and owns the stream.

    Attributes:
        nick: the one it said hello with.
        author: its public id, once it is welcomed.
        transcript: the room's entries, as they came.
    """

    def __init__(self, stream: trio.SocketStream, nick: str, room: str, reception: Reception) -> None:
        self.nick = nick
        self.author = ""
        self.transcript: list[Entry] = []
        self._room = room
        self._stream = stream
        self._reception = reception
        self._decoder = FrameDecoder(MAX_FRAME_TO_CLIENT)
        self._machine = Machine(Role.CLIENT)
        self._sending = trio.Lock()
        self._ids = 0
        self._answers: dict[int, FromServer] = {}
        self._last_id = 0
        self._answered = trio.Event()
        self._epoch = ""
        self._live = False  # what comes was just said, so its latency counts
        self._went_live = trio.Event()
        self._goal = math.inf
        self._reached = trio.Event()
        self._closed = trio.Event()

    # --- asking ---------------------------------------------------------------------------------------

    async def hello(self, session: str) -> None:
        """Say who one is.

        Raises:
            ReplayError: the server refuses, or does not answer in time. So it is for all methods below.
        """
        (answer,) = await self.ask(Hello(self.next_id(), VERSION, session, self.nick, "replay"))
        if not isinstance(answer, Welcome):
            raise ReplayError(f"the server does not welcome {self.nick}: {_told(answer)}")
        self.author = answer.author

    async def join(self) -> Joined:
        """Join the room: with all its history the first time, later from where the transcript ends."""
        self._live = False
        self._went_live = trio.Event()
        number = self.next_id()
        if self._epoch:
            request = Join(number, self._room, after=Position(self._epoch, self._position))
        else:
            request = Join(number, self._room, last=ALL)
        (answer,) = await self.ask(request)
        if not isinstance(answer, Joined):
            raise ReplayError(f"{self.nick} may not join {self._room}: {_told(answer)}")
        self._epoch = answer.epoch
        return answer

    async def leave(self) -> None:
        """Leave the room, and stay connected."""
        (answer,) = await self.ask(Leave(self.next_id(), self._room))
        if isinstance(answer, Error):
            raise ReplayError(f"{self.nick} may not leave {self._room}: {_told(answer)}")

    async def bye(self) -> None:
        """Say goodbye, and return when everything has been read that the server had to say."""
        await self.ask(Quit(self.next_id()))
        with _patience(f"{self.nick} waits for the end of its connection"):
            await self._closed.wait()

    async def ask(self, *requests: Request, seqs: Sequence[int] = ()) -> list[FromServer]:
        """Send requests in one piece and return their answers, once there is one to each.

        Args:
            requests: with ids from `next_id`, in order.
            seqs: the entries that they become; the moment of writing is noted for these.
        """
        self._last_id, self._answered = requests[-1].id, trio.Event()
        with _patience(f"{self.nick} waits for the answer to {type(requests[-1]).__name__}"):
            await self._send(requests, seqs)
            await self._answered.wait()
        return [self._answers.pop(request.id) for request in requests]

    def next_id(self) -> int:
        """Return an id for a request."""
        self._ids += 1
        return self._ids

    async def live(self) -> None:
        """Wait until all of the room's history has come."""
        with _patience(f"{self.nick} waits for {self._room} to become live"):
            await self._went_live.wait()

    async def caught_up(self, count: int) -> bool:
        """Wait until the transcript has `count` entries, but not for ever: return whether it has."""
        self._goal, self._reached = count, trio.Event()
        if len(self.transcript) < count:
            with trio.move_on_after(PATIENCE_S):
                await self._reached.wait()
        self._goal = math.inf
        return len(self.transcript) >= count

    async def _send(self, messages: Sequence[FromClient], seqs: Sequence[int] = ()) -> None:
        async with self._sending:
            for message in messages:
                self._machine.sent(message)
            data = b"".join([encode_frame(encode(message)) for message in messages])
            now = perf_counter()
            for seq in seqs:
                self._reception.written[seq] = now
            try:
                await self._stream.send_all(data)
            except trio.BrokenResourceError as error:
                raise ReplayError(f"the connection of {self.nick} was lost: {error}") from None

    # --- reading --------------------------------------------------------------------------------------

    async def read(self) -> None:
        """Read everything, until the server closes; the stream is closed when this ends, for whatever reason.

        Raises:
            ReplayError: the connection was lost, or the server broke the protocol.
        """
        try:
            async with self._stream:
                await self._read()
        except (FrameError, MessageError, ProtocolError, trio.BrokenResourceError) as error:
            raise ReplayError(f"the connection of {self.nick} failed: {error}") from None
        if self._machine.state is not State.CLOSED or self._decoder.held_bytes:
            raise ReplayError(f"the server cut the connection of {self.nick} off")
        self._closed.set()

    async def _read(self) -> None:
        while data := await self._stream.receive_some(READ_BYTES):
            self._decoder.feed(data)
            while payloads := self._decoder.take():
                if pongs := self._take_in(payloads, perf_counter()):
                    await self._send(pongs)

    def _take_in(self, payloads: Sequence[bytes], now: float) -> list[Pong]:
        """Sort payloads into entries and the rest, and return what is to be sent for it."""
        reception, transcript, pongs = self._reception, self.transcript, list[Pong]()
        known, written = reception.known, reception.written
        for payload in payloads:
            entry = known[payload] if payload in known else self._first_seen(payload, pongs)
            if entry is not None:
                transcript.append(entry)
                if self._live:
                    reception.latencies_s.append(now - written.get(entry.seq, now))
        if len(transcript) >= self._goal:
            self._reached.set()
        return pongs

    def _first_seen(self, payload: bytes, pongs: list[Pong]) -> Entry | None:
        message = decode_from_server(payload)
        self._machine.received(message)
        if isinstance(message, Entry):
            self._reception.known[payload] = message
            return message
        match message:
            case Presence():
                self._reception.known[payload] = None
            case Ping():
                pongs.append(Pong(message.id))
            case Live():
                self._live = True
                self._went_live.set()
            case Gap() | Error(id=None):
                self._reception.faults.append(f"{self.nick} got {message}")
            case Bye(id=None):
                raise ReplayError(f"the server said bye to {self.nick}: {message.reason}")
            case _:
                self._answer(message)
        return None

    def _answer(self, message: FromServer) -> None:
        number: int | None = getattr(message, "id", None)
        if number is not None:
            self._answers[number] = message
            if number == self._last_id:
                self._answered.set()

    @property
    def _position(self) -> int:
        return self.transcript[-1].seq if self.transcript else 0


@contextmanager
def _patience(who_waits: str) -> Iterator[None]:
    try:
        with trio.fail_after(PATIENCE_S):
            yield
    except trio.TooSlowError:
        raise ReplayError(f"{who_waits} for more than {PATIENCE_S:g} s") from None


def _told(answer: FromServer) -> str:
    return f"{answer.code}: {answer.message}" if isinstance(answer, Error) else type(answer).__name__
