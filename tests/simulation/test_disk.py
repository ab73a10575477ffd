"""The simulated store is a store: the contract of tests/store, held against it, and what only it can do."""

from collections.abc import AsyncIterator
from random import Random

import pytest
import trio

from tests.simulation.disk import Disk
from tests.simulation.store import DiskStore, open_disk
from tests.store.drafts import Fed, all_entries, appended, said
from tests.store.test_contract import *  # noqa: F403  # every test of the contract is one of this store too
from tests.store.test_contract_reads import *  # noqa: F403
from tests.store.test_contract_search import *  # noqa: F403
from trio_chat.store import Store, StoreUnavailable


@pytest.fixture
def fed() -> Fed:
    return Fed()


@pytest.fixture
def url() -> str:
    """Which store two tests of the contract open besides: what they look at, a disk leaves to the one in memory."""
    return "memory:"


@pytest.fixture
def disk() -> Disk:
    return Disk(Random(0), lambda: 0, jittery=False)


@pytest.fixture
async def store(disk: Disk, fed: Fed) -> AsyncIterator[Store]:
    async with open_disk(disk, fed) as opened:
        await opened.open_room("lobby")
        yield opened


async def test_what_was_committed_is_there_after_a_kill_and_what_was_not_is_gone(disk: Disk) -> None:
    opened: list[DiskStore] = []
    async with open_disk(disk, Fed(), opened.append) as store:
        await store.open_room("lobby")
        await appended(store, said("kept"))
        async with trio.open_nursery() as nursery:
            disk.on_moment = lambda moment: opened[0].kill()
            nursery.start_soon(store.append, [said("lost")])
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    disk.on_moment = lambda moment: None
    async with open_disk(disk, Fed()) as store:
        assert [getattr(entry, "text", "") for entry in await all_entries(store)] == ["kept"]


async def test_a_kill_after_the_commit_keeps_what_nobody_was_told_of(disk: Disk, fed: Fed) -> None:
    opened: list[DiskStore] = []
    async with open_disk(disk, fed, opened.append) as store:
        await store.open_room("lobby")
        async with trio.open_nursery() as nursery:
            disk.on_moment = lambda moment: opened[0].kill() if moment == "committed" else None
            nursery.start_soon(store.append, [said("kept")])
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    disk.on_moment = lambda moment: None
    assert fed.commits == []
    async with open_disk(disk, fed) as store:
        assert [getattr(entry, "text", "") for entry in await all_entries(store)] == ["kept"]


@pytest.mark.parametrize("fault", ["refused", "kept"])
async def test_a_failing_commit_is_not_told_and_can_be_sent_again(disk: Disk, fed: Fed, fault: str) -> None:
    draft = said("again")
    async with open_disk(disk, fed) as store:
        await store.open_room("lobby")
        disk.faults[fault] = 1  # type: ignore[index]  # one of the two
        with pytest.raises(StoreUnavailable):
            await store.append([draft])
        assert fed.commits == []
        await store.append([draft])
        assert [entry.seq for entry in fed.entries()] == [1]
        assert fed.entries() == await all_entries(store)


async def test_a_disk_that_is_rolled_back_has_another_epoch_and_the_same_people(disk: Disk, fed: Fed) -> None:
    async with open_disk(disk, fed) as store:
        await store.open_room("lobby")
        author = await store.identity(b"1", 0)
        await appended(store, said("kept"))
        await appended(store, said("lost"))
        epoch = store.epoch
    await disk.roll_back(1)
    async with open_disk(disk, fed) as store:
        assert store.epoch != epoch
        assert await store.identity(b"1", 0) == author
        assert await store.identity(b"2", 0) != author
        assert [getattr(entry, "text", "") for entry in await all_entries(store)] == ["kept"]
