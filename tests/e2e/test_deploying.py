"""What docs/deploying.md says is so: its commands run against a real server, and its tables are complete."""

import http.client
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import trio
from websockets.exceptions import InvalidStatus

from benchmarks.server_process import ServerProcess, running_server
from protocol import Gap, Message, Position
from tests.e2e.blocking_websocket import BlockingWebSocket
from tests.e2e.meeting import dialled
from tests.e2e.web_servers import DEPLOYING, PATIENCE_S, block, replaced
from tests.server.peer import connected
from trio_chat import ServerConfig, open_server
from trio_chat.server.hooks import Hook, hook_table, new_token
from trio_chat.transport.exchange import HttpRequest

HOOK = Hook(new_token(), "builds", "ci")


def needs(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with a hook and its log in `tmp_path/chat.db`."""
    config = tmp_path / "server.toml"
    config.write_text(f'port = 0\nstore = "sqlite:{tmp_path / "chat.db"}"\n' + hook_table(HOOK))
    with running_server("--config", str(config), log=tmp_path / "server.log") as process:
        yield process


def run(script: str, server: ServerProcess, directory: Path, **environ: str) -> str:
    """Run a block of the page in a shell, with the address of a hook in its variable, and return its output."""
    environ["CHAT_HOOK"] = f"http://127.0.0.1:{server.port}/hooks/{HOOK.token}"
    environ["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    ended = subprocess.run(
        ["/bin/sh", "-e", "-c", script], cwd=directory, env=environ, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


async def said(server: ServerProcess, count: int) -> list[str]:
    """Return the texts of the hook's room, from its log."""
    async with dialled(server, "reader") as reader:
        await reader.join("builds", last=count)
        return [entry.text for entry in await reader.entries(count) if isinstance(entry, Message)]


# --- hooks --------------------------------------------------------------------------------------------


async def test_every_way_to_post_that_it_names_says_what_it_should(server: ServerProcess, tmp_path: Path) -> None:
    needs("curl")
    (tmp_path / "Makefile").write_text("all:\n\t@echo one; echo two\n")
    forms = block("forms") if shutil.which("make") else replaced(block("forms"), {"make 2>&1": "printf 'one\\ntwo\\n'"})
    answers = await trio.to_thread.run_sync(run, block("curl") + forms, server, tmp_path)
    assert [json.loads(answer)["seq"] for answer in answers.splitlines()] == [1, 2, 3, 4]
    assert await said(server, 4) == ["Hello!", "one\ntwo", "50% + 50% = 100%", "It works"]


async def test_the_step_of_a_workflow_speaks_once_however_often_it_runs(server: ServerProcess, tmp_path: Path) -> None:
    needs("curl")
    found = re.search(r"^  run: \|\n((?:    .*\n)+)", DEPLOYING, re.MULTILINE)
    assert found is not None
    environ = {"GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "1", "TEXT": "ci of main: success"}
    for is_repeat in (False, True):
        answer = json.loads(run(found[1], server, tmp_path, **environ))
        assert answer["duplicate"] is is_repeat
    assert await said(server, 1) == ["ci of main: success"]


def test_the_table_of_a_hook_is_as_new_hook_makes_it() -> None:
    shown = re.search(r"^```toml\n(\[\[hook\]\].*?)^```$", DEPLOYING, re.MULTILINE | re.DOTALL)
    assert shown is not None
    (table,) = tomllib.loads(shown[1])["hook"]
    assert hook_table(Hook(**table)).strip() == shown[1].strip()


# --- watching -----------------------------------------------------------------------------------------


def test_the_check_of_health_succeeds_while_the_server_runs(server: ServerProcess, tmp_path: Path) -> None:
    needs("curl")
    check = replaced(block("health"), {"127.0.0.1:5002": f"127.0.0.1:{server.port}"})
    assert run(check, server, tmp_path) == "ok\n"


async def test_the_table_of_metrics_is_complete() -> None:
    told = set(re.findall(r"^\| `(trio_chat_\w+)(?:\{[a-z,]+\})?` \|", DEPLOYING, re.MULTILINE))
    async with open_server(ServerConfig(port=None, store="memory:", metrics="any")) as server:
        answer = await server.routes(HttpRequest("GET", "/metrics", "", {}, b"", "127.0.0.1:5"))
    shown = set(re.findall(r"^# TYPE (trio_chat_\w+)", answer.body.decode(), re.MULTILINE))
    assert told == shown


def test_every_option_that_it_names_is_one_of_the_server_and_so_is_every_setting() -> None:
    command = [sys.executable, "-m", "trio_chat.server", "--help"]
    helped = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout
    named = set(re.findall(r"`(--[a-z-]+)|trio_chat\.server (--[a-z-]+)", DEPLOYING))
    assert {option for pair in named for option in pair if option and option not in helped} == set()
    settings = {field.encode_name for field in msgspec.structs.fields(ServerConfig)}
    assert set(re.findall(r"`(ping_s|rate_limit|trusted_proxies|origins)[` ]", DEPLOYING)) <= settings


def test_a_page_of_an_origin_that_is_named_may_connect(tmp_path: Path) -> None:
    flags = ["--port", "0", "--store", "memory:", "--origin", "https://www.example"]
    with running_server(*flags, log=tmp_path / "server.log") as server:
        url = f"ws://{server.host}:{server.port}/ws"
        with BlockingWebSocket(url, headers={"Origin": "https://www.example"}):
            pass
        with (
            pytest.raises(InvalidStatus, match="403"),
            BlockingWebSocket(url, headers={"Origin": "https://other.example"}),
        ):
            pass


def test_a_page_whose_name_was_led_to_this_machine_is_refused_unless_it_is_named(tmp_path: Path) -> None:
    host, origin = "chat.example", "https://chat.example"
    for flags, refused in (([], True), (["--origin", origin], False)):
        with running_server("--port", "0", "--store", "memory:", *flags, log=tmp_path / "server.log") as server:
            asking = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE_S)
            upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
            asking.request(
                "GET", "/ws", headers={"Host": host, "Origin": origin, "Sec-WebSocket-Key": "A" * 22 + "==", **upgrade}
            )
            assert asking.getresponse().status == (403 if refused else 101)
            asking.close()


def test_its_flags_do_what_it_says(tmp_path: Path) -> None:
    flags = ["--port", "0", "--store", "memory:", "--trusted-proxy", "127.0.0.1", "--trusted-proxy", "10.0.0.0/8"]
    for metrics, status in (("any", 200), ("local", 403), ("off", 404)):
        with running_server(*flags, "--metrics", metrics, log=tmp_path / "server.log") as server:
            asking = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE_S)
            asking.request("GET", "/metrics", headers={"X-Forwarded-For": "192.0.2.1"})
            assert asking.getresponse().status == status
            asking.close()


