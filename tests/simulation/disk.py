"""A disk that is slow and fails, what is durable on it, and what of that a loss of power takes.

This file owns what survives a server. What a log is, it leaves to the store in memory; what a server has open is in
`store`. It must not know servers.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

import trio

from protocol import Entry
from trio_chat.store import (
    Commit,
    Draft,
    Duplicate,
    Rejected,
    Store,
    open_store,
)

Fault = Literal["refused", "kept", "reads"]
"""A commit of which nothing is kept; one that is kept, though nobody is told; a read that fails."""

Moment = Literal["committing", "committed"]
"""Before anything of a transaction is durable; after, and before anybody knows."""


@dataclass
class Life:
    """What was committed to the logs under one epoch, in order, whoever lived to hear of it.

    Attributes:
        drafts: each new entry with its draft, by room, in order of seq.
        ticks: when each became durable.
        keys: where each author's key is.
    """

    epoch: str
    drafts: dict[str, list[tuple[Draft, Entry]]] = field(default_factory=dict)
    ticks: dict[tuple[str, int], int] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)  # keys that name two entries

    def add(self, draft: Draft, entry: Entry, tick: int) -> None:
        self.drafts.setdefault(entry.room, []).append((draft, entry))
        self.ticks[entry.room, entry.seq] = tick
        if (draft.author, draft.key) in self.keys:
            self.twice.append(draft.key)
        self.keys[draft.author, draft.key] = (entry.room, entry.seq)

    def head(self, room: str) -> int:
        return len(self.drafts.get(room, ()))


Op = tuple[str, tuple[Any, ...]]
"""A method of a store, and its arguments."""


class _Tokens:
    """Randomness for a store, which can be given again in the same order."""

    def __init__(self, random: Random) -> None:
        self.given: list[str] = []
        self.again: deque[str] = deque()
        self._random = random

    def __call__(self, count: int) -> str:
        token = self.again.popleft() if self.again else self._random.randbytes(count).hex()
        self.given.append(token)
        return token


class Disk:
    """What survives the servers that come and go on it.

    Attributes:
        lives: the logs' lives, the present one last.
        slow_s: how long a commit or a read takes, more or less.
        faults: how many of the next operations fail, and how.
        on_moment: called when a transaction reaches a moment; it may kill the server.
    """

    def __init__(self, random: Random, tick: Callable[[], int], *, jittery: bool = True) -> None:
        self.lives: list[Life] = []
        self.slow_s = 0.0
        self.faults: dict[Fault, int] = {}
        self.on_moment: Callable[[Moment], None] = lambda moment: None
        self.on_work: Callable[[], None] = lambda: None
        self.events: dict[str, int] = {}
        self._random = random
        self._tick = tick
        self._jittery = jittery
        self._tokens = _Tokens(random)
        self._ops: list[tuple[str, tuple[Any, ...], tuple[str, ...]]] = []  # with the tokens that each was given
        self._store: Store | None = None

    @property
    def life(self) -> Life:
        return self.lives[-1]

    def count(self, event: str) -> None:
        self.events[event] = self.events.get(event, 0) + 1

    async def work(self) -> None:
        """Take the time that the disk takes."""
        self.on_work()
        if self.slow_s:
            seconds = self.slow_s * self._random.uniform(0.5, 1.5)
        else:
            seconds = self._random.choice((0.0, 0.0, 0.0, 0.002, 0.02)) if self._jittery else 0.0
        await trio.sleep(seconds)

    def fails(self, fault: Fault) -> bool:
        if not self.faults.get(fault):
            return False
        self.faults[fault] -= 1
        self.count(f"store failed: {fault}")
        return True

    async def store(self) -> Store:
        """Return the store in memory that holds what is durable."""
        if self._store is None:
            await self._start_log([])
        assert self._store is not None
        return self._store

    async def do(self, name: str, *arguments: Any) -> Any:
        """Do something durable; the outcomes of drafts go into the present life."""
        store = await self.store()
        before = len(self._tokens.given)
        done = await getattr(store, name)(*arguments)
        self._ops.append((name, arguments, tuple(self._tokens.given[before:])))
        return done

    async def roll_back(self, operations: int) -> None:
        """Lose the newest operations, as a loss of power does without fsync; the logs live on under a new epoch."""
        self.count("rolled back")
        await self._start_log(self._ops[: max(0, len(self._ops) - operations)])

    async def _start_log(self, done: Sequence[tuple[str, tuple[Any, ...], tuple[str, ...]]]) -> None:
        async with open_store("memory:", self._keep, token_hex=self._tokens) as store:
            self.lives.append(Life(store.epoch))
            self._ops, self._store = list(done), store
            for name, arguments, tokens in done:
                self._tokens.again.extend(tokens)
                await getattr(store, name)(*arguments)

    def _keep(self, commits: Sequence[Commit]) -> None:
        """Note what has just become durable: the feed of the store in memory."""
        tick = self._tick()
        for commit in commits:
            for draft, outcome in zip(commit.drafts, commit.outcomes, strict=True):
                if not isinstance(outcome, (Duplicate, Rejected)):
                    self.life.add(draft, outcome, tick)
