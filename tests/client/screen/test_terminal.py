"""A whole screen is given back as it was found: after errors, cancellations, when paused, and by the helper."""

import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator

import psutil
import pytest
import trio

from tests.client.pty_screen import LIMIT_S, PtyScreen, pty_screen
from trio_chat.client.screen.guard import Guard
from trio_chat.client.screen.terminal import GIVE_BACK, ScreenTerminal, title

ALTERNATE = 1049 << 5


@pytest.fixture
def pty() -> Iterator[PtyScreen]:
    with pty_screen(40, 10) as opened:
        yield opened


def helpers() -> list[psutil.Process]:
    return psutil.Process().children()


async def test_after_an_error_and_after_a_cancellation_all_is_as_it_was(pty: PtyScreen) -> None:
    found = pty.modes
    with pytest.raises(ZeroDivisionError):
        async with ScreenTerminal(pty.slave, pty.slave).typing():
            pty.show()
            assert ALTERNATE in pty.screen.mode
            assert not pty.modes[3] & (termios.ISIG | termios.ECHO | termios.ICANON)
            assert len(helpers()) == 1
            raise ZeroDivisionError
    with trio.CancelScope() as scope:
        async with ScreenTerminal(pty.slave, pty.slave).typing():
            scope.cancel()
            await trio.lowlevel.checkpoint()
    pty.show()
    assert pty.modes == found
    assert ALTERNATE not in pty.screen.mode
    assert helpers() == []


@pytest.mark.autojump
async def test_a_paused_terminal_is_given_back_all_the_same(pty: PtyScreen) -> None:
    found = pty.modes
    termios.tcflow(pty.slave, termios.TCOOFF)  # what Ctrl-S does
    async with ScreenTerminal(pty.slave, pty.slave).typing():
        assert pty.modes != found
    assert pty.modes == found
    termios.tcflow(pty.slave, termios.TCOON)
    while trio.to_thread.current_default_thread_limiter().borrowed_tokens:
        await trio.lowlevel.checkpoint()


async def test_a_terminal_that_is_gone_is_given_back_without_an_error(pty: PtyScreen) -> None:
    terminal = ScreenTerminal(pty.slave, pty.slave)
    assert terminal.size == (40, 10)
    async with terminal.typing():
        os.close(pty.master)
        assert await terminal.receive() == b""
        assert terminal.size == (80, 24)


# Watches a terminal, says so, and never ends by itself.
WATCHED = """
import sys, termios, trio
from trio_chat.client.screen.guard import Guard

async def main():
    async with Guard.watching(1, termios.tcgetattr(1), termios.ECHO | termios.ISIG, "[given back]") as guard:
        guard.taken()
        if "back" in sys.argv:
            guard.given_back()
        modes = termios.tcgetattr(1)
        modes[3] &= ~(termios.ECHO | termios.ISIG)
        termios.tcsetattr(1, termios.TCSANOW, modes)
        print("watched", flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


def watch(pty: PtyScreen, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WATCHED, *words], stdout=pty.slave)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_the_helper_gives_back_what_a_killed_process_had_taken_and_ends(
    number: signal.Signals, pty: PtyScreen
) -> None:
    found = pty.modes
    watched = watch(pty)
    try:
        await pty.until_shown("watched")
        (helper,) = psutil.Process(watched.pid).children()
        watched.send_signal(number)
        await pty.until_shown("[given back]")
        await trio.to_thread.run_sync(psutil.wait_procs, [helper], LIMIT_S)
        assert not helper.is_running()
        assert pty.modes == found
    finally:
        watched.kill()
        watched.wait()


async def test_the_helper_leaves_alone_what_had_been_given_back(pty: PtyScreen) -> None:
    watched = watch(pty, "back")
    await pty.until_shown("watched")
    (helper,) = psutil.Process(watched.pid).children()
    watched.kill()
    watched.wait()
    await trio.to_thread.run_sync(psutil.wait_procs, [helper], LIMIT_S)
    pty.show()
    assert pty.lines == ["watched"]


async def test_the_helper_leaves_alone_the_modes_that_a_shell_has_set_before_it_came_to_run(pty: PtyScreen) -> None:
    watched = watch(pty)
    await pty.until_shown("watched")
    (helper,) = psutil.Process(watched.pid).children()
    helper.suspend()
    watched.kill()
    watched.wait()
    modes = pty.modes
    modes[3] |= termios.ISIG  # a shell's own editor needs no echo either, but it leaves Ctrl-C a signal
    termios.tcsetattr(pty.slave, termios.TCSANOW, modes)
    helper.resume()
    await pty.until_shown("[given back]")
    assert pty.modes == modes


async def test_without_a_helper_all_goes_on(pty: PtyScreen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", os.devnull)
    async with ScreenTerminal(pty.slave, pty.slave).typing():
        pty.show()
        assert ALTERNATE in pty.screen.mode
    async with Guard.watching(pty.slave, pty.modes, termios.ECHO, GIVE_BACK) as guard:
        guard.taken()


async def test_a_helper_that_somebody_has_killed_is_not_missed(pty: PtyScreen) -> None:
    async with ScreenTerminal(pty.slave, pty.slave).typing():
        for helper in helpers():
            helper.kill()
            helper.wait()


def test_a_title_holds_nothing_that_is_obeyed() -> None:
    written = title("a\x1b]2;b\x07\x9c" + "x" * 200)
    assert written.startswith("\x1b]2;a␛]2;b␇\\x9cxxx")
    assert written.endswith("xxx\x1b\\")
    assert len(written) == 80 + 6
