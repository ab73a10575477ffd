"""Counting how often something came in a stream that is cut anywhere, without parsing; and percentiles.

This file owns the arithmetic that every figure rests on. It must not know sockets or servers.
"""

from collections.abc import Sequence
from typing import Final

CARRY_BYTES: Final = 128
"""How long what is counted may be, and so what has to be kept of a piece for the next one."""

BUFFER_BYTES: Final = 262_144
"""What one read may bring: small enough that it is counted while it is still in the processor's cache."""

RARE: Final = b"ZYXWVUTSRQPONMLKJIHGFEDCBA;?!@#$%&*+=[]|^>`"
"""What texts end with, and what is counted: bytes that differ, so that no two occurrences overlap, and of which frames
have few around texts, because `bytes.count` skips as many bytes as the one it looks at is away from the pattern's
end."""

WORDS: Final = b"does a slow reader hold up the others or does it read what it missed from the log "


def text_of(size: int) -> bytes:
    """Return a text of `size` bytes that begins with the only ``<`` in it, and as every text of such a size."""
    words = size - 1 - len(RARE)
    if words <= 0:
        return b"<" + RARE[len(RARE) - size + 1 :]
    return b"<" + (WORDS * (words // len(WORDS) + 1))[:words] + RARE


def mark_of(text: bytes) -> bytes:
    """Return what to count in order to count a text of `text_of`."""
    return text[-len(RARE) :] if len(text) > len(RARE) else text


class Buffer:
    """What sockets are read into, with space before it for what was kept of the piece before."""

    def __init__(self, mark: bytes) -> None:
        if len(mark) > CARRY_BYTES or any(mark.endswith(mark[:size]) for size in range(1, len(mark))):
            raise ValueError("what is counted has to be short, and must not overlap itself")
        self.mark = mark
        self.bytes = bytearray(CARRY_BYTES + BUFFER_BYTES)
        self.view = memoryview(self.bytes)[CARRY_BYTES:]


class Counter:
    """How often the buffer's mark came in one stream.

    Attributes:
        count: whole marks so far.
        byte_count: bytes so far.
    """

    __slots__ = ("_buffer", "_kept", "byte_count", "count")

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._kept = b""
        self.count = 0
        self.byte_count = 0

    def add(self, size: int) -> int:
        """Count in the `size` bytes that have just been read into the buffer's view; return how many marks ended."""
        data, mark, kept = self._buffer.bytes, self._buffer.mark, self._kept
        start, end = CARRY_BYTES - len(kept), CARRY_BYTES + size
        data[start:CARRY_BYTES] = kept
        found = data.count(mark, start, end)
        # A mark that ended is never counted again: what is kept is shorter than a mark, and marks do not overlap.
        self._kept = bytes(data[max(start, end - len(mark) + 1) : end])
        self.byte_count += size
        self.count += found
        return found


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the value that `percent` of all do not exceed (the nearest rank); 0 of none."""
    if not ordered:
        return 0.0
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]
