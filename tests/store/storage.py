"""Storage that fails when a test says so: a SQLite VFS over the real one.

This file owns the failing. All else is SQLite's own file system, so what a store meets is what SQLite makes of an
error of the disk.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import apsw

_REAL = "unix"


class Storage(apsw.VFS):
    """The storage of every database that is opened while it is the default one.

    Attributes:
        failing: operations that raise what stands here instead of being done: `write`, `sync`, `read`.
        suffix: only files whose name ends like this fail.
        released: cleared, makes a sync wait until it is set, as a disk that hangs.
        hanging: set when a sync waits.
    """

    def __init__(self) -> None:
        super().__init__("failing", _REAL, makedefault=True)
        self.failing: dict[str, type[apsw.Error]] = {}
        self.suffix = ""
        self.released = Event()
        self.released.set()
        self.hanging = Event()

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "File":  # noqa: N802  # SQLite's name
        return File(self, name, flags)

    def check(self, operation: str, name: str) -> None:
        if operation in self.failing and name.endswith(self.suffix):
            raise self.failing[operation]("as the test wants it")


class File(apsw.VFSFile):
    def __init__(self, storage: Storage, name: Any, flags: list[int]) -> None:
        super().__init__(_REAL, name, flags)
        self._storage = storage
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else str(name)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._storage.check("write", self._name)
        super().xWrite(data, offset)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._storage.check("read", self._name)
        return super().xRead(amount, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._storage.check("sync", self._name)
        if not self._storage.released.is_set():
            self._storage.hanging.set()
            self._storage.released.wait()
        super().xSync(flags)


@contextmanager
def failing_storage() -> Iterator[Storage]:
    """Make every database that is opened in the block lie on storage that can be made to fail."""
    storage = Storage()
    try:
        yield storage
    finally:
        storage.released.set()
        storage.unregister()
