"""The command line: what is right starts a conversation, what is wrong is told in one sentence, never a traceback."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from protocol import Hello, Join, Post
from tests.client.fake_server import FakeServer
from tests.client.pty_screen import LIMIT_S, PtyScreen, pty_screen
from tests.client.tcp_server import serving_tcp
from trio_chat.client.__main__ import main, options
from trio_chat.client.program import Options
from trio_chat.client.url import DEFAULT_URL

COMMAND = [sys.executable, "-m", "trio_chat.client"]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("LOGNAME", "root_beer")


def test_what_is_asked_for_is_passed_on() -> None:
    assert options("chat://[::1]:99", nick="n", room="#trio", json=True, send="x") == Options(
        "chat://[::1]:99", "[::1]:99", "n", "trio", True, "x"
    )
    plain = Options(DEFAULT_URL, "127.0.0.1:5002", "n", "lobby", plain=True, notify=True, is_room_asked=False)
    assert options(nick="n", plain=True, notify=True) == plain


def test_without_a_nick_a_program_goes_by_the_login_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert options(send="x").nick == "root_beer"
    assert options(json=True).nick == "root_beer"
    monkeypatch.setenv("LOGNAME", "x" * 40)
    assert options(send="x").nick == "x" * 32


def test_a_user_without_a_name_is_a_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 1_234_567)  # nobody's, as in a container that is run as any user
    assert options(send="x").nick == "guest"


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        (["--bogus"], "Unknown option: --bogus. See --help."),
        (["--sned", "x"], "Unknown option: --sned. Did you mean --send? See --help."),
        (["a", "b"], "Unused Tokens: ['b']. See --help."),
        (["--nick"], "Parameter --nick requires an argument. See --help."),
        (["--nick", ""], "A nick has 1 to 32 characters; this one has 0."),
        (["--nick", "x" * 33], "A nick has 1 to 32 characters; this one has 33."),
        (["--nick", "a\x1bb"], "The nick holds the control character U+001B; leave it out."),
        (["--nick", "n", "--room", "#"], "A room has 1 to 64 characters; this one has 0."),
        (["--send", ""], "The text is empty; write at least one character."),
        (["--send", "a\x07"], "The text holds the control character U+0007; only newline and tab are accepted."),
        (["--send", "x" * 4_001], "The text has 4001 characters; at most 4000 are accepted."),
        (
            ["--send", "--json"],
            "--send needs the text to post, and --json looks like an option; give such a text by --send -.",
        ),
        (
            ["http://127.0.0.1"],
            "The address 'http://127.0.0.1' does not start with chat:// or chats:// as it should:"
            " write it as chat://127.0.0.1:5002.",
        ),
    ],
)
def test_a_mistake_is_told_in_a_sentence(tokens: list[str], sentence: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(tokens)
    output = capfd.readouterr()
    assert (ended.value.code, output.out, output.err) == (2, "", f"trio_chat: {sentence}\n")


@pytest.mark.parametrize("tokens", [["--send", "x"], ["--json", "--nick", "n"]])
def test_where_nobody_can_be_reached_a_sentence_says_so(tokens: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["chat://127.0.0.1:1", *tokens])
    output = capfd.readouterr()
    assert (ended.value.code, output.out) == (1, "")
    assert output.err.startswith("trio_chat: Nobody listens at 127.0.0.1:1:")
    assert output.err.count("\n") == 1


@pytest.mark.parametrize(("token", "text"), [("--help", "Usage: python -m trio_chat.client"), ("--version", "")])
def test_help_and_version_are_answered(token: str, text: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([token]) == 0
    output = capfd.readouterr()
    assert text in output.out
    assert (output.out.strip() != "", output.err) == (True, "")


# --- as a process ---------------------------------------------------------------------------------------------


@pytest.fixture
async def place() -> AsyncIterator[tuple[FakeServer, str]]:
    async with serving_tcp() as served:
        yield served


async def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    with trio.fail_after(LIMIT_S):
        return await trio.run_process(
            [*COMMAND, *arguments], stdin=stdin, capture_stdout=True, capture_stderr=True, check=False
        )


def posted(server: FakeServer) -> list[str]:
    return [post.text for post in server.asked_of(Post) if isinstance(post, Post)]


async def test_a_text_is_read_from_the_input(place: tuple[FakeServer, str]) -> None:
    server, url = place
    done = await run(url, "--nick", "n", "--send", "-", stdin=b"one\r\ntwo\n\n")
    assert (done.returncode, done.stdout, done.stderr, posted(server)) == (0, b"", b"", ["one\ntwo\n"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"\xff", "The text to post is not UTF-8; convert it first."),
        (b"x" * 100_000, "The text is too long; at most 4000 characters are accepted."),
        (b"", "The text is empty; write at least one character."),
    ],
)
async def test_an_unacceptable_text_from_the_input_is_told_in_a_sentence(text: bytes, sentence: str) -> None:
    done = await run("--send", "-", stdin=text)
    assert (done.returncode, done.stderr.decode()) == (2, f"trio_chat: {sentence}\n")


async def test_a_refusal_by_the_server_is_told_harmless(place: tuple[FakeServer, str]) -> None:
    server, url = place
    server.refuse(Join, "bad\x1bname")
    done = await run(url, "--nick", "n", "--send", "x")
    assert (done.returncode, done.stderr.decode()) == (1, "trio_chat: Refused for the test: bad␛name.\n")
    server.refuse(Hello, "nick_taken")
    done = await run(url, "--nick", "n", stdin=b"one\n")
    assert (done.returncode, done.stderr.decode()) == (1, "trio_chat: Refused for the test: nick_taken.\n")


async def test_closed_descriptors_are_no_reason_to_break(place: tuple[FakeServer, str]) -> None:
    server, url = place
    script = f"exec {sys.executable} -m trio_chat.client {url} --nick n --send hello <&- >&- 2>&-"
    with trio.fail_after(LIMIT_S):
        done = await trio.run_process(["sh", "-c", script], check=False)
    assert (done.returncode, posted(server)) == (0, ["hello"])


class Started:
    """A program at a terminal."""

    def __init__(self, pty: PtyScreen, *arguments: str) -> None:
        self.pty = pty
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=pty.slave, stdout=pty.slave, stderr=pty.slave, start_new_session=True
        )

    async def code(self) -> int:
        with trio.fail_after(LIMIT_S):
            code = await trio.to_thread.run_sync(self.process.wait, abandon_on_cancel=True)
        self.pty.show()
        return code


async def test_a_person_is_asked_for_a_nick_until_it_is_one_and_nobody_else_has_it(
    place: tuple[FakeServer, str],
) -> None:
    server, url = place
    server.nicks["taken"] = "somebody"
    with pty_screen(100, 24) as pty:
        program = Started(pty, url, "--plain")
        await pty.until_shown("Your nick [root_beer]:")
        pty.type("x" * 33 + "\n")
        await pty.until_shown("A nick has 1 to 32 characters; this one has 33.")
        pty.type("taken\n")
        await pty.until_shown("Somebody else has this nick.")
        await pty.until(lambda: pty.lines[-1] == "Your nick [root_beer]:")
        pty.type(" ann \nhello\r")  # typed ahead
        await pty.until_shown("<ann> hello")
        pty.type("\x04")
        assert await program.code() == 0
    assert "Connected to 127.0.0.1" in "".join(pty.lines)


async def test_an_empty_answer_is_the_login_name(place: tuple[FakeServer, str]) -> None:
    _, url = place
    with pty_screen(100, 24) as pty:
        program = Started(pty, url, "--plain")
        await pty.until_shown("Your nick [root_beer]:")
        pty.type("\n")
        await pty.until_shown("as root_beer.")
        pty.type("/quit\r")
        assert await program.code() == 0


@pytest.mark.parametrize("key", ["\x04", "\x03"])
async def test_whoever_does_not_want_to_tell_a_nick_leaves(key: str) -> None:
    with pty_screen(100, 24) as pty:
        found = pty.modes
        program = Started(pty)
        await pty.until_shown("Your nick [root_beer]:")
        if key == "\x03":
            program.process.send_signal(2)  # the terminal is not the one that controls the process: no key makes it
        else:
            pty.type(key)
        assert await program.code() == 130
        assert (pty.lines, pty.modes) == (["Your nick [root_beer]:"], found)
