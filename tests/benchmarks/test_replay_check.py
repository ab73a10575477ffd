"""Whatever is wrong with a transcript is found and named."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from benchmarks.replay_check import Comparison, Truth, differences
from benchmarks.replay_plan import Expected
from protocol import Entry, Message, TopicSet

AUTHORS = ["a1", "b2"]
EXPECTED = [
    Expected(10, 0, "ann", "one"),
    Expected(11, 1, "bob", "waves", "action"),
    Expected(13, 0, "ann", "be nice", "topic"),
    Expected(17, 0, "ann|away", "füür  "),
    Expected(18, 1, "bob", "five"),
]
TRUTH = Truth("ubuntu-3", EXPECTED, AUTHORS)


def as_seen(seq: int, expected: Expected) -> Entry:
    author = AUTHORS[expected.speaker]
    if expected.kind == "topic":
        return TopicSet(TRUTH.room, seq, 1_000, author, expected.nick, expected.text)
    return Message(TRUTH.room, seq, 1_000, author, expected.nick, expected.text, expected.kind == "action")


SEEN = [as_seen(seq, expected) for seq, expected in enumerate(EXPECTED, 1)]


def found(transcript: Sequence[Entry]) -> list[str]:
    return [f"{difference.kind}: {difference.what}" for difference in differences(TRUTH, transcript, "here")]


def with_one(place: int, **changes: object) -> list[Entry]:
    return [*SEEN[:place], replace(SEEN[place], **changes), *SEEN[place + 1 :]]


def test_the_log_itself_does_not_differ() -> None:
    assert found(SEEN) == []


def test_a_hole_is_found() -> None:
    assert found([*SEEN[:3], *SEEN[4:]]) == ["hole: seq 4 (line 17 of the log) never came"]


def test_an_end_that_is_missing_is_a_hole() -> None:
    assert found(SEEN[:4]) == ["hole: seq 5 (line 18 of the log) never came"]


def test_a_double_is_found() -> None:
    assert found([*SEEN[:2], SEEN[1], *SEEN[2:]]) == ["double: seq 2 came once more"]


def test_a_double_that_comes_late_is_found() -> None:
    assert found([*SEEN, SEEN[0]]) == ["double: seq 1 came once more"]


def test_a_swapped_pair_is_found() -> None:
    assert found([SEEN[0], SEEN[2], SEEN[1], *SEEN[3:]]) == ["order: seq 2 came after 3"]


def test_a_changed_byte_is_found() -> None:
    assert found(with_one(3, text="füür ")) == [
        "changed: seq 4 (line 17 of the log) has text 'füür ' instead of 'füür  '"
    ]


@pytest.mark.parametrize(
    ("place", "changes", "what"),
    [
        (0, {"nick": "Ann"}, "nick 'Ann' instead of 'ann'"),
        (0, {"author": "b2"}, "author 'b2' instead of 'a1'"),
        (0, {"room": "ubuntu-4"}, "room 'ubuntu-4' instead of 'ubuntu-3'"),
        (0, {"action": True}, "action True instead of False"),
        (1, {"action": False}, "action False instead of True"),
        (0, {"bot": True}, "bot True instead of False"),
        (0, {"reply_to": 1}, "reply_to 1 instead of None"),
        (0, {"command": "search"}, "command 'search' instead of None"),
        (0, {"edited_at": 5}, "edited_at 5 instead of None"),
        (0, {"redacted": True, "text": ""}, "text '' instead of 'one', redacted True instead of False"),
        (2, {"text": "be nice!"}, "text 'be nice!' instead of 'be nice'"),
    ],
)
def test_anything_else_that_is_changed_is_found(place: int, changes: dict[str, object], what: str) -> None:
    assert found(with_one(place, **changes)) == [
        f"changed: seq {place + 1} (line {EXPECTED[place].line} of the log) has {what}"
    ]


def test_a_message_in_the_place_of_a_topic_is_found() -> None:
    message = Message(TRUTH.room, 3, 1_000, "a1", "ann", "be nice")
    assert found([*SEEN[:2], message, *SEEN[3:]]) == [
        "changed: seq 3 (line 13 of the log) has type Message instead of TopicSet"
    ]


@pytest.mark.parametrize("seq", [0, 6])
def test_an_entry_that_is_not_in_the_log_is_found(seq: int) -> None:
    assert found([*SEEN, replace(SEEN[0], seq=seq)]) == [f"foreign: seq {seq} is not in the log of 5 entries"]


@given(st.lists(st.sampled_from(SEEN), max_size=8))
def test_no_transcript_but_the_log_itself_passes(transcript: list[Entry]) -> None:
    assert (found(transcript) == []) == (transcript == SEEN)


@given(st.lists(st.lists(st.sampled_from(SEEN), max_size=8) | st.just(SEEN), max_size=6))
def test_comparing_many_transcripts_finds_what_comparing_each_finds(transcripts: list[list[Entry]]) -> None:
    comparison = Comparison(TRUTH)
    assert [comparison.differences(one, "here") for one in transcripts] == [
        differences(TRUTH, one, "here") for one in transcripts
    ]


def test_a_difference_says_where_it_was_seen() -> None:
    (difference,) = differences(TRUTH, SEEN[1:], "ubuntu-3, ann")
    assert str(difference) == "ubuntu-3, ann: hole: seq 1 (line 10 of the log) never came"
