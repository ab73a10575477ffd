"""The client library against the real server, over TCP, as a program that uses it sees both."""

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
import trio

from benchmarks.server_process import PATIENCE_S, ServerProcess, free_port, start_server
from protocol import (
    Bye,
    Done,
    Edited,
    Found,
    Gap,
    Joined,
    Live,
    Members,
    Message,
    Notice,
    Posted,
    Presence,
    Redacted,
    TopicSet,
)
from trio_chat.client import CannotConnect, Client, ClientEvent, Connected, Disconnected, Refused, open_client

E = TypeVar("E", bound=ClientEvent)


@asynccontextmanager
async def opened(server: ServerProcess, nick: str) -> AsyncIterator[Client]:
    """Open a client whose secret belongs to the nick."""
    async with open_client(server.url, nick=nick, session=nick.encode().hex().ljust(32, "0")) as client:
        yield client


async def next_of(client: Client, kind: type[E], wanted: Callable[[E], bool] = lambda _: True) -> E:
    """Skip events up to the first of a kind that is wanted, and return it."""
    with trio.fail_after(PATIENCE_S):
        async for event in client:
            if isinstance(event, kind) and wanted(event):
                return event
    raise AssertionError("the events ended")


async def test_what_one_says_the_other_hears_and_can_look_up(server: ServerProcess) -> None:
    async with opened(server, "ann") as ann, opened(server, "bob") as bob:
        await ann.join("lobby")
        joined = await bob.join("Lobby")
        assert [member.nick for member in joined.members] == ["ann", "bob"]
        first = await ann.post("lobby", "good morning, everybody")
        await ann.post("lobby", "waves", action=True)
        await bob.post("lobby", "you too", reply_to=first.seq)
        heard = [await next_of(bob, Message) for _ in range(3)]
        assert [(m.seq, m.nick, m.text, m.action, m.reply_to) for m in heard] == [
            (1, "ann", "good morning, everybody", False, None),
            (2, "ann", "waves", True, None),
            (3, "bob", "you too", False, 1),
        ]
        assert heard[0].author == ann.author
        assert (await ann.history("lobby")).entries == heard
        page = await ann.history("lobby", after=0, limit=2)
        assert (page.entries, page.more) == (heard[:2], True)
        found = await bob.search("MORNING everybody")
        assert found.entries == heard[:1]
        assert [room.name for room in (await bob.list_rooms()).rooms] == ["lobby"]
        assert (await bob.members("lobby")).count == 2


async def test_edits_redactions_and_topics_reach_everybody_and_the_log(server: ServerProcess) -> None:
    async with opened(server, "ann") as ann, opened(server, "bob") as bob:
        await ann.join("lobby")
        await bob.join("lobby")
        await ann.post("lobby", "frist")
        await ann.post("lobby", "the password is swordfish")
        await ann.edit("lobby", 1, "first")
        await ann.redact("lobby", 2, "said too much")
        await ann.set_topic("lobby", "spelling")
        edited, redacted = await next_of(bob, Edited), await next_of(bob, Redacted)
        assert (edited.target, edited.text, redacted.target) == (1, "first", 2)
        assert (await next_of(bob, TopicSet)).text == bob.rooms["lobby"].topic == "spelling"
        one, two, *_ = (await bob.history("lobby")).entries
        assert isinstance(one, Message)
        assert isinstance(two, Message)
        assert (one.text, one.edited_at is not None, two.text, two.redacted) == ("first", True, "", True)
        assert (await bob.search("swordfish")).entries == []
        with pytest.raises(Refused) as refused:
            await bob.edit("lobby", 1, "mine")
        assert refused.value.code == "forbidden"


async def test_a_private_room_is_for_two(server: ServerProcess) -> None:
    async with opened(server, "ann") as ann, opened(server, "bob") as bob, opened(server, "eve") as eve:
        private = await ann.direct("bob")
        await ann.post(private.room, "between us")
        news = await next_of(bob, Joined)
        assert (news.room, news.peer) == (private.room, "ann")
        assert (await next_of(bob, Message)).text == "between us"
        for ask in (partial(eve.join, private.room), partial(eve.history, private.room)):
            with pytest.raises(Refused) as refused:
                await ask()
            assert refused.value.code == "no_such_room"
        assert (await eve.search("between")).entries == []
        assert len((await bob.search("between")).entries) == 1


