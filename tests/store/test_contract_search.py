"""What every store promises about searching; the third part of the contract."""

import pytest
import trio
import trio.testing

from protocol import encode
from tests.store.drafts import (
    AUTHOR,
    all_entries,
    appended,
    edit,
    found,
    redact,
    said,
    topic,
)
from trio_chat.store import Store


async def test_a_search_finds_messages_with_all_words_newest_first(store: Store) -> None:
    await store.open_room("other")
    await appended(store, said("red apple"), said("red", room="other"), said("apple, RED!"), said("green apple"))
    assert await found(store, "apple red") == ["apple, RED!", "red apple"]
    assert await found(store, "red") == ["apple, RED!", "red", "red apple"]
    assert await found(store, "blue") == []


async def test_a_search_ignores_case_and_diacritics(store: Store) -> None:
    await appended(store, said("Crème Brûlée"), said("creme brulee"), said("ÜBER-Größe"))
    assert len(await found(store, "BRULÉE crème")) == 2
    assert len(await found(store, "uber große")) == 1


@pytest.mark.parametrize(
    "query",
    [
        '"',
        "a OR b",
        "NEAR(a b)",
        "text:a",
        "a*",
        "^a",
        "-a",
        "(a",
        "a AND NOT",
        "{a b}:c",
        "'",
        "a\x00b",
        "\ud800 a",
        "+",
    ],
)
async def test_no_query_is_a_syntax_error(store: Store, query: str) -> None:
    await appended(store, said("c"))
    assert await found(store, query) == []


@pytest.mark.parametrize("query", ["", "  ", "!?", '" "'])
async def test_a_query_without_words_finds_nothing(store: Store, query: str) -> None:
    await appended(store, said("!?"), said("a"))
    assert await found(store, query) == []


async def test_words_that_are_written_together_are_found_together_only(store: Store) -> None:
    await appended(store, said("I don't stop"), said("t don stop"), said("don t"))
    assert await found(store, "don't") == ["don t", "I don't stop"]
    assert await found(store, "stop !! don't") == ["I don't stop"]


async def test_a_query_of_as_many_words_as_there_may_be_works(store: Store) -> None:
    text = " ".join(f"w{number}" for number in range(160))
    await appended(store, said(text))
    assert await found(store, text) == [text]


async def test_a_search_finds_an_edited_message_by_its_new_text(store: Store) -> None:
    await appended(store, said("old words"), edit(1, "newer words"))
    assert await found(store, "old") == []
    await appended(store, edit(1, "newest words"))
    assert await found(store, "newer") == []
    assert await found(store, "newest") == ["newest words"]
    assert await found(store, "words") == ["newest words"]


async def test_a_search_does_not_find_a_redacted_message(store: Store) -> None:
    await appended(store, said("secret"), said("secret too"))
    assert len(await found(store, "secret")) == 2
    await appended(store, edit(1, "still secret"), redact(1))
    assert await found(store, "secret") == ["secret too"]


async def test_a_search_finds_only_messages(store: Store) -> None:
    await appended(store, said("x"), topic("words"), edit(1, "y"), redact(1, "words"))
    assert await found(store, "words") == []


async def test_a_search_can_be_limited_to_a_room_and_a_nick(store: Store) -> None:
    await store.open_room("other")
    await appended(
        store,
        said("one", nick="Straße"),
        said("one", nick="STRASSE", room="other"),
        said("one", nick="strasse"),
        said("one", nick="Strasse2"),
    )
    assert len(await found(store, "one", nick="strAsse")) == 3
    assert len(await found(store, "one", nick="straße", room="lobby")) == 2
    assert len(await found(store, "one", room="other")) == 1
    assert await found(store, "one", room="nowhere") == []
    assert await found(store, "one", nick="nobody") == []


async def test_only_the_two_find_what_is_in_their_private_room(store: Store) -> None:
    private = (await store.private_room("ann", "bob")).name
    await appended(store, said("psst", room=private), said("psst aloud"))
    assert await found(store, "psst", reader="ann") == ["psst aloud", "psst"]
    assert await found(store, "psst", reader="bob", room=private) == ["psst"]
    assert await found(store, "psst", reader="eve") == ["psst aloud"]
    assert await found(store, "psst", reader="eve", room=private) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_the_pages_of_a_search_join_to_all_that_it_finds(store: Store, limit: int) -> None:
    await appended(store, *(said(f"word {number}") for number in range(7)))
    texts: list[str] = []
    cursor = None
    while True:
        hits = await store.search("word", reader=AUTHOR, limit=limit, cursor=cursor)
        assert len(hits.entries) <= limit
        texts += [message.text for message in hits.entries]
        await appended(store, said("word that came later"))
        if hits.next is None:
            break
        cursor = hits.next
    assert texts == [f"word {number}" for number in range(6, -1, -1)]


async def test_a_page_of_a_search_ends_at_its_bytes_but_has_one_message_at_least(store: Store) -> None:
    await appended(store, *(said("word " * 100) for _ in range(3)))
    size = len(encode((await all_entries(store))[0]))
    hits = await store.search("word", reader=AUTHOR, limit=9, max_bytes=1)
    assert len(hits.entries) == 1
    hits = await store.search("word", reader=AUTHOR, limit=9, max_bytes=2 * size, cursor=hits.next)
    assert (len(hits.entries), hits.next) == (2, None)


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "9" * 30, "٣"])
async def test_a_cursor_that_no_search_gave_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        await store.search("x", reader=AUTHOR, limit=1, cursor=cursor)


async def test_a_search_through_many_messages_lets_others_run(store: Store) -> None:
    await appended(store, *(said("hay") for _ in range(2_000)))
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(count_turns)
        assert await found(store, "needle") == []
        nursery.cancel_scope.cancel()
    assert turns > 2
