"""What a WebSocket of the server sends, however much of it is taken at a time."""

import struct
from collections.abc import Sequence

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from tests.transport.pairs import slim_memory_pair, tls_pair
from tests.transport.tape import Tape
from tests.transport.websocket_client import BINARY, PING, ClientEnd, FrameReader, close, frame
from trio_chat.transport import WebSocketStream, memory_stream_pair
from trio_chat.transport.websocket_sending import FrameSender

PONG_FRAME = b"\x8a\x01!"


def read(tape: Tape) -> FrameReader:
    reader = FrameReader()
    reader.feed(bytes(tape.sent))
    return reader


@pytest.mark.parametrize("length", [1, 125, 126, 65_535, 65_536, 100_000])
async def test_a_block_is_one_frame(length: int) -> None:
    for is_tried in (True, False):
        tape, block = Tape(), bytes(length)
        sender = FrameSender(tape)
        if is_tried:
            assert sender.send_nowait(block) == length
        else:
            await sender.send_all(block)
        assert read(tape).payload == block
        assert read(tape).lengths == [length]


@pytest.mark.parametrize("block", [b"a", b"b" * 125, b"c" * 126, b"d" * 300], ids=len)
@pytest.mark.parametrize("behind", [b"", b"and more"])
async def test_a_block_of_which_any_part_was_taken_goes_on_where_it_was_cut(block: bytes, behind: bytes) -> None:
    for part in range(len(block) + 4):
        tape = Tape(takes=[part])
        sender = FrameSender(tape)
        taken = sender.send_nowait(block)
        await sender.send_all(block[taken:] + behind)
        assert read(tape).payload == block + behind, part
        assert read(tape).is_between_frames


@pytest.mark.parametrize("block", [b"a", b"b" * 200], ids=len)
async def test_a_pong_waits_for_the_end_of_the_frame_that_was_cut(block: bytes) -> None:
    for part in range(len(block) + 4):
        for then in range(4):
            tape = Tape(takes=[part, then, 0, 0])
            sender = FrameSender(tape)
            taken = sender.send_nowait(block)
            sender.pong(PONG_FRAME)
            await sender.send_all(block[taken:] + b"next")
            if sender.owes:
                await sender.flush()
            assert read(tape).payload == block + b"next", (part, then)
            assert read(tape).pongs == [b"!"]
            assert read(tape).is_between_frames


STEPS = st.lists(
    st.tuples(st.sampled_from(["try", "send", "pong", "flush"]), st.integers(1, 400), st.lists(st.integers(0, 300))),
    max_size=15,
)


@given(STEPS)
async def test_whatever_is_taken_the_payload_arrives_in_frames_that_are_whole(
    steps: Sequence[tuple[str, int, list[int]]],
) -> None:
    tape, sent, waits = Tape(), bytearray(), b""
    sender = FrameSender(tape)
    for number, (what, length, takes) in enumerate(steps):
        tape.takes.extend(takes)
        if what == "pong":
            sender.pong(PONG_FRAME)
        elif what == "flush":
            if sender.owes:
                await sender.flush()
        else:
            waits += bytes([number]) * length
            if what == "try":
                taken = sender.send_nowait(waits)
            else:
                await sender.send_all(waits)
                taken = len(waits)
            sent += waits[:taken]
            waits = waits[taken:]
        assert read(tape).payload == sent  # what counts as taken has left
    await sender.send_all(waits)
    if sender.owes:
        await sender.flush()
    assert read(tape).payload == sent + waits
    assert read(tape).is_between_frames
    assert bool(read(tape).pongs) == any(what == "pong" for what, _, _ in steps)


async def test_the_same_block_is_framed_once_for_all() -> None:
    class Kept(Tape):
        """A tape that keeps the very objects that it was offered."""

        offered: bytes | memoryview = b""

        def send_nowait(self, data: bytes | memoryview) -> int:
            self.offered = data
            return super().send_nowait(data)

    one, other, block = Kept(), Kept(), b"shared"
    FrameSender(one).send_nowait(block)
    FrameSender(other).send_nowait(block)
    assert one.offered is other.offered


async def test_a_view_whose_bytes_have_changed_is_framed_anew() -> None:
    tape, content = Tape(), bytearray(b"one")
    sender, view = FrameSender(tape), memoryview(content)
    sender.send_nowait(view)
    content[:] = b"two"
    sender.send_nowait(view)
    assert read(tape).payload == b"onetwo"


