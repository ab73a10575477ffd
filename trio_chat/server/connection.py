"""One connection from its first byte to its last, over whatever transport.

This file owns the connection's nursery, reading, and how a connection ends. What it asks for is carried out by its
`intake`; what is sent, and when, is in `delivery`.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import trio

from protocol import (
    Bye,
    CommandOffer,
    Error,
    FromServer,
    Machine,
    Ping,
    Role,
    State,
    encode,
    encode_frames,
)
from trio_chat.server.delivery import Delivery
from trio_chat.server.intake import Intake
from trio_chat.server.log import log
from trio_chat.server.people import Person
from trio_chat.server.rooms import Membership, Room
from trio_chat.transport import ByteStream

if TYPE_CHECKING:
    from trio_chat.server.app import Server

READ_BYTES: Final = 131_072
"""What one read brings in at most: 800 posts of 100 characters, which are appended, encoded and sent together."""

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

    def __init__(
        self, server: "Server", stream: ByteStream, *, operator: bool = False, began: float | None = None
    ) -> None:
        self.server = server
        self.operator = operator
        self.hub = server.hub
        self.peer = stream.peer
        self.delivery = Delivery(stream, server.hub.store, server.hub.tally)
        self.machine = Machine(Role.SERVER)
        self.memberships: dict[str, Membership] = {}
        self.person: Person | None = None
        self.bot = False
        self.offers: list[CommandOffer] = []
        self.last_heard = trio.current_time()
        self.opened = self.last_heard if began is None else began
        self._stream = stream
        self._intake = Intake(self)
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
                            await self._carry_out(data)
                await self._carry_out(came_last)
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

    async def _carry_out(self, data: bytes) -> None:
        self._busy = True
        await self._intake.carry_out(data)
        self._busy = False
        self.last_heard = trio.current_time()  # what we kept it waiting is not its silence

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
        self.server.turns.depart(self, membership, change)
        self.hub.close_if_empty(membership.room)

    def _exit_rooms(self) -> None:
        for membership in list(self.memberships.values()):
            self.exit(membership, "left" if self._polite else "lost")

    def quit(self, bye: Bye) -> None:
        """Note that the client has said bye, and answer with the last frame."""
        self._polite = True
        self._reason = f"bye ({bye.reason})" if bye.reason else "bye"
        self._say_bye(bye)

    def dismiss(self, reason: str) -> None:
        """Send the last frame now, without carrying out what else was read."""
        self._reason = reason
        self._say_bye(Bye(reason))

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

    # --- sending ----------------------------------------------------------------------------------

    async def wait_for_room(self) -> None:
        """Wait until the client has read enough of its answers. Meanwhile its silence counts."""
        self._busy = False
        await self.delivery.room()
        self._busy = True

    def send(self, *messages: FromServer) -> None:
        """Send answers and events that must not be lost."""
        for message in messages:
            if type(message) is Error:
                self.hub.tally.refused[message.code] += 1
        self.delivery.send(self._encoded(messages))

    def hold(self, *messages: FromServer) -> None:
        """As `send`; they may leave together with what is published next. The caller releases them without awaiting."""
        self.delivery.hold(self._encoded(messages))

    def _encoded(self, messages: Sequence[FromServer]) -> bytes:
        block = encode_frames([encode(message) for message in messages])
        self.machine.sent(*messages)
        return block
