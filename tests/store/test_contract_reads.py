"""What every store promises about pages, rooms and people; the second part of the contract."""

from itertools import pairwise
from typing import Any

import pytest
import trio
import trio.testing

from protocol import Message, encode
from tests.store.drafts import (
    AUTHOR,
    NOW_MS,
    all_entries,
    appended,
    edit,
    said,
    topic,
)
from trio_chat.store import Page, RoomRecord, Store, open_store


def seqs(page: Page) -> list[int]:
    assert all(one.seq < two.seq for one, two in pairwise(page.entries))
    return [entry.seq for entry in page.entries]


@pytest.mark.parametrize(
    ("bounds", "limit", "expected", "more"),
    [
        ({}, 3, [8, 9, 10], True),
        ({}, 10, list(range(1, 11)), False),
        ({}, 99, list(range(1, 11)), False),
        ({"before": 4}, 2, [2, 3], True),
        ({"before": 4}, 3, [1, 2, 3], False),
        ({"before": 1}, 3, [], False),
        ({"before": 0}, 3, [], False),
        ({"before": 99}, 2, [9, 10], True),
        ({"after": 0}, 3, [1, 2, 3], True),
        ({"after": 7}, 3, [8, 9, 10], False),
        ({"after": 7}, 2, [8, 9], True),
        ({"after": 10}, 3, [], False),
        ({"after": 99}, 3, [], False),
        ({"after": 2, "before": 6}, 9, [3, 4, 5], False),
        ({"after": 2, "before": 6}, 2, [3, 4], True),
        ({"after": 2, "before": 6}, 3, [3, 4, 5], False),
        ({"after": 5, "before": 6}, 3, [], False),
        ({"after": 6, "before": 3}, 3, [], False),
    ],
)
async def test_a_page_lies_between_its_bounds_and_says_if_there_is_more(
    store: Store, bounds: dict[str, int], limit: int, expected: list[int], more: bool
) -> None:
    await appended(store, *(said() for _ in range(10)))
    page = await store.page("lobby", **bounds, limit=limit, max_bytes=1 << 20)
    assert (seqs(page), page.more) == (expected, more)


@pytest.mark.parametrize("length", [1, 40, 5_000])
@pytest.mark.parametrize("bounds", [{"after": 0}, {"before": 9}, {}])
async def test_a_page_ends_at_its_bytes_but_has_one_entry_at_least(
    store: Store, bounds: dict[str, int], length: int
) -> None:
    await appended(store, *(said("é" * length) for _ in range(9)))
    one = len(encode((await all_entries(store))[0]))
    for max_bytes, count in ((0, 1), (one - 1, 1), (one, 1), (2 * one - 1, 1), (2 * one, 2), (3 * one + 1, 3)):
        page = await store.page("lobby", **bounds, limit=8, max_bytes=max_bytes)
        assert (len(page.entries), page.more) == (count, True)


async def test_a_page_of_a_room_that_is_not_there_is_empty(store: Store) -> None:
    assert await store.page("nowhere", limit=9, max_bytes=9) == Page([], False)


async def test_one_entry_is_read_in_its_present_state(store: Store) -> None:
    await appended(store, said("old"), edit(1, "new", at=4))
    assert await store.entry("lobby", 1) == Message("lobby", 1, NOW_MS, AUTHOR, "Ann", "new", edited_at=4)
    for seq in (0, -1, 3):
        assert await store.entry("lobby", seq) is None
    assert await store.entry("nowhere", 1) is None


# --- rooms and people ---------------------------------------------------------------------------------


async def test_a_room_says_its_head_and_topic(store: Store) -> None:
    assert await store.open_room("new") == RoomRecord("new", 0, "")
    await appended(store, said(room="new"), topic("a", room="new"), topic("b", room="new"))
    record = RoomRecord("new", 3, "b")
    assert await store.open_room("new") == record
    assert await store.find_room("new") == record
    assert await store.rooms(after="lobby", limit=9) == [record]
    assert await store.find_room("nowhere") is None


async def test_public_rooms_are_listed_by_code_point(store: Store) -> None:
    for name in ("b", "ä", "a", "Z", "漢", "🙂"):
        await store.open_room(name)
    await store.private_room("ann", "bob")
    names = ["Z", "a", "b", "lobby", "ä", "漢", "🙂"]
    assert [room.name for room in await store.rooms(limit=99)] == names
    assert [room.name for room in await store.rooms(after="b", limit=2)] == ["lobby", "ä"]
    assert [room.name for room in await store.rooms(after="b", limit=1)] == ["lobby"]
    assert await store.rooms(after="🙂", limit=9) == []


async def test_two_authors_have_one_private_room_whoever_comes_first(store: Store) -> None:
    room = await store.private_room("bob", "ann")
    assert room.name.startswith("~")
    assert room.between == ("ann", "bob")
    assert await store.private_room("ann", "bob") == room
    assert await store.find_room(room.name) == room
    others = [await store.private_room("ann", "ann"), await store.private_room("bob", "bob")]
    assert others[0].between == ("ann", "ann")
    assert len({room.name, *(other.name for other in others)}) == 3


async def test_private_rooms_are_not_opened_as_public_ones(store: Store) -> None:
    room = await store.private_room("ann", "bob")
    with pytest.raises(ValueError, match="private room"):
        await store.open_room(room.name)


async def test_a_session_has_one_author_for_good(store: Store) -> None:
    author = await store.identity(b"1" * 32, NOW_MS)
    assert author == await store.identity(b"1" * 32, NOW_MS + 40 * 24 * 3_600_000)
    other = await store.identity(b"2" * 32, NOW_MS)
    assert author != other
    assert len(author) == len(other) == 13
    assert author.isascii()


async def test_a_session_that_says_hello_twice_at_once_has_one_author(store: Store) -> None:
    authors: list[str] = []

    async def hello() -> None:
        authors.append(await store.identity(b"1" * 32, NOW_MS))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(hello)
    assert len(set(authors)) == 1
    assert len(authors) == 20


async def test_a_random_id_that_is_taken_is_not_given_again(url: str) -> None:
    digits = iter(["00", "11", "11", "22", "33", "33", "44"])
    async with open_store(url, lambda commits: None, token_hex=lambda size: next(digits) * size) as store:
        ann, bob = await store.identity(b"a", 0), await store.identity(b"b", 0)
        assert ann != bob
        one, two = await store.private_room(ann, ann), await store.private_room(bob, bob)
        assert one.name != two.name
        assert next(digits, None) is None


async def test_a_store_begins_with_an_epoch_of_its_own(url: str, store: Store, tmp_path: Any) -> None:
    second = "memory:" if url == "memory:" else f"sqlite:{tmp_path / 'second.db'}"
    async with open_store(second, lambda commits: None) as other:
        assert store.epoch
        assert store.epoch != other.epoch
