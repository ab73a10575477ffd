"""The command line: what it writes and says, and its exit codes, by real processes."""

import csv
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from tests.bot.proxies.gates import gate, keeps_silent, nobody, opens, refuses
from tests.bot.proxies.site import Reply, site
from trio_chat.bot.proxies.__main__ import main

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Awaitable[Done]]

PROGRAM = ("-m", "trio_chat.bot.proxies")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return {**kept, "HOME": str(tmp_path), "NO_PROXY": "127.0.0.1", "COLUMNS": "200"}


@pytest.fixture
def run(environ: dict[str, str], tmp_path: Path) -> Run:
    async def start(*arguments: str, program: tuple[str, ...] = PROGRAM, **variables: str) -> Done:
        command = [sys.executable, *program, *arguments]
        with trio.fail_after(60):
            done = await trio.run_process(
                command, env={**environ, **variables}, capture_stdout=True, capture_stderr=True, check=False,
            )  # fmt: skip
        return Done(command, done.returncode, done.stdout.decode(), done.stderr.decode())

    return start


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


async def test_check_measures_shows_and_writes_and_no_password_is_seen(run: Run, tmp_path: Path) -> None:
    listed, out = tmp_path / "list.txt", tmp_path / "out"
    written = ("--csv", f"{out}.csv", "--json", f"{out}.json", "--working", f"{out}.txt")
    async with site({"/v1/models": Reply("{}")}) as running, gate(opens) as through, gate(refuses(407)) as closed:
        good, bad = (one.proxy.url.replace("//", "//ann:secret@") for one in (through, closed))
        listed.write_text(f"{bad}\n{good}\n{nobody().url}\n")
        done = await run("check", str(listed), *written, OPENAI_BASE_URL=f"{running.url}/v1")
        assert running.asked == [("/v1/models", "trio_chat")]
    assert done.returncode == 0
    assert "1 of 3 work." in done.stderr
    assert f"http://***@{through.proxy.address}" in done.stdout.splitlines()[1]
    assert "it does not take the password" in done.stdout
    rows = json.loads(Path(f"{out}.json").read_text())
    best, *failed = [(row["works"], row["available"], row["status"], row["why_not"]) for row in rows]
    assert best == (True, 1.0, 200, None)
    assert sorted(failed) == [
        (False, 0.0, None, "it does not take the password"),
        (False, 0.0, None, "nobody listens there"),
    ]
    assert [row["url"] for row in read_csv(Path(f"{out}.csv"))] == [row["url"] for row in rows]
    assert Path(f"{out}.txt").read_text() == f"{good}\n"
    told = done.stdout + done.stderr + Path(f"{out}.json").read_text() + Path(f"{out}.csv").read_text()
    assert "secret" not in told


async def test_check_exits_with_1_where_nothing_works(run: Run, tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(f"{nobody().url}\n{nobody().url}\n")
    done = await run("check", str(listed), "--url", "http://127.0.0.1:1/")
    assert done.returncode == 1
    assert "0 of 2 work." in done.stderr


async def test_collect_writes_what_check_reads(run: Run, tmp_path: Path) -> None:
    pages = {
        "/robots.txt": Reply("User-agent: *\nDisallow: /private"),
        "/table": Reply("<table><tr><td>1.2.3.4<td>8080<td>socks5</table>", "text/html"),
        "/private": Reply("9.9.9.9:99"),
    }
    async with site(pages) as running:
        urls = [f"{running.url}/{name}?key=secret" for name in ("table", "private")]
        files = ("--csv", str(tmp_path / "found.csv"), "--json", str(tmp_path / "found.json"))
        done = await run("collect", *urls, *files)
        assert running.paths == ["/robots.txt", "/table?key=secret"]
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [
        f"{running.url}/table: 1 proxies",
        f"{running.url}/private: robots.txt asks programs to leave it alone",
        "1 different proxies.",
    ]
    source = f"{running.url}/table"
    row = {"url": "socks5://1.2.3.4:8080", "scheme": "socks5", "host": "1.2.3.4", "port": 8080, "source": source}
    assert json.loads((tmp_path / "found.json").read_text()) == [row]
    assert read_csv(tmp_path / "found.csv") == [{name: str(value) for name, value in row.items()}]


async def test_collect_prints_what_it_finds_and_exits_with_1_where_that_is_nothing(run: Run) -> None:
    async with site({"/list": Reply("1.2.3.4:80")}) as running:
        done = await run("collect", f"{running.url}/list", "--scheme", "socks4")
        assert (done.returncode, done.stdout) == (0, "socks4://1.2.3.4:80\n")
        done = await run("collect", f"{running.url}/nothing")  # a process of its own, that waits for no other
        assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("check", "nowhere.txt"), "Cannot read the proxies in nowhere.txt: No such file or directory."),
        (("check", "list.txt", "--url", "example.org"), "--url is no address of a page"),
        (("check", "list.txt", "--csv", "nowhere/out.csv"), "nowhere/out.csv cannot be written"),
        (("check", "bad.txt"), "Line 2 of bad.txt is no proxy"),
        (("check", "list.txt", "--at-once", "0"), "--at-once"),
        (("check", "list.txt", "--timeout", "nan"), "--timeout"),
        (("collect", "example.org/list"), "One of the URLs is no address of a page"),
        (("collect", "file:///etc/passwd"), "One of the URLs is no address of a page"),
        (("collect", "http://127.0.0.1/", "--scheme", "ftp"), "--scheme"),
        (("collect",), "URLS"),
        (("collected",), "collected"),
    ],
)
def test_what_is_asked_for_wrongly_gets_one_sentence_and_exit_code_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.txt").write_text("127.0.0.1:1\n")
    Path("bad.txt").write_text("127.0.0.1:1\nann:secret@nowhere\n")
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert says in told
    assert len(told.splitlines()) == 1
    assert "secret" not in told


