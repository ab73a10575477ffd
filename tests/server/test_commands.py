"""Slash commands: what is typed becomes a request, and every request's rules hold for it."""

import pytest

from protocol import (
    Bye,
    Cause,
    Command,
    Commands,
    Done,
    Error,
    Found,
    GetCommands,
    History,
    Joined,
    Members,
    Message,
    Notice,
    Posted,
    Presence,
    Rooms,
)
from tests.server.bots import offer, take
from tests.server.peer import Peer, connected
from trio_chat.server import Server

pytestmark = pytest.mark.autojump


async def type_line(peer: Peer, line: str, room: str | None = "lobby") -> object:
    number = peer.next_id()
    return await peer.ask(Command(number, line, room, f"typed-{number}"))


async def refused(peer: Peer, line: str, room: str | None = "lobby") -> str:
    answer = await type_line(peer, line, room)
    assert isinstance(answer, Error)
    return answer.code


async def test_the_table_is_what_help_and_completion_show(server: Server) -> None:
    async with connected(server, "ann") as ann:
        listed = await ann.ask(GetCommands(ann.next_id()))
        assert isinstance(listed, Commands)
        names = [command.name for command in listed.commands]
        assert " ".join(names) == (
            "/help /join /leave /list /users /nick /me /msg /topic /history /find /search /ask /stop /quit /exit"
        )
        shown = await type_line(ann, "/help")
        assert isinstance(shown, Notice)
        for command in listed.commands:
            assert command.usage in shown.text
            assert command.help in shown.text


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("/jion lobby", "/join"),
        ("/serach x", "/search"),
        ("/HLEP", "/help"),
        ("/help tpoic", "/topic"),
    ],
)
async def test_an_unknown_command_gets_the_nearest_known_one_suggested(server: Server, line: str, wanted: str) -> None:
    async with connected(server, "ann") as ann:
        answer = await type_line(ann, line)
        assert isinstance(answer, Notice)
        assert f"Did you mean {wanted}?" in answer.text


async def test_something_far_from_every_command_gets_no_suggestion(server: Server) -> None:
    async with connected(server, "ann") as ann:
        answer = await type_line(ann, "/xyzzyqqq")
        assert isinstance(answer, Notice)
        assert "Did you mean" not in answer.text
        assert "/help" in answer.text


async def test_commands_stand_for_requests(server: Server) -> None:
    async with connected(server, "ann") as ann:
        assert isinstance(await type_line(ann, "/join #Lobby", None), Joined)
        assert isinstance(await type_line(ann, "/me waves"), Posted)
        assert isinstance(await type_line(ann, "//etc is a directory"), Posted)
        action, escaped = await ann.entries(2)
        assert isinstance(action, Message)
        assert isinstance(escaped, Message)
        assert (action.text, action.action) == ("waves", True)
        assert (escaped.text, escaped.action) == ("/etc is a directory", False)
        users = await type_line(ann, "/users")
        assert isinstance(users, Members)
        assert users.count == 1
        rooms = await type_line(ann, "/list")
        assert isinstance(rooms, Rooms)
        assert [room.name for room in rooms.rooms] == ["lobby"]
        history = await type_line(ann, "/history 1")
        assert isinstance(history, History)
        assert [entry.seq for entry in history.entries] == [2]
        found = await type_line(ann, "/find directory")
        assert isinstance(found, Found)
        assert [entry.seq for entry in found.entries] == [2]
        assert isinstance(await type_line(ann, "/nick anna"), Done)
        assert isinstance(await type_line(ann, "/leave"), Done)
        assert await refused(ann, "/me is gone") == "not_a_member"