async def test_typed_commands_do_what_they_say(server: ServerProcess) -> None:
    async with opened(server, "ann") as ann, opened(server, "bob") as bob:
        await bob.join("tea")
        typed = partial(ann.command, room="tea")
        assert isinstance(await ann.command("/join #tea"), Joined)
        assert isinstance(await typed("/me pours"), Posted)
        assert isinstance(await typed("/topic Assam or Darjeeling?"), Posted)
        assert isinstance(await typed("//help"), Posted)
        people = await typed("/users")
        assert isinstance(people, Members)
        assert [member.nick for member in people.members] == ["ann", "bob"]
        found = await typed("/find pours")
        assert isinstance(found, Found)
        (message,) = found.entries
        assert isinstance(message, Message)
        assert (message.text, message.action) == ("pours", True)
        advice = await typed("/serach where is the milk")
        assert isinstance(advice, Notice)
        assert "/search" in advice.text
        assert isinstance(await typed("/nick annabel"), Done)
        assert ann.nick == "annabel"
        renamed = await next_of(bob, Presence, lambda event: event.change == "renamed")
        assert (renamed.nick, renamed.to) == ("ann", "annabel")
        assert isinstance(await typed("/msg bob psst"), Posted)
        assert (await next_of(bob, Message, lambda message: message.room.startswith("~"))).text == "psst"
        assert {command.name for command in await ann.commands()} >= {"/help", "/join", "/quit"}
        assert isinstance(await typed("/quit good night"), Bye)
        with trio.fail_after(PATIENCE_S):
            async for _ in ann:
                pass  # the stream ends by itself
        left = await next_of(bob, Presence, lambda event: event.change == "left")
        assert left.nick == "annabel"


async def test_without_a_bot_a_question_is_answered_with_how_to_start_one(server: ServerProcess) -> None:
    async with opened(server, "ann") as ann:
        await ann.join("lobby")
        answer = await ann.command("/search why is the sky blue", room="lobby")
        assert isinstance(answer, Notice)
        assert "trio_chat.bot" in answer.text
        assert (await ann.history("lobby")).entries == []


async def test_a_taken_nick_and_a_server_that_is_not_there_are_told_at_once(server: ServerProcess) -> None:
    async with opened(server, "ann"):
        with pytest.raises(Refused) as refused:
            async with open_client(server.url, nick="ANN", session="f" * 32):
                pass
        assert refused.value.code == "nick_taken"
    server.kill()
    with pytest.raises(CannotConnect):
        async with opened(server, "ann"):
            pass


async def test_a_late_guest_gets_as_much_of_the_past_as_it_asks_for(server: ServerProcess) -> None:
    async with opened(server, "ann") as ann, opened(server, "bob") as bob:
        await ann.join("lobby")
        async with trio.open_nursery() as nursery:
            for number in range(700):
                nursery.start_soon(ann.post, "lobby", f"line {number}")
        await bob.join("lobby", last=600)
        heard = []
        while not isinstance(event := await next_of(bob, Message | Live), Live):  # type: ignore[arg-type]
            heard.append(event.seq)
        assert heard == list(range(101, 701))


async def test_a_client_comes_back_after_a_restart_with_its_rooms_its_name_and_what_it_had_to_say(
    tmp_path: Path,
) -> None:
    arguments = ["--port", str(free_port()), "--store", f"sqlite:{tmp_path / 'chat.db'}"]
    start = partial(start_server, *arguments, log=tmp_path / "server.log")
    with ExitStack() as cleanup:
        first = cleanup.enter_context(closing(await trio.to_thread.run_sync(start)))
        async with opened(first, "ann") as ann, trio.open_nursery() as nursery:
            author = ann.author
            await ann.join("lobby")
            await ann.post("lobby", "before")
            first.signal(signal.SIGTERM)
            assert await trio.to_thread.run_sync(first.wait) == 0
            cut = await next_of(ann, Disconnected)
            assert "stopping" in cut.reason
            nursery.start_soon(ann.post, "lobby", "said while nobody listened")
            cleanup.enter_context(closing(await trio.to_thread.run_sync(start)))
            assert (await next_of(ann, Connected)).again
            heard = await next_of(ann, Message)
            assert (heard.seq, heard.text) == (2, "said while nobody listened")
            assert (ann.author, ann.nick) == (author, "ann")


async def test_a_kill_without_fsync_is_told_by_a_gap_and_the_log_comes_anew(tmp_path: Path) -> None:
    arguments = ["--port", str(free_port()), "--store", f"sqlite:{tmp_path / 'chat.db'}", "--sync", "normal"]
    start = partial(start_server, *arguments, log=tmp_path / "server.log")
    with ExitStack() as cleanup:
        first = cleanup.enter_context(closing(await trio.to_thread.run_sync(start)))
        async with opened(first, "ann") as ann:
            epoch = (await ann.join("lobby")).epoch
            for number in range(3):
                await ann.post("lobby", f"line {number}")
            await next_of(ann, Message, lambda message: message.seq == 3)
            await trio.to_thread.run_sync(first.kill)
            await next_of(ann, Disconnected)
            cleanup.enter_context(closing(await trio.to_thread.run_sync(start)))
            gap = await next_of(ann, Gap)
            assert (gap.after, gap.next, gap.reason) == (3, 1, "epoch")
            again = [await next_of(ann, Message) for _ in range(3)]
            assert [(message.seq, message.text) for message in again] == [(1, "line 0"), (2, "line 1"), (3, "line 2")]
            assert ann.rooms["lobby"].epoch != epoch
