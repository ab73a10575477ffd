"""Group commit: what waits goes into one transaction, and nobody's impatience reaches it."""

from collections.abc import Sequence
from pathlib import Path
from threading import Event

import pytest
import trio
import trio.testing

from tests.store.conftest import OpenFile
from tests.store.drafts import Fed, all_entries, append, appended, edit, redact, said
from trio_chat.store import APPENDS_WAITING, BATCH_DRAFTS, Commit, Rejected, Store, StoreUnavailable, open_store


class Stopped:
    """The store's writing thread, held up until the block ends: so that what comes meanwhile waits together."""

    def __init__(self, store: Store) -> None:
        self._worker = store._batches._worker  # type: ignore[attr-defined]  # the thread is nobody else's business
        self._go = Event()
        self._nursery = trio.open_nursery()

    async def __aenter__(self) -> trio.Nursery:
        nursery = await self._nursery.__aenter__()
        nursery.start_soon(self._worker.run, self._go.wait)
        await trio.testing.wait_all_tasks_blocked()
        return nursery

    async def __aexit__(self, *failure: object) -> None:
        await trio.testing.wait_all_tasks_blocked()
        self._go.set()
        await self._nursery.__aexit__(*failure)  # type: ignore[arg-type]


class Batched:
    """A feed that keeps what it is told at once together."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, commits: Sequence[Commit]) -> None:
        self.sizes.append(sum(len(commit.drafts) for commit in commits))


@pytest.mark.parametrize(("calls", "drafts"), [(40, 1), (40, 7), (12, 1_000)])
async def test_what_waits_is_committed_together_up_to_a_limit(file: Path, calls: int, drafts: int) -> None:
    batched = Batched()
    async with open_store(f"sqlite:{file}", batched) as store:
        await store.open_room("lobby")
        async with Stopped(store) as nursery:
            for _ in range(calls):
                nursery.start_soon(append, store, *(said() for _ in range(drafts)))
        assert sum(batched.sizes) == calls * drafts
        assert max(batched.sizes) < BATCH_DRAFTS + drafts
        assert len(batched.sizes) <= 2 + calls * drafts // BATCH_DRAFTS


async def test_calls_committed_together_are_answered_each_by_its_own(sqlite: Store, fed: Fed) -> None:
    answers: dict[str, list[object]] = {}
    one, two = said("one"), said("two")

    async def call(name: str, *drafts: object) -> None:
        answers[name] = list(await sqlite.append(drafts, origin=name))  # type: ignore[arg-type]

    async with Stopped(sqlite) as nursery:
        for name, drafts in {
            "first": (one,),
            "the same": (one, two),
            "other content": (said("three", key=one.key), edit(1, "changed")),
            "none": (said(room="nowhere"),),
            "redaction": (redact(1), edit(1, "too late")),
        }.items():
            nursery.start_soon(call, name, *drafts)
            await trio.testing.wait_all_tasks_blocked()
    names = [commit.origin for commit in fed.commits]
    assert names == ["first", "the same", "other content", "none", "redaction"]
    assert [list(commit.outcomes) for commit in fed.commits] == [answers[str(name)] for name in names]
    assert answers["none"] == [Rejected("no_such_room")]
    kinds = [[type(outcome).__name__ for outcome in answers[str(name)]] for name in names]
    assert kinds == [
        ["Message"],
        ["Duplicate", "Message"],
        ["Rejected", "Edited"],
        ["Rejected"],
        ["Redacted", "Rejected"],
    ]
    assert [entry.seq for entry in await all_entries(sqlite)] == [1, 2, 3, 4]


async def test_rooms_made_and_entries_appended_together_fit(sqlite: Store) -> None:
    heads: list[int] = []

    async def open_and_append(name: str) -> None:
        record = await sqlite.open_room(name)
        heads.append(record.head)
        await appended(sqlite, said(room=name))

    async with Stopped(sqlite) as nursery:
        for number in range(30):
            nursery.start_soon(open_and_append, f"room {number % 3}")
            nursery.start_soon(append, sqlite, said())
    assert {room.name: room.head for room in await sqlite.rooms(limit=9)} == {
        "lobby": 30, "room 0": 10, "room 1": 10, "room 2": 10,
    }  # fmt: skip


async def test_the_head_of_a_room_never_runs_ahead_of_the_feed(sqlite: Store, fed: Fed) -> None:
    async def look() -> None:
        while True:
            for record in (await sqlite.find_room("lobby"), await sqlite.open_room("lobby")):
                assert record is not None
                assert record.head <= len(fed.entries())

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(look)
        for _ in range(60):
            await appended(sqlite, said(), said())
        nursery.cancel_scope.cancel()


async def test_more_calls_than_may_wait_wait_outside_and_are_all_carried_out(sqlite: Store) -> None:
    async with Stopped(sqlite) as nursery:
        nursery.start_soon(append, sqlite, said())  # the batch that is being committed
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(APPENDS_WAITING * 2 - 1):
            nursery.start_soon(append, sqlite, said())
        await trio.testing.wait_all_tasks_blocked()
        statistics = sqlite._batches._line.statistics()  # type: ignore[attr-defined]
        assert statistics.current_buffer_used == APPENDS_WAITING
        assert statistics.tasks_waiting_send > 0
    assert len(await all_entries(sqlite)) == APPENDS_WAITING * 2


async def test_a_deadline_of_the_caller_does_not_reach_the_transaction(sqlite: Store, fed: Fed) -> None:
    async with Stopped(sqlite) as nursery:

        async def impatient(text: str) -> None:
            with trio.move_on_after(0):
                await append(sqlite, said("never handed over"))
            with trio.CancelScope() as scope:
                nursery.start_soon(cancel_when_blocked, scope)
                await append(sqlite, said(text))

        async def cancel_when_blocked(scope: trio.CancelScope) -> None:
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()

        for number in range(5):
            nursery.start_soon(impatient, f"text {number}")
        await trio.testing.wait_all_tasks_blocked()
    await append(sqlite, said("last"))
    texts = sorted(getattr(entry, "text", "") for entry in await all_entries(sqlite))
    assert texts == ["last", *(f"text {number}" for number in range(5))]
    assert fed.entries() == await all_entries(sqlite)


async def test_leaving_commits_what_was_handed_over_even_when_cancelled(open_file: OpenFile, fed: Fed) -> None:
    with trio.CancelScope() as scope:
        async with open_file() as store:
            await store.open_room("lobby")
            async with trio.open_nursery() as nursery:
                for number in range(20):
                    nursery.start_soon(append, store, said(f"text {number}"))
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
    assert len(fed.entries()) == 20
    async with open_file() as store:
        assert await all_entries(store) == fed.entries()


async def test_a_caller_outside_of_the_block_is_answered_before_the_store_is_closed(open_file: OpenFile) -> None:
    outcomes: list[object] = []

    async def call(store: Store) -> None:
        try:
            outcomes.extend(await append(store, said()))
        except StoreUnavailable as error:
            outcomes.append(error)

    async with trio.open_nursery() as nursery, open_file() as store:
        await store.open_room("lobby")
        for _ in range(APPENDS_WAITING * 2):
            nursery.start_soon(call, store)
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
    assert len(outcomes) == APPENDS_WAITING * 2
    kept = [outcome for outcome in outcomes if not isinstance(outcome, StoreUnavailable)]
    async with open_file() as store:
        assert len(await all_entries(store)) == len(kept)


async def test_a_feed_that_breaks_its_promise_ends_the_store_loudly(file: Path) -> None:
    def feed(commits: object) -> None:
        raise ZeroDivisionError

    with pytest.RaisesGroup(ZeroDivisionError):
        async with open_store(f"sqlite:{file}", feed) as store:
            await store.open_room("lobby")
            await append(store, said())
