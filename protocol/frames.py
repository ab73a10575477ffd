"""Frames: a byte stream cut into payloads, and payloads made into bytes.

This file owns the four-byte length in front of every payload and the limit on it. It must not know what
a payload means, where bytes come from, or who is on the other side.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final

# What a payload towards the server may weigh. A post of 4,000 characters, each written as two escaped
# surrogates, is 48,000 bytes; 64 KiB holds it with all its fields (NATS and IRCv3 chose 1 MiB and 8 KiB).
MAX_FRAME_TO_SERVER: Final = 65_536
# What a payload towards the client may weigh: a page ends at 256 KiB of entries, in the worst escaping.
MAX_FRAME_TO_CLIENT: Final = 1_048_576
# Every limit stays below 2**24, so that the first byte of a frame is always 0x00 and one port can tell
# frames from TLS (0x16) and HTTP (a letter).
FRAME_LIMIT_CEILING: Final = 1 << 24

_LENGTH: Final = Struct("!I")


class FrameError(ValueError):
    """The stream cannot be cut into frames any more: close it.

    Attributes:
        length: the length that was read.
        limit: the largest length that was acceptable, in bytes.
    """

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(f"a frame of {length} bytes was announced; 1 to {limit} are accepted")
        self.length = length
        self.limit = limit


class FrameDecoder:
    """Cuts a stream of bytes, fed in pieces of any size, into payloads.

    Use it as ``decoder.feed(data)`` followed by ``while batch := decoder.take(): ...``. That order makes
    every frame before a bad one come out before the error does.

    Args:
        max_frame_bytes: the largest acceptable payload, 1 to 2**24 - 1 bytes.

    Raises:
        ValueError: `max_frame_bytes` is outside that range.
    """

    __slots__ = ("_error", "_fed", "_limit", "_partial", "_position")

    def __init__(self, max_frame_bytes: int = MAX_FRAME_TO_SERVER) -> None:
        if not 1 <= max_frame_bytes < FRAME_LIMIT_CEILING:
            raise ValueError(f"max_frame_bytes is {max_frame_bytes}; 1 to {FRAME_LIMIT_CEILING - 1} are accepted")
        self._limit = max_frame_bytes
        self._partial = bytearray()  # the one frame that is not complete: never more than 4 + limit
        self._fed = b""  # what the last feed brought and is not cut up yet
        self._position = 0  # where in it the next frame starts
        self._error: FrameError | None = None

    @property
    def held_bytes(self) -> int:
        """How many bytes wait here; after a drain, less than 4 + the limit. Not 0 when the stream ends: it was cut."""
        return len(self._partial) + len(self._fed) - self._position

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take in what the stream brought; costs nothing that grows with what is held. Once in error, ignores it.

        Raises:
            RuntimeError: the frames of the last feed were not all taken.
        """
        if self._error is not None:
            return
        if self._position < len(self._fed):
            raise RuntimeError("take() all frames before feeding more bytes")
        self._fed, self._position = bytes(data), 0

    def take(self) -> list[bytes]:
        """Return the payloads that are complete, oldest first; an empty list when more bytes are needed.

        Raises:
            FrameError: a bad length stands next in the stream. Every later call raises the same error.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)  # or each call would lengthen the traceback it carries
        payloads: list[bytes] = []
        if self._partial and not self._complete_partial(payloads):
            self._fed, self._position = b"", 0
            return payloads
        data, position, end, limit = self._fed, self._position, len(self._fed), self._limit
        unpack, append = _LENGTH.unpack_from, payloads.append
        while (body := position + 4) <= end:
            (length,) = unpack(data, position)
            if not 0 < length <= limit:
                return self._fail(length, payloads)
            following = body + length
            if following > end:
                break
            append(data[body:following])
            position = following
        self._partial += data[position:]
        self._fed, self._position = b"", 0
        return payloads

    def _complete_partial(self, payloads: list[bytes]) -> bool:
        """Move bytes into the partial frame until it is whole; False if the feed did not reach."""
        partial = self._partial
        if len(partial) < 4:
            self._move(4 - len(partial))
            if len(partial) < 4:
                return False
        (length,) = _LENGTH.unpack_from(partial)
        if not 0 < length <= self._limit:
            self._fail(length, payloads)
        self._move(4 + length - len(partial))
        if len(partial) < 4 + length:
            return False
        payloads.append(bytes(memoryview(partial)[4:]))
        self._partial = bytearray()
        return True

    def _move(self, count: int) -> None:
        start = self._position
        self._position = min(start + count, len(self._fed))
        self._partial += self._fed[start : self._position]

    def _fail(self, length: int, payloads: list[bytes]) -> list[bytes]:
        """Enter the error state for good, and let the frames before the bad one out first."""
        self._error = FrameError(length, self._limit)
        self._partial, self._fed, self._position = bytearray(), b"", 0
        if not payloads:
            raise self._error
        return payloads


def encode_frame(payload: bytes, max_frame_bytes: int = MAX_FRAME_TO_CLIENT) -> bytes:
    """Return `payload` with its length in front.

    Raises:
        FrameError: the payload is empty or larger than `max_frame_bytes`; the peer would refuse it.
    """
    length = len(payload)
    if not 0 < length <= max_frame_bytes:
        raise FrameError(length, max_frame_bytes)
    return _LENGTH.pack(length) + payload


def encode_frames(payloads: Sequence[bytes], max_frame_bytes: int = MAX_FRAME_TO_CLIENT) -> bytes:
    """Return `payloads` as one block of frames, each with its length in front.

    Raises:
        FrameError: a payload is empty or larger than `max_frame_bytes`; the peer would refuse it.
    """
    parts: list[bytes] = []
    for payload in payloads:
        length = len(payload)
        if not 0 < length <= max_frame_bytes:
            raise FrameError(length, max_frame_bytes)
        parts.append(_LENGTH.pack(length))
        parts.append(payload)
    return b"".join(parts)
