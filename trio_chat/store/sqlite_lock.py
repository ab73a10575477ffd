"""One server to a database: the path that is meant, and the lock on it.

This file owns the file `PATH.lock`. It must not know what a database holds. The lock is the operating system's: it
goes with the process, however that ends, and the file stays.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from trio_chat.store.base import StoreUnusable


def resolve(path: str) -> Path:
    """Return the one absolute path of a file, whichever way it is named.

    Raises:
        StoreUnusable: its directory is not there, or the path is a directory or cannot be followed.
    """
    try:
        resolved = Path(path).expanduser().resolve()
        if not resolved.parent.is_dir():
            raise StoreUnusable(f"There is no directory {resolved.parent}: create it, or choose another path.")
        if resolved.is_dir():
            raise StoreUnusable(f"{resolved} is a directory: give the path of a file in it, as {resolved}/chat.db.")
    except (OSError, RuntimeError, ValueError) as error:
        raise StoreUnusable(f"The path {path!r} cannot be used ({error}): choose another one.") from error
    return resolved


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a resolved path for as long as the block lasts.

    Raises:
        StoreUnusable: another server holds it, or the directory cannot be written.
    """
    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(blocking=False)
    except (Timeout, OSError, NotImplementedError) as error:
        if isinstance(error, Timeout) and Path(lock.lock_file).exists():
            raise StoreUnusable(f"{path} is in use by another server: stop that one, or choose another path.") from None
        raise StoreUnusable(
            f"The directory {path.parent} cannot be written to: check its permissions and the disk, or choose another "
            "path."
        ) from error
    try:
        yield
    finally:
        lock.release()
