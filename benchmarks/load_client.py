"""The clients of a load: connections in one room each, and what they share.

This file owns sockets, bytes and the order of a connection's life. It must not know when what is sent, nor who judges.
"""

import secrets
import socket
from typing import Final

import trio

from benchmarks.load_check import Receiver, Seen
from benchmarks.load_measurements import Kind, Measurements
from benchmarks.load_posts import CUT, Faults, Posts
from benchmarks.load_reading import Reading
from protocol import (
    MAX_FRAME_TO_CLIENT,
    VERSION,
    Bye,
    Entry,
    Error,
    FrameDecoder,
    FrameError,
    FromClient,
    Gap,
    Hello,
    Join,
    Joined,
    Live,
    MessageError,
    Ping,
    Pong,
    Post,
    Posted,
    Quit,
    decode_from_server,
    encode,
    encode_frame,
)

READ_BYTES: Final = 65_536
MOST_UNSENT_BYTES: Final = 1_048_576
"""What may wait for a server that does not read from a client; after that the client gives up."""

# The server sends `type` first, though nobody promises it: what begins so is no entry and needs no look into it.
_PRESENCE: Final = b'{"type":"presence"'
_AGENT: Final = "benchmarks.load"
_HELLO_ID: Final = 1
_JOIN_ID: Final = 2


class Scene:
    """What the clients of one load share.

    Attributes:
        nicks: the clients' names, by their number.
        posts: every message.
        faults: what the server may not do.
        measurements: the latencies.
        reading: the task that reads from all.
        start: when the load began, by `perf_counter`; 0: not yet.
        delivered: messages of the load that reached a client.
        last_delivery_s: when the last of them did, in seconds since the start.
    """

    def __init__(self, nicks: list[str]) -> None:
        self.nicks = nicks
        self.faults = Faults()
        self.posts = Posts(nicks, self.faults)
        self.measurements = Measurements()
        self.reading = Reading()
        self.start = 0.0
        self.delivered = 0
        self.last_delivery_s = 0.0


class Client:
    """One connection, in one room. It is read from `greet` until it is gone.

    Args:
        scene: what is shared.
        sock: connected; the client owns it.
        receiver: what judges the entries of the room that come.
            measured: whether the latency of what is delivered to it counts.

    Attributes:
        sock, measured: as given.
        ready: it is in the room, or why it cannot be is in `refused`.
        refused: what the server said instead of a welcome.
        gone: the connection has ended.
        ended: the same, to wait for.
    """

    def __init__(self, scene: Scene, sock: socket.socket, receiver: Receiver, *, measured: bool) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.receiver = receiver
        self.ready = trio.Event()
        self.refused = ""
        self.gone = False
        self.ended = trio.Event()
        self._scene = scene
        self._room = receiver.room.name
        self.measured = measured
        self._decoder = FrameDecoder(MAX_FRAME_TO_CLIENT)
        self._unsent = bytearray()
        self._asked: dict[int, int] = {}  # the numbers of messages, by the ids of their requests
        self._ids = _JOIN_ID
        self._leaving = False
        self._bye = ""

    # --- saying -------------------------------------------------------------------------------------------

    def greet(self) -> None:
        """Say hello and join, without waiting for answers; `ready` tells."""
        self._scene.reading.watch(self)
        hello = Hello(_HELLO_ID, VERSION, secrets.token_hex(16), self.receiver.nick, _AGENT)
        self._send(hello, Join(_JOIN_ID, self._room, last=0))

    def post(self, number: int, text: str) -> None:
        """Send message `number`."""
        self._ids += 1
        self._asked[self._ids] = number
        self._send(Post(self._ids, self._room, str(number), text))

    def leave(self) -> None:
        """Say goodbye; `ended` tells when the server has closed."""
        self._leaving = True
        self._ids += 1
        self._send(Quit(self._ids))

    def abandon(self) -> None:
        """Close at once if that has not happened yet."""
        self._leaving = True
        self.end()

    def write(self) -> None:
        """Send as much as the socket takes of what waits."""
        try:
            sent = self.sock.send(self._unsent)
        except OSError:  # BlockingIOError is one; where the connection is lost, reading tells why
            return
        del self._unsent[:sent]
        if not self._unsent:
            self._scene.reading.watch(self)

    def _send(self, *messages: FromClient) -> None:
        if self.gone:
            return
        waited = bool(self._unsent)
        self._unsent += b"".join([encode_frame(encode(message)) for message in messages])
        if not waited:
            self.write()
        if not self._unsent:
            return
        if len(self._unsent) > MOST_UNSENT_BYTES:
            self.end(f"the server reads nothing: {MOST_UNSENT_BYTES:,} bytes wait for it")
        elif not waited:
            self._scene.reading.watch(self, writable=True)

    # --- hearing ------------------------------------------------------------------------------------------

    def read(self, now: float) -> None:
        """Take in what has come; `now` is what counts as the moment of it."""
        try:
            data = self.sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self.end(self._bye or error.strerror or str(error))
            return
        if not data:
            self.end(self._bye or "the server closed it")
            return
        try:
            self._decoder.feed(data)
            while payloads := self._decoder.take():
                self._take_in(payloads, now - self._scene.start)
        except (FrameError, MessageError) as error:
            self.end(f"what the server sent is not understood: {error}")

    def _take_in(self, payloads: list[bytes], at_s: float) -> None:
        recognise, scene = self.receiver.recognise, self._scene
        deliveries = scene.measurements[Kind.DELIVERY]
        for payload in payloads:
            seen = recognise(payload)
            if seen is None:
                if payload.startswith(_PRESENCE):
                    continue
                seen = self._understand(payload, at_s)
            if seen is not None and seen.due_s is not None:
                scene.delivered += 1
                scene.last_delivery_s = at_s
                if self.measured:
                    deliveries.add(seen.due_s, max(0.0, at_s - seen.due_s) * 1_000)

    def _understand(self, payload: bytes, at_s: float) -> Seen | None:
        message = decode_from_server(payload)
        if isinstance(message, Entry):
            return self.receiver.receive(message, payload)
        match message:
            case Posted() | Error():
                self._take_answer(message, at_s)
            case Joined(id=number) if number == _JOIN_ID:
                self.receiver.begin(message.head)
            case Live():
                self.ready.set()
            case Gap():
                self.receiver.lose(message.after, message.next)
            case Ping():
                self._send(Pong(message.id))
            case Bye():
                self.end(self._bye or f"the server said bye: {message.reason}")
        return None

    def _take_answer(self, answer: Posted | Error, at_s: float) -> None:
        posts = self._scene.posts
        number = self._asked.pop(answer.id or 0, None)
        if number is not None:
            posts.answer(number, answer)
            if isinstance(answer, Posted):
                self.receiver.room.acknowledge(answer.seq)
                due_s = posts.due_s[number]
                self._scene.measurements[Kind.POSTED].add(due_s, max(0.0, at_s - due_s) * 1_000)
        elif isinstance(answer, Error):
            said = f"the server answered {answer.code}: {answer.message}"
            if answer.id is None:
                self._bye = said  # it closes now
            else:
                self.refused = said
                self.ready.set()

    def end(self, why: str = "") -> None:
        """Close the connection; without having said goodbye, that is a fault, and `why` its reason."""
        if self.gone:
            return
        self.gone = True
        self._scene.reading.forget(self)
        self.sock.close()
        if not self._leaving:
            self._scene.faults.note(CUT, f"{self.receiver.nick}: {why}")
        if not self.ready.is_set():
            self.refused = self.refused or why
            self.ready.set()
        self.receiver.end()
        self.ended.set()
