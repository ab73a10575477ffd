"""Both stores against the model: any drafts, in any order, with repeats, edits and redactions, and opened again."""

import tempfile
from contextlib import AsyncExitStack
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.drafts import Fed
from tests.store.model import Model
from trio_chat.store import Draft, Store, open_store

WORDS = ["red", "Green", "blue"]
PRIVATE = "private"
"""Stands in the drafts for the private room of ann and bob, whose name is the store's to make."""

texts = st.one_of(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20),
)


def made(kinds: list[str], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Draft]:
    return st.builds(
        Draft,
        room=st.sampled_from(["lobby", "lobby", "lobby", "side", "nowhere", PRIVATE]),
        author=st.sampled_from(["ann", "bob"]),
        key=st.sampled_from([f"k{number}" for number in range(12)]),
        at=st.integers(0, 2**53 - 1),
        nick=st.sampled_from(["Ann", "ANN", "Straße", "STRASSE"]),
        kind=st.sampled_from(kinds),
        text=texts,
        **fields,
    )


drafts = st.one_of(
    made(
        ["message"],
        action=st.booleans(),
        bot=st.booleans(),
        reply_to=st.none() | st.integers(0, 9),
        command=st.none() | st.just("search"),
    ),
    made(["edited", "redacted"], target=st.none() | st.integers(0, 9)),
    made(["topic_set"]),
)
pages = st.fixed_dictionaries(
    {
        "after": st.none() | st.integers(0, 12),
        "before": st.none() | st.integers(0, 12),
        "limit": st.integers(1, 12),
        "max_bytes": st.integers(0, 600) | st.just(1 << 20),
    }
)
searches = st.fixed_dictionaries(
    {
        "query": st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(" ".join),
        "reader": st.sampled_from(["ann", "eve"]),
        "room": st.none() | st.sampled_from(["lobby", PRIVATE]),
        "nick": st.none() | st.sampled_from(["ann", "strasse"]),
    }
)
steps = st.lists(
    st.lists(drafts, min_size=1, max_size=6) | st.just("open it again") | st.tuples(pages, searches),
    min_size=1,
    max_size=12,
)


@settings(max_examples=settings().max_examples // 2)
@given(steps=steps)
async def test_both_stores_do_what_the_model_does(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        await _compare("memory:", [step for step in steps if step != "open it again"])
        await _compare(f"sqlite:{directory}/chat.db", steps)


async def _compare(url: str, steps: list[Any]) -> None:
    model, fed, opened = Model({"lobby": None, "side": None}), Fed(), AsyncExitStack()
    async with opened:
        store = await opened.enter_async_context(open_store(url, fed))
        await store.open_room("lobby")
        await store.open_room("side")
        private = (await store.private_room("bob", "ann")).name
        model.rooms[private] = ("ann", "bob")
        for step in [*steps, ({"limit": 99, "max_bytes": 1 << 20}, {"query": "red", "reader": "bob"})]:
            if step == "open it again":
                await opened.aclose()
                store = await opened.enter_async_context(open_store(url, fed))
            elif isinstance(step, list):
                named = [_in_room(private, draft) for draft in step]
                assert list(await store.append(named)) == [model.append(draft) for draft in named]
            else:
                await _compare_reads(store, model, *step, private=private)
        for room in model.rooms:
            assert [entry.seq for entry in fed.entries(room)] == [entry.seq for entry in model.entries(room)]


def _in_room(private: str, draft: Draft) -> Draft:
    return msgspec.structs.replace(draft, room=private) if draft.room == PRIVATE else draft


async def _compare_reads(store: Store, model: Model, page: Any, search: Any, *, private: str) -> None:
    for room in model.rooms:
        bounds = {"after": None, "before": None, **page}
        assert await store.page(room, **bounds) == model.page(room, **bounds)
        for seq, entry in enumerate(model.entries(room), 1):
            assert await store.entry(room, seq) == entry
        record = await store.find_room(room)
        assert record is not None
        assert (record.head, record.topic) == (len(model.of(room)), model.topic(room))
    filters = {"room": None, "nick": None, **search}
    if filters["room"] == PRIVATE:
        filters["room"] = private
    query = filters.pop("query")
    hits = await store.search(query, **filters, limit=page["limit"])
    found = list(hits.entries)
    while hits.next is not None:
        hits = await store.search(query, **filters, limit=page["limit"], cursor=hits.next)
        found += hits.entries
    assert found == model.search(query, **filters)