async def test_nothing_to_send_is_no_frame() -> None:
    tape = Tape()
    stream = WebSocketStream(tape)
    assert stream.send_nowait(b"") == 0
    await stream.send_all(b"")
    assert tape.sent == b""


# --- two tasks ----------------------------------------------------------------------------------------


async def test_a_ping_that_comes_while_a_block_is_being_sent_is_answered_behind_it() -> None:
    below, other = memory_stream_pair(64)
    stream, client = WebSocketStream(below), ClientEnd(other)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"x" * 1_000)
        nursery.start_soon(stream.receive_some)
        await wait_all_tasks_blocked()
        await other.send_all(frame(PING, b"now"))
        await wait_all_tasks_blocked()
        got = b""
        while len(got) < 1_000:
            assert not client.reader.pongs
            got += await client.receive_some()
        nursery.start_soon(client.receive_some)
        await wait_all_tasks_blocked()
        assert client.reader.pongs == [b"now"]
        nursery.cancel_scope.cancel()


async def test_where_nothing_can_be_tried_a_ping_is_answered_behind_the_block_all_the_same() -> None:
    below, other = await tls_pair(slim_memory_pair)
    stream, client = WebSocketStream(below), ClientEnd(other)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"x" * 1_000)
        nursery.start_soon(stream.receive_some)
        await other.send_all(frame(PING, b"now"))
        await wait_all_tasks_blocked()
        nursery.start_soon(receive_for_ever, client)
        await wait_all_tasks_blocked()
        assert client.reader.pongs == [b"now"]
        nursery.cancel_scope.cancel()


async def receive_for_ever(stream: ClientEnd) -> None:
    while await stream.receive_some():
        pass


async def test_what_is_sent_while_a_pong_is_on_its_way_waits_for_it() -> None:
    below, other = memory_stream_pair(8)
    stream, client = WebSocketStream(below), ClientEnd(other)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.receive_some)
        nursery.start_soon(other.send_all, frame(PING, b"p" * 100))
        await wait_all_tasks_blocked()  # the pong is longer than what the pipe holds
        assert stream.send_nowait(b"behind") == 0
        nursery.start_soon(stream.send_all, b"behind")
        got = b""
        while len(got) < 6:
            got += await client.receive_some()
        assert got == b"behind"
        assert client.reader.pongs == [b"p" * 100]
        nursery.cancel_scope.cancel()


# --- the end ------------------------------------------------------------------------------------------


async def test_the_end_is_a_close_frame_with_1000() -> None:
    tape = Tape()
    await WebSocketStream(tape).send_eof()
    assert read(tape).closed == struct.pack("!H", 1000)
    assert tape.ended


async def test_while_the_close_frame_is_on_its_way_and_behind_it_nothing_is_sent() -> None:
    ours, theirs = memory_stream_pair(1)
    stream = WebSocketStream(ours)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_eof)
        await wait_all_tasks_blocked()
        reader = FrameReader()
        while data := await theirs.receive_some():
            assert stream.send_nowait(b"late") == 0
            reader.feed(data)
        assert reader.closed == struct.pack("!H", 1000)


async def test_what_is_closed_without_an_end_says_1011() -> None:
    tape = Tape()
    await WebSocketStream(tape).aclose()
    assert read(tape).closed == struct.pack("!H", 1011)


async def test_in_the_midst_of_a_frame_no_close_frame_is_sent() -> None:
    for end in (WebSocketStream.send_eof, WebSocketStream.aclose):
        tape = Tape(takes=[3])
        stream = WebSocketStream(tape)
        assert stream.send_nowait(b"block") == 1
        await end(stream)
        assert tape.sent == b"\x82\x05b"
        assert tape.ended


async def test_after_a_send_that_was_cancelled_nothing_is_sent() -> None:
    below, other = memory_stream_pair(10)
    stream = WebSocketStream(below)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"x" * 100)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert len(await other.receive_some()) == 10
    assert stream.send_nowait(b"y") == 0
    with pytest.raises(trio.BrokenResourceError):
        await stream.send_all(b"y")
    await stream.send_eof()
    assert await other.receive_some() == b""


async def test_what_was_asked_before_a_close_frame_can_still_be_answered() -> None:
    tape = Tape([frame(BINARY, b"question") + close(3_999)])
    stream = WebSocketStream(tape)
    assert await stream.receive_some() == b"question"
    assert await stream.receive_some() == b""
    assert stream.send_nowait(b"answer") == 6
    await stream.send_eof()
    assert read(tape).payload == b"answer"
    assert read(tape).closed == struct.pack("!H", 3_999)
