"""The full-screen program: tasks for events, keys and drawing, in the client's nursery.

This file owns those, and what becomes of the program when one of them ends. It must not know what a key for going about
does (that is `browsing`), the server's answers (`deeds`), nor how and when anything is drawn (`frames`).
"""

import time
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from protocol import TEXT_CHARS, Live
from trio_chat.client.editor import Action, Leave, Redraw, Submitted, TooLong
from trio_chat.client.errors import ChatError
from trio_chat.client.keys import Chord, Input, Key, Mouse
from trio_chat.client.lines import asks_to_quit
from trio_chat.client.screen.bell import Bell
from trio_chat.client.screen.browsing import Browser
from trio_chat.client.screen.composer import Composer
from trio_chat.client.screen.deeds import Deeds, ScreenClient
from trio_chat.client.screen.errands import WAITING_LINES, Errands
from trio_chat.client.screen.frames import Frames
from trio_chat.client.screen.helping import KEYS, Helper
from trio_chat.client.screen.interrupting import Interrupter
from trio_chat.client.screen.model import Model
from trio_chat.client.screen.reading import Reader
from trio_chat.client.screen.returning import Returner
from trio_chat.client.screen.shelf import Shelf
from trio_chat.client.screen.terminal import ScreenTerminal
from trio_chat.client.screen.view import View
from trio_chat.client.screen.words import Words

PING_S: Final = 10.0

ESCAPE_S: Final = 0.05
"""How long an ESC may be the beginning of another key: what a terminal sends for one comes at once."""

GOODBYE_S: Final = 2.0
"""How long Ctrl-D waits for the server to answer what was typed before."""

LEARN_S: Final = 1.0
"""How long Tab waits for the server to tell which commands there are."""

AWAY: Final = "The server is away; your line is sent when it is back."
FULL: Final = f"The server is away, and {WAITING_LINES} lines wait for it: this one stays here."


