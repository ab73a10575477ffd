"""`python -m benchmarks.screenshots_terminal` makes docs/images/terminal-dark.png and terminal-light.png.

This file owns the conversation that is staged, and how a terminal's cells become a picture: as a page of HTML, of which
Chromium takes a screenshot. The server, the people, the bot and the terminal are real ones. It must not know how the
terminal is drawn.
"""

import html
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import trio

from benchmarks import need
from benchmarks.server_process import running_server
from benchmarks.terminal_process import TerminalProcess, running_at_terminal
from trio_chat import Bot, Client, Occasion, open_client

COLUMNS: Final = 120
ROWS: Final = 32
IMAGES: Final = Path(__file__).parent.parent / "docs" / "images"
CHROMIUM: Final = ("chromium", "chromium-browser", "google-chrome")

THEMES: Final = {
    "dark": ("#16181d", "#d8dadf"),
    "light": ("#ffffff", "#24272e"),
}
_CELL: Final = (9, 19)  # pixels
_STANDARD: Final = {  # pyte names the first eight colours
    "black": "#2e3436", "red": "#cc0000", "green": "#4e9a06", "brown": "#c4a000",
    "blue": "#3465a4", "magenta": "#75507b", "cyan": "#06989a", "white": "#d3d7cf",
}  # fmt: skip

_STAGED: Final = (
    ("bob", "Morning! The nightly build is red again.", False),
    ("日本太郎", "おはようございます。CIのログを見ています 👀", False),
    ("zoë", "I bet on the network again", False),
    ("eve", "is on her second coffee ☕", True),
    ("bob", "It is the same test as on Friday:\n\n  def test_slow_reader():\n      assert missing == 0", False),
    ("eve", "ann: could you have a look? You wrote the cursor.", False),
)


async def _stage(url: str, terminal: TerminalProcess) -> None:
    """Have the conversation, up to a bot's answer that is half written."""
    async with trio.open_nursery() as nursery, _people(url, "bob", "eve", "日本太郎", "zoë") as people:
        for client in people.values():
            await client.join("dev")
        await people["eve"].set_topic("dev", "Release 1.0 on Friday · green before noon")
        await nursery.start(_be_sage, url)
        posted = [await people[nick].post("dev", text, action=is_action) for nick, text, is_action in _STAGED]
        terminal.type("/join dev\r")
        await terminal.until(lambda rows: any("second coffee" in row for row in rows))
        terminal.type("looking at it now\r")
        await terminal.until(lambda rows: any("looking at it now" in row and "ann" in row for row in rows))
        await people["bob"].post("dev", "Thanks! The log is above.", reply_to=posted[0].seq)
        wrong = await people["eve"].post("dev", "I can revert it, if you wnat")
        await people["eve"].edit("dev", wrong.seq, "I can revert it, if you want")
        private = await people["bob"].direct("ann")
        await people["bob"].post(private.room, "lunch at one?")
        for number in range(3):
            await people["eve"].post("lobby", f"new here, hello ({number})")
        terminal.type("sage: why would a reader miss entries after a reconnect?\r")
        await terminal.until(lambda rows: any("cursor says" in row for row in rows))
        await terminal.until(lambda rows: any("@bob" in row and "1" in row for row in rows))
        terminal.type("I think it is the epoch: it cha")
        await terminal.until(lambda rows: any("it cha" in row for row in rows))
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def _people(url: str, *nicks: str) -> AsyncIterator[Mapping[str, Client]]:
    people: dict[str, Client] = {}
    async with trio.open_nursery() as nursery:
        for nick in nicks:
            await nursery.start(_be, url, nick, people)
        yield people
        nursery.cancel_scope.cancel()


async def _be(url: str, nick: str, people: dict[str, Client], task_status: trio.TaskStatus[None]) -> None:
    async with open_client(url, nick=nick, session=secrets.token_hex(16)) as client:
        people[nick] = client
        await client.join("lobby", last=0)
        task_status.started()
        async for _ in client:
            pass


