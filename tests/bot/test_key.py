"""The provider's key: it goes to the provider, and is to be found nowhere else."""

import logging
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path

import psutil
import pytest
import trio

from tests.bot.asking import KEY, asking
from tests.bot.provider import Provider, Reply, fails, piece, provider, streams
from tests.bot.room import RoomInMemory
from tests.bot.test_main import Run, environ, process, run, server_process
from trio_chat.bot.__main__ import main
from trio_chat.bot.bot import run_bot
from trio_chat.bot.config import BotConfig
from trio_chat.bot.models import ModelFailed
from trio_chat.client import open_client

__all__ = ["environ", "run"]  # fixtures

QUOTED = f"Incorrect API key provided: {KEY}"
QUOTING = (
    fails(401),
    fails(500, retry_after=KEY),
    Reply(200, QUOTED.encode(), content_type="text/html"),
    Reply(418, {"error": QUOTED}, {"x-request-id": KEY}),
    streams({"error": {"message": QUOTED, "code": 500}}),
    streams(f"data: {QUOTED}\n\n".encode()),
    streams("Well, ", {"error": {"message": QUOTED}}),
    streams(piece(tool_calls=[{"index": 0, "id": "x", "function": {"name": KEY, "arguments": "{"}}]), done=False),
)


@asynccontextmanager
async def bot(reply: Reply) -> AsyncIterator[tuple[RoomInMemory, list[str], Provider]]:
    """Run a bot whose provider quotes the key, until the room or the operator has been told something."""
    room = RoomInMemory()
    reports: list[str] = []
    told = trio.Event()

    def report(line: str) -> None:
        reports.append(line)
        if len(reports) > 1:
            told.set()

    async with provider(reply) as running, trio.open_nursery() as nursery:
        config = BotConfig(model="m", base_url=running.base_url, api_key=KEY, web_search=True)
        await nursery.start(partial(run_bot, config, client=room, report=report))
        room.say("sage?")
        with trio.fail_after(30):
            while not (told.is_set() or room.said_by_bot):
                await trio.lowlevel.checkpoint()
        yield room, reports, running
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("reply", QUOTING)
async def test_a_provider_that_quotes_the_key_tells_neither_room_nor_operator_nor_log(
    reply: Reply, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG, "trio_chat"), caplog.at_level(logging.INFO):
        async with bot(reply) as (room, reports, running):
            said = [message.text for message in room.said_by_bot]
            assert running.authorizations[0] == f"Bearer {KEY}"
    output = capfd.readouterr()
    assert reports[1:] or said
    assert KEY not in "\n".join([*reports, *said, caplog.text, output.out, output.err])


@pytest.mark.parametrize("reply", [each for each in QUOTING if each.status in (401, 418)])
async def test_the_traceback_of_a_failure_does_not_hold_the_key(reply: Reply) -> None:
    async with asking(reply) as (ask, _):
        with pytest.raises(ModelFailed) as failed:
            await ask.answer()
    assert KEY not in "".join(traceback.format_exception(failed.value))


async def test_all_that_the_libraries_log_at_their_most_talkative_holds_no_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with asking(fails(503), streams("x")) as (ask, _):
            await ask.answer()
    assert len(caplog.records) > 5
    assert KEY not in caplog.text


def test_settings_and_what_is_made_of_them_show_no_key() -> None:
    config = BotConfig(api_key=KEY)
    assert KEY not in repr(config) + str(config)
    assert [field.name for field in fields(config) if not field.repr] == ["api_key", "session"]


@pytest.mark.parametrize("option", [("--api-key", KEY), (f"--api-key={KEY}",), ("--api-key-file", KEY)])
def test_a_key_on_the_command_line_is_refused_without_being_repeated(run: Run, option: tuple[str, ...]) -> None:
    done = run("--every-lines", "3", *option)
    assert done.returncode == 2
    assert "--api-key" in done.stderr
    assert KEY not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "given",
    [
        (f"--every-lines={KEY}",),
        ("--every-lines", KEY),
        (f"--every-seconds={KEY}'\"",),
        (f"--greet={KEY}",),
        (f"-k={KEY}",),
        (f"-{KEY}",),
        ("chat://127.0.0.1", KEY),
    ],
)
def test_no_mistake_on_the_command_line_is_told_with_what_may_be_a_key(
    given: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(list(given))
    told = capsys.readouterr().err
    assert KEY not in told
    assert len(told.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there is no environment of another process to be read")
async def test_a_key_from_a_file_is_seen_neither_among_arguments_nor_in_the_environment(
    environ: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_text(KEY + "\n")
    with trio.fail_after(60):
        async with provider(streams("Here.")) as asked, server_process(environ) as url:
            arguments = ("trio_chat.bot", url, "--api-key-file", str(path), "--base-url", asked.base_url)
            async with process(*arguments, environ=environ) as running:
                said = ""
                while "joined" not in said:
                    line = await running.line()
                    assert line
                    said += line
                async with open_client(url, nick="ann", session="a" * 32) as ann:
                    await ann.join("lobby")
                    await ann.post("lobby", "sage?")
                    await asked.asked.wait()
                shown = psutil.Process(running.process.pid)
                assert KEY not in " ".join([*shown.cmdline(), *shown.environ().values()]) + said
    assert asked.authorizations[0] == f"Bearer {KEY}"
