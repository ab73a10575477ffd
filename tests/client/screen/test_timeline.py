"""A timeline shows what the log says, however its entries come: live, in pages, around a hit, edited meanwhile."""

from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from protocol import Edited, Entry, Message, Redacted, TopicSet
from trio_chat.client.screen import timeline as timelines
from trio_chat.client.screen.timeline import Note, Timeline


def said(seq: int, text: str = "") -> Message:
    return Message("r", seq, seq * 10, "a", "ann", text or f"text {seq}")


def shown(timeline: Timeline) -> list[Entry]:
    return [item.what for item in timeline.shown.items if not isinstance(item.what, Note)]


class Log:
    """A log as the server keeps it: entries as they were said, and as they read now."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, kind: str, target: int) -> None:
        seq = len(self.entries) + 1
        if kind == "topic":
            self.entries.append(TopicSet("r", seq, seq * 10, "a", "ann", "topic"))
        elif kind == "said" or target > len(self.entries) or not isinstance(self.entries[target - 1], Message):
            self.entries.append(said(seq))
        elif kind == "edited" and not self.present(target - 1).redacted:
            self.entries.append(Edited("r", seq, seq * 10, "a", "ann", target, f"edit {seq}"))
        else:
            self.entries.append(Redacted("r", seq, seq * 10, "a", "ann", target))

    def present(self, index: int) -> Message:
        """Return the message at `index` as it reads now."""
        message = self.entries[index]
        assert isinstance(message, Message)
        for entry in self.entries:
            if isinstance(entry, Edited) and entry.target == message.seq:
                message = msgspec.structs.replace(message, text=entry.text, edited_at=entry.at)
            elif isinstance(entry, Redacted) and entry.target == message.seq:
                message = msgspec.structs.replace(message, text="", redacted=True)
        return message

    def page(self, low: int, high: int) -> list[Entry]:
        """Return the entries from `low` to `high` in their present state."""
        return [
            self.present(index) if isinstance(self.entries[index], Message) else self.entries[index]
            for index in range(max(low, 1) - 1, min(high, len(self.entries)))
        ]

    def visible(self, low: int, high: int) -> list[Entry]:
        return [entry for entry in self.page(low, high) if isinstance(entry, Message | TopicSet)]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["said", "said", "edited", "redacted", "topic"]), st.integers(1, 40)),
        st.tuples(st.sampled_from(["deliver", "older", "newer", "around", "note", "tail"]), st.integers(1, 40)),
    ),
    max_size=60,
)


def take_step(kind: str, number: int, log: Log, timeline: Timeline) -> None:
    window = timeline.shown
    if kind == "older" and window.low > 1:
        low = max(1, window.low - number)
        timeline.older(log.page(low, window.low - 1), more=low > 1)
    elif kind == "newer" and timeline.past is not None:
        timeline.newer(log.page(timeline.past.high + 1, timeline.past.high + number))
    elif kind == "around" and number <= len(log.entries):
        timeline.go_to(log.page(number - 3, number + 3), more=number > 4)
    elif kind == "note":
        timeline.note(Note(0, Text("a line of our own")))
    elif kind == "tail":
        timeline.return_to_tail()


@given(STEPS, st.integers(0, 5))
def test_any_order_of_pages_edits_and_live_entries_shows_what_the_log_says(
    steps: Sequence[tuple[str, int]], start: int
) -> None:
    log, timeline = Log(), Timeline()
    for number in range(1, 10):
        log.append("said", number)
    at = len(log.entries) - start  # the entries before this come in pages only
    for kind, number in steps:
        if kind in ("said", "edited", "redacted", "topic"):
            log.append(kind, number)
        elif kind == "deliver":
            for entry in log.entries[at : at + number]:
                timeline.happened(entry)
            at = min(at + number, len(log.entries))
        else:
            take_step(kind, number, log, timeline)
    for entry in log.entries[at:]:
        timeline.happened(entry)
    for window in (timeline.tail, timeline.shown):
        entries = [item.what for item in window.items if not isinstance(item.what, Note)]
        assert entries == log.visible(window.low, window.high)
        places = [item.place for item in window.items]
        assert places == sorted(places)
        assert len(set(places)) == len(places)
    if timeline.head:
        assert timeline.tail.high == timeline.head


def test_the_tail_is_bounded_and_what_somebody_looks_at_does_not_move() -> None:
    timeline = Timeline()
    for seq in range(1, timelines.TAIL_ITEMS + 1):
        timeline.happened(said(seq))
    timeline.go_back()
    for seq in range(timelines.TAIL_ITEMS + 1, 6_001):
        timeline.happened(said(seq))
    assert len(timeline.tail.items) == timelines.TAIL_ITEMS
    assert (timeline.tail.low, timeline.tail.high) == (5_001, 6_000)
    assert timeline.shown.low == 1
    assert len(timeline.shown.items) <= timelines.PAST_ITEMS
    assert not timeline.at_end
    timeline.return_to_tail()
    assert timeline.at_end


def test_a_window_that_is_let_go_at_one_end_grows_again_from_there() -> None:
    timeline = Timeline()
    timeline.happened(said(10_000))
    timeline.go_back()
    timeline.older([said(seq) for seq in range(5_000, 10_000)], more=True)
    assert (timeline.shown.low, timeline.at_end) == (5_000, False)
    high = timeline.shown.high
    timeline.newer([said(seq) for seq in range(high + 1, high + 101)])
    assert timeline.shown.high == high + 100
    assert [entry.seq for entry in shown(timeline)] == list(range(timeline.shown.low, high + 101))


def test_it_is_known_when_nothing_comes_before() -> None:
    timeline = Timeline()
    timeline.reached(60)
    assert not timeline.at_start
    timeline.older([said(seq) for seq in range(30, 61)], more=False)  # what was before has expired
    assert timeline.at_start


def test_lines_of_our_own_stay_behind_what_they_came_after() -> None:
    timeline = Timeline()
    timeline.happened(said(1))
    timeline.note(Note(0, Text("between")))
    timeline.happened(said(2))
    assert [item.place for item in timeline.shown.items] == [(1, 0), (1, 1), (2, 0)]


def test_an_edit_that_comes_after_the_deletion_of_its_message_does_not_bring_it_back() -> None:
    timeline = Timeline()
    timeline.happened(said(1))
    timeline.happened(Redacted("r", 2, 20, "a", "ann", 1))
    timeline.happened(Edited("r", 3, 30, "a", "ann", 1, "secret"))
    (message,) = shown(timeline)
    assert isinstance(message, Message)
    assert (message.redacted, message.text) == (True, "")


def test_a_page_that_was_read_before_an_edit_and_arrives_after_it_shows_the_edit() -> None:
    timeline = Timeline()
    timeline.happened(said(9))
    timeline.happened(Edited("r", 10, 100, "a", "ann", 7, "edited"))
    timeline.happened(Redacted("r", 11, 110, "a", "ann", 8))
    timeline.happened(Edited("r", 12, 120, "a", "ann", 6, "first"))
    newer = msgspec.structs.replace(said(6), text="newer", edited_at=999)
    timeline.older([newer, said(7), said(8)], more=True)
    texts = [entry.text for entry in shown(timeline) if isinstance(entry, Message)]
    assert texts == ["newer", "edited", "", "text 9"]
