"""The outgoing side of one connection: its outbox, and its cursors that stand behind their room's head.

This file owns the one mechanism by which entries are read from the log: joining late, coming back and
reading slowly are all a cursor behind the head. It must not know requests or people's rights.
"""

from itertools import islice
from typing import Final

from protocol import (
    PAGE_BYTES,
    PAGE_ENTRIES,
    Entry,
    FromServer,
    Gap,
    Live,
    Members,
    encode,
    encode_frame,
    encode_frames,
)
from trio_chat.server.outbox import Outbox
from trio_chat.server.rooms import MEMBERS_SHOWN, Membership, member
from trio_chat.server.tally import Tally
from trio_chat.store import Store, StoreUnavailable
from trio_chat.transport import ByteStream

RETRY_S: Final = 0.5
"""How long a cursor waits after the store failed to give it a page."""


class Delivery:
    """Everything that is sent on one connection. `run` is its task."""

    __slots__ = ("_behind", "_missed", "_outbox", "_shown", "_store", "_tally", "drained", "offer", "room")

    def __init__(self, stream: ByteStream, store: Store, tally: Tally) -> None:
        self._store = store
        self._tally = tally
        self._outbox = Outbox(stream)
        self._behind: dict[Membership, None] = {}  # in the order in which they get their next page
        self._missed: dict[Membership, None] = {}
        self._shown: dict[int, bytes] = {}  # the newest of each number that there was no room for
        self.offer = self._outbox.offer
        self.room = self._outbox.room
        self.drained = self._outbox.drained

    def send(self, block: bytes) -> None:
        """Send what must not be lost: the caller has awaited `room` since it last sent much."""
        self._outbox.push(block)

    def hold(self, block: bytes) -> None:
        """As `send`, but it may leave together with the next block: the caller calls `release` without awaiting."""
        self._outbox.hold(block)

    def release(self) -> None:
        """Send what `hold` has kept, if no block took it along."""
        self._outbox.release()

    @property
    def has_room(self) -> bool:
        """Whether `room` would not wait."""
        return self._outbox.has_room

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait to be sent."""
        return self._outbox.waiting_bytes

    @property
    def behind_count(self) -> int:
        """How many of its memberships stand behind their room's head."""
        return len(self._behind)

    def catch_up(self, membership: Membership) -> None:
        """Bring a cursor to its room's head, page by page, then turn it live."""
        self._behind[membership] = None
        self._outbox.wake()

    def miss_presence(self, membership: Membership) -> None:
        """Send a fresh list of the room's members once there is room for it."""
        self._missed[membership] = None
        self._outbox.wake()

    def show(self, what: int, block: bytes) -> None:
        """Send a block once there is room for it, unless a newer one of the same number has come by then."""
        if self._outbox.is_idle:
            self._outbox.offer(block)
        else:
            self._shown[what] = block

    def forget_shown(self, what: int) -> None:
        """Do not send what `show` has kept of this number."""
        self._shown.pop(what, None)

    def forget(self, membership: Membership) -> None:
        """Send nothing more for this membership."""
        self._behind.pop(membership, None)
        self._missed.pop(membership, None)

    async def run(self) -> None:
        """Send what waits; when nothing does, give the cursors that are behind a page each, in turn.

        Raises:
            trio.BrokenResourceError: the connection was lost.
            trio.ClosedResourceError: the connection was closed.
        """
        while True:
            if await self._outbox.send_waiting():
                continue  # a page comes after all that was queued before the cursor fell behind
            if self._missed:
                self._send_missed()
            elif self._shown:
                self.send(self._shown.pop(next(iter(self._shown))))
            elif self._behind:
                await self._send_page(next(iter(self._behind)))
            else:
                await self._outbox.send_next()

    async def _send_page(self, membership: Membership) -> None:
        room, after, head = membership.room, membership.cursor, membership.room.head
        entries: list[Entry] = []
        if after < head:
            try:
                page = await self._store.page(
                    room.name, after=after, before=head + 1, limit=PAGE_ENTRIES, max_bytes=PAGE_BYTES
                )
            except StoreUnavailable:
                await self._outbox.send_next(RETRY_S)
                return
            entries = page.entries
            if membership not in self._behind:
                return  # it left, or started anew, while the page was read
            reached = entries[-1].seq if entries else head
            gap: list[FromServer] = []
            if not entries or entries[0].seq > after + 1:
                gap.append(Gap(room.name, after, entries[0].seq if entries else reached + 1, "expired"))
            await self._outbox.send_now(encode_frames([encode(message) for message in (*gap, *entries)]))
            self._tally.delivered_from_log += len(entries)
            if membership not in self._behind:
                return  # the same, while the page was sent
            membership.cursor = reached
        # From here to the turn nothing is awaited: nothing can be published in between.
        del self._behind[membership]
        if membership.cursor < room.head:
            self._behind[membership] = None  # at the end of the line
        else:
            room.go_live(membership)
            self.send(encode_frame(encode(Live(room.name, room.head))))

    def _send_missed(self) -> None:
        membership, _ = self._missed.popitem()
        room = membership.room
        shown = [member(person) for person in islice(room.people, MEMBERS_SHOWN)]
        self.send(encode_frame(encode(Members(shown, room.count, len(shown) < room.count, room.name))))
