"""What was said on every connection, as its client saw it: the material that the promises are judged by.

This file owns the transcripts, and a stream that writes them down. It must not know what is right or wrong.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import trio

from protocol import (
    MAX_FRAME_TO_CLIENT,
    MAX_FRAME_TO_SERVER,
    FrameDecoder,
    FromClient,
    FromServer,
    MessageError,
    decode_from_client,
    decode_from_server,
)
from tests.simulation.network import Link

SENT: Final = "→"
SEEN: Final = "←"


class Clock:
    """Counts what happens, so that of two things anywhere one can say which came first."""

    def __init__(self) -> None:
        self.now = 0

    def tick(self) -> int:
        self.now += 1
        return self.now


@dataclass(frozen=True)
class Line:
    """A message that a client sent or saw. `message` is None for bytes that are no message."""

    tick: int
    at: float
    way: str
    message: FromClient | FromServer | None
    raw: bytes = b""


@dataclass
class Transcript:
    """All that went over one connection.

    Attributes:
        who: the client.
        epoch: that of the logs behind the server that was dialled.
        server: which server that was, counted from 0.
        lines: the messages, in the order in which the client sent and saw them.
        ended_at: when the client knew that it is over, or ended it; None: it is open.
        hung_up: whether the client ended it.
        was_open: whether it was open when all was over.
        was_harmed: whether it may have ended without a word.
        lines_judged: how many lines there were when all was over.
    """

    number: int
    who: int
    epoch: str
    server: int
    link: Link
    lines: list[Line] = field(default_factory=list)
    ended_at: float | None = None
    hung_up: bool = False
    opened_at: float = 0.0
    was_open: bool = False
    was_harmed: bool = False
    lines_judged: int = 0
    walked: list[Any] | None = None  # what `walk` makes of it

    @property
    def person(self) -> str:
        """Whose connection it is: clients 0 and 3 are one person."""
        return str(0 if self.who == 3 else self.who)

    def seen(self) -> list[FromServer]:
        return [line.message for line in self.lines if line.way == SEEN]  # type: ignore[misc]


class Tap:
    """A client's end of a link that writes down what passes; a `ByteStream`.

    Args:
        decode_sent: whether to find out from the bytes what is sent; else `sent` is called for every message.
    """

    def __init__(self, transcript: Transcript, clock: Clock, *, decode_sent: bool) -> None:
        self.peer = "the server"
        self.transcript = transcript
        self._clock = clock
        self._end = transcript.link.client
        self._incoming = FrameDecoder(MAX_FRAME_TO_CLIENT)
        self._outgoing = FrameDecoder(MAX_FRAME_TO_SERVER) if decode_sent else None

    def sent(self, message: FromClient | None, raw: bytes = b"") -> None:
        line = Line(self._clock.tick(), trio.current_time(), SENT, message, raw)
        self.transcript.lines.append(line)

    async def receive_some(self, max_bytes: int = 65_536) -> bytes:
        try:
            data = await self._end.receive_some(max_bytes)
        except trio.BrokenResourceError:
            self._note_end()
            raise
        if not data:
            self._note_end()
        self._incoming.feed(data)
        while payloads := self._incoming.take():
            for payload in payloads:
                message = decode_from_server(payload)
                self.transcript.lines.append(Line(self._clock.tick(), trio.current_time(), SEEN, message))
        return data

    async def send_all(self, data: bytes | memoryview) -> None:
        if self._outgoing is not None:
            self._outgoing.feed(bytes(data))
            while payloads := self._outgoing.take():
                for payload in payloads:
                    try:
                        self.sent(decode_from_client(payload))
                    except MessageError:
                        self.sent(None, payload)
        await self._end.send_all(data)

    def send_nowait(self, data: bytes | memoryview) -> int:
        return 0

    async def send_eof(self) -> None:
        await self._end.send_eof()

    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        self.transcript.hung_up |= self.transcript.ended_at is None
        self._note_end()
        self._end.close()

    def _note_end(self) -> None:
        if self.transcript.ended_at is None:
            self.transcript.ended_at = trio.current_time()