class FullScreen:
    """A conversation on a whole screen.

    Attributes:
        code: the exit status so far.
        last_words: sentences for standard error, once the terminal is as it was.
        unfinished: whether input is left that should be carried out before the end: never, for a person sees it.

    Args:
        terminal: where it takes place.
        client: an open client, whose events nobody else reads.
        server: what the server is called.
        shelf: keeps where one was and what one has read, for the next time; None: nobody does.
        notify: whether a mention rings the bell, and stands in the title of the terminal's window.
    """

    unfinished = False

    def __init__(
        self,
        terminal: ScreenTerminal,
        client: ScreenClient,
        server: str,
        shelf: Shelf | None = None,
        *,
        notify: bool = False,
    ) -> None:
        self.code = 0
        self.last_words: list[str] = []
        self._terminal = terminal
        self._client = client
        self._server = server
        words = Words(lambda name: self._model.label(name))
        self._model = Model(client, lambda what: words.lines(what, time.time()), lambda: int(time.time() * 1_000))
        self._helper = Helper(client, self._model)
        self._composer = Composer(self._helper)
        self._view = View(self._model, words, self._composer, lambda click: self._browser.click(click))
        self._bell = Bell(self._model, server, wanted=notify)
        self._frames = Frames(
            terminal, self._model, self._view, self._bell, lambda: self._helper.usage(self._composer.text)
        )
        reader = Reader(client, self._model)
        self._browser = Browser(self._model, self._view, words, reader, self._start, self._frames.hint)
        self._deeds = self._browser.deeds = Deeds(
            client,
            self._model,
            show_found=self._browser.show_found,
            show_keys=lambda: self._model.answer(KEYS),
            leave=self.leave,
        )
        self._interrupter = Interrupter(self._model, self._deeds, self._start, self._frames.hint, self.leave)
        self._returner = Returner(shelf, client, self._model, self._deeds.enter, self._warn)
        self._scope = trio.CancelScope()
        self._nursery: trio.Nursery
        self._errands = Errands(self._deeds.carry_out, self._frames.changed)
        self._greeted = False

    async def run(self, room: str, *, asked: bool = True) -> None:
        """Talk until somebody or something ends it; the terminal is then as it was found.

        Args:
            room: the first room to be in.
            asked: whether somebody wants that one; or else, where one was the last time is preferred.
        """
        async with self._terminal.typing():
            with self._scope:
                async with trio.open_nursery() as self._nursery:
                    self._nursery.start_soon(self._draw)
                    self._nursery.start_soon(self._terminal.follow_signals, self._frames.output)
                    self._nursery.start_soon(self._watch)
                    self._nursery.start_soon(self._ping)
                    self._nursery.start_soon(self._returner.keep)
                    self._nursery.start_soon(self._talk, room, asked)
                    await self._take_keys()
        if unanswered := self._errands.unanswered:
            self.last_words.append(f"The server has not answered {unanswered} of your lines; they may be lost.")

    def leave(self) -> None:
        """End soon."""
        self._scope.cancel()

    def finish(self, code: int, sentence: str | None = None) -> None:
        """End, with an exit status and why."""
        self.code = self.code or code
        if sentence is not None:
            self.last_words.append(sentence)
        self.leave()

    def _warn(self, sentence: str) -> None:
        """Tell what did not go well, wherever it can still be read."""
        if self._scope.cancel_called:
            self.last_words.append(sentence)
        else:
            self._model.say(sentence, warning=True)
            self._frames.changed()

    # --- what happens -------------------------------------------------------------------------------------

    async def _talk(self, room: str, asked: bool) -> None:
        """Go into the first room, and then carry out what is typed; keys do not wait for that."""
        try:
            await self._returner.come_in(room, asked=asked)
            self._start(self._returner.come_back)
            self._learn_soon()
            await self._errands.run()
        except ChatError as error:
            self.finish(1, str(error))

    async def _watch(self) -> None:
        try:
            async for event in self._client:
                self._model.take(event)
                self._deeds.close_left()
                self._frames.changed()
                self._errands.changed()
                if isinstance(event, Live):
                    self._arrived(event.room)
            self.finish(0)
        except ChatError as error:
            self.finish(1, str(error))

    def _arrived(self, room: str) -> None:
        if not self._greeted:
            self._greeted = True
            self._model.say(f"Connected to {self._server} as {self._client.nick}. /help lists commands, F1 the keys.")
        if room == self._model.current:
            self._browser.fill_soon()

    async def _ping(self) -> None:
        while True:
            self._model.latency_s = await self._client.ping()
            self._frames.changed()
            await trio.sleep(PING_S)

    def _start(self, deed: Callable[[], Awaitable[object]]) -> None:
        """Have a deed done that ends with the client, if not before."""
        self._nursery.start_soon(self._do, deed)

    async def _do(self, deed: Callable[[], Awaitable[object]]) -> None:
        try:
            await deed()
        except ChatError as error:
            self.finish(1, str(error))
        self._frames.changed()

    # --- keys ---------------------------------------------------------------------------------------------

    async def _take_keys(self) -> None:
        decoder = self._composer.decoder
        while True:
            with trio.move_on_after(ESCAPE_S if decoder.holds_escape else float("inf")) as waiting:
                data = await self._terminal.receive()
            if waiting.cancelled_caught:
                await self._take(decoder.escape())
            elif not data:  # the terminal is gone
                self.leave()
                return
            else:
                for given in list(decoder.feed(data)):
                    await self._take(given)
            self._frames.output.refresh()

    async def _take(self, given: Input) -> None:
        self._frames.hint("")
        self._bell.answered()
        if self._browser.took(given):
            return
        match given:
            case Key.LEAVE:
                self._interrupter.interrupt()
            case Key.END if self._browser.is_scrolled:
                self._browser.to_newest()
            case Mouse(button=button, column=column, row=row):
                self._view.click(button, column, row)
            case Chord(name="ctrl-z"):
                await self._terminal.stop(self._frames.output)
            case Chord(name="f1"):
                self._model.answer(KEYS)
            case Chord(name=name) if name != "shift-tab":
                self._browser.chord(name)
            case _:
                await self._type(given)

    async def _type(self, given: Input) -> None:
        if given is Key.COMPLETE and self._composer.text.startswith("/") and self._client.connected:
            with trio.move_on_after(LEARN_S):
                await self._helper.learnt.wait()
        was_empty = not self._composer.text
        action = self._composer.take(given)
        if was_empty and self._composer.text.startswith("/"):
            self._learn_soon()
        if action is not None:
            await self._act(action)

    def _learn_soon(self) -> None:
        if self._helper.is_to_learn():
            self._start(self._helper.learn)

    async def _act(self, action: Action) -> None:
        match action:
            case Submitted(text=text):
                await self._submit(text.rstrip("\n"))
            case TooLong(chars=chars):
                self._frames.hint(f"{chars} characters were left out: a message has at most {TEXT_CHARS}.")
            case Leave():
                await self._end_politely()
            case Redraw():
                self._frames.redraw()

    async def _submit(self, text: str) -> None:
        if not text.strip():
            return
        if asks_to_quit(text) and not self._client.connected:
            self.leave()
            return
        if self._deeds.done_at_once(text):
            self._browser.fill_soon()
            return
        if not await self._errands.has_room(lambda: self._client.connected):
            self._composer.replace(text)
            self._frames.hint(FULL)
            return
        if not Deeds.finds(text):  # everything else is answered at the end
            self._browser.to_newest()
        line = self._deeds.typed(text)
        if line is None:
            return
        if not self._client.connected:
            self._frames.hint(AWAY)
        self._errands.put(line)

    # --- leaving ------------------------------------------------------------------------------------------

    async def _end_politely(self) -> None:
        """Wait for what was typed before to be answered, for a while, and end."""
        with trio.move_on_after(GOODBYE_S):
            await self._errands.settle()
        self.leave()

    # --- drawing ------------------------------------------------------------------------------------------

    async def _draw(self) -> None:
        error = await self._frames.draw()
        self.finish(0 if error is None else 1, None if error is None else f"The terminal is gone: {error.strerror}.")
