"""A terminal is as it was found when we leave it, however we leave; in between, output never tears the typed row."""

import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator

import pyte
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from tests.client.pty_screen import LIMIT_S, PtyScreen, pty_screen
from trio_chat.client.editor import Editor
from trio_chat.client.output import Output
from trio_chat.client.terminal import CLEAR_SCREEN, DEFAULT_COLUMNS, Terminal, draw


@pytest.fixture
def pty() -> Iterator[PtyScreen]:
    with pty_screen(40, 10) as opened:
        yield opened


def is_typing(pty: PtyScreen) -> bool:
    return not pty.modes[3] & (termios.ICANON | termios.ECHO)


async def test_keys_come_at_once_and_without_echo_while_typing(pty: PtyScreen) -> None:
    terminal = Terminal(pty.slave, pty.slave)
    async with terminal.typing():
        pty.type("a\r")
        assert await terminal.receive() == b"a\r"
        pty.show()
        assert pty.lines == []


async def test_the_terminal_is_as_it_was_found_after_typing(pty: PtyScreen) -> None:
    found = pty.modes
    async with Terminal(pty.slave, pty.slave).typing():
        assert is_typing(pty)
        pty.show()
        assert 2004 << 5 in pty.screen.mode  # bracketed paste, as the emulator counts private modes
    pty.show()
    assert pty.modes == found
    assert 2004 << 5 not in pty.screen.mode


async def test_the_terminal_is_as_it_was_found_after_an_error_and_after_a_cancellation(pty: PtyScreen) -> None:
    found = pty.modes
    with pytest.raises(ZeroDivisionError):
        async with Terminal(pty.slave, pty.slave).typing():
            raise ZeroDivisionError
    assert pty.modes == found
    with trio.CancelScope() as scope:
        async with Terminal(pty.slave, pty.slave).typing():
            scope.cancel()
            await trio.lowlevel.checkpoint()
    assert pty.modes == found


@pytest.mark.autojump
async def test_a_paused_terminal_is_given_back_all_the_same(pty: PtyScreen) -> None:
    found = pty.modes
    termios.tcflow(pty.slave, termios.TCOOFF)  # what Ctrl-S does
    async with Terminal(pty.slave, pty.slave).typing():
        assert is_typing(pty)
    assert pty.modes == found
    termios.tcflow(pty.slave, termios.TCOON)
    while trio.to_thread.current_default_thread_limiter().borrowed_tokens:
        await trio.lowlevel.checkpoint()


async def test_the_row_is_erased_when_the_terminal_is_given_back(pty: PtyScreen, nursery: trio.Nursery) -> None:
    terminal = Terminal(pty.slave, pty.slave)
    async with terminal.typing():
        editor = Editor()
        editor.feed(b"half a li")
        await terminal.write(draw("above\n", editor.view(40, "> ")).encode())
        pty.show()
        assert pty.lines == ["above", "> half a li"]
    pty.show()
    assert pty.lines == ["above"]
    assert (pty.screen.cursor.x, pty.screen.cursor.y) == (0, 1)


async def test_a_terminal_that_is_gone_reads_as_its_end_and_is_given_back_without_an_error(pty: PtyScreen) -> None:
    terminal = Terminal(pty.slave, pty.slave)
    async with terminal.typing():
        os.close(pty.master)
        assert await terminal.receive() == b""
        assert terminal.columns == DEFAULT_COLUMNS


async def test_a_descriptor_in_non_blocking_mode_is_read_too(pty: PtyScreen, nursery: trio.Nursery) -> None:
    os.set_blocking(pty.slave, False)
    terminal = Terminal(pty.slave, pty.slave)
    async with terminal.typing():
        pty.type("a")
        assert await terminal.receive() == b"a"


def test_the_width_is_that_of_the_terminal_or_the_usual_one_if_it_has_none(pty: PtyScreen) -> None:
    terminal = Terminal(pty.slave, pty.slave)
    assert terminal.columns == 40
    pty.resize(0, 0)
    assert terminal.columns == DEFAULT_COLUMNS


# --- drawing --------------------------------------------------------------------------------------------------

# Characters about whose width the emulator and we agree: it knows no grapheme clusters.
PLAIN = st.characters(codec="utf-8", categories=["Lu", "Ll", "Nd", "Po"], max_codepoint=0x2FF) | st.sampled_from(
    "日本e\n\t"
)
STEPS = st.lists(
    st.tuples(st.just("type"), st.text(PLAIN, max_size=20)) | st.tuples(st.just("print"), st.text("ab", max_size=30))
)


