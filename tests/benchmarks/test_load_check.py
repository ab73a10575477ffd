"""Transcripts that no server may bring about are found, each for what it is; good ones pass."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.load_check import MOST_MISSING, Receiver, RoomLog
from benchmarks.load_posts import Faults, Posts
from benchmarks.load_schedule import Due
from protocol import Error, Message, Posted, TopicSet, encode

NICKS = ["load-0", "load-1", "load-2"]


class Rehearsal:
    """A room of three, in which `count` messages were sent in turn, and acknowledged as seq 1, 2, 3 …"""

    def __init__(self, count: int, *, acknowledged: bool = True) -> None:
        self.faults = Faults()
        self.posts = Posts(NICKS, self.faults)
        self.room = RoomLog("room", self.posts, self.faults)
        self.receivers = [Receiver(nick, self.room) for nick in NICKS]
        for receiver in self.receivers:
            receiver.begin(0)
        self.texts: list[str] = []
        for number in range(count):
            self.texts.append(self.posts.add(Due(number / 10, number % 3, 20))[1])
            if acknowledged:
                self.acknowledge(number, number + 1)

    def acknowledge(self, number: int, seq: int) -> None:
        self.posts.answer(number, Posted(1, "room", seq, 0))
        self.room.acknowledge(seq)

    def message(self, seq: int, number: int | None = None, *, nick: str = "", text: str = "") -> Message:
        number = seq - 1 if number is None else number
        return Message("room", seq, 0, "author", nick or NICKS[number % 3], text or self.texts[number])

    def deliver(self, to: int, *messages: Message) -> list[float | None]:
        """Deliver to one receiver, by the short way where that is one; return when what was seen was due."""
        due: list[float | None] = []
        for message in messages:
            payload = encode(message)
            seen = self.receivers[to].recognise(payload) or self.receivers[to].receive(message, payload)
            if seen is not None:
                due.append(seen.due_s)
        return due

    def verdict(self) -> Counter[str]:
        for receiver in self.receivers:
            receiver.compare()
        self.posts.compare(all_there=not any(receiver.gone for receiver in self.receivers))
        return self.faults.counts


def played(count: int, transcripts: list[list[int]]) -> Rehearsal:
    """Deliver to each of the three the messages with these seqs."""
    rehearsal = Rehearsal(count)
    for to, seqs in enumerate(transcripts):
        rehearsal.deliver(to, *[rehearsal.message(seq) for seq in seqs])
    return rehearsal


@given(st.permutations([to for to in range(3) for _ in range(5)]))
def test_whoever_is_served_first_all_is_well_if_each_gets_all_in_order(turns: list[int]) -> None:
    rehearsal, given_out = Rehearsal(5), [0, 0, 0]
    for to in turns:
        given_out[to] += 1
        assert rehearsal.deliver(to, rehearsal.message(given_out[to])) == [(given_out[to] - 1) / 10]
    assert all(receiver.complete for receiver in rehearsal.receivers)
    assert rehearsal.verdict() == {}
    assert rehearsal.room.entries == {}, "what all have seen is kept no more"


ALL = [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("transcript", "kinds"),
    [
        ([1, 2, 4], {"lost": 1}),
        ([1, 2], {"lost": 2}),
        ([], {"lost": 4}),
        ([1, 2, 2, 3, 4], {"doubled": 1}),
        ([1, 2, 3, 4, 1], {"doubled": 1}),
        ([1, 3, 2, 4], {"out of order": 1}),
        ([4, 3, 2, 1], {"out of order": 3}),
        ([2, 1, 1], {"out of order": 1, "doubled": 1, "lost": 2}),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_one_receiver_gets_wrongly_is_found(transcript: list[int], kinds: dict[str, int], place: int) -> None:
    transcripts = [ALL, ALL, ALL]
    transcripts[place] = transcript
    assert played(4, transcripts).verdict() == kinds


@given(st.lists(st.integers(1, 6), max_size=9))
def test_no_transcript_but_the_right_one_passes(transcript: list[int]) -> None:
    rehearsal = played(6, [[1, 2, 3, 4, 5, 6], transcript, [1, 2, 3, 4, 5, 6]])
    assert (not rehearsal.verdict()) == (transcript == [1, 2, 3, 4, 5, 6])


def test_an_acknowledged_message_that_nobody_gets_is_found() -> None:
    assert played(4, [[1, 2, 3]] * 3).verdict() == {"lost": 4}  # three deliveries, and the message itself


def test_a_message_acknowledged_as_another_entry_is_found() -> None:
    rehearsal = Rehearsal(3, acknowledged=False)
    for number, seq in enumerate([1, 3, 2]):
        rehearsal.acknowledge(number, seq)
    for to in range(3):
        rehearsal.deliver(to, *[rehearsal.message(seq) for seq in (1, 2, 3)])
    assert rehearsal.verdict() == {"changed": 2}


def test_messages_of_one_sender_that_stand_in_another_order_are_found() -> None:
    rehearsal = Rehearsal(6, acknowledged=False)
    for number, seq in enumerate([4, 2, 3, 1, 5, 6]):  # numbers 0 and 3 are of the same sender
        rehearsal.acknowledge(number, seq)
    for to in range(3):
        rehearsal.deliver(to, *[rehearsal.message(seq, number) for seq, number in enumerate([3, 1, 2, 0, 4, 5], 1)])
    assert rehearsal.verdict() == {"out of order": 1}


def test_a_message_that_stands_in_the_log_twice_is_found() -> None:
    rehearsal = Rehearsal(2)
    for to in range(3):
        rehearsal.deliver(to, rehearsal.message(1), rehearsal.message(2), rehearsal.message(3, number=0))
    assert rehearsal.verdict() == {"doubled": 1, "changed": 1}


@pytest.mark.parametrize(("nick", "text"), [("", "0 something else"), ("", "no number"), ("load-1", "")])
def test_a_message_that_nobody_sent_so_is_found(nick: str, text: str) -> None:
    rehearsal = Rehearsal(1)
    for to in range(3):
        rehearsal.deliver(to, rehearsal.message(1, nick=nick, text=text))
    assert rehearsal.verdict() == {"changed": 1, "lost": 1}


def test_one_who_gets_another_text_than_others_is_found() -> None:
    rehearsal = Rehearsal(1)
    rehearsal.deliver(0, rehearsal.message(1))
    rehearsal.deliver(1, rehearsal.message(1, text="0 the quick brown cat"))
    rehearsal.deliver(2, rehearsal.message(1))
    assert rehearsal.verdict() == {"changed": 1}


def test_the_same_message_in_other_bytes_is_the_same() -> None:
    rehearsal = Rehearsal(1)
    for to, payload in enumerate([encode(rehearsal.message(1)), b'{"other":"bytes"}', b"{}"]):
        rehearsal.receivers[to].receive(rehearsal.message(1), payload)
    assert rehearsal.verdict() == {}


def test_a_message_that_was_never_answered_is_found_and_a_refused_one_is_a_fault_unless_it_was_too_many() -> None:
    rehearsal = Rehearsal(3, acknowledged=False)
    rehearsal.posts.answer(0, Error(1, "too_many", "That was too fast.", 100))
    rehearsal.posts.answer(1, Error(2, "unavailable", "The storage is down."))
    assert rehearsal.verdict() == {"refused": 1, "never answered": 1}
    assert rehearsal.posts.refused == {"too_many": 1, "unavailable": 1}


def test_an_acknowledgement_as_a_duplicate_is_found() -> None:
    rehearsal = Rehearsal(1, acknowledged=False)
    rehearsal.posts.answer(0, Posted(1, "room", 1, 0, duplicate=True))
    rehearsal.room.acknowledge(1)
    for to in range(3):
        rehearsal.deliver(to, rehearsal.message(1))
    assert rehearsal.verdict() == {"doubled": 1}


def test_what_strangers_say_takes_its_place_and_is_not_measured() -> None:
    rehearsal = Rehearsal(1, acknowledged=False)
    rehearsal.acknowledge(0, 3)
    topic = TopicSet("room", 2, 0, "stranger", "stranger", "hello")
    for to in range(3):
        assert rehearsal.deliver(to, rehearsal.message(1, number=0, nick="stranger")) == [None]
        rehearsal.receivers[to].receive(topic, encode(topic))
        assert rehearsal.deliver(to, rehearsal.message(3, number=0)) == [0.0]
    assert rehearsal.verdict() == {}


def test_a_gap_that_the_server_admits_is_a_loss() -> None:
    rehearsal = Rehearsal(3)
    rehearsal.receivers[0].lose(0, 3)
    rehearsal.deliver(0, rehearsal.message(3))
    for to in (1, 2):
        rehearsal.deliver(to, *[rehearsal.message(seq) for seq in (1, 2, 3)])
    assert rehearsal.verdict() == {"lost": 2}


def test_of_one_whose_connection_is_lost_nothing_more_is_expected() -> None:
    rehearsal = Rehearsal(3)
    rehearsal.receivers[0].end()
    for to in (1, 2):
        rehearsal.deliver(to, *[rehearsal.message(seq) for seq in (1, 2, 3)])
    assert all(receiver.complete for receiver in rehearsal.receivers)
    assert rehearsal.verdict() == {}
    assert rehearsal.room.entries == {}


def test_where_all_connections_are_lost_nobody_can_tell_what_else_is() -> None:
    rehearsal = Rehearsal(3)
    for receiver in rehearsal.receivers:
        receiver.end()
    assert rehearsal.verdict() == {}


def test_a_seq_out_of_this_world_costs_no_memory() -> None:
    rehearsal = Rehearsal(1)
    rehearsal.deliver(0, rehearsal.message(2**53 - 1, number=0))
    assert rehearsal.faults.counts["lost"] == 2**53 - 2
    rehearsal.receivers[1].compare()
    assert rehearsal.faults.counts["lost"] == 2**53 - 2 + MOST_MISSING


def test_a_fault_is_told_with_the_first_few_examples() -> None:
    faults = Faults()
    for seq in range(1, 6):
        faults.note("lost", f"seq {seq}")
    faults.note("out of order", "seq 9")
    assert list(faults.sentences()) == ["Lost: 5 (seq 1; seq 2; seq 3; …).", "Out of order: 1 (seq 9)."]
