"""What every `ByteStream` promises: one text that sockets and the pipe in memory are held against alike."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import trio
from trio.testing import assert_checkpoints, wait_all_tasks_blocked

from tests.transport.pairs import MAKERS, Pair
from trio_chat.transport import ByteStream

BIG = bytes(range(256)) * 32_768  # 8 MiB: more than any buffer between two ends


@pytest.fixture(params=MAKERS)
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """Yield two joined streams and close them."""
    one, other = MAKERS[request.param]()
    yield one, other
    await one.aclose()
    await other.aclose()


@pytest.fixture
def big(request: pytest.FixtureRequest) -> bytes:
    """Return more than the streams hold between them, and no more than takes a moment."""
    return BIG[:10_000] if "narrow" in request.node.name else BIG


async def receive_exactly(stream: ByteStream, count: int) -> bytes:
    got = bytearray()
    while len(got) < count:
        got += await stream.receive_some(min(65_536, count - len(got))) or pytest.fail(f"ended after {len(got)}")
    return bytes(got)


async def receive_all(stream: ByteStream) -> bytes:
    got = bytearray()
    while data := await stream.receive_some():
        got += data
    return bytes(got)


async def test_a_stream_that_was_read_from_and_then_closed_says_so(pair: Pair) -> None:
    one, other = pair
    await other.send_all(b"x")
    assert await one.receive_some() == b"x"
    await one.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await one.receive_some()


# --- sending and receiving ----------------------------------------------------------------------------


async def test_what_is_sent_arrives_in_order_and_whole(pair: Pair, big: bytes) -> None:
    one, other = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.send_all, big)
        assert await receive_exactly(other, len(big)) == big


async def test_both_directions_flow_at_once(pair: Pair, big: bytes) -> None:
    async with trio.open_nursery() as nursery:
        for sender, receiver in (pair, pair[::-1]):
            nursery.start_soon(sender.send_all, big)
            nursery.start_soon(receive_exactly, receiver, len(big))


async def test_a_memoryview_is_sent_as_its_bytes(pair: Pair) -> None:
    one, other = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.send_all, memoryview(b"-hello-")[1:-1])
        assert await receive_exactly(other, 5) == b"hello"
    assert one.send_nowait(memoryview(b"-!-")[1:-1]) == 1
    assert await other.receive_some() == b"!"


async def test_receiving_returns_no_more_than_was_asked_for(pair: Pair) -> None:
    one, other = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.send_all, b"abc")
        assert await other.receive_some(1) == b"a"
        assert await receive_exactly(other, 2) == b"bc"


async def test_receiving_waits_until_something_comes(pair: Pair) -> None:
    one, other = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(expect, other, b"x")
        await wait_all_tasks_blocked()
        await one.send_all(b"x")


async def expect(stream: ByteStream, data: bytes) -> None:
    assert await stream.receive_some() == data


async def test_sending_waits_for_a_reader_that_is_behind(pair: Pair, big: bytes) -> None:
    one, other = pair
    done = trio.Event()

    async def send() -> None:
        await one.send_all(big)
        done.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await wait_all_tasks_blocked()
        assert not done.is_set()
        assert await receive_exactly(other, len(big)) == big
        await done.wait()


# --- trying without waiting ---------------------------------------------------------------------------


async def test_what_fits_is_taken_at_once(pair: Pair) -> None:
    one, other = pair
    assert one.send_nowait(b"x") == 1
    assert await other.receive_some() == b"x"


async def test_of_too_much_a_part_is_taken_and_then_nothing(pair: Pair, big: bytes) -> None:
    one, other = pair
    taken = one.send_nowait(big)
    while more := one.send_nowait(big[taken:]):  # a kernel may take it in several parts
        taken += more
    assert 0 < taken < len(big)
    assert await receive_exactly(other, taken) == big[:taken]


async def test_what_was_not_taken_can_be_sent_after_it(pair: Pair, big: bytes) -> None:
    one, other = pair
    taken = one.send_nowait(big)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.send_all, memoryview(big)[taken:])
        assert await receive_exactly(other, len(big)) == big


async def test_nothing_is_taken_once_the_peer_is_gone(pair: Pair) -> None:
    one, other = pair
    await other.aclose()
    await send_until_broken(one)
    assert one.send_nowait(b"x") == 0


async def test_nothing_is_taken_once_this_side_is_closed(pair: Pair) -> None:
    one, _ = pair
    await one.aclose()
    assert one.send_nowait(b"x") == 0


# --- ends ---------------------------------------------------------------------------------------------


async def send_until_broken(stream: ByteStream) -> None:
    """Send until the loss is told; TCP takes the first bytes after it, for it has not heard of it yet."""
    with pytest.raises(trio.BrokenResourceError):
        await send_forever(stream)


async def send_forever(stream: ByteStream) -> None:
    while True:
        await stream.send_all(b"x")


async def test_the_end_comes_after_what_was_sent_and_stays(pair: Pair) -> None:
    one, other = pair
    assert one.send_nowait(b"x") == 1
    await one.send_eof()
    assert await receive_all(other) == b"x"
    assert await other.receive_some() == b""


async def test_a_receiver_that_waits_hears_of_the_end(pair: Pair) -> None:
    one, other = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(expect, other, b"")
        await wait_all_tasks_blocked()
        await one.send_eof()


async def test_after_the_end_of_one_direction_the_other_goes_on(pair: Pair) -> None:
    one, other = pair
    await one.send_eof()
    assert await other.receive_some() == b""
    assert other.send_nowait(b"y") == 1
    assert await one.receive_some() == b"y"


async def test_nothing_can_be_sent_after_the_end(pair: Pair) -> None:
    one, _ = pair
    await one.send_eof()
    assert one.send_nowait(b"x") == 0
    with pytest.raises(trio.BrokenResourceError):
        await one.send_all(b"x")


async def test_closing_ends_the_stream_for_the_peer_after_what_was_sent(pair: Pair) -> None:
    one, other = pair
    assert one.send_nowait(b"x") == 1
    await one.aclose()
    assert await receive_all(other) == b"x"


async def test_sending_to_a_peer_that_is_gone_says_that_it_is_lost(pair: Pair) -> None:
    one, other = pair
    await other.aclose()
    await send_until_broken(one)


async def test_a_sender_that_waits_hears_that_the_peer_is_gone(pair: Pair, big: bytes) -> None:
    one, other = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail, trio.BrokenResourceError, one.send_all, big)
        await wait_all_tasks_blocked()
        await other.aclose()


async def fail(error: type[Exception], call: Callable[..., Awaitable[object]], *args: object) -> None:
    with pytest.raises(error):
        await call(*args)


async def test_closing_wakes_a_receiver_of_this_side(pair: Pair) -> None:
    one, _ = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail, trio.ClosedResourceError, one.receive_some)
        await wait_all_tasks_blocked()
        await one.aclose()


async def test_closing_wakes_a_sender_of_this_side(pair: Pair, big: bytes) -> None:
    one, _ = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail, trio.ClosedResourceError, one.send_all, big)
        await wait_all_tasks_blocked()
        await one.aclose()


async def test_a_closed_stream_refuses_to_send_and_receive(pair: Pair) -> None:
    one, other = pair
    assert other.send_nowait(b"unread") > 0
    await one.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await one.receive_some()
    with pytest.raises(trio.ClosedResourceError):
        await one.send_all(b"x")


async def test_closing_twice_and_ending_what_is_closed_do_no_harm(pair: Pair) -> None:
    one, _ = pair
    await one.aclose()
    await one.send_eof()
    await one.aclose()


# --- cancellation -------------------------------------------------------------------------------------


async def test_a_cancelled_receive_takes_nothing(pair: Pair) -> None:
    one, other = pair
    assert one.send_nowait(b"x") == 1
    with trio.CancelScope() as scope:
        scope.cancel()
        await other.receive_some()
    assert scope.cancelled_caught
    assert await other.receive_some() == b"x"


async def test_a_receiver_that_waits_can_be_cancelled_and_come_back(pair: Pair) -> None:
    one, other = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(other.receive_some)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert one.send_nowait(b"x") == 1
    assert await other.receive_some() == b"x"


async def test_a_cancelled_send_has_sent_a_beginning(pair: Pair, big: bytes) -> None:
    one, other = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.send_all, big)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    await one.aclose()
    got = await receive_all(other)
    assert 0 < len(got) < len(big)
    assert big.startswith(got)


async def test_a_cancelled_close_closes_all_the_same(pair: Pair) -> None:
    one, other = pair
    with trio.CancelScope() as scope:
        scope.cancel()
        await one.aclose()
    assert scope.cancelled_caught
    assert await other.receive_some() == b""
    with pytest.raises(trio.ClosedResourceError):
        await one.receive_some()


async def test_every_call_lets_others_run(pair: Pair) -> None:
    one, other = pair
    with assert_checkpoints():
        await one.send_all(b"x")
    with assert_checkpoints():
        await other.receive_some()
    with assert_checkpoints():
        await one.send_eof()
    with assert_checkpoints():
        await other.receive_some()
    with assert_checkpoints():
        await one.aclose()
