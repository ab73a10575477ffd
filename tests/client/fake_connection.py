"""One connection of the server in memory: the order of messages is held to by `Machine`, the rest by this file.

It owns what each request does and what is sent. It must not know the client library.
"""

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import trio

from protocol import (
    PAGE_ENTRIES,
    Answer,
    Bye,
    Command,
    CommandHelp,
    Commands,
    Direct,
    Done,
    Edit,
    Error,
    Found,
    FrameDecoder,
    FromServer,
    Gap,
    GetCommands,
    GetHistory,
    GetMembers,
    GetRooms,
    Hello,
    History,
    Join,
    Joined,
    Leave,
    Live,
    Machine,
    Members,
    Message,
    Notice,
    Offer,
    Ping,
    Pong,
    Post,
    Posted,
    Quit,
    Redact,
    Request,
    Role,
    Rooms,
    RoomSummary,
    Search,
    SetNick,
    SetTopic,
    State,
    Welcome,
    decode_from_client,
    encode,
    encode_frame,
)
from tests.client.fake_log import LIMITS, NOW_MS, Log, entry_of
from trio_chat.transport import ByteStream

if TYPE_CHECKING:
    from tests.client.fake_server import FakeServer


class Connection:
    """One connection of the fake server."""

    def __init__(self, server: "FakeServer", stream: ByteStream) -> None:
        self.server = server
        self.machine = Machine(Role.SERVER)
        self.scope = trio.CancelScope()
        self.author = self.nick = ""
        self.cursors: dict[str, int] = {}
        self.received: Counter[type] = Counter()
        self._behind: set[str] = set()
        self._stuck = False
        self._stream = stream
        self._outbox = bytearray()
        self._filled = trio.Event()

    async def run(self) -> None:
        try:
            async with trio.open_nursery() as nursery:
                self.scope = nursery.cancel_scope
                nursery.start_soon(self._write)
                await self._read()
                await self._flush()
                nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client is gone
        finally:
            self.machine.ended()
            self.cursors.clear()
            self.server.connections.remove(self)
            with trio.CancelScope(shield=True):
                await self._stream.aclose()

    async def _read(self) -> None:
        decoder = FrameDecoder()
        while self.machine.state is not State.CLOSED:
            data = await self._stream.receive_some()
            if self.server.silent:
                await trio.sleep_forever()
            if not data:
                break
            decoder.feed(data)
            while payloads := decoder.take():
                for payload in payloads:
                    self._take_in(payload)

    def _take_in(self, payload: bytes) -> None:
        if self.machine.state is State.CLOSED or self._stuck:
            return
        message = decode_from_client(payload)
        self.machine.received(message)
        self.received[type(message)] += 1
        if isinstance(message, Ping):
            self.send(Pong(message.id))
        elif not isinstance(message, Pong):
            self.server.asked.append(message)
            if type(message) is self.server.stuck_at:
                self._stuck = True
                return
            scripted = self.server.refusals.get(type(message))
            if scripted:
                error = scripted.popleft()
                self.send(Error(message.id, error.code, error.message, error.retry_after_ms))
            elif self.machine.state is State.NEW:
                self.send(Error(message.id, "not_welcome", "Say hello first."))
            else:
                self._carry_out(message)

    def send(self, message: FromServer) -> None:
        self.machine.sent(message)
        if isinstance(message, Rooms) and self.server.answer_rooms_by is not None:
            self.send_raw({**self.server.answer_rooms_by, "id": message.id})
        else:
            self._queue(encode(message))

    def send_raw(self, payload: dict[str, object]) -> None:
        self._queue(msgspec.json.encode(payload))

    def _queue(self, payload: bytes) -> None:
        self._outbox += encode_frame(payload)
        self._filled.set()

    async def _write(self) -> None:
        while True:
            await self._filled.wait()
            await self.server.answering.wait()
            if self.server.silent:
                await trio.sleep_forever()
            await self._flush()

    async def _flush(self) -> None:
        data, self._outbox, self._filled = bytes(self._outbox), bytearray(), trio.Event()
        await self._stream.send_all(data)

    # --- rooms ----------------------------------------------------------------------------------------

    def publish(self) -> None:
        """Send what each room's log holds beyond our cursor, page by page, and `live` once after coming in."""
        if self.machine.state is not State.OPEN or not self.server.publishing:
            return
        for room, cursor in list(self.cursors.items()):
            log = self.server.logs[room]
            if cursor < log.first - 1:
                self.send(Gap(room, cursor, log.first, "expired"))
            for entry in log.after(cursor):
                self.send(entry)
            self.cursors[room] = log.head
            if room in self._behind:
                self._behind.discard(room)
                self.send(Live(room, log.head))

    def enter(self, room: str, cursor: int, id: int | None, gap: Gap | None = None) -> None:
        log = self.server.logs.setdefault(room, Log())
        self.cursors[room] = cursor
        self._behind.add(room)
        members = self.server.members(room)
        self.send(Joined(room, self.server.epoch, log.head, log.topic, members, len(members), id, log.peer))
        if gap is not None:
            self.send(gap)
        self.publish()

    # --- requests -------------------------------------------------------------------------------------

    def _carry_out(self, request: Request) -> None:
        match request:
            case Hello():
                self._hello(request)
            case Join():
                self._join(request)
            case Direct(id=id, nick=nick):
                room = f"~{nick}"
                log = self.server.logs.setdefault(room, Log(peer=nick))
                self.enter(room, max(0, log.head - 50), id)
            case Leave(id=id, room=room):
                if self.cursors.pop(room.lower(), None) is None:
                    self.send(Error(id, "not_a_member", "You are not there."))
                else:
                    self.send(Done(id))
            case Post() | Edit() | Redact() | SetTopic():
                self._write_entry(request)
            case SetNick(id=id, nick=nick):
                self.nick = nick
                self.send(Done(id))
            case Command():
                self._command(request)
            case Quit(id=id, reason=reason):
                self.send(Bye(reason, id=id))
            case _:
                self.send(self._other_answer(request))

    def _hello(self, hello: Hello) -> None:
        author = self.server.authors.setdefault(hello.session, f"a-{hello.session[:8]}")
        if self.server.nicks.setdefault(hello.nick, author) != author:
            self.send(Error(hello.id, "nick_taken", "Somebody else has this nick."))
            return
        self.author, self.nick = author, hello.nick
        self.send(Welcome(hello.id, 1, "fake", author, hello.nick, "member", LIMITS, self.server.ping_ms))

    def _join(self, join: Join) -> None:
        room = join.room.lower()
        log = self.server.logs.setdefault(room, Log())
        if join.after is None:
            last = 50 if join.last is None else join.last
            self.enter(room, max(log.first - 1, log.head - last, 0), join.id)
        elif join.after.epoch != self.server.epoch or join.after.seq > log.head:
            self.enter(room, log.first - 1, join.id, Gap(room, join.after.seq, log.first, "epoch"))
        else:
            self.enter(room, join.after.seq, join.id)

    def _write_entry(self, request: Post | Edit | Redact | SetTopic) -> None:
        room = request.room.lower()
        if room not in self.cursors:
            self.send(Error(request.id, "not_a_member", "Join first."))
            return
        key, content = (self.author, request.key), (type(request), room, getattr(request, "text", None))
        known = self.server.keys.get(key)
        if known is not None and known[1] != content:
            self.send(Error(request.id, "key_reused", "That key names something else."))
            return
        if known is not None:
            self.send(Posted(request.id, room, known[0], NOW_MS, duplicate=True))
            return
        seq = self.server.logs[room].head + 1
        self.server.keys[key] = (seq, content)
        self.send(Posted(request.id, room, seq, NOW_MS))
        self.server.append(room, entry_of(request, room, seq, self.author, self.nick))

    def _command(self, command: Command) -> None:
        name, _, words = command.line.partition(" ")
        match name:
            case "/quit":
                self.send(Bye(words, id=command.id))
            case "/nick":
                self.nick = words
                self.send(Done(command.id))
            case "/leave":
                del self.cursors[words or command.room or ""]
                self.send(Done(command.id))
            case "/join":
                log = self.server.logs.setdefault(words, Log())
                self.enter(words, max(0, log.head - 50), command.id)
            case _:
                self.send(Notice(f"There is no command {name}.", command.room, "warning", command.id))

    def _other_answer(self, request: Request) -> Answer:
        match request:
            case GetHistory(id=id, room=room, after=after):
                entries = self.server.logs[room].after(after or 0)[:PAGE_ENTRIES]
                return History(id, room, entries, False)
            case Search(id=id, query=query):
                texts = [e for log in self.server.logs.values() for e in log.entries if isinstance(e, Message)]
                return Found(id, [entry for entry in texts if query in entry.text])
            case GetRooms(id=id):
                summaries = [RoomSummary(name, log.topic, 1, log.head) for name, log in self.server.logs.items()]
                return Rooms(id, summaries, False)
            case GetMembers(id=id, room=room):
                members = self.server.members(room or "lobby")
                return Members(members, len(members), False, room, id)
            case GetCommands(id=id):
                added = [CommandHelp(offer.name, offer.usage, offer.help, "bot") for offer in self.server.offered]
                return Commands(id, [CommandHelp("/quit", "/quit", "leave"), *added])
            case Offer(id=id, commands=commands):
                self.server.offered = commands
                return Done(id)
            case _:
                raise AssertionError(request)
