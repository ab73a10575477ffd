"""The outbox: in order, bounded, and the socket first."""

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.server.outbox import OUTBOX_BLOCKS, OUTBOX_BYTES, Outbox
from trio_chat.transport import MemoryStream, memory_stream_pair

pytestmark = pytest.mark.autojump


async def write_forever(outbox: Outbox) -> None:
    while True:
        await outbox.send_next()


async def drain(stream: MemoryStream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        data += await stream.receive_some()
    return data


async def test_a_block_that_fits_is_sent_without_the_writing_task() -> None:
    ours, theirs = memory_stream_pair()
    outbox = Outbox(ours)
    assert outbox.offer(b"hello")
    assert await theirs.receive_some() == b"hello"
    assert outbox.waiting_bytes == 0


async def test_what_is_held_leaves_with_the_next_block_in_one_piece() -> None:
    ours, theirs = memory_stream_pair()
    outbox = Outbox(ours)
    outbox.hold(b"answer ")
    outbox.hold(b"and another ")
    with pytest.raises(trio.TooSlowError), trio.fail_after(1):
        await theirs.receive_some()
    assert outbox.offer(b"block")
    outbox.release()
    assert await theirs.receive_some() == b"answer and another block"


async def test_what_is_held_stays_before_what_follows_though_the_writing_task_is_woken() -> None:
    ours, theirs = memory_stream_pair()
    outbox = Outbox(ours)
    outbox.hold(b"answer ")
    outbox.wake()
    assert outbox.offer(b"entry")
    outbox.release()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write_forever, outbox)
        assert await drain(theirs, 12) == b"answer entry"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("is_stuck", [False, True])
async def test_what_no_block_takes_along_leaves_at_its_release_in_its_place(is_stuck: bool) -> None:
    ours, theirs = memory_stream_pair(capacity=7 if is_stuck else 100)
    outbox = Outbox(ours)
    outbox.push(b"before ")
    outbox.push(b"stuck ")
    outbox.hold(b"held ")
    outbox.release()
    outbox.push(b"after")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write_forever, outbox)
        assert await drain(theirs, 23) == b"before stuck held after"
        nursery.cancel_scope.cancel()


async def test_what_the_socket_does_not_take_follows_in_order() -> None:
    ours, theirs = memory_stream_pair(capacity=10)
    outbox = Outbox(ours)
    blocks = [bytes([65 + n]) * 7 for n in range(20)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write_forever, outbox)
        for block in blocks:
            assert outbox.offer(block)
        assert await drain(theirs, 140) == b"".join(blocks)
        await trio.testing.wait_all_tasks_blocked()
        assert outbox.waiting_bytes == 0
        nursery.cancel_scope.cancel()


async def test_over_the_bound_an_event_is_refused_whole_and_an_answer_is_not() -> None:
    ours, theirs = memory_stream_pair(capacity=1)
    outbox = Outbox(ours, limit_bytes=100)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write_forever, outbox)
        assert outbox.offer(b"a" * 60)
        assert not outbox.offer(b"b" * 60)
        outbox.push(b"c" * 60)
        assert not outbox.offer(b"d")
        assert await drain(theirs, 120) == b"a" * 60 + b"c" * 60
        await trio.testing.wait_all_tasks_blocked()
        assert outbox.offer(b"e")
        assert await theirs.receive_some() == b"e"
        nursery.cancel_scope.cancel()


async def test_many_small_blocks_are_bounded_too() -> None:
    ours, _ = memory_stream_pair(capacity=1)
    outbox = Outbox(ours)
    taken = 0
    while outbox.offer(b"xy"):
        taken += 1
    assert taken <= OUTBOX_BLOCKS + 1
    assert 2 * taken < OUTBOX_BYTES


async def test_room_waits_until_less_than_the_limit_waits() -> None:
    ours, theirs = memory_stream_pair(capacity=1)
    outbox = Outbox(ours, limit_bytes=10)
    outbox.push(b"x" * 30)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write_forever, outbox)
        with trio.move_on_after(1) as waiting:
            await outbox.room()
        assert waiting.cancelled_caught
        await drain(theirs, 30)
        await outbox.room()
        await outbox.drained()
        nursery.cancel_scope.cancel()


async def test_waiting_with_a_time_limit_ends_without_sending_and_loses_nothing() -> None:
    ours, theirs = memory_stream_pair()
    outbox = Outbox(ours)
    await outbox.send_next(timeout_s=1)
    assert not await outbox.send_waiting()
    outbox.push(b"later")  # the writer is elsewhere: it is queued
    assert await outbox.send_waiting()
    assert await theirs.receive_some() == b"later"


async def test_a_lost_connection_is_told_to_the_writing_task() -> None:
    ours, theirs = memory_stream_pair()
    outbox = Outbox(ours)
    await theirs.aclose()
    assert outbox.offer(b"x")
    with pytest.raises(trio.BrokenResourceError):
        await outbox.send_next()


@given(
    capacity=st.integers(min_value=1, max_value=50),
    blocks=st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.booleans()), max_size=30),
)
async def test_what_is_accepted_arrives_whole_and_in_order_whatever_the_socket_takes(
    capacity: int, blocks: list[tuple[bytes, bool]]
) -> None:
    ours, theirs = memory_stream_pair(capacity)
    outbox = Outbox(ours, limit_bytes=64)
    accepted = b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write_forever, outbox)
        for block, must in blocks:
            if must:
                outbox.push(block)
                accepted += block
            elif outbox.offer(block):
                accepted += block
        assert await drain(theirs, len(accepted)) == accepted
        nursery.cancel_scope.cancel()
