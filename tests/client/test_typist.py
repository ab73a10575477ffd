"""Line mode at a real pseudo-terminal: a person types while others talk, and sees what is promised."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC

import pytest
import trio
import trio.testing

from protocol import Command, CommandOffer, GetCommands, Post
from tests.client.fake_server import NOW_MS, FakeServer
from tests.client.pty_screen import PtyScreen, pty_screen
from trio_chat.client import open_client
from trio_chat.client.ink import Painter
from trio_chat.client.lines import Talk, asks_to_quit, room_name
from trio_chat.client.render import Renderer
from trio_chat.client.report import ForPeople
from trio_chat.client.terminal import Terminal
from trio_chat.client.typist import Typist


@pytest.fixture
def server(nursery: trio.Nursery) -> FakeServer:
    return FakeServer(nursery)


class Person:
    """Somebody at a terminal, talking in the lobby."""

    def __init__(self, pty: PtyScreen, talk: Talk) -> None:
        self.pty = pty
        self.talk = talk
        self.left = trio.Event()

    @property
    def lines(self) -> list[str]:
        """What is on the screen, without times."""
        return [re.sub(r"^\[\d\d:\d\d\] ", "", line) for line in self.pty.lines]

    async def sees(self, *lines: str) -> None:
        """Wait until the screen ends with `lines`."""
        await self.pty.until(lambda: tuple(self.lines[-len(lines) :]) == lines)


@asynccontextmanager
async def person_at(server: FakeServer, columns: int = 100) -> AsyncIterator[Person]:
    with pty_screen(columns, 20) as pty:
        found = pty.modes
        async with open_client(nick="me", session="0" * 32, dial=server.dial) as client:
            renderer = Renderer(lambda room: room_name(client, room), UTC)
            report = ForPeople(renderer, Painter(colours=False), "home", clock=lambda: NOW_MS / 1000)
            typist = Typist(Terminal(pty.slave, pty.slave), client, report)
            person = Person(pty, typist.talk)
            async with trio.open_nursery() as nursery:

                async def run() -> None:
                    await typist.run("lobby")
                    person.left.set()

                nursery.start_soon(run)
                await pty.until(lambda: "-!- In #lobby (1): me" in person.lines and person.lines[-1] == "#lobby>")
                await trio.testing.wait_all_tasks_blocked()  # by then it has learnt what Tab completes
                yield person
                person.talk.leave()
        assert pty.modes == found


async def test_what_is_typed_is_shown_in_its_row_and_then_as_a_message(server: FakeServer) -> None:
    async with person_at(server) as person:
        person.pty.type("hello wörld 日本")
        await person.sees("#lobby> hello wörld 日本")
        person.pty.type("\r")
        await person.sees("<me> hello wörld 日本", "#lobby>")


async def test_what_others_say_comes_above_the_row_and_what_is_typed_stays(server: FakeServer) -> None:
    async with person_at(server) as person:
        person.pty.type("half a li")
        await person.sees("#lobby> half a li")
        server.say("lobby", "one\nand two")
        await person.sees("<other> one", "        and two", "#lobby> half a li")
        person.pty.type("ne\r")
        await person.sees("<other> one", "        and two", "<me> half a line", "#lobby>")


async def test_a_paste_of_several_lines_is_one_message(server: FakeServer) -> None:
    async with person_at(server) as person:
        person.pty.type("\x1b[200~one\rtwo\r\x1b[201~")
        await person.sees("#lobby> one␊two␊")
        person.pty.type("\r")
        await person.sees("<me> one", "        two", "#lobby>")
    assert [post.text for post in server.asked_of(Post) if isinstance(post, Post)] == ["one\ntwo"]


async def test_lines_typed_at_once_are_posted_in_order_and_blank_ones_are_not(server: FakeServer) -> None:
    async with person_at(server) as person:
        person.pty.type("".join(f"line {number}\r \r" for number in range(150)))
        await person.sees(*(f"<me> line {number}" for number in range(140, 150)), "#lobby>")
    assert [post.text for post in server.asked_of(Post) if isinstance(post, Post)] == [f"line {n}" for n in range(150)]


async def test_a_refused_line_is_told_in_a_sentence(server: FakeServer) -> None:
    async with person_at(server) as person:
        server.refuse(Post, "forbidden")
        person.pty.type("hello\r")
        await person.sees("-!- Refused for the test: forbidden.", "#lobby>")
    assert person.talk.code == 0


async def test_the_row_names_the_room_one_is_in(server: FakeServer) -> None:
    async with person_at(server) as person:
        person.pty.type("/join trio\r")
        await person.sees("-!- In #trio (1): me", "#trio>")
        person.pty.type("/leave\r")
        await person.sees("-!- You are talking in #lobby now.", "#lobby>")
        person.pty.type("/leave\r")
        await person.sees("-!- You are in no room; go to one with /join ROOM.", ">")


async def test_tab_completes_commands_rooms_and_nicks(server: FakeServer) -> None:
    server.say("lobby", "x")
    server.say("trio", "x")
    async with person_at(server) as person:
        person.pty.type("/q\t")
        await person.sees("#lobby> /quit")
        person.pty.type("\x15#tr\t!")
        await person.sees("#lobby> #trio !")
        person.pty.type("\x15m\tyes")
        await person.sees("#lobby> me: yes")
        person.pty.type("\x15#\t")
        await person.sees("-!- #lobby  #trio", "#lobby> #")


async def test_tab_completes_what_a_bot_has_added_since(server: FakeServer) -> None:
    async with person_at(server) as person:
        server.offered = [CommandOffer("/roll", "/roll [2d6]", "roll dice")]
        person.pty.type("/ro\t2d6")
        await person.sees("#lobby> /roll 2d6")
    asked = [request.room for request in server.asked_of(GetCommands) if isinstance(request, GetCommands)]
    assert asked == ["lobby", "lobby"]


async def test_without_an_answer_completion_offers_what_is_known_anyway(server: FakeServer) -> None:
    server.refuse(GetCommands, "unavailable", times=9)
    async with person_at(server) as person:
        person.pty.type("/q\t#lo\t")
        await person.sees("#lobby> /q#lo")
        person.pty.type("\x15#lo\t")
        await person.sees("#lobby> #lobby")


async def test_a_line_without_end_is_refused_and_not_posted_in_part(server: FakeServer) -> None:
    async with person_at(server, columns=80) as person:
        person.pty.type("\x1b[200~" + "x" * 3_000)
        await trio.testing.wait_all_tasks_blocked(0.01)
        person.pty.type("x" * 3_000 + "\x1b[201~")
        await person.sees("-!- 6000 characters were left out: a message has at most 4000.", "#lobby>")


async def test_ctrl_l_clears_the_screen(server: FakeServer) -> None:
    async with person_at(server) as person:
        person.pty.type("abc\x0c")
        await person.pty.until(lambda: person.lines == ["#lobby> abc"])


async def test_ctrl_d_leaves_once_the_server_has_answered(server: FakeServer) -> None:
    async with person_at(server) as person:
        person.pty.type("bye\r\x04")
        await person.left.wait()
        person.pty.show()
        assert person.lines[-2:] == ["<me> bye", "-!- Finished."] or person.lines[-1] == "-!- Finished."
    assert (person.talk.last_words, person.talk.code) == ([], 0)
    assert len(server.asked_of(Post)) == 1


async def test_ctrl_d_tells_what_the_server_has_not_answered(server: FakeServer) -> None:
    async with person_at(server) as person:
        server.silent = True
        person.pty.type("one\rtwo\r\x04")
        await person.left.wait()
        server.cut()  # for leaving waits for the answer to its goodbye
    assert person.talk.last_words == ["The server has not answered 2 of your lines; they may be lost."]


async def test_while_cut_off_lines_wait_and_quit_ends_at_once(server: FakeServer) -> None:
    async with person_at(server) as person:
        server.refused_dials = 1_000
        server.cut()
        await person.pty.until(lambda: any("Cut off" in line for line in person.lines))
        person.pty.type("hello\r")
        await person.pty.until_shown("The server is away; your line is sent when it is back.")
        person.pty.type("/exit\r")
        await person.left.wait()
    assert person.talk.last_words == ["The server has not answered 1 of your lines; they may be lost."]
    assert not [request for request in server.asked if isinstance(request, Command)]


async def test_after_a_quit_nothing_more_is_asked_and_the_talk_is_over(server: FakeServer) -> None:
    async with person_at(server) as person:
        person.pty.type("/quit\rtoo late\r")
        await person.left.wait()
    assert server.asked_of(Post) == []


async def test_a_terminal_that_goes_away_ends_the_talk(server: FakeServer) -> None:
    with pty_screen() as pty:
        async with open_client(nick="me", session="0" * 32, dial=server.dial) as client:
            renderer = Renderer(lambda room: room_name(client, room), UTC)
            typist = Typist(Terminal(pty.slave, pty.slave), client, ForPeople(renderer, Painter(colours=False), "home"))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(typist.run, "lobby")
                await pty.until_shown("In #lobby")
                os.close(pty.master)
    assert typist.talk.code == 0


async def test_a_long_line_scrolls_in_its_row(server: FakeServer) -> None:
    async with person_at(server, columns=30) as person:
        person.pty.type("0123456789" * 4)
        await person.pty.until(lambda: person.lines[-1].endswith("6789") and person.lines[-1].startswith("#lobby> "))
        assert person.lines[-2] == "-!- In #lobby (1): me"
        server.say("lobby", "hi")
        await person.pty.until(lambda: person.lines[-2] == "<other> hi")
        person.pty.type("\x01")
        await person.sees("<other> hi", "#lobby> 012345678901234567890")


@pytest.mark.parametrize(
    ("line", "quits"),
    [("/quit", True), ("/EXIT now", True), ("/quitter", False), ("quit", False), (" /quit", False), ("", False)],
)
def test_only_the_command_to_leave_asks_to_quit(line: str, quits: bool) -> None:
    assert asks_to_quit(line) is quits
