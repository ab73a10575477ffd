"""Commands that bots add: shown to everybody who is in a room with them, asked of one bot, and gone with it."""

import pytest

from protocol import (
    COMMAND_CHARS,
    HELP_CHARS,
    OFFERS_MAX,
    USAGE_CHARS,
    Command,
    CommandHelp,
    CommandOffer,
    Commands,
    Done,
    Error,
    GetCommands,
    Leave,
    Message,
    Notice,
    Posted,
)
from protocol import Offer as OfferRequest
from tests.server.bots import lobby, offer
from tests.server.peer import Peer, connected
from trio_chat.server import Server

pytestmark = pytest.mark.autojump


async def added(peer: Peer, room: str | None = "lobby") -> list[CommandHelp]:
    """Return what bots add, as a client is told to complete."""
    listed = await peer.ask(GetCommands(peer.next_id(), room))
    assert isinstance(listed, Commands)
    assert [c.name for c in listed.commands][:1] == ["/help"]
    return [command for command in listed.commands if command.by is not None]


async def type_line(peer: Peer, line: str, room: str = "lobby") -> object:
    number = peer.next_id()
    return await peer.ask(Command(number, line, room, f"typed-{number}"))


async def test_what_a_bot_adds_is_in_help_and_completion_of_everybody_in_its_rooms(server: Server) -> None:
    async with lobby(server, "bot", "ann", "bob") as (bot, ann, bob):
        await offer(bot, "/roll", "/flip")
        for peer in (ann, bob):
            expected = [CommandHelp(n, f"{n} [WORDS]", f"what {n} is for", by="bot") for n in ("/roll", "/flip")]
            assert await added(peer) == await added(peer, None) == await added(peer, "LOBBY") == expected
            everything = await type_line(peer, "/help")
            one = await type_line(peer, "/help roll")
            assert isinstance(everything, Notice)
            assert isinstance(one, Notice)
            lines = [" ".join(line.split()) for line in everything.text.splitlines()]
            assert "/roll [WORDS] what /roll is for (bot)" in lines
            assert one.text == "/roll [WORDS]: what /roll is for (bot)"
            near = await type_line(peer, "/rol")
            assert isinstance(near, Notice)
            assert "Did you mean /roll?" in near.text


async def test_it_is_not_there_in_a_room_without_the_bot(server: Server) -> None:
    async with lobby(server, "bot", "ann") as (bot, ann), connected(server, "zoe") as zoe:
        await offer(bot, "/roll")
        await ann.join("den")
        await zoe.join("den")
        assert await added(ann, "den") == await added(zoe, None) == await added(zoe, "lobby") == []
        answer = await type_line(ann, "/roll 2d6", "den")
        assert isinstance(answer, Notice)
        assert "no command /roll" in answer.text


@pytest.mark.parametrize("line", ["/roll 2d6 + 1", "/roll", "/ROLL   2d6 + 1 "])
async def test_a_command_of_a_bots_becomes_a_message_that_asks_that_bot(server: Server, line: str) -> None:
    async with lobby(server, "bot", "ann") as (bot, ann):
        await offer(bot, "/roll")
        assert isinstance(await type_line(ann, line), Posted)
        for peer in (bot, ann):
            (asked,) = await peer.entries(1)
            assert isinstance(asked, Message)
            words = "2d6 + 1" if "2d6" in line else ""
            assert (asked.text, asked.command, asked.asks, asked.author) == (words, "roll", bot.author, ann.author)


async def test_of_two_bots_that_add_the_same_the_first_to_come_is_asked(server: Server) -> None:
    async with lobby(server, "bot1", "bot2", "ann") as (first, second, ann):
        await offer(second, "/roll", "/search")
        await offer(first, "/roll")
        assert [(command.name, command.by) for command in await added(ann)] == [("/roll", "bot1")]
        await type_line(ann, "/roll")
        await type_line(ann, "/search why?")
        asked = await ann.entries(2)
        assert [entry.asks for entry in asked if isinstance(entry, Message)] == [first.author, second.author]


async def test_a_question_in_a_room_without_a_bot_is_told_where_one_is(server: Server) -> None:
    async with lobby(server, "bot", "ann") as (bot, ann):
        await offer(bot, "/search")
        await ann.join("den")
        answer = await type_line(ann, "/search why?", "den")
        assert isinstance(answer, Notice)
        assert answer.text == "No bot is in this room to ask, but bot is in #lobby: /join lobby and ask there."


async def test_an_offer_replaces_the_one_before_and_goes_when_the_bot_does(server: Server) -> None:
    async with lobby(server, "ann") as (ann,):
        async with connected(server, "bot", bot=True) as bot:
            await offer(bot, "/roll")
            assert await added(ann) == []
            await bot.join()
            assert [command.name for command in await added(ann)] == ["/roll"]
            await offer(bot, "/flip")
            assert [command.name for command in await added(ann)] == ["/flip"]
            await bot.ask(Leave(bot.next_id(), "lobby"))
            assert await added(ann) == []
        async with connected(server, "bot", bot=True) as bot:
            await bot.join()
            assert await added(ann) == []


async def test_of_too_many_commands_those_of_the_bots_that_came_first_are_there(server: Server) -> None:
    async with lobby(server, *(f"bot{number}" for number in range(60)), "ann") as (*bots, ann):
        for number, bot in enumerate(bots):
            # As long as they may be: all of them would be 1.5 MB, and a frame holds one.
            names = [f"/b{number}x{count}".ljust(COMMAND_CHARS, "x") for count in range(OFFERS_MAX)]
            usages = [f"{name} ".ljust(USAGE_CHARS, "🎲") for name in names]
            commands = [CommandOffer(*pair, "🎲" * HELP_CHARS) for pair in zip(names, usages, strict=True)]
            assert isinstance(await bot.ask(OfferRequest(bot.next_id(), commands)), Done)
        assert [command.by for command in await added(ann)] == [
            f"bot{number}" for number in range(10) for _ in range(20)
        ]
        for line in ("/help", "/unknown"):
            assert isinstance(await type_line(ann, line), Notice)


async def test_a_bot_is_not_offered_its_own_commands(server: Server) -> None:
    async with lobby(server, "bot") as (bot,):
        await offer(bot, "/roll")
        assert await added(bot) == []


async def test_commands_are_those_of_the_connection_that_is_in_the_room(server: Server) -> None:
    session = "b" * 32
    async with (
        lobby(server, "ann") as (ann,),
        connected(server, "bot", session=session, bot=True) as one,
        connected(server, "bot", session=session, bot=True) as other,
    ):
        await one.join("den")
        await other.join()
        await ann.join("den")
        await offer(one, "/roll")
        assert await added(ann, "lobby") == []
        assert [command.name for command in await added(ann, "den")] == ["/roll"]
        await offer(other, "/flip")
        assert [command.name for command in await added(ann, None)] == ["/flip", "/roll"]


async def test_people_add_none_and_the_servers_own_names_are_taken(server: Server) -> None:
    async with lobby(server, "bot", "ann") as (bot, ann):
        for peer, name in ((ann, "/roll"), (bot, "/join"), (bot, "/ask")):
            refused = await peer.ask(OfferRequest(peer.next_id(), [CommandOffer(name, name, "")]))
            assert isinstance(refused, Error)
            assert refused.code == "forbidden"
        assert isinstance(await bot.ask(OfferRequest(bot.next_id(), [])), Done)
