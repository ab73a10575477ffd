"""The bot's command line: what it asks, what it says, and its exit codes, by real processes."""

import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from protocol import Message
from tests.bot.provider import fails, provider, says
from trio_chat.bot.__main__ import ask_for_mode, configure
from trio_chat.bot.config import BotConfig
from trio_chat.client import open_client

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment without a provider, and with a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return {**kept, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "NO_PROXY": "127.0.0.1", "COLUMNS": "200"}


@pytest.fixture
def run(environ: dict[str, str]) -> Run:
    def start(
        *arguments: str, program: tuple[str, ...] = ("-m", "trio_chat.bot")
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *program, *arguments],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return start


@pytest.fixture
def nobody() -> Iterator[str]:
    """The address of a port where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"chat://127.0.0.1:{sock.getsockname()[1]}"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--every-lines", "0"), "give --every-lines 1 or more"),
        (("--every-seconds", "-1"), "give --every-seconds a number above 0"),
        (("--every-lines", "many"), "every-lines"),
        (("--every-moon",), "every-moon"),
        (("--api-key-file", "/nowhere/key"), "No such file or directory): give --api-key-file"),
        (("--base-url", "http://user:sk-secret@127.0.0.1/v1"), "--api-key-file"),
        ((), "set OPENAI_API_KEY, or give --base-url an OpenAI-compatible endpoint, or use --model markov"),
        (("--base-url", "localhost"), "--base-url"),
        (("http://example.org", "--model", "markov"), "chat://example.org:5002"),
    ],
)
def test_what_is_asked_for_wrongly_gets_one_sentence_and_exit_code_2(
    run: Run, arguments: tuple[str, ...], says: str
) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("package", "model"), [("openai", "gpt-x"), ("markovify", "markov")])
def test_a_missing_library_gets_a_sentence_that_says_what_to_install(run: Run, package: str, model: str) -> None:
    program = f"import sys; sys.modules[{package!r}] = None; from trio_chat.bot.__main__ import main; main()"
    done = run("--model", model, "--base-url", "http://127.0.0.1:1/v1", program=("-c", program))
    assert done.returncode == 2
    assert done.stderr == f"trio_chat: The model {model!r} needs the package {package}: pip install 'trio_chat[bot]'\n"


def test_help_is_shown_and_names_every_option(run: Run) -> None:
    done = run("--help")
    assert done.returncode == 0
    for option in (
        "--nick",
        "--room",
        "--every-lines",
        "--every-seconds",
        "--model",
        "--base-url",
        "--persona",
        "--api-key-file",
        "--web-search",
        "--greet",
        "--answer-bots",
        "--config",
    ):
        assert option in done.stdout


def test_help_tells_every_occasion_on_which_it_speaks(run: Run) -> None:
    about = " ".join(run("--help").stdout.partition("Arguments")[0].split())
    for occasion in ("every N lines", "every N seconds", "greets", "/search", "/ask", "its name", "private"):
        assert occasion in about


def test_the_options_about_the_provider_become_its_settings(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-from-file\n")
    config = configure(base_url="http://127.0.0.1:1/v1", api_key_file=str(path), web_search=True)
    assert isinstance(config, BotConfig)
    assert (config.base_url, config.api_key, config.web_search) == ("http://127.0.0.1:1/v1", "sk-from-file", True)
    assert BotConfig().web_search is False


def test_importing_the_package_imports_no_models_library(run: Run) -> None:
    program = "import sys, trio_chat.bot; sys.exit(bool({'openai', 'markovify'} & set(sys.modules)))"
    assert run(program=("-c", program)).returncode == 0


def test_a_server_that_is_not_there_gets_a_sentence_and_exit_code_1(run: Run, nobody: str) -> None:
    done = run(nobody, "--model", "markov", "--every-lines", "3")
    assert done.returncode == 1
    assert nobody.removeprefix("chat://") in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_a_mode_and_without_a_terminal_it_says_what_it_does(run: Run, nobody: str) -> None:
    done = run(nobody, "--model", "markov")
    assert "speaks only when it is asked" in done.stdout


def test_without_a_mode_at_a_terminal_it_asks_for_one(environ: dict[str, str], nobody: str) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "trio_chat.bot", nobody, "--model", "markov"]
    with subprocess.Popen(command, env=environ, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, b"what?\nl\nmany\ns\n5\n")
        shown = _read_to_end(ours)
    assert nobody.removeprefix("chat://") in shown
    assert process.returncode == 1
    assert "every N [l]ines" in shown
    assert "Please type l, s or n." in shown
    assert "'many' is no number" in shown


def test_who_leaves_while_being_asked_gets_a_goodbye(environ: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "trio_chat.bot", "--model", "markov"]
    with subprocess.Popen(command, env=environ, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, b"\x04")
        shown = _read_to_end(ours)
    assert process.returncode == 0
    assert shown.endswith("bye\r\n")


def _read_to_end(terminal: int) -> str:
    """Read a terminal until the process at its other side has gone."""
    shown = b""
    try:
        while data := os.read(terminal, 4096):
            shown += data
    except OSError:  # how Linux says that nobody has the other side open any more
        pass
    os.close(terminal)
    return shown.decode()


@pytest.mark.parametrize(
    ("typed", "lines", "seconds"),
    [
        (["l", "5"], 5, None),
        (["Lines", " 7 "], 7, None),
        (["s", "0.5"], None, 0.5),
        (["n"], None, None),
        (["", "x", "l", "0", "l", "1.5", "seconds", "nan", "s", "60"], None, 60),
    ],
)
def test_the_mode_and_its_number_are_asked_for_until_they_make_sense(
    typed: list[str], lines: int | None, seconds: float | None
) -> None:
    answers = iter(typed)
    config = ask_for_mode(BotConfig(), lambda question: next(answers))
    assert (config.every_lines, config.every_seconds) == (lines, seconds)
    assert next(answers, None) is None


class Running:
    """A process of ours, whose output is read line by line."""

    def __init__(self, process: trio.Process) -> None:
        assert process.stdout is not None
        self.process = process
        self._output = process.stdout
        self._read = b""

    async def line(self) -> str:
        """Return the next line; an empty one at the end of the output."""
        while b"\n" not in self._read:
            data = await self._output.receive_some()
            if not data:
                break
            self._read += data
        line, _, self._read = self._read.partition(b"\n")
        return line.decode()


@asynccontextmanager
async def process(*arguments: str, environ: dict[str, str]) -> AsyncIterator[Running]:
    """Run a module of ours until the block ends."""
    command = [sys.executable, "-m", *arguments]
    running = await trio.lowlevel.open_process(
        command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield Running(running)
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 10):
            if running.returncode is None:
                running.terminate()
            await running.wait()
            assert running.stdout is not None
            await running.stdout.aclose()


@asynccontextmanager
async def server_process(environ: dict[str, str]) -> AsyncIterator[str]:
    """Run a server; gives its address."""
    arguments = ("trio_chat.server", "--port", "0", "--store", "memory:", "--log-level", "error")
    async with process(*arguments, environ=environ) as running:
        found = None
        while found is None:
            line = await running.line()
            assert line, "the server did not say where it listens"
            found = re.search(r"chat://\S+", line)
        yield found[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_it_with_a_goodbye_and_exit_code_0(environ: dict[str, str], number: int) -> None:
    with trio.fail_after(60):
        async with server_process(environ) as url:
            arguments = ("trio_chat.bot", url, "--model", "markov", "--every-lines", "5", "--nick", "owl")
            async with process(*arguments, environ=environ) as running:
                assert await running.line() == (
                    "joined #lobby as owl; it speaks every 5 lines, when called by name, in private and to /search, "
                    "by the model markov"
                )
                running.process.send_signal(number)
                assert [await running.line() for _ in range(2)] == ["bye", ""]
                assert await running.process.wait() == 0


@pytest.mark.parametrize("program", [("trio_chat.server", "--port", "0", "--bots"), ("trio_chat.bot", "--config")])
def test_a_file_of_bots_whose_model_cannot_be_reached_is_refused_wherever_it_is_run(
    run: Run, tmp_path: Path, program: tuple[str, ...]
) -> None:
    bots = tmp_path / "bots.toml"
    bots.write_text('[[bot]]\nmodel = "gpt-x"\n')
    done = run(*program[1:], str(bots), program=("-m", program[0]))
    assert done.returncode == 2
    assert "set OPENAI_API_KEY" in done.stderr
    assert len(done.stderr.splitlines()) == 1


async def test_a_bot_that_a_server_is_asked_for_with_nothing_else_talks_offline_and_says_so(
    environ: dict[str, str],
) -> None:
    with trio.fail_after(60):
        async with process(
            "trio_chat.server", "--port", "0", "--store", "memory:", "--bot", environ=environ
        ) as running:
            while "the bot talks offline" not in (line := await running.line()):
                assert line, "the server ended"


async def test_a_proxy_that_cannot_be_used_gets_a_sentence_and_exit_code_2(environ: dict[str, str]) -> None:
    environ = {**environ, "ALL_PROXY": "pigeon://127.0.0.1:1", "OPENAI_API_KEY": "sk-secret"}
    with trio.fail_after(60):
        async with (
            server_process(environ) as url,
            process("trio_chat.bot", url, "--every-lines", "3", environ=environ) as running,
        ):
            assert "ALL_PROXY" in await running.line()
            assert await running.line() == ""
            assert await running.process.wait() == 2


async def test_a_person_a_server_a_bot_and_a_provider_as_four_processes_would_be(environ: dict[str, str]) -> None:
    with trio.fail_after(60):
        async with provider(fails(500), says("Because of the air.")) as asked, server_process(environ) as url:
            environ = {**environ, "OPENAI_API_KEY": "sk-secret", "OPENAI_BASE_URL": asked.base_url}
            async with (
                process("trio_chat.bot", url, "--every-seconds", "1000", environ=environ) as running,
                open_client(url, nick="ann", session="a" * 32) as ann,
            ):
                assert (await running.line()).startswith("joined #lobby as sage")
                await ann.join("lobby")
                await ann.command("/search why is the sky blue", room="lobby")
                async for event in ann:
                    if isinstance(event, Message) and event.bot:
                        assert event.text == "Because of the air."
                        break
                assert "trying again" in await running.line()
            assert asked.authorizations == ["Bearer sk-secret"] * 2


async def test_a_nick_that_is_taken_gets_a_sentence_that_says_what_to_change(environ: dict[str, str], run: Run) -> None:
    with trio.fail_after(60):
        async with server_process(environ) as url, open_client(url, nick="sage", session="a" * 32):
            start = partial(run, url, "--model", "markov", "--every-lines", "3")
            done = await trio.to_thread.run_sync(start)
    assert done.returncode == 1
    assert "--nick" in done.stderr
    assert len(done.stderr.splitlines()) == 1
