"""One connection: the handshake, frames to messages and back, ping and pong, and its end.

This file owns a byte stream from `dial` to `aclose`, and reports the end of it as one sentence. It must not
know rooms, requests that wait, or what follows a lost connection.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import trio

from protocol import (
    MAX_FRAME_TO_CLIENT,
    VERSION,
    Bye,
    Error,
    FrameDecoder,
    FrameError,
    FromClient,
    FromServer,
    Hello,
    Machine,
    MessageError,
    Ping,
    Pong,
    ProtocolError,
    Quit,
    Role,
    Welcome,
    decode_from_server,
    encode,
    encode_frame,
)
from trio_chat.client.cursor import BrokenPromise
from trio_chat.client.errors import Refused
from trio_chat.client.lost import Lost, lost_by
from trio_chat.transport import ByteStream

GOODBYE_S: Final = 1.0
"""What leaving may take: a round trip around the world, several times."""

OUTBOX_BYTES: Final = 32 * 1_048_576
"""What may wait to be sent: more than all requests that can be under way; only a flood of pings exceeds it."""


class Link:
    """A connection on which the server said welcome. It owns the stream; `run` closes it.

    Attributes:
        welcome: what the server said of itself and of us.
        lost: why the connection is over; None while it holds.
    """

    def __init__(self, stream: ByteStream) -> None:
        self.welcome: Welcome
        self.lost: Lost | None = None
        self._stream = stream
        self._machine = Machine(Role.CLIENT)
        self._decoder = FrameDecoder(MAX_FRAME_TO_CLIENT)
        self._arrived: deque[FromServer] = deque()
        self._heard_at = trio.current_time()
        self._outbox = bytearray()
        self._filled = trio.Event()  # the outbox has something
        self._sending = False
        self._scope = trio.CancelScope()
        self._ids = itertools.count(1)  # of pings, which are numbered apart from requests
        self._pings: dict[int, trio.Event] = {}  # those that somebody waits for
        self._frame_limit = MAX_FRAME_TO_CLIENT  # until `welcome` tells

    @property
    def lived_s(self) -> float:
        """How long ago the server was welcoming us."""
        return trio.current_time() - self._welcomed_at

    async def greet(self, hello: Callable[[str], Hello], nicks: Iterable[str]) -> None:
        """Say hello, with one nick after another while the server answers that it is taken.

        Raises:
            Refused: the hello was refused for another reason, or all nicks are taken.
            Lost: the connection broke, or what answers is no chat server.
        """
        refusal: Error | None = None
        for nick in nicks:
            answer = await self._say_hello(hello(nick))
            if isinstance(answer, Welcome):
                self.welcome, self._welcomed_at = answer, trio.current_time()
                self._frame_limit = answer.limits.frame_bytes
                return
            refusal = answer
            if refusal.code != "nick_taken":
                break
        assert refusal is not None, "there is a nick at least"
        raise Refused(refusal.code, refusal.message, refusal.retry_after_ms)

    async def _say_hello(self, hello: Hello) -> Welcome | Error:
        self.send(hello)
        while True:
            await self._flush()
            match message := await self._receive():
                case Welcome() if message.version == VERSION:
                    return message
                case Welcome():
                    raise Refused("version", f"The server speaks version {message.version}; update one of the two.")
                case Error():
                    return message
                case Bye():
                    raise lost_by(message)
                case _:
                    pass  # nothing else comes before `welcome` but pings, whose pongs are sent by the next round

    def send(self, message: FromClient) -> None:
        """Queue `message`; on a lost connection, forget it. Never waits.

        Raises:
            FrameError: it is larger than the server accepts. Nothing is sent.
            UnicodeEncodeError: a string in it is no Unicode text. Nothing is sent.
            LocalError: it may not be sent now: a bug of the caller.
        """
        frame = encode_frame(encode(message), self._frame_limit)
        if self.lost is not None:
            return
        self._machine.sent(message)
        self._outbox += frame
        self._filled.set()
        if len(self._outbox) > OUTBOX_BYTES:
            self._lose(Lost("The server asks for more answers than it reads."))

    async def run(self, handle: Callable[[FromServer], None]) -> Lost:
        """Call `handle` with every message until the connection is lost, close it, and return the reason.

        `handle` may raise `Lost` or `BrokenPromise` to end the connection. Cancelled, this says goodbye first,
        for at most a second, so that the server frees the nick at once.
        """
        try:
            async with trio.open_nursery() as nursery:
                self._scope = nursery.cancel_scope
                nursery.start_soon(self._write)
                nursery.start_soon(self._watch)
                await self._read(handle)
                nursery.cancel_scope.cancel()
        finally:
            if self.lost is None:
                await self._say_goodbye()
            await self.aclose()
        assert self.lost is not None, "the nursery ends by a loss or an exception"
        return self.lost

    async def aclose(self) -> None:
        """Close the stream."""
        if self.lost is None:
            self.lost = Lost("The connection was closed.")
        self._wake_pings()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + GOODBYE_S):
            await self._stream.aclose()

    async def ping(self) -> float | None:
        """Return how many seconds it takes to the server and back; None if the connection is lost meanwhile."""
        number, answered = next(self._ids), trio.Event()
        self._pings[number] = answered
        began = trio.current_time()
        self.send(Ping(number))
        try:
            await answered.wait()
        finally:
            self._pings.pop(number, None)
        return trio.current_time() - began if self.lost is None else None

    def _lose(self, why: Lost) -> None:
        """End the connection; the first reason counts."""
        if self.lost is None:
            self.lost = why
        self._scope.cancel()
        self._wake_pings()

    def _wake_pings(self) -> None:
        for answered in self._pings.values():
            answered.set()

    async def _read(self, handle: Callable[[FromServer], None]) -> None:
        try:
            while self.lost is None:
                message = await self._receive()
                if isinstance(message, Pong):
                    if (answered := self._pings.get(message.id)) is not None:
                        answered.set()
                elif not isinstance(message, Ping):
                    handle(message)
        except BrokenPromise as error:
            self._lose(Lost(f"The server broke the protocol: {error}."))
        except Lost as error:
            self._lose(error)

    async def _receive(self) -> FromServer:
        """Return the next message; the pong that a ping asks for is queued then."""
        while not self._arrived:
            await self._fill()
        message = self._arrived.popleft()
        try:
            self._machine.received(message)
        except ProtocolError as error:
            raise Lost(f"The server broke the protocol: {error}.") from error
        if isinstance(message, Ping):
            self.send(Pong(message.id))
        return message

    async def _fill(self) -> None:
        """Take what has arrived whole; if nothing has, let more arrive. Frames before a bad one come first."""
        try:
            payloads = self._decoder.take()
        except FrameError as error:
            raise Lost(f"What answers there does not speak the chat protocol: {error}.") from error
        if payloads:
            self._arrived.extend(filter(None, map(_decode, payloads)))
            return
        try:
            data = await self._stream.receive_some()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise Lost(f"The connection broke: {error}.") from error
        if not data:
            raise Lost("The server closed the connection.")
        self._heard_at = trio.current_time()
        self._decoder.feed(data)

    async def _write(self) -> None:
        while True:
            await self._filled.wait()
            try:
                await self._flush()
            except Lost as error:
                self._lose(error)

    async def _flush(self) -> None:
        """Send all that is queued. Cancelled, it leaves a frame half sent, and `_sending` to tell."""
        data, self._outbox, self._filled = self._outbox, bytearray(), trio.Event()
        if not data:
            return
        self._sending = True
        try:
            await self._stream.send_all(memoryview(data))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise Lost(f"The connection broke: {error}.") from error
        self._sending = False

    async def _watch(self) -> None:
        """Ping a server that has been silent for `ping_ms`, and give it up when it stays so as long again."""
        patience_s = self.welcome.ping_ms / 1_000 or float("inf")
        pinged_for = -1.0  # the silence since this time has been answered by a ping
        while True:
            heard_at = self._heard_at
            if heard_at == pinged_for:
                self._lose(Lost(f"Nothing came from the server for {2 * patience_s:g} s."))
            await trio.sleep_until(heard_at + patience_s)
            if self._heard_at == heard_at:
                self.send(Ping(next(self._ids)))
                pinged_for = heard_at
                await trio.sleep_until(heard_at + 2 * patience_s)

    async def _say_goodbye(self) -> None:
        """Say bye and wait for the server to close, which would lose the bye if we closed first."""
        if self._sending:
            return  # inside a frame no other can start
        with trio.CancelScope(shield=True, deadline=trio.current_time() + GOODBYE_S):
            try:
                self.send(Quit(2**31 - 1))
                await self._flush()
                while await self._stream.receive_some():
                    pass
            except (Lost, trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # it is over either way


def _decode(payload: bytes) -> FromServer | None:
    """Return what the server says, or None for news that a later version may have made."""
    try:
        return decode_from_server(payload)
    except MessageError as error:
        if error.id is None:
            return None
        # An answer must not be passed over: whoever waits for it would wait for good.
        return Error(error.id, error.code, f"The server's answer makes no sense here: {error}")
