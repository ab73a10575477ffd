"""The rules of exactly once and in order, held against examples, and against a server that may do all it may."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocol import Gap, Joined, Live, Message, Position
from trio_chat.client.cursor import BrokenPromise, Cursor
from trio_chat.client.events import StreamEvent


def joined(head: int, epoch: str = "e1") -> Joined:
    return Joined("lobby", epoch, head, "", [], 0)


def entry(seq: int) -> Message:
    return Message("lobby", seq, 0, "a", "nick", f"text {seq}")


def take(cursor: Cursor, *events: StreamEvent) -> list[StreamEvent]:
    """Return those of `events` that were due, handed over."""
    due = []
    for event in events:
        if cursor.is_due(event):
            cursor.advance(event)
            due.append(event)
    return due


def live(seq: int) -> Live:
    return Live("lobby", seq)


def test_a_new_member_takes_the_stream_from_where_the_server_starts_it() -> None:
    cursor = Cursor(joined(head=100), last=10)
    assert take(cursor, entry(91), entry(92)) == [entry(91), entry(92)]
    assert cursor.position == Position("e1", 92)


def test_before_the_first_entry_the_position_loses_none_of_those_asked_for() -> None:
    assert Cursor(joined(head=100), last=10).position == Position("e1", 90)
    assert Cursor(joined(head=3), last=10).position == Position("e1", 0)


def test_a_new_member_may_be_sent_fewer_than_asked_for_or_none() -> None:
    cursor = Cursor(joined(head=100), last=50)
    assert take(cursor, live(100), entry(101)) == [live(100), entry(101)]


@pytest.mark.parametrize("event", [entry(102), live(101)])
def test_nothing_newer_than_the_join_may_be_missing_at_its_start(event: StreamEvent) -> None:
    with pytest.raises(BrokenPromise):
        Cursor(joined(head=100), last=10).is_due(event)


def test_an_entry_that_comes_again_is_not_due() -> None:
    cursor = Cursor(joined(head=0), last=50)
    take(cursor, entry(1), entry(2))
    assert take(cursor, entry(1), entry(2), entry(3)) == [entry(3)]


@pytest.mark.parametrize("event", [entry(3), live(2)])
def test_a_hole_is_a_broken_promise(event: StreamEvent) -> None:
    cursor = Cursor(joined(head=0), last=50)
    take(cursor, entry(1))
    with pytest.raises(BrokenPromise, match=r"the log of lobby goes on at \d, after 1"):
        cursor.is_due(event)


def test_an_event_that_could_not_be_handed_over_stays_due_after_the_next_join() -> None:
    cursor = Cursor(joined(head=0), last=50)
    take(cursor, entry(1))
    assert cursor.is_due(entry(2))
    cursor.lag()
    assert take(cursor, entry(2), entry(3), live(3)) == []
    assert cursor.position == Position("e1", 1)
    cursor.resumed(joined(head=3), cursor.generation)
    assert take(cursor, entry(2), entry(3), live(3)) == [entry(2), entry(3), live(3)]


def test_expired_entries_are_passed_over_by_a_gap() -> None:
    cursor = Cursor(joined(head=0), last=50)
    take(cursor, entry(1))
    cursor.resumed(joined(head=9), cursor.generation)
    gap = Gap("lobby", 1, 8, "expired")
    assert take(cursor, gap, entry(8), entry(9)) == [gap, entry(8), entry(9)]
    assert take(cursor, gap) == []


def test_a_new_epoch_says_gap_and_starts_anew() -> None:
    cursor = Cursor(joined(head=5), last=5)
    take(cursor, *map(entry, range(1, 6)))
    cursor.resumed(joined(head=2, epoch="e2"), cursor.generation)
    gap = Gap("lobby", 5, 1, "epoch")
    assert take(cursor, gap, entry(1), entry(2)) == [gap, entry(1), entry(2)]
    assert cursor.position == Position("e2", 2)


def test_a_shorter_log_of_the_same_epoch_says_gap_and_starts_anew() -> None:
    cursor = Cursor(joined(head=5), last=5)
    take(cursor, *map(entry, range(1, 6)))
    cursor.resumed(joined(head=1), cursor.generation)
    gap = Gap("lobby", 5, 1, "epoch")
    assert take(cursor, gap, entry(1), live(1), entry(2)) == [gap, entry(1), live(1), entry(2)]


def test_a_gap_that_could_not_be_handed_over_is_asked_for_again_with_the_old_position() -> None:
    cursor = Cursor(joined(head=5), last=5)
    take(cursor, live(5))
    cursor.resumed(joined(head=2, epoch="e2"), cursor.generation)
    cursor.lag()
    assert cursor.position == Position("e1", 5)


def test_an_epoch_that_changes_without_a_gap_is_a_broken_promise() -> None:
    cursor = Cursor(joined(head=5), last=5)
    take(cursor, live(5))
    cursor.resumed(joined(head=9, epoch="e2"), cursor.generation)
    with pytest.raises(BrokenPromise, match="another epoch"):
        cursor.is_due(entry(6))


def test_two_joins_after_the_same_old_position_tell_of_the_new_epoch_once() -> None:
    cursor = Cursor(joined(head=5), last=5)
    take(cursor, live(5))
    asked_twice_in = cursor.generation
    gap = Gap("lobby", 5, 1, "epoch")
    cursor.resumed(joined(head=2, epoch="e2"), asked_twice_in)
    assert take(cursor, gap, entry(1), entry(2)) == [gap, entry(1), entry(2)]
    cursor.resumed(joined(head=2, epoch="e2"), asked_twice_in)
    assert take(cursor, gap, entry(1), entry(2), live(2), entry(3)) == [live(2), entry(3)]


def test_what_expired_between_two_tellings_of_one_new_epoch_is_passed_over_by_a_gap() -> None:
    cursor = Cursor(joined(head=5), last=5)
    take(cursor, live(5))
    asked_twice_in = cursor.generation
    cursor.resumed(joined(head=2, epoch="e2"), asked_twice_in)
    take(cursor, Gap("lobby", 5, 1, "epoch"))
    cursor.resumed(joined(head=2, epoch="e2"), asked_twice_in)
    gap = Gap("lobby", 5, 2, "epoch")
    assert take(cursor, gap, entry(2), live(2)) == [gap, entry(2), live(2)]


class Resuming(RuleBasedStateMachine):
    """A server that keeps its promises, a wire that is cut anywhere, and a reader who is often not there.

    Whatever happens, what was handed over is the log: each epoch from its start or from the join, without a
    hole or a double, and a gap before anything that is missing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch, self.first, self.head = 1, 1, 0
        self.wire: list[StreamEvent | tuple[Joined, int]] = []
        self.sent = 0
        self.handed: list[tuple[str, int]] = []

    @initialize(head=st.integers(0, 5), last=st.integers(0, 5))
    def first_join(self, head: int, last: int) -> None:
        self.head = head
        self.cursor = Cursor(joined(head, "e1"), last)
        self.start = max(0, head - last)
        self._serve(self.start)

    def _serve(self, after: int) -> None:
        if after < self.first - 1:
            self.wire.append(Gap("lobby", after, self.first, "expired"))
        self.wire += [entry(seq) for seq in range(max(after + 1, self.first), self.head + 1)]
        self.wire.append(live(self.head))
        self.sent = self.head

    @rule(count=st.integers(1, 4))
    def post(self, count: int) -> None:
        self.head += count
        self.wire += [entry(seq) for seq in range(self.sent + 1, self.head + 1)]
        self.sent = self.head

    @rule(count=st.integers(1, 3))
    def expire(self, count: int) -> None:
        self.first = min(self.first + count, self.head + 1)

    @rule(kept=st.integers(0, 8))
    def restore_under_a_new_epoch(self, kept: int) -> None:
        self.epoch += 1
        self.first, self.head = 1, min(self.head, kept)
        self.wire.clear()
        self.cursor.lag()
        self.join_again()

    @rule()
    def cut(self) -> None:
        self.wire.clear()
        self.cursor.lag()
        self.join_again()

    @rule()
    def join_again(self) -> None:
        position, generation = self.cursor.position, self.cursor.generation
        self.wire.append((joined(self.head, f"e{self.epoch}"), generation))
        if position.epoch != f"e{self.epoch}" or position.seq > self.head:
            self.wire.append(Gap("lobby", position.seq, self.first, "epoch"))
            self._serve(self.first - 1)
        else:
            self._serve(position.seq)

    @precondition(lambda self: self.wire)
    @rule(count=st.integers(1, 12), room_for=st.integers(0, 12))
    def arrive(self, count: int, room_for: int) -> None:
        for _ in range(min(count, len(self.wire))):
            event = self.wire.pop(0)
            if isinstance(event, tuple):
                self.cursor.resumed(*event)
            elif self.cursor.is_due(event):
                if room_for == 0:
                    self.cursor.lag()
                    continue
                room_for -= 1
                self.cursor.advance(event)
                self._note(event)

    def _note(self, event: StreamEvent) -> None:
        if isinstance(event, Message):
            self.handed.append((self.cursor.epoch, event.seq))
        elif isinstance(event, Gap):
            self.handed.append((self.cursor.epoch, -event.next))

    @precondition(lambda self: hasattr(self, "start"))
    @invariant()
    def all_is_there_once_and_in_order_or_a_gap_says_so(self) -> None:
        epoch, expected = "e1", self.start + 1
        for at, seq in self.handed:
            if seq < 0:
                assert at != epoch or -seq > expected, "a gap goes forward, but where a new log begins"
                epoch, expected = at, -seq
                continue
            assert (at, seq) == (epoch, expected)
            expected += 1

    def teardown(self) -> None:
        """Once the reader is back and the wire holds, everything comes."""
        self.cut()
        self.arrive(count=10_000, room_for=10_000)
        assert self.cursor.position == Position(f"e{self.epoch}", self.head)


TestResuming = Resuming.TestCase
TestResuming.settings = settings(max_examples=max(400, settings().max_examples), stateful_step_count=25)
