"""All faces in one room: two browsers, a terminal and a bot, while the server is killed in the midst of their talk."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
import trio

from benchmarks.server_process import free_port, start_server
from protocol import Message
from tests.client.pty_screen import PtyScreen
from tests.e2e.test_screen import seat
from tests.web.browser import Window, needs_browser, running_browser
from trio_chat import Bot, Client, Occasion, open_client

pytestmark = [pytest.mark.browser, needs_browser]

T = TypeVar("T")

ASKED = "/fortune a log"
FORETOLD = "I see a log, and it has no holes."


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def oracle(url: str) -> tuple[Bot, trio.Event]:
    """Return a bot, and what it waits for in the midst of an answer."""
    bot = Bot("oracle", room="lobby", url=url)
    certain = trio.Event()

    @bot.command("/fortune", usage="/fortune [OF]")
    async def foretell(asked: Occasion) -> AsyncIterator[str]:
        """tell what comes"""
        yield f"I see {asked.text}, "
        await certain.wait()
        yield "and it has no holes."

    return bot, certain


async def call(act: Callable[[], T]) -> T:
    """Do something with a browser, which blocks."""
    return await trio.to_thread.run_sync(act)


async def all_read(text: str, windows: Sequence[Window], pty: PtyScreen) -> None:
    """Wait until everybody sees a message."""
    for window in windows:
        await call(partial(window.reads, text))
    await pty.until_shown(text)


async def log_of(client: Client, count: int) -> list[str]:
    """Return what `count` messages in the room say, as whoever reads the log has them."""
    texts: list[str] = []
    async for event in client:
        if isinstance(event, Message):
            texts.append(f"/{event.command} {event.text}" if event.command else event.text)
            if len(texts) == count:
                break
    return texts


def without_asked(texts: list[str]) -> list[str]:
    """Return what the page shows without whom it asked."""
    return [text.removesuffix(" → oracle") for text in texts]


async def test_browsers_a_terminal_and_a_bot_talk_on_when_the_server_is_killed_and_started_again(
    tmp_path: Path,
) -> None:
    arguments = ["--port", str(free_port()), "--store", f"sqlite:{tmp_path / 'chat.db'}"]
    start = partial(start_server, *arguments, log=tmp_path / "server.log")
    server = await call(start)
    bot, certain = oracle(server.url)
    page = f"http://{server.host}:{server.port}/#lobby"
    with ExitStack() as opened:
        opened.callback(lambda: server.close())
        first, second = [await call(partial(opened.enter_context, running_browser())) for _ in range(2)]
        async with trio.open_nursery() as nursery, seat(server.url, "cid", columns=120) as cid:
            await nursery.start(bot.serve)
            ann, bob = windows = [await call(partial(browser.open, page)) for browser in (first, second)]
            await call(partial(ann.come_in, "ann"))
            await call(partial(bob.come_in, "bob"))

            await call(partial(ann.say, "hello from a browser"))
            await all_read("hello from a browser", windows, cid.pty)
            cid.pty.type("hello from a terminal\r")
            await all_read("hello from a terminal", windows, cid.pty)

            await call(partial(bob.say, ASKED))
            for window in windows:
                await call(partial(window.holds, "I see a log,", ".draft-row"))
            await cid.pty.until_shown("I see a log,")
            certain.set()
            await all_read(FORETOLD, windows, cid.pty)

            await call(server.kill)
            for window in windows:
                await call(partial(window.until, "document.body.dataset.state !== 'open'"))
            await cid.pty.until_shown("reconnecting")
            await call(partial(ann.say, "are you there?"))
            await call(partial(ann.reads, "are you there?", ".pending-row .text"))
            cid.pty.type("nobody is\r")
            await cid.pty.until_shown("nobody is")

            server.close()
            server = await call(start)
            await all_read("are you there?", windows, cid.pty)
            await all_read("nobody is", windows, cid.pty)
            await call(partial(bob.say, "and all is as it was"))
            await all_read("and all is as it was", windows, cid.pty)
            for window in windows:
                await call(partial(window.until, "document.querySelector('.pending-row') === null"))

            await call(partial(ann.holds, "oracle", "#members"))  # it may come back later than people
            await call(partial(ann.say, "/fortune the end"))
            await all_read("I see the end, and it has no holes.", windows, cid.pty)

            async with open_client(server.url, nick="dan", session="d" * 32) as dan:
                await dan.join("lobby")
                log = await log_of(dan, 9)
            before = ["hello from a browser", "hello from a terminal", ASKED, FORETOLD]
            after = ["and all is as it was", "/fortune the end", "I see the end, and it has no holes."]
            assert (log[:4], sorted(log[4:6]), log[6:]) == (before, ["are you there?", "nobody is"], after)
            for window in windows:
                assert without_asked(await call(window.messages)) == log
            shown = "\n".join(cid.pty.lines)
            assert sorted(log, key=shown.index) == log
            assert [shown.count(text) for text in log] == [1] * len(log)
            nursery.cancel_scope.cancel()