@pytest.mark.parametrize(
    ("missing", "arguments", "says"),
    [
        ("httpx2", ("check", "list.txt"),
         "Checking proxies needs the package httpx2: pip install 'trio_chat[proxies]'"),
        ("selectolax", ("collect", "http://127.0.0.1/"),
         "Collecting proxies needs the package selectolax: pip install 'trio_chat[proxies]'"),
        ("selenium", ("collect", "http://127.0.0.1/", "--browser"),
         "--browser needs the package selenium: pip install 'trio_chat[browser]'"),
    ],
)  # fmt: skip
async def test_a_missing_library_gets_a_sentence_that_says_what_to_install(
    run: Run, missing: str, arguments: tuple[str, ...], says: str
) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from trio_chat.bot.proxies.__main__ import main; main()"
    done = await run(*arguments, program=("-c", program))
    assert (done.returncode, done.stderr) == (2, f"trio_chat: {says}\n")


def test_a_missing_browser_gets_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("selenium", reason="the extra browser is not installed")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit):
        main(["collect", "http://127.0.0.1/", "--browser"])
    assert "--browser needs Chromium, which is not installed here" in capsys.readouterr().err


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert [main([command, "--help"]) for command in ("check", "collect")] == [0, 0]
    told = capsys.readouterr().out
    for option in (
        "--url",
        "--tries",
        "--at-once",
        "--timeout",
        "--csv",
        "--json",
        "--working",
        "--browser",
        "--scheme",
    ):
        assert option in told


async def test_the_package_imports_nothing_that_an_extra_brings(run: Run) -> None:
    extras = "{'httpx2', 'protego', 'python_socks', 'selectolax', 'selenium', 'openai'}"
    program = f"import sys, trio_chat.bot.proxies.__main__; sys.exit(bool({extras} & set(sys.modules)))"
    assert (await run(program=("-c", program))).returncode == 0


async def test_ctrl_c_shows_what_was_measured_until_then(environ: dict[str, str], tmp_path: Path) -> None:
    """On a terminal, with the progress bar."""
    listed = tmp_path / "list.txt"
    async with gate(refuses(403)) as closed, gate(keeps_silent) as silent:
        listed.write_text(f"{closed.proxy}\n{silent.proxy}\n")
        command = [sys.executable, *PROGRAM, "check", str(listed), "--at-once", "1", "--url", "http://127.0.0.1:1/"]
        ours, theirs = pty.openpty()
        environ = {**environ, "TERM": "xterm"}
        process = await trio.lowlevel.open_process(command, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        with trio.fail_after(60):
            await silent.asked.wait()  # the second proxy is being tried, so the first has been told of
            process.send_signal(signal.SIGINT)
            await process.wait()
        shown = b""
        with pytest.raises(OSError, match="Input/output"):
            while True:
                shown += os.read(ours, 65_536)
        os.close(ours)
    assert process.returncode == 130
    assert b"checking" in shown
    assert b"it refuses the tunnel (status 403)" in shown
    assert b"0 of 1 work." in shown