@given(STEPS, st.integers(8, 50))
def test_output_never_tears_the_typed_row_and_the_typed_row_never_tears_output(
    steps: list[tuple[str, str]], columns: int
) -> None:
    screen = pyte.Screen(columns, 200)
    stream = pyte.Stream(screen)
    editor = Editor()
    printed: list[str] = []
    stream.feed(draw("", editor.view(columns, "> ")))
    for step, text in steps:
        if step == "type":
            editor.feed(b"\x1b[200~" + text.encode() + b"\x1b[201~")
            stream.feed(draw("", editor.view(columns, "> ")))
        else:
            printed += [text[start : start + columns] for start in range(0, len(text), columns)] or [""]
            stream.feed(draw(f"{text}\n", editor.view(columns, "> ")).replace("\n", "\r\n"))
        view = editor.view(columns, "> ")
        shown = [
            "".join(cell.data for cell in row.values()) for row in (screen.buffer[y] for y in range(len(printed) + 1))
        ]
        assert [row.rstrip() for row in shown[:-1]] == printed
        assert shown[-1].rstrip() == view.text.rstrip()
        assert (screen.cursor.x, screen.cursor.y) == (view.column, len(printed))
        assert not any(screen.buffer[len(printed) + 1].values())


def test_a_character_wider_than_expected_does_not_push_the_row_onto_the_next_one() -> None:
    screen = pyte.Screen(10, 3)
    stream = pyte.Stream(screen)
    view = Editor().view(10, "> ")
    stream.feed(draw("", type(view)("x" * 30, 9)))
    assert (screen.cursor.x, screen.cursor.y) == (9, 0)
    stream.feed("\r" + "y" * 12)  # and what is written later wraps again
    assert screen.cursor.y == 1


def test_the_screen_can_be_cleared_with_the_row_at_its_top() -> None:
    screen = pyte.Screen(20, 5)
    stream = pyte.Stream(screen)
    stream.feed("old\r\nold\r\n" + draw(CLEAR_SCREEN, Editor().view(20, "> ")))
    assert screen.display[0].rstrip() == ">"
    assert screen.display[1].strip() == ""


# --- signals --------------------------------------------------------------------------------------------------


async def test_a_new_width_redraws_the_row(pty: PtyScreen, nursery: trio.Nursery) -> None:
    terminal = Terminal(pty.slave, pty.slave)
    output = Output(terminal.write, lambda text: f"\r{terminal.columns} columns\x1b[K")
    async with terminal.typing():
        nursery.start_soon(output.run)
        nursery.start_soon(terminal.follow_signals, output)
        output.refresh()
        await pty.until_shown("40 columns")
        pty.resize(30, 10)
        os.kill(os.getpid(), signal.SIGWINCH)
        await pty.until_shown("30 columns")
        nursery.cancel_scope.cancel()


async def test_after_having_been_stopped_by_another_the_terminal_is_taken_again(
    pty: PtyScreen, nursery: trio.Nursery
) -> None:
    terminal = Terminal(pty.slave, pty.slave)
    found = pty.modes
    output = Output(terminal.write)
    async with terminal.typing():
        nursery.start_soon(terminal.follow_signals, output)
        await trio.testing.wait_all_tasks_blocked()
        termios.tcsetattr(pty.slave, termios.TCSANOW, found)  # what a shell does meanwhile
        os.kill(os.getpid(), signal.SIGCONT)
        await pty.until(lambda: is_typing(pty))
        nursery.cancel_scope.cancel()


def start(pty: PtyScreen, *, own_session: bool) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.client.terminal_program"]
    group = None if own_session else 0
    return subprocess.Popen(
        command, stdin=pty.slave, stdout=pty.slave, stderr=pty.slave, start_new_session=own_session, process_group=group
    )


async def test_ctrl_z_gives_the_terminal_back_and_continuing_takes_it_again(pty: PtyScreen) -> None:
    found = pty.modes
    program = start(pty, own_session=False)
    try:
        await pty.until_shown("ready")
        pty.type("half")
        await pty.until_shown("> half")
        program.send_signal(signal.SIGTSTP)
        with trio.fail_after(LIMIT_S):
            _, status = await trio.to_thread.run_sync(os.waitpid, program.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert os.WSTOPSIG(status) == signal.SIGTSTP
        pty.show()
        assert (pty.modes, pty.lines) == (found, ["ready"])
        program.send_signal(signal.SIGCONT)
        await pty.until_shown("> half")
        assert is_typing(pty)
        pty.type(" a line\r\x04")
        await pty.until_shown("got half a line")
        assert await trio.to_thread.run_sync(program.wait) == 0
        assert pty.modes == found
    finally:
        program.kill()
        program.wait()


async def test_where_nobody_could_continue_us_ctrl_z_stops_nothing(pty: PtyScreen) -> None:
    program = start(pty, own_session=True)
    try:
        await pty.until_shown("ready")
        program.send_signal(signal.SIGTSTP)
        pty.type("on we go\r")
        await pty.until_shown("got on we go")
        assert is_typing(pty)
        pty.type("\x04")
        assert await trio.to_thread.run_sync(program.wait) == 0
    finally:
        program.kill()
        program.wait()
