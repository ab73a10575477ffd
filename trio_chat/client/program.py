"""The program around line mode: connect, choose how to talk, leave when told to.

This file owns signals, and which kind of input and output calls for what. It must not know the command line,
nor what a sentence on it would have to say.
"""

import os
import signal
import stat
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Final

import trio
from msgspec import Struct

from protocol import Notice, encode
from trio_chat.client import Client, open_client
from trio_chat.client.events import Disconnected
from trio_chat.client.ink import Painter
from trio_chat.client.input import PlainLines, listen
from trio_chat.client.lines import Talk, room_name
from trio_chat.client.output import Output, complain, write_to
from trio_chat.client.render import Renderer
from trio_chat.client.report import ForPeople, ForPrograms, Report
from trio_chat.client.terminal import Terminal
from trio_chat.client.typist import Typist
from trio_chat.client.url import parse_url

if TYPE_CHECKING:
    from trio_chat.client.screen.program import FullScreen

AGENT: Final = "trio_chat terminal"
_LEAVE_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Options(Struct, frozen=True):
    """What the command line asks for: `text` is to be posted once, without a conversation; `plain` is line mode;
    `is_room_asked` is false where `room` is only where one goes who was nowhere before."""

    url: str
    server: str
    nick: str
    room: str
    as_json: bool = False
    text: str | None = None
    plain: bool = False
    notify: bool = False
    is_room_asked: bool = True


class Interruption:
    """A signal that asks to leave.

    Attributes:
        leave: is called when one comes; set anew as things go on.
        signal: the number of the last one; 0 if there was none.
    """

    def __init__(self, leave: Callable[[], None]) -> None:
        self.leave = leave
        self.signal = 0

    async def watch(self, task_status: trio.TaskStatus[None]) -> None:
        """Wait for signals, again and again."""
        with trio.open_signal_receiver(*_LEAVE_SIGNALS) as signals:
            task_status.started()
            async for number in signals:
                self.signal = number
                self.leave()

    @property
    def code(self) -> int:
        """The exit status of a program whose work was left undone by the signal, as shells have it."""
        return 128 + self.signal if self.signal else 0


async def chat(options: Options, *, stdin: int = 0, stdout: int = 1) -> int:
    """Connect, talk, and leave politely.

    Returns:
        The exit status: 0 for whoever leaves a conversation; 1 if something from a pipe was refused; 128 and the
        number of the signal if that left something undone.

    Raises:
        ChatError: (in an exception group) there is no conversation, or no more.
    """
    codes: list[int] = []
    async with trio.open_nursery() as nursery:
        interruption = Interruption(nursery.cancel_scope.cancel)
        await nursery.start(interruption.watch)
        async with open_client(options.url, nick=options.nick, agent=AGENT) as client:
            if options.text is not None:
                codes.append(await send(client, options.room, options.text, stdout if options.as_json else None))
            else:
                codes.append(await talk(client, options, stdin, stdout, interruption))
        nursery.cancel_scope.cancel()
    return codes[0] if codes else interruption.code


async def send(client: Client, room: str, text: str, answer_to: int | None) -> int:
    """Post `text`, and write the answer to a descriptor, or nowhere. The text is acknowledged then.

    Returns:
        The exit status: 1 if the answer could not be written.
    """
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_tell_what_is_wrong, client)
        await client.join(room, last=0)
        posted = await client.post(room, text)
        nursery.cancel_scope.cancel()
    if answer_to is not None:
        try:
            await write_to(answer_to, encode(posted) + b"\n")
        except OSError as error:
            await complain(f"The text is posted, but the answer cannot be written: {error.strerror}.")
            return 1
    return 0


async def _tell_what_is_wrong(client: Client) -> None:
    async for event in client:
        if isinstance(event, Disconnected):
            await complain(f"Cut off: {event.reason} Trying again; the text is not acknowledged yet.")
        elif isinstance(event, Notice) and event.level == "warning":
            await complain(event.text)


async def talk(client: Client, options: Options, stdin: int, stdout: int, interruption: Interruption) -> int:
    """Hold a conversation in the way that fits the descriptors. Returns the exit status."""
    capable = os.isatty(stdout) and os.environ.get("TERM", "dumb") not in ("", "dumb")
    at_terminal = capable and os.isatty(stdin) and not options.as_json
    report = ForPrograms() if options.as_json else _for_people(client, options.server, colours=capable)
    conversation: Talk | FullScreen
    run: Callable[[str], Awaitable[None]]
    if at_terminal and not options.plain:
        conversation = _full_screen(client, options, stdin, stdout)
        run = partial(conversation.run, asked=options.is_room_asked)
    elif at_terminal:
        typist = Typist(Terminal(stdin, stdout), client, report)
        conversation, run = typist.talk, typist.run
    else:
        conversation = talk_ = Talk(client, report, Output(partial(write_to, stdout)))
        only_listens = options.as_json and _has_no_input(stdin)
        source = listen if only_listens else PlainLines(stdin, numbered=not os.isatty(stdin))
        run = partial(talk_.run, source=source)
    cut_short = interruption.leave
    interruption.leave = conversation.leave
    await run(options.room)
    interruption.leave = cut_short  # who interrupts again does not want to wait for the goodbye
    for sentence in conversation.last_words:
        await complain(sentence)
    return conversation.code or (interruption.code if conversation.unfinished else 0)


def _full_screen(client: Client, options: Options, stdin: int, stdout: int) -> "FullScreen":
    # Line mode needs no urwid, and a script should not wait for its import.
    from trio_chat.client.screen.program import FullScreen
    from trio_chat.client.screen.shelf import Shelf, shelf_path
    from trio_chat.client.screen.terminal import ScreenTerminal

    terminal = ScreenTerminal(stdin, stdout, titled=options.notify)
    shelf = Shelf(shelf_path(parse_url(options.url), options.nick))
    return FullScreen(terminal, client, options.server, shelf, notify=options.notify)


def _for_people(client: Client, server: str, *, colours: bool) -> Report:
    painter = Painter(colours=colours and not os.environ.get("NO_COLOR"))
    return ForPeople(Renderer(partial(room_name, client)), painter, server)


def _has_no_input(fd: int) -> bool:
    """Tell whether standard input was given as ``/dev/null``: nothing will be typed, which is not the end of it."""
    return stat.S_ISCHR(os.fstat(fd).st_mode) and not os.isatty(fd)
