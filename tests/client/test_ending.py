"""Cancelled requests, turns, and the end of a client: what is said to the server, and to whoever waits."""

import pytest
import trio

from protocol import (
    Notice,
    Post,
    Quit,
)
from tests.client.fake_server import FakeServer
from tests.client.with_server import opened, said, settled, texts, until
from trio_chat.client import Client, ClientClosed
from trio_chat.client.engine import REQUESTS_WAITING

pytestmark = pytest.mark.autojump


@pytest.fixture
async def server(nursery: trio.Nursery) -> FakeServer:
    return FakeServer(nursery)


async def test_a_cancelled_request_is_carried_out_and_its_answer_ignored(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        with server.holding_answers(), trio.move_on_after(1) as scope:
            await client.post("lobby", "hello", key="k1")
        assert scope.cancelled_caught
        again = await client.post("lobby", "hello", key="k1")
        assert (again.seq, again.duplicate) == (1, True)
        assert texts(await until(client, said(1))) == ["hello"]


async def test_more_requests_than_may_wait_take_turns(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        with server.holding_answers():
            async with trio.open_nursery() as posting:
                for number in range(REQUESTS_WAITING + 50):
                    posting.start_soon(client.post, "lobby", f"{number}")
                await settled()
                assert len(server.asked_of(Post)) == REQUESTS_WAITING
                server.answering.set()
        assert len(server.logs["lobby"].entries) == REQUESTS_WAITING + 50


async def test_cancelled_requests_keep_their_turns_until_they_are_answered(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        with server.holding_answers():
            with trio.move_on_after(1):
                async with trio.open_nursery() as posting:
                    for number in range(REQUESTS_WAITING + 50):
                        posting.start_soon(client.post, "lobby", f"{number}")
            with trio.move_on_after(1) as scope:
                await client.post("lobby", "one more")
            assert scope.cancelled_caught
        assert len(server.asked_of(Post)) == REQUESTS_WAITING
        await client.post("lobby", "last")


async def test_leaving_the_block_says_bye(server: FakeServer) -> None:
    async with opened(server):
        pass
    await settled()
    assert server.asked_of(Quit)
    assert not server.connections


async def test_a_cancelled_block_says_bye(server: FakeServer) -> None:
    with trio.move_on_after(1) as scope:
        async with opened(server):
            await trio.sleep_forever()
    assert scope.cancelled_caught
    await settled()
    assert server.asked_of(Quit)


async def test_a_server_that_does_not_answer_the_goodbye_is_left_after_a_second(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        server.silent = True
        before = trio.current_time()
    assert trio.current_time() - before == 1


async def test_an_exception_of_the_block_comes_out_as_it_is(server: FakeServer) -> None:
    error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError) as caught:
        async with opened(server):
            raise error
    assert caught.value is error
    await settled()
    assert server.asked_of(Quit)


async def test_whoever_waits_when_the_block_is_left_is_told(server: FakeServer, nursery: trio.Nursery) -> None:
    ended: list[str] = []

    async def post(client: Client) -> None:
        try:
            await client.post("lobby", "hello")
        except ClientClosed:
            ended.append("post")

    async def read(client: Client) -> None:
        async for _ in client:
            pass
        ended.append("events")

    async with opened(server) as client:
        server.silent = True
        for _ in range(3 * REQUESTS_WAITING):
            nursery.start_soon(post, client)
        nursery.start_soon(read, client)
        await settled()
    await settled()
    assert sorted(ended) == ["events"] + ["post"] * 3 * REQUESTS_WAITING


async def test_a_cancelled_reading_of_events_takes_none(server: FakeServer) -> None:
    async with opened(server) as client:
        await anext(client)
        with trio.move_on_after(1):
            await anext(client)
        server.tell(Notice("tea"))
        assert await anext(client) == Notice("tea")
