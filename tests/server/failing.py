"""A server whose disk is slow, full, or says that it has failed when it has not."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from trio_chat.server import Server, ServerConfig, open_server
from trio_chat.store import Commit, Draft, Feed, Page, RoomRecord, Store, StoreUnavailable, open_store


class FailingStore:
    """A store that works, or fails as one whose disk is full, or commits what it says has failed."""

    def __init__(self, feed: Feed) -> None:
        self.store: Store
        self.failing = False
        self.append_s = 0.0
        self.find_s = 0.0
        self.finds = 0
        self.doubtful = False
        self._feed = feed
        self._held: list[Commit] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)

    def feed(self, commits: Sequence[Commit]) -> None:
        self._held += commits
        if not self.doubtful:
            held, self._held = self._held, []
            self._feed(held)

    async def append(self, drafts: list[Draft], origin: object = None) -> object:
        await trio.sleep(self.append_s)
        self._check()
        outcomes = await self.store.append(drafts, origin)
        if self.doubtful:
            raise StoreUnavailable("the disk did not answer")
        return outcomes

    async def page(self, *args: object, **kwargs: object) -> Page:
        self._check()
        return await self.store.page(*args, **kwargs)  # type: ignore[arg-type]  # handed through

    async def find_room(self, name: str) -> RoomRecord | None:
        self.finds += 1
        await trio.sleep(self.find_s)
        self._check()
        return await self.store.find_room(name)

    async def identity(self, session_hash: bytes, now_ms: int) -> str:
        self._check()
        return await self.store.identity(session_hash, now_ms)

    def _check(self) -> None:
        if self.failing:
            raise StoreUnavailable("the disk is full")


@asynccontextmanager
async def failing_server(rate_limit: float | None = None) -> AsyncIterator[tuple[Server, FailingStore]]:
    made: list[FailingStore] = []

    @asynccontextmanager
    async def open_failing(feed: Feed) -> AsyncIterator[Store]:
        made.append(FailingStore(feed))
        async with open_store("memory:", made[0].feed) as made[0].store:
            yield made[0]  # type: ignore[misc]  # it hands the rest through

    async with open_server(ServerConfig(port=0, rate_limit=rate_limit), store=open_failing) as server:
        yield server, made[0]
