"""A client for tests that speaks the protocol to the letter: it runs the client's machine over what it sees.

It hides nothing: no reconnecting, no cursors. A server that breaks the order of messages fails the test here.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import trio

from protocol import (
    MAX_FRAME_TO_CLIENT,
    Bye,
    Entry,
    FrameDecoder,
    FromClient,
    FromServer,
    Hello,
    Join,
    Joined,
    Live,
    Machine,
    Ping,
    Pong,
    Position,
    Post,
    Posted,
    Request,
    Role,
    Welcome,
    decode_from_server,
    encode,
    encode_frame,
)
from trio_chat.server import Server
from trio_chat.transport import ByteStream

PATIENCE_S = 600.0
"""Longer than any of the server's own deadlines but the holding of nicks; on the autojump clock it costs nothing."""

M = TypeVar("M", bound=FromServer)
ENTRIES = Entry.__args__


class Peer:
    """One connection to a server."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.machine = Machine(Role.CLIENT)
        self.seen: list[FromServer] = []  # everything, in order
        self.ended = False
        self.author = ""
        self._waiting: deque[FromServer] = deque()
        self._answers: dict[int, FromServer] = {}  # those among them, by id
        self._decoder = FrameDecoder(MAX_FRAME_TO_CLIENT)
        self._ids = 0

    def next_id(self) -> int:
        self._ids += 1
        return self._ids

    async def send(self, *messages: FromClient) -> None:
        """Send messages in one piece."""
        for message in messages:
            self.machine.sent(message)
        await self.send_bytes(b"".join(encode_frame(encode(message)) for message in messages))

    async def send_bytes(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def next(self) -> FromServer:
        """Return the next message, whatever it is; pings are answered on the way.

        Raises:
            EOFError: the server has closed.
            trio.TooSlowError: nothing has come for `PATIENCE_S` of the test's clock.
        """
        while True:
            while not self._waiting:
                await self._read()
            message = self._waiting.popleft()
            number = getattr(message, "id", None)
            if number is None or self._answers.pop(number, None) is not None:
                return message  # what `answer` has given is passed over

    async def _read(self) -> None:
        with trio.fail_after(PATIENCE_S):
            data = await self.stream.receive_some()
        if not data:
            self.ended = True
            raise EOFError
        self._decoder.feed(data)
        while payloads := self._decoder.take():
            for payload in payloads:
                message = decode_from_server(payload)
                self.machine.received(message)
                self.seen.append(message)
                if isinstance(message, Ping):
                    await self.send(Pong(message.id))
                    continue
                self._waiting.append(message)
                if (number := getattr(message, "id", None)) is not None:
                    self._answers[number] = message

    async def until(self, wanted: Callable[[FromServer], bool]) -> FromServer:
        """Skip messages up to the first that is wanted, and return it."""
        while True:
            message = await self.next()
            if wanted(message):
                return message

    async def expect(self, kind: type[M]) -> M:
        """Skip messages up to the first of a kind, and return it."""
        found = await self.until(lambda message: isinstance(message, kind))
        assert isinstance(found, kind)
        return found

    async def ask(self, request: Request) -> FromServer:
        """Send a request and return its answer; what comes before it stays to be read."""
        await self.send(request)
        return await self.answer(request.id)

    async def answer(self, number: int) -> FromServer:
        """Return the answer with this id; what comes before it stays to be read."""
        while number not in self._answers:
            await self._read()
        return self._answers.pop(number)

    async def hello(self, nick: str = "ann", session: str | None = None, *, bot: bool = False) -> Welcome:
        session = session or (nick.encode().hex() + "0" * 32)[:32]
        answer = await self.ask(Hello(self.next_id(), 1, session, nick, bot=bot))
        assert isinstance(answer, Welcome), answer
        self.author = answer.author
        return answer

    async def join(self, room: str = "lobby", after: Position | None = None, last: int | None = None) -> Joined:
        answer = await self.ask(Join(self.next_id(), room, after, last))
        assert isinstance(answer, Joined), answer
        return answer

    async def post(self, text: str, room: str = "lobby", key: str | None = None, **more: Any) -> Posted:
        number = self.next_id()
        answer = await self.ask(Post(number, room, key or f"key-{number}", text, **more))
        assert isinstance(answer, Posted), answer
        return answer

    async def entries(self, count: int) -> list[Entry]:
        """Return the next `count` entries, skipping all else."""
        found: list[Entry] = []
        while len(found) < count:
            message = await self.next()
            if isinstance(message, ENTRIES):
                found.append(message)
        return found

    async def until_live(self) -> list[Entry]:
        """Return the entries up to the next `live`."""
        found: list[Entry] = []
        while True:
            message = await self.next()
            if isinstance(message, Live):
                return found
            if isinstance(message, ENTRIES):
                found.append(message)

    async def end(self) -> Bye | None:
        """Read to the end of the stream; return the last message if it was a bye."""
        try:
            while True:
                await self.next()
        except (EOFError, trio.BrokenResourceError):
            last = self.seen[-1] if self.seen else None
            return last if isinstance(last, Bye) else None


@asynccontextmanager
async def connected(server: Server, nick: str | None = None, **hello: Any) -> AsyncIterator[Peer]:
    """Give a peer, welcomed as `nick` if that is given; closes the connection after the block."""
    stream = await server.dial()
    peer = Peer(stream)
    try:
        if nick is not None:
            await peer.hello(nick, **hello)
        yield peer
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await stream.aclose()
