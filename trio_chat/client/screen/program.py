"""The full-screen program: tasks for events, keys and drawing, in the client's nursery, and what each key leads to.

This file owns those. It must not know the server's answers (that is `deeds`), nor how anything is drawn. Drawing is the
work of one task, which writes a frame at a time, in a thread: keys ask it for a frame at once, events for one in
`FRAME_S`. A paused terminal gets none, and holds up nothing.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import trio

from protocol import TEXT_CHARS, CommandHelp, Found, Live, Message
from trio_chat.client.completion import Completions
from trio_chat.client.editor import Action, Completion, Leave, Redraw, Submitted, TooLong
from trio_chat.client.errors import ChatError
from trio_chat.client.keys import Chord, Input, Key, Mouse
from trio_chat.client.output import Output
from trio_chat.client.screen.composer import Composer
from trio_chat.client.screen.deeds import LOCAL, Deeds, Line, ScreenClient
from trio_chat.client.screen.model import Model
from trio_chat.client.screen.painter import Painter
from trio_chat.client.screen.palette import Palette, knows_256_colours
from trio_chat.client.screen.terminal import ScreenTerminal, title
from trio_chat.client.screen.view import View
from trio_chat.client.screen.widgets import Click, GoTo, Hits, Pick, Scroll, WriteTo
from trio_chat.client.screen.words import Words

FRAME_S: Final = 1 / 60
"""Between two frames for the sake of events; keys are not kept waiting."""

TICK_S: Final = 1.0
PING_S: Final = 10.0

ESCAPE_S: Final = 0.05
"""How long an ESC may be the beginning of another key: what a terminal sends for one comes at once."""

AGAIN_S: Final = 2.0
"""Within so long a second Ctrl-C means it."""

HINT_S: Final = 4.0
GOODBYE_S: Final = 2.0
LEARN_S: Final = 1.0
WAITING_LINES: Final = 100
WHEEL_ROWS: Final = 3

NEAR: Final = 60
"""Items from either end of what is held at which the next page is fetched ahead."""

KEYS: Final = """\
Alt-1 … Alt-9          go to a room by its number
Alt-Left/Right/Up/Down go to the room before or behind; also Ctrl-P, Ctrl-N
Alt-A                  go to what is unread; then back
/b NAME                go to a room by its number or a part of its name
PageUp, PageDown       scroll; older messages are fetched as needed
End, Alt-End, Alt-Home go to the newest, or to the oldest that is held
Tab, Shift-Tab         complete a command, nick or room, around
Up, Down               what was typed before
Alt-Enter              begin a new line; pasted lines stay one message
Ctrl-A E U K W, Alt-B F D  move and delete as in a shell
Ctrl-C                 stop the bot that answers here; twice: quit
Ctrl-L, Ctrl-Z         draw anew; go to the shell (fg comes back)
/find WORDS            search this room: arrows, Enter goes there, Esc closes
mouse                  click a room or somebody; the wheel scrolls; Shift selects text"""


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
        notify: whether a mention rings the bell, and stands in the title of the terminal's window.
    """

    unfinished = False

    def __init__(self, terminal: ScreenTerminal, client: ScreenClient, server: str, *, notify: bool = False) -> None:
        self.code = 0
        self.last_words: list[str] = []
        self.output = Output(terminal.write, self._frame)
        self._terminal = terminal
        self._client = client
        self._server = server
        self._notify = notify
        words = Words(lambda name: self._model.label(name))
        self._model = Model(client, lambda what: words.lines(what, time.time()), lambda: int(time.time() * 1_000))
        self._completions = Completions(self._nicks, self._rooms)
        self._composer = Composer(self._complete)
        self._view = View(self._model, words, self._composer, self._clicked)
        self._words = words
        self._painter = Painter(Palette(many=knows_256_colours()))
        self._deeds = Deeds(
            client,
            self._model,
            show_found=self._show_found,
            show_keys=self._show_keys,
            leave=self.leave,
        )
        terminal.on_taken = self._painter.forget
        self._scope = trio.CancelScope()
        self._nursery: trio.Nursery
        self._changed = trio.Event()
        self._typed, self._to_do = trio.open_memory_channel[Line](WAITING_LINES)
        self._unanswered = 0
        self._progress = trio.lowlevel.ParkingLot()
        self._help: Mapping[str, CommandHelp] = {}
        self._listed: list[str] = []
        self._learnt = trio.Event()
        self._learning = False
        self._greeted = False
        self._hint, self._hint_until = "", 0.0
        self._quit_until = 0.0
        self._mentioned: Message | None = None

    async def run(self, room: str) -> None:
        """Talk, from `room` on, until somebody or something ends it; the terminal is then as it was found."""
        async with self._terminal.typing():
            with self._scope:
                async with trio.open_nursery() as self._nursery:
                    self._nursery.start_soon(self._draw)
                    self._nursery.start_soon(self._pace)
                    self._nursery.start_soon(self._terminal.follow_signals, self.output)
                    self._nursery.start_soon(self._watch)
                    self._nursery.start_soon(self._tick)
                    self._nursery.start_soon(self._ping)
                    self._nursery.start_soon(self._carry_out)
                    await self._begin(room)
                    await self._take_keys()
        if self._unanswered:
            self.last_words.append(f"The server has not answered {self._unanswered} of your lines; they may be lost.")

    def leave(self) -> None:
        """End soon."""
        self._scope.cancel()

    def finish(self, code: int, sentence: str | None = None) -> None:
        """End, with an exit status and why."""
        self.code = self.code or code
        if sentence is not None:
            self.last_words.append(sentence)
        self.leave()

    # --- tasks --------------------------------------------------------------------------------------------

    async def _begin(self, room: str) -> None:
        try:
            joined = await self._client.join(room)
        except ChatError as error:
            self.finish(1, str(error))
            return
        self._model.look_at(joined.room)
        self._learn_soon()

    async def _watch(self) -> None:
        try:
            async for event in self._client:
                self._model.take(event)
                self._deeds.close_left()
                self._changed.set()
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
            self._fill_soon()

    async def _draw(self) -> None:
        await self.output.run()
        error = self.output.error
        self.finish(0 if error is None else 1, None if error is None else f"The terminal is gone: {error.strerror}.")

    async def _pace(self) -> None:
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            self.output.refresh()
            await trio.sleep(FRAME_S)

    async def _tick(self) -> None:
        while True:
            await trio.sleep(TICK_S)
            if self._hint and trio.current_time() > self._hint_until:
                self._hint = ""
                self._changed.set()
            if self._model.outage is not None:  # the seconds to the next attempt are counted down
                self._changed.set()

    async def _ping(self) -> None:
        while True:
            self._model.latency_s = await self._client.ping()
            self._changed.set()
            await trio.sleep(PING_S)

    async def _carry_out(self) -> None:
        try:
            async for line in self._to_do:
                await self._deeds.carry_out(line)
                self._unanswered -= 1
                self._progress.unpark_all()
                self._changed.set()
        except ChatError as error:
            self.finish(1, str(error))

    async def _take_keys(self) -> None:
        decoder = self._composer.decoder
        while True:
            with trio.move_on_after(ESCAPE_S if decoder.holds_escape else float("inf")) as waiting:
                data = await self._terminal.receive()
            given = [decoder.escape()] if waiting.cancelled_caught else list(decoder.feed(data))
            if not waiting.cancelled_caught and not data:  # the terminal is gone
                return self.leave()
            for each in given:
                await self._take(each)
            self.output.refresh()

    def _start(self, deed: Callable[[], object]) -> None:
        """Have a deed done that ends with the client, if not before."""

        async def do() -> None:
            try:
                await deed()  # type: ignore[misc]
            except ChatError as error:
                self.finish(1, str(error))
            self._changed.set()

        self._nursery.start_soon(do)

    # --- keys ---------------------------------------------------------------------------------------------

    async def _take(self, given: Input) -> None:
        self._hint = ""
        if given is Key.LEAVE:
            self._interrupt()
        elif self._view.hits is not None and self._took_hit(given, self._view.hits):
            pass
        elif isinstance(given, Mouse):
            self._view.click(given.button, given.column, given.row)
        elif isinstance(given, Chord) and given.name != "shift-tab":
            await self._chord(given.name)
        elif given is Key.END and self._is_scrolled:
            self._to_newest()
        else:
            await self._type(given)

    async def _type(self, given: Input) -> None:
        if given is Key.COMPLETE and self._composer.text.startswith("/"):
            with trio.move_on_after(LEARN_S):
                await self._learnt.wait()
        was_empty = not self._composer.text
        action = self._composer.take(given)
        if was_empty and self._composer.text.startswith("/"):
            self._learn_soon()
        if action is not None:
            await self._act(action)

    async def _act(self, action: Action) -> None:
        match action:
            case Submitted(text=text):
                await self._submit(text.rstrip("\n"))
            case TooLong(chars=chars):
                self._say_hint(f"{chars} characters were left out: a message has at most {TEXT_CHARS}.")
            case Leave():
                await self._end_politely()
            case Redraw():
                self._painter.forget()

    async def _submit(self, text: str) -> None:
        if not text.strip():
            return
        if self._is_scrolled and not text.startswith("/"):
            self._to_newest()
        if not self._client.connected and not text.startswith(("/b ", "/buffer ", "/keys", "/quit", "/exit")):
            self._say_hint("The server is away; your line is sent when it is back.")
        if text.startswith(("/quit", "/exit")) and not self._client.connected:
            self.leave()
            return
        line = self._deeds.typed(text)
        self._fill_soon()
        if line is not None:
            self._unanswered += 1
            await self._typed.send(line)

    async def _end_politely(self) -> None:
        """Wait for what was typed before to be answered, for a while, and end."""
        with trio.move_on_after(GOODBYE_S):
            while self._unanswered:
                await self._progress.park()
        self.leave()

    def _interrupt(self) -> None:
        now, room = trio.current_time(), self._model.room
        if now < self._quit_until:
            self.leave()
            return
        self._quit_until = now + AGAIN_S
        if room is not None and room.drafts:
            self._say_hint("Stopping … (Ctrl-C again quits)")
            self._start(partial(self._stop, room.name))
        elif self._view.hits is not None:
            self._view.hits = None
        else:
            self._say_hint("Ctrl-C again to quit.")

    async def _stop(self, room: str) -> None:
        refused = await self._deeds.stop(room)
        if refused is not None:
            self._say_hint(f"{refused} Ctrl-C again to quit.")
            self._quit_until = trio.current_time() + AGAIN_S
        else:
            self._hint, self._quit_until = "", 0.0  # this one has done what it is for

    async def _chord(self, name: str) -> None:
        if name in ("alt-left", "alt-up", "ctrl-p"):
            self._go(self._model.neighbour(-1))
        elif name in ("alt-right", "alt-down", "ctrl-n"):
            self._go(self._model.neighbour(1))
        elif name.removeprefix("alt-").isdigit():
            self._go(self._model.by_words(name.removeprefix("alt-").replace("0", "10")), "No room has that number.")
        elif name == "alt-a":
            self._go(self._model.next_unread(), "Nothing is unread.")
        elif name in ("page-up", "page-down"):
            self._scroll((self._view.messages.size[1] - 1) * (1 if name == "page-up" else -1))
        elif name == "alt-home":
            self._to_oldest()
        elif name == "alt-end":
            self._to_newest()
        elif name == "f1":
            self._show_keys()
        elif name == "ctrl-z":
            await self._terminal.stop(self.output)

    # --- rooms and scrolling ------------------------------------------------------------------------------

    def _go(self, name: str | None, otherwise: str = "") -> None:
        if name is None:
            self._say_hint(otherwise)
            return
        self._view.hits = None
        self._model.look_at(name)
        self._fill_soon()

    @property
    def _is_scrolled(self) -> bool:
        return self._model.room is not None and self._model.room.anchor is not None

    def _scroll(self, rows: int) -> None:
        """Scroll up by so many rows, or down if negative, and fetch what will be needed next."""
        sight, room = self._view.messages.sight(), self._model.room
        if sight is None or room is None:
            return
        if rows > 0:
            short = sight.up(rows)
            if short or sight.items_above() < NEAR:
                self._start(partial(self._read_back, room.name, rows if short else 0))
        else:
            short = sight.down(-rows)
            if not room.timeline.at_end and (short or sight.items_below() < NEAR):
                self._start(partial(self._read_on, room.name, -rows if short else 0))

    async def _read_back(self, name: str, rows: int) -> None:
        if await self._deeds.read_back(name) and rows and name == self._model.current:
            sight = self._view.messages.sight()
            if sight is not None:
                sight.up(rows)

    async def _read_on(self, name: str, rows: int) -> None:
        if await self._deeds.read_on(name) and rows and name == self._model.current:
            sight = self._view.messages.sight()
            if sight is not None:
                sight.down(rows)

    def _to_newest(self) -> None:
        if self._model.room is not None:
            self._model.room.follow()

    def _to_oldest(self) -> None:
        sight, room = self._view.messages.sight(), self._model.room
        if sight is not None and room is not None:
            sight.to_start()
            self._start(partial(self._read_back, room.name, 0))

    def _fill_soon(self) -> None:
        """Fetch older messages if what is held of the current room leaves the screen half empty."""
        sight, room = self._view.messages.sight(), self._model.room
        if sight is not None and room is not None and not room.timeline.at_start and sight.is_short:
            self._start(partial(self._read_back, room.name, 0))

    # --- searching ----------------------------------------------------------------------------------------

    def _show_found(self, found: Found, words: str) -> None:
        self._view.hits = Hits(found, words, self._words.moment, self._clicked)

    def _took_hit(self, given: Input, hits: Hits) -> bool:
        """Carry out a key while hits are shown; return whether it meant them."""
        steps = {Key.UP: -1, Key.DOWN: 1, Chord("page-up"): -10, Chord("page-down"): 10}
        if given in steps:
            hits.step(steps[given])
        elif given is Key.SUBMIT:
            self._pick(hits.index)
        elif given == Chord("escape"):
            self._view.hits = None
        else:
            return False
        return True

    def _pick(self, index: int) -> None:
        hits = self._view.hits
        if hits is not None and index < len(hits.messages):
            self._view.hits = None
            self._start(partial(self._go_to, hits.messages[index]))

    async def _go_to(self, message: Message) -> None:
        if await self._deeds.go_to(message):
            sight = self._view.messages.sight()
            if sight is not None:
                sight.centre(message.seq)

    def _clicked(self, click: Click) -> None:
        match click:
            case GoTo(room=room):
                self._go(room)
            case WriteTo(nick=nick):
                self._start(partial(self._deeds.write_to, nick))
            case Scroll(notches=notches):
                self._scroll(-notches * WHEEL_ROWS)
            case Pick(index=index):
                self._pick(index)

    # --- completion and hints -----------------------------------------------------------------------------

    def _learn_soon(self) -> None:
        if not self._learning:
            self._learning = True
            self._learnt = trio.Event()
            self._start(self._learn)

    async def _learn(self) -> None:
        """Ask what there is to complete; what bots add differs from room to room, and they come and go."""
        try:
            listed = [*await self._client.commands(self._model.current), *LOCAL]
            self._help = {each.name: each for each in listed}
            self._completions.commands = list(self._help)
            self._listed = [room.name for room in (await self._client.list_rooms()).rooms]
        finally:
            self._learning = False
            self._learnt.set()

    def _complete(self, line: str) -> Completion:
        name, space, _ = line.partition(" ")
        if space and name in ("/b", "/buffer"):
            start = len(name) + 1
            labels = [self._model.label(each) for each in self._model.rooms]
            word = line[start:].casefold().lstrip("#@")
            return Completion(start, [f"{each} " for each in labels if each[1:].casefold().startswith(word)])
        return self._completions(line)

    def _nicks(self) -> set[str]:
        view = self._model.view()
        return {member.nick for member in view.members.values()} if view is not None else set()

    def _rooms(self) -> set[str]:
        return {room for room in (*self._listed, *self._model.rooms) if not room.startswith("~")}

    def _say_hint(self, hint: str) -> None:
        self._hint, self._hint_until = hint, trio.current_time() + HINT_S

    def _show_keys(self) -> None:
        self._model.say(KEYS)

    def _usage(self) -> str:
        text = self._composer.text
        known = self._help.get(text.partition(" ")[0].lower()) if text.startswith("/") else None
        return f"{known.usage}: {known.help}" if known is not None else ""

    # --- drawing ------------------------------------------------------------------------------------------

    def _frame(self, _: str) -> str:
        self._view.hint = self._hint or self._usage()
        size = self._terminal.size
        return self._painter.paint(size, self._view.render(size)) + self._notice()

    def _notice(self) -> str:
        mentioned = self._model.mentioned
        if not self._notify or mentioned is self._mentioned:
            return ""
        self._mentioned = mentioned
        assert mentioned is not None
        return "\a" + title(f"{mentioned.nick} in {self._model.label(mentioned.room)}")


__all__ = ["KEYS", "FullScreen"]
