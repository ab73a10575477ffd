"""Wiping what SQLite leaves in the unused space of a database's pages.

This file owns the form of a page, as far as that takes. It must not know what a database holds.

`secure_delete` overwrites what is deleted. But when rows are moved to another page, because their neighbours grew or
went, the bytes of the old copy stay in the unused space of the old page, and outlive the row: one redaction in a
thousand left a word there. See https://www.sqlite.org/fileformat2.html, section 1.6.
"""

import os
from collections.abc import Callable
from struct import unpack_from
from typing import Final

CHUNK_PAGES: Final = 1_024
"""Pages that are read at once, some milliseconds of work."""

_HEAD_BYTES: Final = 100  # before the first page's own head
_INTERIOR: Final = frozenset({2, 5})
_LEAF: Final = frozenset({10, 13})
# The first byte of a page that is no node of a tree is the highest one of a page number: 0 in files below this many.
_MOST_PAGES: Final = 1 << 24


def scrub(path: str, check: Callable[[], object]) -> None:
    """Overwrite the unused space in the pages of a database that nobody has open and that has no write-ahead log.

    Args:
        path: the file.
        check: called between lots of pages; what it raises ends the work and is passed on.

    Raises:
        OSError: the file cannot be read or written.
    """
    with open(path, "r+b", buffering=0) as file:
        head = file.read(_HEAD_BYTES)
        page_bytes = unpack_from("!H", head, 16)[0] if len(head) == _HEAD_BYTES else 0
        if page_bytes < 512:  # empty, or the one size that two bytes do not hold
            return
        for first in range(0, _MOST_PAGES, CHUNK_PAGES):
            check()
            file.seek(first * page_bytes)
            data = file.read(CHUNK_PAGES * page_bytes)
            for offset in range(0, len(data) - page_bytes + 1, page_bytes):
                start, end = _unused(data, offset, page_bytes, _HEAD_BYTES if first == offset == 0 else 0)
                if data.count(0, start, end) < end - start:
                    file.seek(first * page_bytes + start)
                    file.write(bytes(end - start))
            if len(data) < CHUNK_PAGES * page_bytes:
                break
        os.fsync(file.fileno())


def _unused(data: bytes, offset: int, page_bytes: int, skipped: int) -> tuple[int, int]:
    """Return where the unused space of the page at `offset` begins and ends; nothing, if it is no node of a tree."""
    kind, _, cells, content = unpack_from("!BHHH", data, offset + skipped)
    if kind not in _INTERIOR | _LEAF:
        return (offset, offset)
    start = skipped + (12 if kind in _INTERIOR else 8) + 2 * cells
    end = min(content or 65_536, page_bytes)
    return (offset + start, offset + end) if start < end else (offset, offset)
