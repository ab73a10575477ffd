"""The logs of all rooms, and who is who: the interface, and the stores that keep it.

This file owns the public names and which URL opens which store. It must not know how any of them keeps anything.
"""

import secrets
from contextlib import AbstractAsyncContextManager
from typing import Literal

from trio_chat.store.base import (
    APPENDS_WAITING,
    BATCH_DRAFTS,
    Commit,
    Draft,
    Duplicate,
    Feed,
    Hits,
    Kind,
    OpenStore,
    Outcome,
    Page,
    Rejected,
    RoomRecord,
    Store,
    StoreError,
    StoreUnavailable,
    StoreUnusable,
)
from trio_chat.store.ids import TokenHex
from trio_chat.store.memory import open_memory
from trio_chat.store.sqlite import open_sqlite

__all__ = [
    "APPENDS_WAITING",
    "BATCH_DRAFTS",
    "Commit",
    "Draft",
    "Duplicate",
    "Feed",
    "Hits",
    "Kind",
    "OpenStore",
    "Outcome",
    "Page",
    "Rejected",
    "RoomRecord",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "StoreUnusable",
    "open_store",
]


def open_store(
    url: str, feed: Feed, *, sync: Literal["full", "normal"] = "full", token_hex: TokenHex = secrets.token_hex
) -> AbstractAsyncContextManager[Store]:
    """Open the store that `url` names, for as long as the block lasts.

    The store's tasks run in a nursery of its own. Leaving the block, also by an exception or by cancellation, commits
    what was handed over to `append`, for a few seconds at most, and closes the store. Exceptions of the block pass as
    they are, not in a group.

    Args:
        url: ``memory:``, gone with the process; or ``sqlite:PATH``, a database file, made if it is not there.
        feed: is told of everything that is committed; see `Feed`.
        sync: ``full``: what is acknowledged survives the loss of power; ``normal``: the end of the process only.
        token_hex: where randomness comes from.

    Raises:
        StoreUnusable: the URL names no store (at once), or the store cannot be opened (on entering the block). The
            message is one sentence for the operator.
    """
    scheme, colon, path = url.partition(":")
    if scheme == "memory" and colon and not path:
        return open_memory(feed, token_hex)
    if scheme == "sqlite" and path:
        return open_sqlite(path, feed, sync=sync, token_hex=token_hex)
    raise StoreUnusable(f"{url!r} names no store: give memory: or sqlite:PATH, for example sqlite:trio_chat.db.")
