"""What is on its way in a room, and what is found to be lost."""

import pytest

from benchmarks.delivery.counting import Buffer, Counter
from benchmarks.delivery.crowd import GaveUp
from benchmarks.delivery.flood import BLOCK, MOST_BLOCKS, PLACE, Magazine, Room
from benchmarks.subjects import load


def counter(count: int, byte_count: int) -> Counter:
    """Return a counter that has counted so much."""
    made = Counter(Buffer(b"<abc>"))
    made.count, made.byte_count = count, byte_count
    return made


def room(sent: int, exact: list[Counter], weighed: list[Counter]) -> Room:
    made = Room(100)
    made.sent, made.exact, made.weighed = sent, exact, weighed
    return made


def test_nothing_is_lost_where_all_have_as_much() -> None:
    assert room(10, [counter(10, 2_000), counter(10, 2_000)], [counter(0, 2_000)]).lost() == 0


def test_a_ping_that_only_some_have_got_is_no_loss() -> None:
    assert room(10, [counter(10, 2_000)], [counter(0, 2_006), counter(0, 1_994)]).lost() == 0


def test_what_one_has_not_got_is_lost_whether_counted_or_weighed() -> None:
    assert room(10, [counter(10, 2_000), counter(9, 1_800)], [counter(0, 1_600)]).lost() == 3


def test_what_came_twice_is_wrong_too() -> None:
    assert room(10, [counter(11, 2_200)], []).lost() == 1


def test_the_slowest_receiver_says_what_has_arrived() -> None:
    made = room(10, [counter(8, 1_600), counter(7, 1_400)], [counter(0, 1_000), counter(0, 1_600)])
    made.look()
    assert made.arrived == 5


def test_a_magazine_gives_every_message_a_ticket_of_its_own() -> None:
    magazine = Magazine(load("trio_chat"), 1, "r0", b"<abc>")
    data = b"".join([bytes(magazine.take(300)) for _ in range(10)])
    assert magazine.taken == magazine.count(data)
    tickets = [part[:9] for part in data.split(b'"key":"')[1:]]
    assert len(set(tickets)) == len(tickets) == magazine.taken > BLOCK


def test_a_magazine_that_is_used_up_says_so() -> None:
    magazine = Magazine(load("trio_chat"), 1, "r0", b"<abc>")
    magazine._blocks = MOST_BLOCKS
    with pytest.raises(GaveUp, match="tickets"):
        magazine.take(1)
    assert PLACE not in b"<abc>"
