"""What every store promises, held against each of them: the text of `trio_chat/store/base.py`, sentence by sentence.

Here, what becomes of drafts and what the feed is told; the files beside it have the rest of the contract.
"""

from typing import Any, Final

import msgspec
import pytest
import trio
import trio.testing

from protocol import Edited, Message, Redacted, TopicSet
from tests.store.drafts import (
    AUTHOR,
    NOW_MS,
    Fed,
    all_entries,
    append,
    appended,
    edit,
    redact,
    said,
    topic,
)
from trio_chat.store import Draft, Duplicate, Rejected, Store

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
        hops=2,
        stopped=True,
        asks="sage",
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
        hops=2,
        stopped=True,
        asks="sage",
    )
    assert await append(store, draft) == [message]
    assert await all_entries(store) == [message]


ODD: Final = [
    '"', "\\", "\\u0041", "\\" * 4_000, '"' * 4_000, "\U0001f600" * 4_000, "\u2028\u2029", "\U0010ffff", "null", "true",
    "12", "1e999", "[1]", '{"a":1}', "'; DROP TABLE entries; --", "\t\n", " ", "a\n" * 2_000,
]  # fmt: skip


async def test_odd_texts_keys_and_nicks_come_back_as_they_were(store: Store) -> None:
    drafts = [said(text, key=f"{text[:60]}-{number}", nick=text[:30], at=2**53 - 1) for number, text in enumerate(ODD)]
    entries = await append(store, *drafts)
    assert await all_entries(store) == entries
    assert [(entry.text, entry.nick, entry.at) for entry in entries if isinstance(entry, Message)] == [
        (draft.text, draft.nick, draft.at) for draft in drafts
    ]
    assert {type(again) for again in await append(store, *drafts)} == {Duplicate}
    await appended(store, *[edit(seq, text) for seq, text in enumerate(reversed(ODD), 1)])
    shown = (await all_entries(store))[: len(ODD)]
    assert [entry.text for entry in shown if isinstance(entry, Message)] == ODD[::-1]


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
        (await all_entries(store))[0],
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
    assert [type(outcome) for outcome in outcomes] == [Message, Message, Duplicate, Message]
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
    assert [type(outcome) for outcome in outcomes] == [Message, Rejected]


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
