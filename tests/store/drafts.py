"""What the tests of stores append and look at, and a feed that keeps what it is told.

This file owns the makers of drafts. It must not know any store.
"""

import subprocess
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from protocol import Entry
from trio_chat.store import Commit, Draft, Outcome, Store

AUTHOR = "ann"
NOW_MS = 1_700_000_000_000
_keys = count(1)


def said(text: str = "hello", **fields: Any) -> Draft:
    """Return a message to `lobby` by `AUTHOR`, under a key of its own unless `fields` says otherwise."""
    return _draft("message", text, fields)


def edit(target: int | None, text: str = "changed", **fields: Any) -> Draft:
    return _draft("edited", text, {"target": target, **fields})


def redact(target: int | None, reason: str = "", **fields: Any) -> Draft:
    return _draft("redacted", reason, {"target": target, **fields})


def topic(text: str, **fields: Any) -> Draft:
    return _draft("topic_set", text, fields)


def _draft(kind: Any, text: str, fields: dict[str, Any]) -> Draft:
    return Draft(
        **{
            "room": "lobby",
            "author": AUTHOR,
            "key": f"key {next(_keys)}",
            "at": NOW_MS,
            "nick": "Ann",
            "kind": kind,
            "text": text,
            **fields,
        }
    )


class Fed:
    """A feed that keeps all that it is told, in order."""

    def __init__(self) -> None:
        self.commits: list[Commit] = []

    def __call__(self, commits: Sequence[Commit]) -> None:
        self.commits += commits

    def entries(self, room: str = "lobby") -> list[Entry]:
        outcomes = (outcome for commit in self.commits for outcome in commit.outcomes)
        return [o for o in outcomes if isinstance(o, Entry) and o.room == room]


async def append(store: Store, *drafts: Draft) -> list[Outcome]:
    """Append drafts in one call."""
    return list(await store.append(drafts))


async def appended(store: Store, *drafts: Draft) -> list[int]:
    """Append drafts in one call, all of which are new, and return their seqs."""
    outcomes = await append(store, *drafts)
    entries = [outcome for outcome in outcomes if isinstance(outcome, Entry)]
    assert entries == outcomes
    return [entry.seq for entry in entries]


async def all_entries(store: Store, room: str = "lobby") -> list[Entry]:
    page = await store.page(room, after=0, limit=1_000_000, max_bytes=1 << 40)
    assert not page.more
    return page.entries


async def found(store: Store, query: str, **options: Any) -> list[str]:
    """Search as `AUTHOR` and return the texts that are found."""
    hits = await store.search(query, **{"reader": AUTHOR, "limit": 100, **options})
    return [message.text for message in hits.entries]


def bytes_of(path: Path) -> bytes:
    """Read a file of a database that may be open; nothing, if the file has just gone.

    Another process does it: closing a file gives up all of a process's locks on it, SQLite's too.
    """
    return subprocess.run(["cat", path], check=False, capture_output=True).stdout