async def _be_sage(url: str, task_status: trio.TaskStatus[str]) -> None:
    """A bot that begins an answer, and never ends it."""
    bot = Bot("sage", room="dev", url=url)

    @bot.on_mention
    async def answer(asked: Occasion) -> AsyncIterator[str]:
        yield "Because the position that it came back with belongs to another epoch: "
        yield "the cursor says 41, and the log has begun anew"
        await trio.sleep_forever()

    await bot.serve(task_status=task_status)


# --- from cells to a picture ------------------------------------------------------------------------------


def page(terminal: TerminalProcess, theme: str) -> str:
    """Return what a terminal shows as a page of HTML."""
    ground, ink = THEMES[theme]
    width, height = _CELL
    screen = terminal.screen
    spans: list[str] = []
    for row in range(screen.lines):
        for column in range(screen.columns):
            cell = screen.buffer[row][column]
            front, back = _colours(cell, ground, ink)
            is_cursor = (column, row) == (screen.cursor.x, screen.cursor.y)
            if is_cursor:
                front, back = ground, ink
            if cell.data in (" ", "") and back == ground and not is_cursor:
                continue
            looks = f"left:{column * width}px;top:{row * height}px;color:{front};background:{back}"
            looks += ";font-weight:bold" * cell.bold + ";font-style:italic" * cell.italics
            spans.append(f'<b style="{looks}">{html.escape(cell.data)}</b>')
    size = f"width:{screen.columns * width}px;height:{screen.lines * height}px"
    return f"""<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 10px; background: {ground}; }}
div {{ position: relative; {size}; font: 15px/{height}px "DejaVu Sans Mono", "Noto Sans Mono CJK JP", monospace; }}
b {{ position: absolute; height: {height}px; min-width: {width}px; white-space: pre; font-weight: normal;
unicode-bidi: isolate-override; }}
</style><div>{"".join(spans)}</div>"""


def _colours(cell: Any, ground: str, ink: str) -> tuple[str, str]:
    front, back = _colour(cell.fg, ink), _colour(cell.bg, ground)
    return (back, front) if cell.reverse else (front, back)


def _colour(name: str, default: str) -> str:
    if name == "default":
        return default
    return _STANDARD.get(name, f"#{name}")


def take(content: str, image: Path) -> None:
    """Take a screenshot of a page of HTML.

    Raises:
        SystemExit: there is no Chromium; the text says so.
    """
    browser = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if browser is None:
        raise SystemExit(f"This needs a Chromium: none of {', '.join(CHROMIUM)} is installed.")
    width, height = COLUMNS * _CELL[0] + 20, ROWS * _CELL[1] + 20
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "terminal.html"
        source.write_text(content, encoding="utf-8")
        options = (
            "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
            f"--disable-component-update --disable-sync --hide-scrollbars --window-size={width},{height}"
        )
        subprocess.run(
            [browser, *options.split(), f"--user-data-dir={folder}/data", f"--screenshot={image}", source.as_uri()],
            check=True,
            capture_output=True,
            timeout=120,
        )


def main() -> None:
    """Stage, and write both pictures."""
    need("pyte")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_STATE_HOME": folder, "TERM": "xterm-256color"}
        environment.pop("NO_COLOR", None)
        with running_server("--port", "0", "--store", "memory:", log=Path(folder) / "log") as server:
            command = [sys.executable, "-m", "trio_chat.client", server.url, "--nick", "ann"]
            with running_at_terminal(command, columns=COLUMNS, rows=ROWS, environment=environment) as terminal:
                trio.run(_stage, server.url, terminal)
                for theme in THEMES:
                    image = IMAGES / f"terminal-{theme}.png"
                    take(page(terminal, theme), image)
                    print(image)


if __name__ == "__main__":
    main()