# --- as a service, and back from a backup -------------------------------------------------------------


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    needs("systemd-analyze")
    unit = tmp_path / "trio_chat.service"
    unit.write_text(replaced(block("systemd"), {"/opt/trio_chat/.venv/bin/python": "/bin/true"}))
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    verified = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


async def test_a_backup_of_a_running_server_has_what_was_acknowledged_and_another_life(
    server: ServerProcess, tmp_path: Path
) -> None:
    needs("sqlite3")
    async with dialled(server, "ann") as ann:
        epoch = (await ann.join("builds")).epoch
        for text in ("one", "two"):
            await ann.post(text, "builds", key=text)
        await trio.to_thread.run_sync(run, block("backup"), server, tmp_path)
        await ann.post("three", "builds", key="three")
    (tmp_path / "back").mkdir()
    (tmp_path / "backup.db").rename(tmp_path / "back" / "chat.db")
    await trio.to_thread.run_sync(run, block("restore"), server, tmp_path / "back")
    config = ServerConfig(port=None, store=f"sqlite:{tmp_path / 'back' / 'chat.db'}")
    async with open_server(config) as restored, connected(restored, "ann") as ann:
        joined = await ann.join("builds", after=Position(epoch, 2))
        gap = await ann.expect(Gap)
        texts = [entry.text for entry in await ann.until_live() if isinstance(entry, Message)]
    assert joined.epoch != epoch
    assert gap.reason == "epoch"
    assert texts == ["one", "two"]
