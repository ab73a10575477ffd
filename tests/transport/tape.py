"""A stream whose peer is written down beforehand: what it sends, piece by piece, and how much it takes.

What it does is what a socket may do at any time, and no two runs differ.
"""

from collections import deque
from collections.abc import Iterable

import trio


class Tape:
    """A `ByteStream`. When its pieces are used up, it has ended.

    Attributes:
        sent: all that was sent on it.
        ended: whether the end was sent.
        takes: how many bytes the next calls of `send_nowait` take; afterwards each takes all.
    """

    peer = "tape"

    def __init__(self, pieces: Iterable[bytes] = (), takes: Iterable[int] = ()) -> None:
        self.sent = bytearray()
        self.ended = False
        self.takes = deque(takes)
        self._pieces = deque(piece for piece in pieces if piece)

    @property
    def is_used_up(self) -> bool:
        return not self._pieces

    async def receive_some(self, max_bytes: int = 65_536) -> bytes:
        await trio.lowlevel.checkpoint()
        if not self._pieces:
            return b""
        piece = self._pieces.popleft()
        if len(piece) > max_bytes:
            self._pieces.appendleft(piece[max_bytes:])
        return piece[:max_bytes]

    async def send_all(self, data: bytes | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        assert not self.ended
        self.sent += data

    def send_nowait(self, data: bytes | memoryview) -> int:
        taken = min(self.takes.popleft(), len(data)) if self.takes else len(data)
        self.sent += data[:taken]
        return taken

    async def send_eof(self) -> None:
        await trio.lowlevel.checkpoint()
        self.ended = True

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()
        self.ended = True
