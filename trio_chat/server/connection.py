"""One connection from its first byte to its last, over whatever transport.

This file owns the connection's nursery, reading, the order of answers, and how a connection ends. What a
request does is in `requests`; what is sent, and when, in `delivery`.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

from protocol import (
    MAX_FRAME_TO_SERVER,
    Bye,
    Command,
    Error,
    FrameDecoder,
    FrameError,
    FromServer,
    GetCommands,
    Machine,
    MessageError,
    Ping,
    Pong,
    Post,
    RemoteError,
    Request,
    Role,
    State,
    decode_from_client,
    encode,
    encode_frames,
)
from trio_chat.names import NameRefused
from trio_chat.server import commands, requests
from trio_chat.server.delivery import Delivery
from trio_chat.server.errors import Refusal
from trio_chat.server.limits import Strikes
from trio_chat.server.log import log
from trio_chat.server.people import NickTaken, Person
from trio_chat.server.rooms import Membership, Room
from trio_chat.server.ticket import Ticket
from trio_chat.store import Draft, StoreUnavailable
from trio_chat.transport import ByteStream

if TYPE_CHECKING:
    from trio_chat.server.app import Server

READ_BYTES: Final = 131_072
"""What one read brings in at most. All posts of it are appended, encoded and sent together: with 800 of 100 characters
at a time, each costs a fifth less than with 400."""

REQUESTS_AT_ONCE: Final = 1_024
"""How many requests of one read are looked at before everybody else has a turn: 5 ms if none can be understood."""

FAREWELL_S: Final = 2.0
"""How long the last words may take to leave; after that the connection is cut."""

LINGER_S: Final = 1.0
"""How long the client then has to close first: some round trips."""


class Connection:
    """One client's connection.

    Attributes:
        person: who it is, once welcomed.
        memberships: the rooms this connection is in, by name.
        operator: whether whoever runs the server is at its other end.
    """

    def __init__(self, server: "Server", stream: ByteStream, *, operator: bool = False) -> None:
        self.server = server
        self.operator = operator
        self.hub = server.hub
        self.peer = stream.peer
        self.delivery = Delivery(stream, server.hub.store)
        self.machine = Machine(Role.SERVER)
        self.memberships: dict[str, Membership] = {}
        self.person: Person | None = None
        self.bot = False
        self.last_heard = self.opened = trio.current_time()
        self._stream = stream
        self._decoder = FrameDecoder(MAX_FRAME_TO_SERVER)
        self._strikes = Strikes()
        self._is_receiving = False
        self._busy = False  # carrying out requests, so silence is no sign of a dead peer
        self._pings = 0
        self._pinged = False
        self._reason = ""  # why it ends; while this is empty, it goes on
        self._retry_after_ms: int | None = None
        self._polite = False
        self._ending_since = 0.0
        self._departed = False  # nobody sees it any more
        self._scope = self._receiving = trio.CancelScope()

    # --- its life ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the connection until it ends, for whatever reason; then nobody sees it any more."""
        try:
            async with trio.open_nursery() as nursery:
                self._scope = nursery.cancel_scope
                nursery.start_soon(self._write)
                came_last = b""  # just before it was told to stop
                with trio.CancelScope() as self._receiving:
                    while not self._reason:
                        data = await self._receive()
                        if self._receiving.cancel_called:
                            came_last = data
                        else:
                            await self._carry_out_all(data)
                await self._carry_out_all(came_last)
                await self._farewell()
                nursery.cancel_scope.cancel()
        finally:
            self._depart()

    def cut(self, reason: str) -> None:
        """End the connection at once; what waits to be sent is lost, and read again when the client is back."""
        self._reason = self._reason or reason
        self._scope.cancel()

    def stop(self, reason: str, retry_after_ms: int | None = None) -> None:
        """Say bye once the requests that were read are answered, then close."""
        if not self._reason:
            self._reason = reason
            self._retry_after_ms = retry_after_ms
            if self._is_receiving:
                self._receiving.cancel()

    async def _receive(self) -> bytes:
        """Return what the client sends; at the end, say why and return nothing."""
        self._is_receiving = True  # only now may `stop` cancel: not while requests are carried out
        try:
            await self.delivery.room()
            data = await self._stream.receive_some(READ_BYTES)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            data = b""
        finally:
            self._is_receiving = False
        self.last_heard = trio.current_time()
        self._pinged = False
        if not data:
            self._reason = self._reason or "connection lost"
            self.machine.ended()
        return data

    async def _farewell(self) -> None:
        """Send the last frame, and what waits before it; then let the client close first."""
        if self.machine.state is not State.CLOSED:
            self._say_bye(Bye(self._reason, self._retry_after_ms))
        self._depart()  # whoever reads the last frame finds the nick free
        with suppress(trio.TooSlowError, trio.BrokenResourceError, trio.ClosedResourceError):
            with trio.fail_after(FAREWELL_S):
                await self.delivery.drained()
                await self._stream.send_eof()
            # Closed with requests unread, TCP resets the connection, and the last words may never arrive.
            with trio.move_on_after(LINGER_S):
                while await self._stream.receive_some(READ_BYTES):
                    pass

    async def _write(self) -> None:
        try:
            await self.delivery.run()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.cut("connection lost")

    def _depart(self) -> None:
        if self._departed:
            return
        self._departed = True
        self.machine.ended()
        self._exit_rooms()
        if self.person is None:
            log.debug("left without hello", address=self.peer, reason=self._reason)
            return
        self.hub.people.depart(self.person, self, trio.current_time(), polite=self._polite)
        log.info("departed", nick=self.person.nick, address=self.peer, reason=self._reason or "server stopped")

    # --- rooms ------------------------------------------------------------------------------------

    def enter(self, room: Room, cursor: int, *, quiet: bool = False) -> None:
        """Be in a room from now on, or start anew in it: what follows `cursor` is sent. `quiet` tells nobody."""
        assert self.person is not None
        membership = Membership(room, self.person, self.delivery, cursor)
        old = self.memberships.get(room.name)
        self.memberships[room.name] = membership
        if old is None:
            room.enter(membership, quiet=quiet)
        else:
            room.replace(old, membership)

    def exit(self, membership: Membership, change: str) -> None:
        """Leave a room, and let go of it if that leaves it empty."""
        del self.memberships[membership.room.name]
        membership.room.exit(membership, change)
        self.hub.close_if_empty(membership.room)

    def _exit_rooms(self) -> None:
        for membership in list(self.memberships.values()):
            self.exit(membership, "left" if self._polite else "lost")

    def quit(self, bye: Bye) -> None:
        """Note that the client has said bye, and answer with the last frame."""
        self._polite = True
        self._reason = f"bye ({bye.reason})" if bye.reason else "bye"
        self._say_bye(bye)

    def _say_bye(self, bye: Bye) -> None:
        """Send the last frame: leave the rooms first, so that nothing is published to this connection after it."""
        self._exit_rooms()
        self.send(bye)

    # --- silence ----------------------------------------------------------------------------------

    def check_silence(self, now: float) -> None:
        """Ping a silent peer, and cut one that says nothing even so; called every now and then."""
        config = self.server.config
        if self._reason:
            # Whoever does not even read its last words is not waited for, wherever the connection stands.
            self._ending_since = self._ending_since or now
            if now - self._ending_since >= 2 * FAREWELL_S:
                self.cut(self._reason)
            return
        if self._busy:
            return  # it is silent because we keep it waiting
        if self.person is None and now - self.opened >= config.hello_s:
            self.stop(f"no hello within {config.hello_s:g} s")
        silent = now - self.last_heard
        if silent >= 2 * config.ping_s:
            self.cut(f"silent for {silent:.0f} s")
        elif silent >= config.ping_s and not self._pinged and self.person is not None:
            self._pinged = True
            self._pings += 1
            self.send(Ping(self._pings))

    # --- requests ---------------------------------------------------------------------------------

    async def _carry_out_all(self, data: bytes) -> None:
        """Carry out all requests that `data` completes, in order."""
        if not data:
            return
        self._decoder.feed(data)
        self._busy = True
        try:
            while payloads := self._decoder.take():
                for start in range(0, len(payloads), REQUESTS_AT_ONCE):
                    if start:
                        await trio.lowlevel.checkpoint()
                    await self._carry_out(self._understand(payloads[start : start + REQUESTS_AT_ONCE]))
        except FrameError as error:
            self._reason = self._reason or "bad frame"
            if self.machine.state is not State.CLOSED:
                await self._wait_for_room()
                self.send(Error(None, "bad_frame", f"The stream is out of step: {error}. Connect anew."))
        self._busy = False
        self.last_heard = trio.current_time()  # what we kept it waiting is not its silence

    def _understand(self, payloads: Sequence[bytes]) -> list[Request | Error]:
        """Decode payloads, answering pings at once, ahead of all; an `Error` stands for what is malformed."""
        asked: list[Request | Error] = []
        pongs: list[Pong] = []
        for payload in payloads:
            try:
                message = decode_from_client(payload)
                self.machine.received(message)
            except MessageError as error:
                asked.append(self._malformed(error))
            except RemoteError as error:
                asked.append(Error(None, "bad_message", f"This may not come now: {error}."))
            else:
                if isinstance(message, Ping):
                    pongs.append(Pong(message.id))
                elif not isinstance(message, Pong):
                    asked.append(message)
        if pongs and self.machine.state is not State.CLOSED:
            self.send(*pongs)
        return asked

    def _malformed(self, error: MessageError) -> Error:
        number = error.id
        if number is not None:
            try:
                self.machine.received_malformed(number)
            except RemoteError:
                number = None
        return Error(number, error.code, str(error))

    async def _carry_out(self, asked: Sequence[Request | Error]) -> None:
        posts: list[Post] = []
        for request in asked:
            if type(request) is Post:
                posts.append(request)
                continue
            await self._append_posts(posts)
            posts = []
            await self._carry_out_one(request)
        await self._append_posts(posts)

    async def _append_posts(self, posts: Sequence[Post]) -> None:
        """Append posts that came together, together; one that is refused is answered in its turn."""
        if not posts or self.machine.state is State.CLOSED:
            return  # or the last frame is out: nothing that follows means anything
        drafts: list[Draft] = []
        ids: list[int] = []
        now, now_ms = trio.current_time(), self.hub.wall_clock_ms()
        for post in posts:
            try:
                drafts.append(requests.draft_post(self, post, now, now_ms))
                ids.append(post.id)
            except (Refusal, NameRefused) as refusal:
                await self.append(drafts, ids)
                drafts, ids = [], []
                await trio.lowlevel.checkpoint()  # many refusals in one piece must not hold up everybody else
                await self._wait_for_room()
                now, now_ms = trio.current_time(), self.hub.wall_clock_ms()
                retry_after_ms = refusal.retry_after_ms if isinstance(refusal, Refusal) else None
                self.send(Error(post.id, refusal.code, str(refusal), retry_after_ms))
        await self.append(drafts, ids)

    async def _carry_out_one(self, request: Request | Error) -> None:
        if self.machine.state is State.CLOSED:
            return
        await trio.lowlevel.checkpoint()  # many requests in one piece must not hold up everybody else
        await self._wait_for_room()
        if isinstance(request, Error):
            self._refuse(request)
            return
        try:
            if isinstance(request, Command | GetCommands):
                await commands.carry_out(self, request)
            else:
                await requests.carry_out(self, request)
        except Refusal as refusal:
            self.send(refusal.error(request.id))
        except (NameRefused, NickTaken) as error:
            self.send(Error(request.id, error.code, str(error)))
        except StoreUnavailable as error:
            self.send(_unavailable(request.id, error))
        except Exception:  # the border where a bug in one request costs that request alone
            log.exception("a request failed", request=type(request).__name__, address=self.peer)
            self.send(Error(request.id, "internal", "The server made a mistake; its log says which. Try another way."))

    def _refuse(self, error: Error) -> None:
        """Answer what was malformed; not understanding it is a strike, an understood text or name is none."""
        self.send(error)
        if error.code == "bad_message" and not self._strikes.strike(trio.current_time()):
            self._reason = "too many messages that are not understood"
            self._say_bye(Bye(self._reason))

    async def append(self, drafts: Sequence[Draft], ids: Sequence[int]) -> None:
        """Append drafts to the log; their answers are sent by `settle`, before anyone sees the entries."""
        if not drafts:
            return
        await self._wait_for_room()
        ticket = Ticket(self, ids)
        try:
            await self.hub.store.append(drafts, origin=ticket)
        except StoreUnavailable as error:
            # The store may find out later that it was kept after all; then nobody waits for the answer any more.
            ticket.withdraw()
            self.send(*[_unavailable(number, error) for number in ids])

    async def _wait_for_room(self) -> None:
        """Wait until the client has read enough of its answers. Meanwhile its silence counts."""
        self._busy = False
        await self.delivery.room()
        self._busy = True

    def send(self, *messages: FromServer) -> None:
        """Send answers and events that must not be lost."""
        self.delivery.send(self._encoded(messages))

    def hold(self, *messages: FromServer) -> None:
        """As `send`; they may leave together with what is published next. The caller releases them without awaiting."""
        self.delivery.hold(self._encoded(messages))

    def _encoded(self, messages: Sequence[FromServer]) -> bytes:
        block = encode_frames([encode(message) for message in messages])
        self.machine.sent(*messages)
        return block


def _unavailable(number: int, error: StoreUnavailable) -> Error:
    log.error("the storage failed", error=str(error))
    return Error(number, "unavailable", "The server's storage is down for the moment; send it again.", 1_000)
