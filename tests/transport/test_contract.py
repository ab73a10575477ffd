"""What every `ByteStream` promises: one text that all of them are held against alike."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import trio
from trio.testing import assert_checkpoints, wait_all_tasks_blocked

from tests.transport.pairs import MAKERS, PEEKABLE, TAKE_NOTHING, Pair
from trio_chat.transport import ByteStream, Peekable

BIG = bytes(range(256)) * 32_768  # 8 MiB: more than any buffer between two ends


@pytest.fixture(params=MAKERS)
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """Yield two joined streams and close them."""
    one, other = await MAKERS[request.param]()
    yield one, other
    await one.aclose()
    await other.aclose()


@pytest.fixture(params=[name for name in MAKERS if name not in TAKE_NOTHING])
async def taking_pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """Yield two joined streams that can be tried, and close them."""
    one, other = await MAKERS[request.param]()
    yield one, other
    await one.aclose()
    await other.aclose()


@pytest.fixture(params=PEEKABLE)
async def peekable_pair(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Peekable, Peekable]]:
    """Yield two joined streams whose beginning can be looked at, and close them."""
    one, other = await PEEKABLE[request.param]()
    yield one, other
    await one.aclose()
    await other.aclose()


async def put(stream: ByteStream, data: bytes | memoryview) -> None:
    """Send a little, as a server does: what is not taken at once is waited for."""
    taken = stream.send_nowait(data)
    if taken < len(data):
        await stream.send_all(memoryview(data)[taken:])


async def put_and_end(stream: ByteStream, data: bytes) -> None:
    await put(stream, data)
    await stream.send_eof()


async def put_and_close(stream: ByteStream, data: bytes) -> None:
    await put(stream, data)
    await stream.aclose()


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
    async with trio.open_nursery() as nursery:
        nursery.start_soon(put, one, memoryview(b"-!-")[1:-1])
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


async def test_what_fits_is_taken_at_once(taking_pair: Pair) -> None:
    one, other = taking_pair
    assert one.send_nowait(b"x") == 1
    assert await other.receive_some() == b"x"


async def test_of_too_much_a_part_is_taken_and_then_nothing(taking_pair: Pair, big: bytes) -> None:
    one, other = taking_pair
    taken = one.send_nowait(big)
    while more := one.send_nowait(big[taken:]):  # a kernel may take it in several parts
        taken += more
    assert 0 < taken < len(big)
    assert await receive_exactly(other, taken) == big[:taken]


async def test_what_was_not_taken_can_be_sent_after_it(taking_pair: Pair, big: bytes) -> None:
    one, other = taking_pair
    taken = one.send_nowait(big)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.send_all, memoryview(big)[taken:])
        assert await receive_exactly(other, len(big)) == big


async def test_nothing_is_taken_once_the_peer_is_gone(taking_pair: Pair) -> None:
    one, other = taking_pair
    await other.aclose()
    await send_until_broken(one)
    assert one.send_nowait(b"x") == 0


async def test_nothing_is_taken_once_this_side_is_closed(taking_pair: Pair) -> None:
    one, _ = taking_pair
    await one.aclose()
    assert one.send_nowait(b"x") == 0


@pytest.mark.parametrize("name", TAKE_NOTHING)
async def test_what_can_only_be_waited_for_takes_nothing(name: str) -> None:
    one, other = await MAKERS[name]()
    assert one.send_nowait(b"x") == 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.send_all, b"y")
        assert await other.receive_some() == b"y"
    await one.aclose()
    await other.aclose()


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
    async with trio.open_nursery() as nursery:
        nursery.start_soon(put_and_end, one, b"x")
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
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.send_eof)
        assert await other.receive_some() == b""
        nursery.start_soon(put, other, b"y")
        assert await one.receive_some() == b"y"


async def test_nothing_can_be_sent_after_the_end(pair: Pair) -> None:
    one, other = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.send_eof)
        assert await other.receive_some() == b""
    assert one.send_nowait(b"x") == 0
    with pytest.raises(trio.BrokenResourceError):
        await one.send_all(b"x")


async def test_closing_ends_the_stream_for_the_peer_after_what_was_sent(pair: Pair) -> None:
    one, other = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(put_and_close, one, b"x")
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
    async with trio.open_nursery() as nursery:
        nursery.start_soon(put, other, b"unread")
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
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
    async with trio.open_nursery() as nursery:
        nursery.start_soon(put, one, b"x")
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
    async with trio.open_nursery() as nursery:
        nursery.start_soon(put, one, b"x")
        assert await other.receive_some() == b"x"


async def test_a_cancelled_send_has_sent_a_beginning(pair: Pair, big: bytes) -> None:
    one, other = pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.send_all, big)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    await one.aclose()
    got = await receive_all(other)
    assert len(got) < len(big)  # of TLS in a narrow pipe not even a record
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

    async def send() -> None:
        with assert_checkpoints():
            await one.send_all(b"x")
        with assert_checkpoints():
            await one.send_eof()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        with assert_checkpoints():
            assert await other.receive_some() == b"x"
        with assert_checkpoints():
            assert await other.receive_some() == b""
    with assert_checkpoints():
        await one.aclose()


# --- looking ------------------------------------------------------------------------------------------


async def test_what_was_looked_at_is_still_there(peekable_pair: tuple[Peekable, Peekable]) -> None:
    one, other = peekable_pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.send_all, b"abc")
        for _ in range(2):
            with assert_checkpoints():
                assert (await other.peek())[:1] == b"a"
        assert await receive_exactly(other, 3) == b"abc"


async def test_looking_waits_until_something_comes_and_can_be_cancelled(
    peekable_pair: tuple[Peekable, Peekable],
) -> None:
    one, other = peekable_pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(other.peek)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(other.peek)
        await wait_all_tasks_blocked()
        nursery.start_soon(one.send_all, b"x")
    assert await other.receive_some() == b"x"


async def test_looking_sees_the_end(peekable_pair: tuple[Peekable, Peekable]) -> None:
    one, other = peekable_pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.send_eof)
        assert await other.peek() == b""
        assert await other.receive_some() == b""


async def test_looking_at_a_closed_stream_says_so(peekable_pair: tuple[Peekable, Peekable]) -> None:
    one, _ = peekable_pair
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail, trio.ClosedResourceError, one.peek)
        await wait_all_tasks_blocked()
        await one.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await one.peek()
