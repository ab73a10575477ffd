"""The pipe in memory, where it is more than any stream."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from trio_chat.transport import memory_stream_pair


@given(st.integers(1, 8), st.lists(st.binary(max_size=20)), st.integers(1, 8))
async def test_any_capacity_and_any_pieces_give_the_same_bytes(capacity: int, pieces: list[bytes], asked: int) -> None:
    one, other = memory_stream_pair(capacity)
    got = bytearray()

    async def send() -> None:
        for piece in pieces:
            taken = one.send_nowait(piece)
            assert taken <= capacity
            await one.send_all(piece[taken:])
        await one.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        while data := await other.receive_some(asked):
            assert len(data) <= asked
            got += data
    assert got == b"".join(pieces)


@pytest.mark.parametrize("capacity", [1, 10, 65_536])
async def test_a_direction_holds_its_capacity_and_no_more(capacity: int) -> None:
    one, other = memory_stream_pair(capacity)
    assert one.send_nowait(bytes(100_000)) == capacity
    assert other.send_nowait(bytes(100_000)) == capacity


async def test_each_end_knows_the_other_by_the_name_given() -> None:
    console, server = memory_stream_pair(names=("server", "console"))
    assert (console.peer, server.peer) == ("server", "console")


async def test_who_is_gone_is_named() -> None:
    one, other = memory_stream_pair(names=("other", "one"))
    await other.aclose()
    with pytest.raises(trio.BrokenResourceError, match="other has closed the stream"):
        await one.send_all(b"x")
