"""The pictures of the README: `python -m benchmarks.screenshots` plays a scene in a room, and takes them.

They need Chromium and chromedriver on the PATH. Fonts are those of the machine: FONTCONFIG_FILE names others.

This file owns the scene and the list of pictures. It must not know how faces work inside. Whoever adds a face adds a
function to `FACES`: it comes in, has the stage go on up to the midst of a bot's answer, and yields pictures by name.
"""

import argparse
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from benchmarks.browser import CHROMIUM, DRIVER, PHONE, WIDE, Window, running_browser
from benchmarks.server_process import ServerProcess, running_server
from trio_chat import Bot, Client, Occasion, open_client

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"

ROOM: Final = "python"

CODE: Final = """\
here it is, in five lines:
```python
async with trio.open_nursery() as nursery:
    for url in urls:
        nursery.start_soon(fetch, url, results)

print(f"{len(results)} pages, and nothing left running")
```"""

ANSWER: Final = (
    "A **nursery** is a place that waits for its tasks. ",
    "You open one with `async with`, start tasks in it, and leave it when they are all done:\n",
    "- an error in one cancels the others,\n",
    "- cancelling the nursery cancels them all, ",
)


Picture = tuple[str, Callable[[Path], None]]
"""A name, and what saves it there."""


class Stage(Struct, frozen=True):
    """Where the scene is played, for one face.

    Attributes:
        server: it plays there, in `room`; there is also the lobby.
        nick: as whom one comes to see it.
        go_on: to be called, blocking, once one is in: what others say then.
        question: what one says oneself after that; a bot is in the midst of its answer when the picture is taken.
    """

    server: ServerProcess
    go_on: Callable[[], None]
    room: str = ROOM
    nick: str = "ann"
    question: str = "/search what is a nursery?"


# --- the scene ------------------------------------------------------------------------------------------


def sage(url: str) -> Bot:
    """Return a bot that answers a question, and stops in the middle of the sentence."""
    bot = Bot("sage", room=ROOM, url=url)

    @bot.command("/search", usage="/search QUESTION")
    async def answer(asked: Occasion) -> AsyncIterator[str]:
        """ask the AI; the room sees question and answer"""
        for piece in ANSWER:
            yield piece
            await trio.sleep(0.3)  # a draft is a picture of the moment: none of them is skipped
        asked.show("".join(ANSWER), doing="reading the last lines of #python")
        await trio.sleep_forever()

    return bot


async def play(server: ServerProcess, *, task_status: trio.TaskStatus[Stage] = trio.TASK_STATUS_IGNORED) -> None:
    """Play the scene until cancelled: what was said before one came, then the rest once the stage is told to go on."""
    async with trio.open_nursery() as nursery:
        await nursery.start(sage(server.url).serve)
        people = {nick: await nursery.start(enter, server.url, nick) for nick in ("mia", "jonas", "aiko")}
        await talk(**people)
        rest = partial(go_on, **people)
        task_status.started(Stage(server, partial(trio.from_thread.run, rest)))
        await trio.sleep_forever()


async def talk(mia: Client, jonas: Client, aiko: Client) -> None:
    """Say what was said before one came."""
    await mia.command("/topic Structured concurrency, in Trio and elsewhere", room=ROOM, key="topic")
    await mia.post(ROOM, "Good morning! The slow test is fixed, it was a task that nobody waited for 🎉")
    question = await jonas.post(ROOM, "nice. How do you fetch twenty pages at once, and leave nothing behind?")
    await aiko.post(ROOM, "with a nursery")
    await mia.post("lobby", "lunch at one?")
    await aiko.post(ROOM, CODE, reply_to=question.seq)


async def go_on(mia: Client, jonas: Client, aiko: Client) -> None:
    """Say what is said while one is there."""
    await jonas.command("/me is impressed", room=ROOM, key="me")
    await aiko.post("lobby", "the usual place")
    await mia.post("lobby", "ann, are you coming?")
    await mia.command("/msg ann I will keep you a seat", room=ROOM, key="msg")


async def enter(url: str, nick: str, *, task_status: trio.TaskStatus[Client] = trio.TASK_STATUS_IGNORED) -> None:
    """Be somebody in the rooms of the scene, until cancelled."""
    async with open_client(url, nick=nick) as client:
        for room in ("lobby", ROOM):
            await client.join(room, last=0)
        task_status.started(client)
        async for _ in client:
            pass


# --- the faces ------------------------------------------------------------------------------------------


def page(stage: Stage) -> Iterator[Picture]:
    """Take pictures of the web page: light, dark, and on a phone."""
    with running_browser() as browser:
        url = f"http://{stage.server.host}:{stage.server.port}/"
        window = browser.open(url, size=WIDE)
        window.come_in(stage.nick)
        window.js("location.hash = arguments[0]", stage.room)
        window.holds("five lines", "#list")
        stage.go_on()
        window.say(stage.question)
        for theme in ("light", "dark"):
            window.set_theme(theme)
            settle(window)
            yield f"page-{theme}.png", window.screenshot
        window.set_theme("light")
        window.resize(PHONE, scale=1.5)
        settle(window)
        yield "page-phone.png", window.screenshot


def settle(window: Window) -> None:
    """Wait until the scene is drawn to its end."""
    window.until("document.querySelector('.draft-row .doing')?.innerText.includes('reading')")
    window.until("document.querySelector('.row:last-child').getBoundingClientRect().bottom <= innerHeight")


FACES: Final[Mapping[str, Callable[[Stage], Iterator[Picture]]]] = {"page": page}


def take(stage: Stage, face: str, directory: Path) -> None:
    """Take the pictures of a face; blocking."""
    for name, save in FACES[face](stage):
        save(directory / name)
        print(f"{directory / name}: {(directory / name).stat().st_size:,} bytes", flush=True)


async def run(face: str, directory: Path) -> None:
    """Play the scene on a server of its own, and take the pictures of a face."""
    with tempfile.TemporaryDirectory() as scratch:
        arguments = ("--port", "0", "--store", "memory:", "--rate-limit", "off")
        with running_server(*arguments, log=Path(scratch) / "server.log") as server:
            async with trio.open_nursery() as nursery:
                stage = await nursery.start(play, server)
                await trio.to_thread.run_sync(take, stage, face, directory)
                nursery.cancel_scope.cancel()


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the pictures; 2 where there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.screenshots", description="Take the README's pictures.")
    parser.add_argument("faces", nargs="*", metavar="FACE", help=f"of {', '.join(FACES)}; all unless given")
    parser.add_argument("--directory", type=Path, default=IMAGES, help="where they go (%(default)s)")
    options = parser.parse_args(arguments)
    if unknown := set(options.faces) - FACES.keys():
        parser.error(f"there is no face {unknown.pop()}; there are {', '.join(FACES)}")
    if CHROMIUM is None or DRIVER is None:
        print("Chromium and chromedriver are needed, and are not on the PATH.", file=sys.stderr)
        return 2
    for face in options.faces or FACES:
        trio.run(run, face, options.directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
