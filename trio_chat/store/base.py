"""The interface of a store: the logs of all rooms, and who is who.

This file owns what every store promises and the values that go in and out. It must not know SQL, sockets,
or what a server allows. Names of rooms come in normalised (the server's `names` does that); bounds say
below whether they are inclusive. `tests/store/test_contract.py` holds every store against this text.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Literal, Protocol, final

from msgspec import Struct

from protocol import PAGE_BYTES, Edited, Entry, Message, Redacted, TopicSet

APPENDS_WAITING: Final = 256
"""Calls of `append` that may wait for the committing task; one more waits outside."""

BATCH_DRAFTS: Final = 4_096
"""Drafts at which one transaction takes no further call, so that no commit grows with the load."""

Kind = Literal["message", "edited", "redacted", "topic_set"]


class StoreError(Exception):
    """What a store could not do."""


class StoreUnavailable(StoreError):
    """The storage failed (full, locked, corrupt, gone). It is not known whether an append was kept: repeat it."""


class StoreUnusable(StoreError):
    """The store cannot be opened at all; the message says what to do, in one sentence for the operator."""


class Draft(Struct, frozen=True, gc=False):
    """What somebody wants appended to a room's log; the store gives it a seq.

    `text` is the message, the new text of an edit, the reason of a redaction, or the topic; `target` the seq
    that is edited or redacted. `at` is in Unix milliseconds. A repeat may come with another `at`, `nick`, `bot`,
    `hops`, `stopped` or `asks`; all else under the same author and key is its content, and has to be the same.
    """

    room: str
    author: str
    key: str
    at: int
    nick: str
    kind: Kind
    text: str
    action: bool = False
    bot: bool = False
    reply_to: int | None = None
    command: str | None = None
    target: int | None = None
    hops: int = 0
    stopped: bool = False
    asks: str | None = None

    def entry(self, seq: int) -> Entry:
        """Return the entry that this draft becomes at `seq`."""
        if self.kind == "message":
            return Message(
                self.room, seq, self.at, self.author, self.nick, self.text,
                self.action, self.bot, self.reply_to, self.command, None, False, self.hops, self.stopped, self.asks,
            )  # fmt: skip
        if self.kind == "topic_set":
            return TopicSet(self.room, seq, self.at, self.author, self.nick, self.text)
        assert self.target is not None
        made: type[Edited | Redacted] = Edited if self.kind == "edited" else Redacted
        return made(self.room, seq, self.at, self.author, self.nick, self.target, self.text)


@final
class Duplicate(Struct, frozen=True, gc=False):
    """The log had it already, under the same author and key: this is where and since when."""

    seq: int
    at: int


@final
class Rejected(Struct, frozen=True, gc=False):
    """The draft is not in the log: `key_reused` (the key names something else), `no_such_entry` (the target is
    no message of the room, or is redacted), `no_such_room`."""

    code: Literal["key_reused", "no_such_entry", "no_such_room"]


Outcome = Entry | Duplicate | Rejected
"""What became of a draft: the entry that it is in the log now, or why it added none."""


class Commit(Struct, frozen=True):
    """One call of `append`, carried out: `outcomes[i]` is what became of `drafts[i]`."""

    origin: object
    drafts: Sequence[Draft]
    outcomes: Sequence[Outcome]


Feed = Callable[[Sequence[Commit]], None]
"""Called with what was just committed, in the order of the logs, each entry exactly once, by the store's own
task, before the `append` that brought it returns. It must not block and must not raise."""


class Page(Struct, frozen=True):
    """Entries in ascending order of seq, and whether there are more beyond them in the direction of reading."""

    entries: list[Entry]
    more: bool


class Hits(Struct, frozen=True):
    """Messages that a search found, newest first; `next` continues after them."""

    entries: list[Message]
    next: str | None


class RoomRecord(Struct, frozen=True):
    """A room as the store knows it: the seq of its newest committed entry (0: none) and its present topic.

    `head` is never ahead of what the feed has been told (in the list that `rooms` gives, it may be, for a moment).
    `between` are the two authors of a private room."""

    name: str
    head: int
    topic: str
    between: tuple[str, str] | None = None


class Store(Protocol):
    """The logs and the people. All methods may raise `StoreUnavailable`.

    Cancelling a read abandons it. Cancelling `append` abandons only the waiting: what was handed over is
    committed and fed all the same.
    """

    epoch: str
    """Names the life of the logs: another value means that what was read before may not be there any more."""

    async def append(self, drafts: Sequence[Draft], origin: object = None) -> Sequence[Outcome]:
        """Append `drafts` in order and return what became of each, once all of it is on stable storage.

        Drafts of one call are committed together, in one transaction with whatever else waits. All or nothing:
        after `StoreUnavailable` none of them is visible to anyone (the feed has not seen them), and the same
        drafts may be appended again. An edit gives its target the new text, a redaction empties the target
        and every edit of it; both stand in the log besides.
        """
        ...

    async def page(
        self, room: str, *, after: int | None = None, before: int | None = None, limit: int, max_bytes: int
    ) -> Page:
        """Return entries in their present state, at most `limit` and about `max_bytes` of encoded size (one at least).

        With `after` (exclusive): the oldest ones above it, below `before` (exclusive) if that is given.
        With `before` alone (exclusive): the newest ones below it. With neither: the newest ones.
        """
        ...

    async def entry(self, room: str, seq: int) -> Entry | None:
        """Return one entry in its present state."""
        ...

    async def search(
        self,
        query: str,
        *,
        reader: str,
        room: str | None = None,
        nick: str | None = None,
        cursor: str | None = None,
        limit: int,
        max_bytes: int = PAGE_BYTES,
    ) -> Hits:
        """Find messages that hold all words of `query`, newest first, committed ones without exception.

        At most `limit` and about `max_bytes` of encoded size, as in `page`.

        Words match without case and diacritics. Redacted messages are not found; edited ones by their new text.
        `reader` (an author) finds nothing in private rooms of others. `nick`, exact and without case, limits it
        to what was said under that name. A `query` without words finds nothing.

        Raises:
            ValueError: `cursor` is not one that `Hits.next` gave.
        """
        ...

    async def open_room(self, name: str) -> RoomRecord:
        """Return a public room, made durable if it is new.

        Raises:
            ValueError: the name starts with ``~``, as those of private rooms do.
        """
        ...

    async def find_room(self, name: str) -> RoomRecord | None:
        """Return a room, public or private, if it exists."""
        ...

    async def rooms(self, *, after: str | None = None, limit: int) -> list[RoomRecord]:
        """Return public rooms by name in code point order, after `after` (exclusive)."""
        ...

    async def private_room(self, one: str, other: str) -> RoomRecord:
        """Return the private room of two authors, whichever comes first, made durable if it is new.

        Its name is ``~`` and an opaque id; `one` and `other` may be the same person.
        """
        ...

    async def identity(self, session_hash: bytes, now_ms: int) -> str:
        """Return the author whose session has this hash, made durable if it is new; notes that it was seen `now_ms`."""
        ...


class OpenStore(Protocol):
    """How a store is opened: an async context manager that owns the committing task.

    Leaving it commits what was handed over, within its deadline, then closes.

    Raises:
        StoreUnusable: on entering; the message is for the operator.
    """

    def __call__(self, feed: Feed) -> AbstractAsyncContextManager[Store]: ...