async def test_the_topic_is_set_and_shown(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        none = await type_line(ann, "/topic")
        assert isinstance(none, Notice)
        assert "no topic" in none.text
        assert isinstance(await type_line(ann, "/topic lunch at noon"), Posted)
        shown = await type_line(ann, "/topic")
        assert isinstance(shown, Notice)
        assert "lunch at noon" in shown.text


async def test_a_private_message_opens_the_room_for_both(server: Server) -> None:
    async with connected(server, "ann") as ann, connected(server, "bob") as bob:
        posted = await type_line(ann, "/msg bob hello you", None)
        assert isinstance(posted, Posted)
        news = await bob.expect(Joined)
        assert (news.room, news.peer) == (posted.room, "ann")
        mine = await ann.expect(Joined)
        assert (mine.room, mine.peer, mine.id) == (posted.room, "bob", None)
        (entry,) = await bob.entries(1)
        assert isinstance(entry, Message)
        assert entry.text == "hello you"
        again = await type_line(ann, "/msg BOB", None)
        assert isinstance(again, Joined)
        assert again.room == posted.room
        assert await refused(ann, "/msg zoe hello", None) == "no_such_person"


async def test_a_question_without_a_bot_is_not_posted_and_says_how_to_start_one(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        answer = await type_line(ann, "/search why is the sky blue?")
        assert isinstance(answer, Notice)
        assert "python -m trio_chat.bot" in answer.text
        await ann.post("anything")
        assert [entry.seq for entry in await ann.entries(1)] == [1]


@pytest.mark.parametrize("name", ["search", "ask", "SEARCH"])
async def test_a_question_with_a_bot_is_seen_by_the_room_as_one(server: Server, name: str) -> None:
    async with connected(server, "ann") as ann, connected(server, "sage", bot=True) as sage:
        await ann.join()
        await sage.join()
        await offer(sage, "/search")
        assert isinstance(await type_line(ann, f"/{name} why is the sky blue?"), Posted)
        (question,) = await sage.entries(1)
        assert isinstance(question, Message)
        assert (question.text, question.command, question.bot) == ("why is the sky blue?", "search", False)
        assert question.asks == sage.author
        granted = await take(sage, Cause("command", seq=question.seq))
        await sage.post("Rayleigh", reply_to=question.seq, turn=granted.turn)
        answer = (await ann.entries(2))[1]
        assert isinstance(answer, Message)
        assert (answer.bot, answer.reply_to) == (True, question.seq)
        arrived = [m for m in ann.seen if isinstance(m, Presence)]
        assert [(m.nick, m.bot) for m in arrived] == [("sage", True)]


@pytest.mark.parametrize("line", ["/quit", "/exit", "/quit good night"])
async def test_quitting_is_answered_with_bye(server: Server, line: str) -> None:
    async with connected(server, "ann") as ann:
        number = ann.next_id()
        await ann.send(Command(number, line))
        bye = await ann.end()
        assert bye == Bye(line.partition(" ")[2], id=number)


@pytest.mark.parametrize(
    ("line", "room", "code"),
    [
        ("/join", "lobby", "bad_text"),
        ("/join a b", "lobby", "bad_name"),
        ("/nick", "lobby", "bad_text"),
        ("/nick two words", "lobby", "bad_name"),
        ("/nick server", "lobby", "nick_taken"),
        ("/me", "lobby", "bad_text"),
        ("/me\n", "lobby", "bad_text"),
        ("/join\t", "lobby", "bad_text"),
        ("/msg", "lobby", "bad_text"),
        ("/msg bob", "lobby", "no_such_person"),
        ("/history many", "lobby", "bad_text"),
        ("/history 99999999999", "lobby", "bad_text"),
        ("/find", "lobby", "bad_text"),
        ("/search", "lobby", "bad_text"),
        ("/topic " + "x" * 501, "lobby", "bad_text"),
        ("/users", None, "not_a_member"),
        ("/users nowhere", "lobby", "no_such_room"),
        ("/leave elsewhere", "lobby", "not_a_member"),
    ],
)
async def test_what_is_missing_or_wrong_is_refused_with_the_codes_of_requests(
    server: Server, line: str, room: str | None, code: str
) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        assert await refused(ann, line, room) == code


async def test_a_command_that_posts_needs_a_key(server: Server) -> None:
    async with connected(server, "ann") as ann:
        await ann.join()
        answer = await ann.ask(Command(ann.next_id(), "/me waves", "lobby"))
        assert isinstance(answer, Error)
        assert answer.code == "bad_text"


async def test_commands_before_hello_are_not_welcome(server: Server) -> None:
    async with connected(server) as mute:
        answer = await mute.ask(Command(mute.next_id(), "/help"))
        assert isinstance(answer, Error)
        assert answer.code == "not_welcome"
