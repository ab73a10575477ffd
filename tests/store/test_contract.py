"""What every store promises, held against each of them: the text of `trio_chat/store/base.py`, sentence by sentence."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from protocol import Edited, Message, Redacted, TopicSet, encode
from tests.store.drafts import (
    AUTHOR,
    NOW_MS,
    Fed,
    all_entries,
    append,
    appended,
    edit,
    found,
    redact,
    said,
    topic,
)
from trio_chat.store import Appended, Draft, Duplicate, Page, Rejected, RoomRecord, Store, open_store

# --- appending ----------------------------------------------------------------------------------------


async def test_entries_of_a_room_have_seqs_from_1_without_holes(store: Store) -> None:
    assert await appended(store, said(), said()) == [1, 2]
    assert await appended(store, topic("x"), edit(1), redact(2)) == [3, 4, 5]
    assert [entry.seq for entry in await all_entries(store)] == [1, 2, 3, 4, 5]


async def test_every_room_counts_for_itself(store: Store) -> None:
    await store.open_room("other")
    assert await appended(store, said(), said(room="other"), said(), said(room="other")) == [1, 1, 2, 2]


async def test_an_entry_comes_back_with_every_field_of_its_draft(store: Store) -> None:
    draft = Draft(
        room="lobby",
        author="bob",
        key="k",
        at=7,
        nick="Böb",
        kind="message",
        text="a\nb\t'\"\\ é 漢 🙂",
        action=True,
        bot=True,
        reply_to=3,
        command="search",
    )
    message = Message(
        room="lobby",
        seq=1,
        at=7,
        author="bob",
        nick="Böb",
        text="a\nb\t'\"\\ é 漢 🙂",
        action=True,
        bot=True,
        reply_to=3,
        command="search",
    )
    assert await append(store, draft) == [Appended(message)]
    assert await all_entries(store) == [message]


async def test_what_is_no_message_comes_back_as_what_it_is(store: Store) -> None:
    await appended(store, said(), edit(1, "new"), topic("about", at=9), redact(1, "spam"))
    assert (await all_entries(store))[1:] == [
        Edited("lobby", 2, NOW_MS, AUTHOR, "Ann", 1, ""),
        TopicSet("lobby", 3, 9, AUTHOR, "Ann", "about"),
        Redacted("lobby", 4, NOW_MS, AUTHOR, "Ann", 1, "spam"),
    ]


async def test_the_largest_numbers_of_the_protocol_survive(store: Store) -> None:
    largest = 2**53 - 1
    await appended(store, said(at=largest, reply_to=largest))
    (entry,) = await all_entries(store)
    assert isinstance(entry, Message)
    assert (entry.at, entry.reply_to) == (largest, largest)


async def test_appending_nothing_gives_nothing(store: Store, fed: Fed) -> None:
    assert await append(store) == []
    assert fed.commits == []


async def test_a_room_that_was_not_opened_takes_nothing(store: Store) -> None:
    assert await append(store, said(room="nowhere"), said()) == [
        Rejected("no_such_room"),
        Appended((await all_entries(store))[0]),
    ]
    assert await store.find_room("nowhere") is None


# --- the same again -----------------------------------------------------------------------------------


async def test_a_repeat_gets_the_seq_and_time_of_the_first(store: Store) -> None:
    first = said("x", key="k", at=5)
    await appended(store, said(), first)
    again = msgspec.structs.replace(first, at=6, nick="Anna", bot=True)
    assert await append(store, again) == [Duplicate(2, 5)]
    assert len(await all_entries(store)) == 2


async def test_a_repeat_inside_one_call_is_found(store: Store) -> None:
    draft = said("x", at=5)
    outcomes = await append(store, said(), draft, draft, said())
    assert [type(outcome) for outcome in outcomes] == [Appended, Appended, Duplicate, Appended]
    assert outcomes[2] == Duplicate(2, 5)
    assert [entry.seq for entry in await all_entries(store)] == [1, 2, 3]


@pytest.mark.parametrize(
    "difference",
    [
        {"text": "y"},
        {"room": "other"},
        {"action": True},
        {"reply_to": 1},
        {"command": "search"},
        {"kind": "topic_set"},
        {"room": "nowhere"},
    ],
)
async def test_a_key_used_for_something_else_is_rejected(store: Store, difference: dict[str, Any]) -> None:
    await store.open_room("other")
    first = said("x")
    changed = msgspec.structs.replace(first, **difference)
    await appended(store, first)
    assert await append(store, changed) == [Rejected("key_reused")]


async def test_a_key_used_for_something_else_inside_one_call_is_rejected(store: Store) -> None:
    outcomes = await append(store, said("x", key="k"), said("y", key="k"))
    assert [type(outcome) for outcome in outcomes] == [Appended, Rejected]


async def test_keys_are_each_author_s_own(store: Store) -> None:
    assert await appended(store, said(key="k", author="ann"), said(key="k", author="bob")) == [1, 2]


@pytest.mark.parametrize("change", [edit, redact])
async def test_repeats_are_told_from_other_content_after_the_entry_was_changed(store: Store, change: Any) -> None:
    first = said("x", key="k", at=5)
    await appended(store, first, change(1))
    assert await append(store, first) == [Duplicate(1, 5)]
    assert await append(store, said("y", key="k")) == [Rejected("key_reused")]
    assert await append(store, said("", key="k")) == [Rejected("key_reused")]


async def test_repeats_of_an_edit_are_recognised_after_the_message_was_redacted(store: Store) -> None:
    change = edit(1, "changed", key="e", at=6)
    await appended(store, said(), change, redact(1, key="r"))
    assert await append(store, change, edit(1, "otherwise", key="e"), edit(2, "changed", key="e")) == [
        Duplicate(2, 6),
        Rejected("key_reused"),
        Rejected("key_reused"),
    ]
    assert await append(store, redact(1, key="r"), redact(1, "why", key="r")) == [
        Duplicate(3, NOW_MS),
        Rejected("key_reused"),
    ]


async def test_a_rejected_draft_leaves_its_key_free(store: Store) -> None:
    draft = edit(1, key="k")
    assert await append(store, draft) == [Rejected("no_such_entry")]
    await appended(store, said())
    assert await appended(store, draft) == [2]


# --- edits and redactions -----------------------------------------------------------------------------


async def test_an_edit_gives_its_target_the_new_text_and_time(store: Store) -> None:
    await appended(store, said("old", at=1), edit(1, "new", at=2), edit(1, "newest", at=3))
    message, first, second = await all_entries(store)
    assert message == Message("lobby", 1, 1, AUTHOR, "Ann", "newest", edited_at=3)
    assert isinstance(first, Edited)
    assert isinstance(second, Edited)
    assert (first.text, second.text) == ("new", "newest")


async def test_a_redaction_empties_its_target_and_every_edit_of_it(store: Store) -> None:
    await appended(store, said("secret", at=1), said("keep"), edit(1, "secret too", at=2), edit(2, "kept"))
    await appended(store, redact(1))
    entries = await all_entries(store)
    assert entries[0] == Message("lobby", 1, 1, AUTHOR, "Ann", "", edited_at=2, redacted=True)
    assert [getattr(entry, "text", None) for entry in entries] == ["", "kept", "", "kept", None]


async def test_what_is_appended_together_may_change_each_other(store: Store, fed: Fed) -> None:
    await appended(store, said("one"), edit(1, "two"), said("three"), redact(1), edit(3, "four"), edit(3, "five"))
    texts = [getattr(entry, "text", None) for entry in await all_entries(store)]
    assert texts == ["", "", "five", None, "four", "five"]
    fed_texts = [getattr(entry, "text", None) for entry in fed.entries()]
    assert fed_texts == ["one", "two", "three", None, "four", "five"]


@pytest.mark.parametrize("target", [0, 2, 4, 99, None, -1])
@pytest.mark.parametrize("change", [edit, redact])
async def test_only_messages_of_the_room_can_be_changed(store: Store, change: Any, target: int | None) -> None:
    await store.open_room("other")
    await appended(store, said(), topic("x"), edit(1), redact(1), *(said(room="other") for _ in range(4)))
    assert await append(store, change(target)) == [Rejected("no_such_entry")]


@pytest.mark.parametrize("change", [edit, redact])
async def test_a_redacted_message_cannot_be_changed_any_more(store: Store, change: Any) -> None:
    await appended(store, said())
    outcomes = await append(store, redact(1), change(1))
    assert outcomes[1] == Rejected("no_such_entry")
    assert await append(store, change(1)) == [Rejected("no_such_entry")]


# --- the feed -----------------------------------------------------------------------------------------


async def test_the_feed_is_told_of_a_call_with_its_origin_before_it_returns(store: Store, fed: Fed) -> None:
    origin, draft = object(), said()
    outcomes = await store.append([draft, draft], origin)
    (commit,) = fed.commits
    assert commit.origin is origin
    assert (list(commit.drafts), list(commit.outcomes)) == ([draft, draft], list(outcomes))


async def test_the_feed_is_told_of_calls_that_added_nothing(store: Store, fed: Fed) -> None:
    await append(store, said(room="nowhere"))
    assert [list(commit.outcomes) for commit in fed.commits] == [[Rejected("no_such_room")]]


async def test_the_feed_has_every_entry_once_in_the_order_of_the_logs(store: Store, fed: Fed) -> None:
    rooms = ["lobby", "two", "three"]
    for room in rooms:
        await store.open_room(room)

    async def talk(author: str) -> None:
        for number in range(15):
            room = rooms[number % 3]
            draft = said(f"{author} {number}", room=room, author=author)
            with trio.move_on_after(0.0005 if number % 5 == 4 else 60):
                await store.append([draft, draft], origin=author)

    async with trio.open_nursery() as nursery:
        for number in range(12):
            nursery.start_soon(talk, f"author {number}")
    await store.append([said()])  # comes after all that was handed over and abandoned

    for room in rooms:
        entries = await all_entries(store, room)
        assert fed.entries(room) == entries
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    for author in range(12):
        said_by_it = [c for c in fed.commits if c.origin == f"author {author}"]
        assert len({commit.drafts[0].text for commit in said_by_it}) == len(said_by_it)


async def test_cancelling_an_append_that_was_handed_over_abandons_only_the_waiting(store: Store, fed: Fed) -> None:
    scope = trio.CancelScope()
    async with trio.open_nursery() as nursery:

        async def one() -> None:
            with scope:
                await store.append([said("abandoned")])

        nursery.start_soon(one)
        await trio.testing.wait_all_tasks_blocked()
        scope.cancel()
    await store.append([said("next")])
    texts = [getattr(entry, "text", "") for entry in await all_entries(store)]
    assert texts == ["abandoned", "next"]
    assert fed.entries() == await all_entries(store)


# --- reading ------------------------------------------------------------------------------------------


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


# --- searching ----------------------------------------------------------------------------------------


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
