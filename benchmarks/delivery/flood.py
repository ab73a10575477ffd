"""Full speed: senders that have as many messages on their way as they may, and receivers that count.

Closed loop: in each room, new messages are sent as soon as its slowest receiver has got the old ones, so that never
more than so many are on their way. This file owns that loop and its figures. It must not know which server it drives.
"""

import gc
import select
import socket
import sys
import time
from collections.abc import Sequence
from typing import Final

from benchmarks.delivery.counting import BUFFER_BYTES, Buffer, Counter, mark_of, text_of
from benchmarks.delivery.crowd import Crowd, GaveUp, Link
from benchmarks.delivery.figures import Flow
from benchmarks.subjects import Subject

WARM_UP_S: Final = 0.5
PATIENCE_S: Final = 20.0
BLOCK: Final = 1_000
"""How many messages are made at once, and sent in slices."""

UNREAD: Final = socket.MSG_TRUNC if sys.platform == "linux" else 0
"""With this flag Linux takes what came by TCP off its queue and says how many bytes it was, uncopied: tcp(7)."""

MOST_BLOCKS: Final = 10_000
PLACE: Final = b"@@@@"
"""Where the number of the block goes into a ticket; texts do not hold it."""

AT_ONCE: Final = 64
"""Of how many sockets the loop reads before it sends again: few, so that server and generator do not wait in turn."""

EXACT: Final = 8
"""In a room where all receivers get the same bytes, so many count texts; the others count bytes, which is cheaper,
and have to have as many as these in the end."""


class Magazine:
    """What one sender says, made in blocks: all of one size, each with a ticket of its own.

    Attributes:
        taken: how many messages so far.
    """

    def __init__(self, subject: Subject, number: int, room: str, text: bytes) -> None:
        frames = [subject.publish(number, room, text, PLACE + b"%04d" % place) for place in range(BLOCK)]
        self._block = b"".join(frames)
        self._size = len(frames[0])
        self._loaded = memoryview(b"")
        self._blocks = 0
        self.taken = 0

    def take(self, count: int) -> bytes | memoryview:
        """Return the bytes of up to `count` messages, and at least one."""
        if not self._loaded:
            if self._blocks == MOST_BLOCKS and PLACE in self._block:
                raise GaveUp("a sender has used up its tickets; measure for a shorter time")
            self._loaded = memoryview(self._block.replace(PLACE, b"%04d" % self._blocks))
            self._blocks += 1
        size = count * self._size
        taken, self._loaded = self._loaded[:size], self._loaded[size:]
        self.taken += self.count(taken)
        return taken

    def count(self, data: bytes | memoryview) -> int:
        """Return how many messages these bytes are."""
        return len(data) // self._size


