"""Coming back: what a user sees of a connection that breaks, and what is asked again."""

import pytest
import trio

from protocol import (
    Bye,
    CommandOffer,
    Gap,
    Hello,
    Join,
    Message,
    Notice,
    Offer,
    Position,
)
from tests.client.fake_server import FakeServer
from tests.client.with_server import back, live, next_of, opened, said, settled, texts, until
from trio_chat.client import Client, Connected, Disconnected, Refused

pytestmark = pytest.mark.autojump


@pytest.fixture
async def server(nursery: trio.Nursery) -> FakeServer:
    return FakeServer(nursery)


# --- being cut off and coming back --------------------------------------------------------------------


async def test_a_cut_is_told_with_its_reason_and_mended(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        server.say("lobby", "before")
        await until(client, said(1))
        server.cut()
        lost = await next_of(client, Disconnected)
        assert lost.reason == "The server closed the connection."
        assert 0 <= lost.retry_in_s <= 0.1
        assert not client.connected
        server.say("lobby", "meanwhile")
        events = await until(client, said(2))
        assert events[0] == Connected(again=True, nick="ann")
        assert texts(events) == ["meanwhile"]
        join = server.asked_of(Join)[-1]
        assert join == Join(join.id, "lobby", after=Position("e1", 1))


async def test_the_commands_that_a_bot_adds_are_added_again_before_its_rooms_are_joined(server: FakeServer) -> None:
    roll, flip = CommandOffer("/roll", "/roll", "dice"), CommandOffer("/flip", "/flip", "a coin")
    async with opened(server) as client:
        await client.offer([roll])
        await client.offer([flip])
        server.refuse(Offer, "forbidden")
        with pytest.raises(Refused):
            await client.offer([])
        await client.join("lobby")
        server.cut()
        await back(client)
        await settled()
        assert [type(request) for request in server.asked[-3:]] == [Hello, Offer, Join]
        assert server.asked_of(Offer)[-1] == Offer(server.asked[-2].id, [flip])


async def test_commands_that_the_server_cannot_take_just_now_are_added_later(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.offer([CommandOffer("/roll", "/roll", "dice")])
        server.offered = []
        server.refuse(Offer, "too_many", 5_000, times=2)
        server.cut()
        await back(client)
        await trio.sleep(11)
        assert [offer.name for offer in server.offered] == ["/roll"]


async def test_commands_that_the_server_refuses_after_a_cut_are_told_of(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.offer([CommandOffer("/roll", "/roll", "dice")])
        server.refuse(Offer, "forbidden")
        server.cut()
        notice = await next_of(client, Notice)
        assert notice.text.startswith("Your commands are not added any more: ")


async def test_a_bot_in_no_room_adds_its_commands_again_once(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.offer([CommandOffer("/roll", "/roll", "dice")])
        server.cut()
        await back(client)
        await settled()
        assert [type(request) for request in server.asked[-2:]] == [Hello, Offer]


async def test_every_attempt_that_fails_is_told_and_the_waits_grow_to_fifteen_seconds(server: FakeServer) -> None:
    async with opened(server) as client:
        server.refused_dials = 40
        server.cut()
        events = await until(client, lambda event: isinstance(event, Connected) and event.again)
        lost = [event for event in events if isinstance(event, Disconnected)]
        assert len(lost) == 41
        assert all(event.retry_in_s <= min(15.0, 0.1 * 2.0**count) for count, event in enumerate(lost))
        assert max(event.retry_in_s for event in lost) > 5
        assert lost[-1].reason.startswith("Nobody listens at 127.0.0.1:5002: start a server there")


async def test_a_server_that_says_bye_is_left_alone_for_as_long_as_it_asks(server: FakeServer) -> None:
    async with opened(server) as client:
        before = trio.current_time()
        server.tell(Bye("restarting.", retry_after_ms=60_000))
        lost = await next_of(client, Disconnected)
        assert lost.reason == "The server said goodbye: restarting."
        await back(client)
        assert trio.current_time() - before >= 60


async def test_a_server_that_breaks_the_protocol_is_left_and_the_rest_comes_as_it_should(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        await live(client)
        server.tell(Message("lobby", 3, 0, "a-x", "xenia", "out of order"))
        lost = await next_of(client, Disconnected)
        assert lost.reason == "The server broke the protocol: the log of lobby goes on at 3, after 0."
        server.say("lobby", "in order")
        assert texts(await until(client, said(1))) == ["in order"]


async def test_a_room_of_which_nothing_came_yet_is_resumed_with_all_that_was_asked_for(server: FakeServer) -> None:
    for number in range(1, 6):
        server.say("lobby", f"{number}")
    async with opened(server) as client:
        server.publishing = False
        await client.join("lobby", last=3)
        server.cut()
        server.say("lobby", "6")
        server.publishing = True
        assert texts(await until(client, said(6))) == ["3", "4", "5", "6"]


async def test_a_new_epoch_says_gap_and_brings_the_log_from_its_start(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        for text in ("one", "two", "three"):
            await client.post("lobby", text)
        await until(client, said(3))
        server.restart_with_empty_logs("e2")
        server.say("lobby", "new one")
        events = await until(client, said(1))
        assert [event for event in events if isinstance(event, Gap)] == [Gap("lobby", 3, 1, "epoch")]
        assert texts(events) == ["new one"]
        assert client.rooms["lobby"].epoch == "e2"


async def test_entries_that_expired_meanwhile_are_told_by_a_gap(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        server.say("lobby", "1")
        await until(client, said(1))
        server.cut()
        for number in range(2, 6):
            server.say("lobby", f"{number}")
        server.logs["lobby"].first = 4
        events = await until(client, said(5))
        assert [event for event in events if isinstance(event, Gap)] == [Gap("lobby", 1, 4, "expired")]
        assert texts(events) == ["4", "5"]


async def test_an_identity_that_the_server_has_forgotten_is_warned_of(server: FakeServer) -> None:
    async with opened(server) as client:
        server.authors["a" * 32] = "a-new"
        server.nicks.clear()
        server.cut()
        notice = await next_of(client, Notice)
        assert "may come twice" in notice.text
        assert notice.level == "warning"
        assert client.author == "a-new"


# --- nicks and refusals on the way back ---------------------------------------------------------------


async def test_a_nick_that_somebody_has_taken_meanwhile_grows_an_underscore(server: FakeServer) -> None:
    async with opened(server) as client:
        server.nicks["ann"] = server.nicks["ann_"] = "a-somebody"
        server.cut()
        assert await back(client) == Connected(again=True, nick="ann__")
        assert client.nick == "ann__"
        assert server.dials == 2


async def test_a_nick_of_full_length_is_shortened_to_make_room(server: FakeServer) -> None:
    async with opened(server, "n" * 32) as client:
        server.nicks["n" * 32] = "a-somebody"
        server.cut()
        assert (await back(client)).nick == "n" * 31 + "_"


async def test_when_all_nicks_are_taken_it_is_tried_again_later(server: FakeServer) -> None:
    async with opened(server) as client:
        taken = {"ann" + "_" * count: "a-somebody" for count in range(5)}
        server.nicks.update(taken)
        server.cut()
        await next_of(client, Disconnected)
        lost = await next_of(client, Disconnected)
        assert lost.reason == "Somebody else has this nick."
        del server.nicks["ann"]
        assert (await back(client)).nick == "ann"


@pytest.mark.parametrize("code", ["not_welcome", "version", "bad_name", "forbidden"])
async def test_a_server_that_refuses_us_for_good_ends_the_client(
    server: FakeServer, nursery: trio.Nursery, code: str
) -> None:
    refused: list[str] = []

    async def post(client: Client) -> None:
        try:
            await client.post("lobby", "hello")
        except Refused as error:
            refused.append(error.code)

    async with opened(server) as client:
        await client.join("lobby")
        server.refuse(Hello, code)
        server.refused_dials = 1
        server.cut()
        nursery.start_soon(post, client)
        with pytest.raises(Refused) as caught:
            await until(client, lambda event: False)
        assert caught.value.code == code
        await settled()
        assert refused == [code]
        with pytest.raises(Refused):
            await client.post("lobby", "again")


@pytest.mark.parametrize("code", ["unavailable", "too_many", "internal"])
async def test_a_refusal_that_may_pass_is_waited_for(server: FakeServer, code: str) -> None:
    async with opened(server) as client:
        server.refuse(Hello, code, retry_after_ms=7_000, times=2)
        server.cut()
        before = trio.current_time()
        await back(client)
        assert trio.current_time() - before >= 14


async def test_a_room_that_cannot_be_resumed_now_is_waited_for_before_anything_is_posted(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        await client.join("hall")
        server.refuse(Join, "unavailable", retry_after_ms=5_000, times=2)
        server.cut()
        await client.post("lobby", "hello")
        assert texts(await until(client, said(1))) == ["hello"]
        assert set(client.rooms) == {"lobby", "hall"}
        assert server.dials == 2


async def test_what_is_posted_while_a_room_is_waited_for_waits_too(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        server.refuse(Join, "unavailable", retry_after_ms=5_000)
        server.cut()
        await back(client)
        await settled()
        assert client.connected
        assert (await client.post("lobby", "hello")).seq == 1


async def test_a_room_is_resumed_once_however_often_the_connection_broke_meanwhile(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        await live(client)
        server.asked.clear()
        server.stuck_at = Join
        for _ in range(3):
            server.cut()
            await trio.sleep(20)
        server.stuck_at = None
        server.cut()
        await live(client)
        await settled()
        assert list(map(type, server.asked)) == [Hello, Join] * 4


async def test_after_a_connection_that_held_the_waits_begin_anew(server: FakeServer) -> None:
    async with opened(server) as client:
        server.refused_dials = 30
        server.cut()
        await back(client)
        await trio.sleep(15)
        server.refused_dials = 1
        server.cut()
        first, second = await next_of(client, Disconnected), await next_of(client, Disconnected)
        assert first.retry_in_s <= 0.1
        assert second.retry_in_s <= 0.2


async def test_a_room_that_refuses_us_on_the_way_back_is_left_with_a_notice(server: FakeServer) -> None:
    async with opened(server) as client:
        await client.join("lobby")
        await client.join("hall")
        server.refuse(Join, "forbidden")
        server.cut()
        notice = await next_of(client, Notice)
        assert notice == Notice("You are no longer in #lobby: Refused for the test: forbidden.", "lobby", "warning")
        await client.post("hall", "hello")
        assert set(client.rooms) == {"hall"}
