"""Line mode over the real library and a server in memory: what is typed happens, what happens is shown."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC
from typing import ClassVar

import pytest
import trio
import trio.testing

from protocol import Bye, Command, Hello, Join, Joined, Message, Notice, Post, Quit
from tests.client.fake_server import NOW_MS, FakeServer
from trio_chat.client import Client, open_client
from trio_chat.client.ink import Painter
from trio_chat.client.lines import LineClient, Talk, room_name
from trio_chat.client.output import Output
from trio_chat.client.render import Renderer
from trio_chat.client.report import ForPeople, ForPrograms, Report

pytestmark = pytest.mark.autojump

Source = Callable[[Talk], Awaitable[None]]


class Paper:
    """Everything that was written. `refuse`: what writing raises; `held`: what it waits for."""

    def __init__(self) -> None:
        self.text = ""
        self.refuse: OSError | None = None
        self.held: trio.Event | None = None

    async def write(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        if self.refuse is not None:
            raise self.refuse
        if self.held is not None:
            await self.held.wait()
        self.text += data.decode()

    @property
    def lines(self) -> list[str]:
        """The lines without their times."""
        return [line.partition("] ")[2] or line for line in self.text.splitlines()]


@pytest.fixture
def server(nursery: trio.Nursery) -> FakeServer:
    return FakeServer(nursery)


@pytest.fixture
def paper() -> Paper:
    return Paper()


def report_for(client: LineClient) -> ForPeople:
    renderer = Renderer(lambda room: room_name(client, room), UTC)
    return ForPeople(renderer, Painter(colours=False), "the server", clock=lambda: NOW_MS / 1000)


@asynccontextmanager
async def talking(server: FakeServer, paper: Paper, report: Report | None = None) -> AsyncIterator[Talk]:
    async with open_client(nick="me", session="0" * 32, dial=server.dial) as client:
        yield Talk(client, report or report_for(client), Output(paper.write))


async def converse(
    server: FakeServer, paper: Paper, *lines: str, report: Report | None = None, then: Source | None = None
) -> tuple[Talk, list[str | None]]:
    """Carry out `lines` in the lobby and leave; return the talk, and what each line was refused for."""
    complaints: list[str | None] = []

    async def source(talk: Talk) -> None:
        await trio.testing.wait_all_tasks_blocked()
        for line in lines:
            complaints.append(await talk.carry_out(line))
            await trio.testing.wait_all_tasks_blocked()
        await talk.settle()
        if then is not None:
            await then(talk)

    async with talking(server, paper, report) as talk:
        await talk.run("lobby", source)
    return talk, complaints


WELCOME = [
    "-!- Connected to the server as me. /help lists what you can do, /quit leaves.",
    "-!- You are in #lobby",
    "-!- In #lobby (1): me",
]


async def test_a_line_is_posted_and_shown_when_it_comes_back_from_the_room(server: FakeServer, paper: Paper) -> None:
    talk, complaints = await converse(server, paper, "hello", "//shrug")
    assert paper.lines == [*WELCOME, "<me> hello", "<me> /shrug", "-!- Finished."]
    assert (complaints, talk.unanswered, talk.code, talk.last_words) == ([None, None], 0, 0, [])


async def test_what_was_said_before_is_shown_on_coming_in(server: FakeServer, paper: Paper) -> None:
    server.say("lobby", "first")
    await converse(server, paper)
    assert paper.lines == [*WELCOME, "<other> first", "-!- Finished."]


async def test_a_refused_line_is_answered_by_the_sentence_of_the_server(server: FakeServer, paper: Paper) -> None:
    server.refuse(Post, "forbidden")
    talk, complaints = await converse(server, paper, "hello")
    assert complaints == ["Refused for the test: forbidden."]
    assert (paper.lines, talk.unanswered) == ([*WELCOME, "-!- Finished."], 0)


async def test_a_command_goes_to_the_server_with_the_room_and_a_key_of_its_own(
    server: FakeServer, paper: Paper
) -> None:
    _, complaints = await converse(server, paper, "/dance wildly", "/dance")
    sent = [request for request in server.asked if isinstance(request, Command) and request.line.startswith("/dance")]
    assert [(command.line, command.room) for command in sent] == [("/dance wildly", "lobby"), ("/dance", "lobby")]
    assert len({command.key for command in sent} - {None}) == 2
    assert complaints == ["There is no command /dance."] * 2


async def test_joining_a_room_makes_it_the_current_one_and_joining_it_again_goes_back(
    server: FakeServer, paper: Paper
) -> None:
    talk, _ = await converse(server, paper, "/join trio", "here", "/join lobby", "there", "/join lobby")
    assert paper.lines == [
        *WELCOME,
        "-!- You are in #trio",
        "-!- In #trio (1): me",
        "<me> here",
        "-!- You are talking in #lobby now.",
        "<me> there",
        "-!- Finished.",
    ]
    assert talk.room == "lobby"


async def test_what_is_said_in_another_room_bears_its_name(server: FakeServer, paper: Paper) -> None:
    async def then(talk: Talk) -> None:
        server.say("lobby", "psst")
        await trio.testing.wait_all_tasks_blocked()

    await converse(server, paper, "/join trio", then=then)
    assert paper.lines[-2] == "#lobby <other> psst"


async def test_leaving_the_current_room_goes_to_another_one_or_to_none(server: FakeServer, paper: Paper) -> None:
    talk, complaints = await converse(server, paper, "/join trio", "/leave", "/leave lobby", "hello")
    assert paper.lines[len(WELCOME) + 2 :] == [
        "-!- You have left #trio.",
        "-!- You are talking in #lobby now.",
        "-!- You have left #lobby.",
        "-!- You are in no room; go to one with /join ROOM.",
        "-!- Finished.",
    ]
    assert talk.room is None
    assert complaints == [None, None, None, "You are in no room; go to one with /join ROOM."]


async def test_leaving_another_room_changes_nothing_here_and_joining_it_again_tells_of_it(
    server: FakeServer, paper: Paper
) -> None:
    talk, _ = await converse(server, paper, "/join trio", "/leave lobby", "/join lobby")
    assert paper.lines[len(WELCOME) + 2 :] == [
        "-!- You have left #lobby.",
        "-!- You are in #lobby",
        "-!- In #lobby (1): me",
        "-!- Finished.",
    ]
    assert talk.room == "lobby"


async def test_a_private_room_that_somebody_opens_is_told_but_does_not_take_one_away(
    server: FakeServer, paper: Paper
) -> None:
    async def then(talk: Talk) -> None:
        server.tell(Joined("~x", "e1", 0, "", [], 2, peer="bob"))
        server.tell(Message("~x", 1, NOW_MS, "b", "bob", "hi"))
        await trio.testing.wait_all_tasks_blocked()
        assert talk.room == "lobby"

    await converse(server, paper, then=then)
    assert paper.lines[len(WELCOME) : -1] == ["-!- Between you and bob alone: @bob", "@bob <bob> hi"]


async def test_a_notice_of_the_server_is_shown(server: FakeServer, paper: Paper) -> None:
    async def then(talk: Talk) -> None:
        server.tell(Notice("Maintenance at noon."))
        await trio.testing.wait_all_tasks_blocked()

    await converse(server, paper, then=then)
    assert "-!- Maintenance at noon." in paper.lines


async def test_after_a_cut_one_is_told_and_the_line_is_posted_once(server: FakeServer, paper: Paper) -> None:
    async def source(talk: Talk) -> None:
        await trio.testing.wait_all_tasks_blocked()
        server.refused_dials = 1
        server.cut()
        await trio.testing.wait_all_tasks_blocked()
        assert await talk.carry_out("still here") is None
        await talk.settle()

    async with talking(server, paper) as talk:
        await talk.run("lobby", source)
    told = [line for line in paper.lines[len(WELCOME) :] if not line.startswith("-!- Cut off")]
    assert told == ["-!- Back again, as me.", "<me> still here", "-!- Finished."]
    assert [line for line in paper.lines if line.startswith("-!- Cut off")]


# --- ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["/quit", "/quit see you"])
async def test_quit_goes_through_the_server_and_ends_the_talk(line: str, server: FakeServer, paper: Paper) -> None:
    async def source(talk: Talk) -> None:
        assert await talk.carry_out(line) is None
        await trio.sleep_forever()

    async with talking(server, paper) as talk:
        await talk.run("lobby", source)
    assert (paper.lines[-1], talk.code, talk.last_words) == ("-!- Finished.", 0, [])
    assert [request.line for request in server.asked if isinstance(request, Command)] == [line]
    assert server.asked_of(Quit) == []


async def test_leaving_says_goodbye_to_the_server(server: FakeServer, paper: Paper) -> None:
    await converse(server, paper)
    assert len(server.asked_of(Quit)) == 1


async def test_a_quit_while_cut_off_ends_at_once(server: FakeServer, paper: Paper) -> None:
    async def source(talk: Talk) -> None:
        server.refused_dials = 1_000
        server.cut()
        await trio.testing.wait_all_tasks_blocked()
        assert await talk.carry_out("/quit") is None
        await trio.sleep_forever()

    async with talking(server, paper) as talk:
        await talk.run("lobby", source)
    assert (talk.code, server.asked_of(Command)) == (0, [])


async def test_a_quit_that_is_cut_off_ends_at_once(server: FakeServer, paper: Paper) -> None:
    async def source(talk: Talk) -> None:
        await trio.testing.wait_all_tasks_blocked()
        server.silent = True
        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk.carry_out, "/exit")
            await trio.testing.wait_all_tasks_blocked()
            server.refused_dials = 1_000
            server.cut()
            await trio.sleep_forever()

    async with talking(server, paper) as talk:
        await talk.run("lobby", source)
    assert (talk.code, talk.unanswered) == (0, 1)


async def test_a_first_room_that_is_refused_ends_the_talk_with_the_reason(server: FakeServer, paper: Paper) -> None:
    server.refuse(Join, "bad_name")
    talk, _ = await converse(server, paper)
    assert (talk.code, talk.last_words) == (1, ["Refused for the test: bad_name."])


async def test_a_server_that_turns_one_away_later_ends_the_talk_with_the_reason(
    server: FakeServer, paper: Paper
) -> None:
    async def source(talk: Talk) -> None:
        await trio.testing.wait_all_tasks_blocked()
        server.refuse(Hello, "not_welcome")
        server.cut()
        await trio.sleep_forever()

    async with talking(server, paper) as talk:
        await talk.run("lobby", source)
    assert talk.code == 1
    assert talk.last_words[0] == "Refused for the test: not_welcome."


async def test_who_interrupts_leaves_and_what_waits_is_still_written(server: FakeServer, paper: Paper) -> None:
    async def source(talk: Talk) -> None:
        await trio.testing.wait_all_tasks_blocked()
        talk.leave()
        await trio.sleep_forever()

    async with talking(server, paper) as talk:
        await talk.run("lobby", source)
    assert (paper.lines, talk.code) == ([*WELCOME, "-!- Finished."], 0)


async def test_who_interrupts_does_not_wait_for_output_that_nobody_reads(server: FakeServer, paper: Paper) -> None:
    async def source(talk: Talk) -> None:
        paper.held = trio.Event()
        await talk.say("x")
        await trio.testing.wait_all_tasks_blocked()
        talk.leave()

    async with talking(server, paper) as talk:
        started = trio.current_time()
        await talk.run("lobby", source)
        assert trio.current_time() - started < 2


async def test_without_an_interruption_the_end_waits_for_output_however_long(server: FakeServer, paper: Paper) -> None:
    async def source(talk: Talk) -> None:
        paper.held = trio.Event()
        await talk.say("x")

    async with talking(server, paper) as talk:
        with trio.move_on_after(1_000) as scope:
            await talk.run("lobby", source)
        assert scope.cancelled_caught


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (BrokenPipeError(32, "Broken pipe"), 0, []),
        (OSError(5, "Input/output error"), 0, []),
        (OSError(28, "No space left on device"), 1, ["The output cannot be written: No space left on device."]),
    ],
)
async def test_output_that_cannot_be_written_ends_the_talk(
    error: OSError, code: int, words: list[str], server: FakeServer, paper: Paper
) -> None:
    async def source(talk: Talk) -> None:
        await trio.testing.wait_all_tasks_blocked()
        paper.refuse = error
        await talk.say("x")
        await trio.sleep_forever()

    async with talking(server, paper) as talk:
        await talk.run("lobby", source)
    assert (talk.code, talk.last_words) == (code, words)


async def test_settling_gives_up_on_a_line_that_never_comes_by(server: FakeServer, paper: Paper) -> None:
    async def source(talk: Talk) -> None:
        await trio.testing.wait_all_tasks_blocked()
        talk._owed["lobby"] = 1_000
        await talk.settle()

    async with talking(server, paper) as talk:
        await talk.run("lobby", source)
    assert talk.code == 0


async def test_settling_does_not_give_up_while_the_output_is_not_read(server: FakeServer, paper: Paper) -> None:
    for number in range(200):
        server.say("lobby", f"{number:999}")

    async def source(talk: Talk) -> None:
        async with trio.open_nursery() as nursery:

            async def read_at_last() -> None:
                await trio.sleep(1_000)
                held.set()

            nursery.start_soon(read_at_last)
            await talk.settle()

    held = paper.held = trio.Event()
    async with talking(server, paper) as talk:
        await talk.run("lobby", source)
    assert [line.split()[1] for line in paper.lines if line.startswith("<other>")] == [str(n) for n in range(150, 200)]


# --- programs -------------------------------------------------------------------------------------------------


async def test_a_program_reads_every_event_and_answer_as_json(server: FakeServer, paper: Paper) -> None:
    _, complaints = await converse(server, paper, "hello", "/dance", "/join lobby", report=ForPrograms())
    objects = [json.loads(line) for line in paper.text.splitlines()]
    # An answer and an event come by two ways, and may overtake each other.
    types = [one["type"] for one in objects]
    types.remove("posted")
    assert types == ["connected", "joined", "live", "message", "notice", "joined", "live"]
    assert complaints == [None, "There is no command /dance.", None]


async def test_a_bye_as_an_answer_ends_the_talk_at_once() -> None:
    """A scripted client, for the real one ends its stream of events as well."""

    class Scripted:
        connected = True
        rooms: ClassVar[dict[str, object]] = {}

        async def command(self, line: str, *, room: str | None = None, key: str | None = None) -> Bye:
            await trio.lowlevel.checkpoint()
            return Bye("bye", id=1)

    paper = Paper()
    client: Client = Scripted()  # type: ignore[assignment]  # only what is used here
    talk = Talk(client, ForPrograms(), Output(paper.write))
    assert await talk.carry_out("/quit") is None
    assert talk._work.cancel_called