class Room:
    """What is on its way in one room."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.sent = 0
        self.arrived = 0  # at the slowest receiver
        self.speakers: list[tuple[Link, Magazine]] = []
        self.exact: list[Counter] = []
        self.weighed: list[Counter] = []  # these count bytes only
        self._turn = 0

    def speak(self) -> None:
        """Send what may be sent, if that is worth a call; the speakers take turns."""
        least = max(1, self.window // (4 * len(self.speakers)))
        while (free := self.window - self.sent + self.arrived) >= least:
            link, magazine = self.speakers[self._turn]
            if link.has_left:
                return
            self._turn = (self._turn + 1) % len(self.speakers)
            data = magazine.take(max(least, free // len(self.speakers)))
            self.sent += magazine.count(data)
            link.send(data)

    def look(self) -> None:
        """Find out what the slowest receiver has."""
        self.arrived = min([counter.count for counter in self.exact])
        if self.weighed and (reference := self.exact[0]).count:
            each = reference.byte_count / reference.count
            self.arrived = min(self.arrived, round(min([c.byte_count for c in self.weighed]) / each))

    def lost(self) -> int:
        """Return how many deliveries are missing, or came too often, now that everything should be there."""
        wrong = sum(abs(self.sent - counter.count) for counter in self.exact)
        if self.weighed:
            each = self.exact[0].byte_count / max(1, self.sent)
            # A ping of the server may have come to one and not yet to another: less than a message.
            apart = [abs(counter.byte_count - self.exact[0].byte_count) for counter in self.weighed]
            wrong += sum(round(difference / each) for difference in apart)
        return wrong


class Flood:
    """The loop. Rooms are added, then it runs once."""

    def __init__(self, crowd: Crowd, text_bytes: int) -> None:
        self.crowd = crowd
        self._text = text_of(text_bytes)
        self._buffer = Buffer(mark_of(self._text))
        self._acks = Buffer(crowd.subject.ACK or b"<")
        self.rooms: list[Room] = []
        self._listeners: dict[int, tuple[Link, Counter, Room, bool]] = {}
        self._speakers: dict[int, tuple[Link, Counter, Magazine]] = {}  # those who are no listeners
        self._epoll = select.epoll()

    def add_room(self, listeners: Sequence[Link], speakers: Sequence[Link], window: int) -> None:
        """Add a room with those who hear and those who speak, who may be among them."""
        room = Room(window)
        self.rooms.append(room)
        apart = not set(speakers) & set(listeners)
        echoes = self.crowd.subject.ECHOES
        for link in speakers:
            magazine = Magazine(self.crowd.subject, link.number, link.room, self._text)
            room.speakers.append((link, magazine))
            if link not in listeners or not echoes:
                self._speakers[link.sock.fileno()] = (link, Counter(self._acks), magazine)
                link.watch(self._epoll)
        for link in listeners:
            if link in speakers and not echoes:
                continue
            counter, exact = Counter(self._buffer), not apart or len(room.exact) < EXACT
            (room.exact if exact else room.weighed).append(counter)
            self._listeners[link.sock.fileno()] = (link, counter, room, exact)
            link.watch(self._epoll)

    def run(self, seconds: float, warm_up_s: float) -> Flow:
        """Warm up, measure for so long, let everything arrive, and return the figures."""
        server = self.crowd.server
        gc.collect()
        gc.freeze()
        for room in self.rooms:
            room.speak()
        try:
            self._turn_until(time.perf_counter() + warm_up_s)
            delivered, started = self._delivered(), time.perf_counter()
            server_s, generator_s = server.cpu_s(), time.process_time()
            self._turn_until(started + seconds)
            took, delivered = time.perf_counter() - started, self._delivered() - delivered
            server_s, generator_s = server.cpu_s() - server_s, time.process_time() - generator_s
            self._drain()
        finally:
            gc.unfreeze()
            self._epoll.close()
        lost = sum(room.lost() for room in self.rooms) + self._unacknowledged()
        return Flow(took, delivered, self._messages(delivered), server_s, generator_s, lost)

    def _unacknowledged(self) -> int:
        """Return how many messages of speakers who do nothing else were not acknowledged, where that is done at all."""
        if not self.crowd.subject.ACK:
            return 0
        return sum(abs(magazine.taken - counter.count) for _, counter, magazine in self._speakers.values())

    def _messages(self, delivered: int) -> int:
        return round(delivered / max(1, len(self._listeners) / len(self.rooms)))

    def _delivered(self) -> int:
        total = 0
        for room in self.rooms:
            room.look()
            total += sum([counter.count for counter in room.exact])
            if room.weighed:
                each = room.exact[0].byte_count / max(1, room.exact[0].count)
                total += round(sum([counter.byte_count for counter in room.weighed]) / each)
        return total

    def _turn_until(self, deadline: float) -> None:
        heard = deadline
        while (now := time.perf_counter()) < deadline:
            touched = self._turn()
            for room in touched:
                room.look()
                room.speak()
            heard = now if touched else heard
            if now - heard > PATIENCE_S:
                raise GaveUp("nothing arrives any more")

    def _drain(self) -> None:
        """Let everything arrive, with no new messages."""
        quiet_since = time.perf_counter()
        while True:
            if self._turn():
                quiet_since = time.perf_counter()
            for room in self.rooms:
                room.look()
            missing = sum(room.sent - room.arrived for room in self.rooms) + self._unacknowledged()
            quiet_s = time.perf_counter() - quiet_since
            if quiet_s > (PATIENCE_S / 4 if missing else 0.1):
                return

    def _turn(self) -> set[Room]:
        """Read from all that have something, once; return the rooms in which something arrived."""
        touched: set[Room] = set()
        listeners, view, acks = self._listeners, self._buffer.view, self._acks.view
        for fd, events in self._epoll.poll(0.1, AT_ONCE):
            if listener := listeners.get(fd):
                link, counter, room, exact = listener
                if events & select.EPOLLOUT:
                    link.flush()
                if not events & ~select.EPOLLOUT:
                    continue
                if exact:
                    size = link.sock.recv_into(view)
                    counter.add(size)
                else:
                    size = link.sock.recv_into(view, BUFFER_BYTES, UNREAD)
                    counter.byte_count += size
                touched.add(room)
            else:
                link, counter, _ = self._speakers[fd]
                if events & select.EPOLLOUT:
                    link.flush()
                if not events & ~select.EPOLLOUT:
                    continue
                size = link.sock.recv_into(acks)
                counter.add(size)
            if not size:
                raise GaveUp(f"the server closed the connection of client {link.number}")
        return touched


def flood_rooms(
    crowd: Crowd,
    *,
    rooms: int,
    members: int,
    among: int,
    besides: int,
    window: int,
    text_bytes: int,
    seconds: float,
    warm_up_s: float = WARM_UP_S,
) -> Flow:
    """Fill rooms, and let them speak at full speed.

    Args:
        crowd: of a fresh server.
        rooms: how many.
        members: how many receivers each has.
        among: how many of them speak as well.
        besides: how many speak who are not counted as receivers.
        window: how many messages may be on their way in each room.
        text_bytes: the length of a text.
        seconds: how long to measure.
        warm_up_s: how long to run before that.
    """
    names = [f"r{number}" for number in range(rooms)]
    crowd.prepare(names)
    flood = Flood(crowd, text_bytes)
    listeners = crowd.bring([name for name in names for _ in range(members)])
    speakers = crowd.bring([name for name in names for _ in range(besides)], listen=False)
    crowd.settle()
    limit = crowd.subject.IN_FLIGHT // rooms or window
    for place in range(rooms):
        here = listeners[place * members : (place + 1) * members]
        speaking = here[:among] + speakers[place * besides : (place + 1) * besides]
        flood.add_room(here, speaking, min(window, limit))
    return flood.run(seconds, warm_up_s)
