"""Line mode at a real terminal: a person types while others talk.

This file owns what becomes of what the editor asks for, and the row in which the line is typed. It must not
know how the terminal is driven, nor what a line leads to.
"""

import contextlib
from collections.abc import Iterable
from typing import Final

import trio

from protocol import TEXT_CHARS
from trio_chat.client.completion import Completions
from trio_chat.client.editor import Action, Choices, Editor, Leave, Redraw, Submitted, TooLong
from trio_chat.client.errors import ChatError
from trio_chat.client.lines import LineClient, Talk, asks_to_quit, room_name
from trio_chat.client.output import Output
from trio_chat.client.report import Report
from trio_chat.client.terminal import CLEAR_SCREEN, Terminal, draw

WAITING_LINES: Final = 100
"""Lines that may wait for the server; then typing waits too, and nothing that was typed is lost."""

GOODBYE_S: Final = 2.0
"""How long Ctrl-D waits for the server to answer what was typed before."""

LEARN_S: Final = 1.0
"""How long Tab waits for the server to tell which commands there are."""

PROMPT_CHARS: Final = 20


class Typist:
    """A talk at a terminal, with an editor for what is typed.

    Attributes:
        talk: the conversation.

    Args:
        terminal: where it takes place.
        client: an open client, whose events nobody else reads.
        report: makes what is written.
    """

    def __init__(self, terminal: Terminal, client: LineClient, report: Report) -> None:
        self.talk = Talk(client, report, Output(terminal.write, self._frame))
        self._terminal = terminal
        self._client = client
        self._listed: list[str] = []
        self._completions = Completions(self._nicks, self._rooms)
        self._editor = Editor(self._completions)
        self._learnt = trio.Event()
        # Holds one: a signal that is there already says all that a second one would.
        self._learn_anew, self._to_learn = trio.open_memory_channel[None](1)

    async def run(self, room: str) -> None:
        """Talk, from `room` on, until somebody or something ends it; the terminal is then as it was found."""
        async with self._terminal.typing():
            await self.talk.run(room, self._type)

    async def _type(self, talk: Talk) -> None:
        typed, waiting = trio.open_memory_channel[str](WAITING_LINES)
        done = trio.Event()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._terminal.follow_signals, talk.output)
                nursery.start_soon(self._learn)
                self._learn_soon()
                nursery.start_soon(self._carry_out, waiting, done)
                async with typed:
                    await self._take_keys(typed)
                with trio.move_on_after(GOODBYE_S):
                    await done.wait()
                nursery.cancel_scope.cancel()
        finally:
            if left := talk.unanswered + waiting.statistics().current_buffer_used:
                talk.last_words.append(f"The server has not answered {left} of your lines; they may be lost.")

    async def _take_keys(self, typed: trio.MemorySendChannel[str]) -> None:
        while keys := await self._terminal.receive():
            before, tab, after = keys.partition(b"\t")
            for piece in (before, tab + after):
                if piece.startswith(b"\t") and self._editor.text.startswith("/"):
                    with trio.move_on_after(LEARN_S):
                        await self._learnt.wait()
                is_new = not self._editor.text
                actions = self._editor.feed(piece)
                if is_new and self._editor.text.startswith("/"):
                    self._learn_soon()
                for action in actions:
                    if isinstance(action, Leave):
                        return
                    await self._act(action, typed)
            self.talk.output.refresh()

    async def _act(self, action: Action, typed: trio.MemorySendChannel[str]) -> None:
        if isinstance(action, Submitted):
            await self._submit(action.text, typed)
        elif isinstance(action, Choices):
            await self.talk.say("  ".join(word.rstrip(" :") for word in action.words))
        elif isinstance(action, TooLong):
            sentence = f"{action.chars} characters were left out: a message has at most {TEXT_CHARS}."
            await self.talk.say(sentence, warning=True)
        elif isinstance(action, Redraw):
            await self.talk.output.put(CLEAR_SCREEN)

    async def _submit(self, text: str, typed: trio.MemorySendChannel[str]) -> None:
        text = text.rstrip("\n")  # what one copies often ends with a line end
        if not text.strip():
            return
        if not self._client.connected:
            if asks_to_quit(text):
                self.talk.finish(0)
                return
            await self.talk.say("The server is away; your line is sent when it is back.")
        self.talk.output.refresh()
        await typed.send(text)

    async def _carry_out(self, waiting: trio.MemoryReceiveChannel[str], done: trio.Event) -> None:
        try:
            async for line in waiting:
                complaint = await self.talk.carry_out(line)
                if complaint is not None:
                    await self.talk.say(complaint, warning=True)
        except ChatError as error:
            self.talk.finish(1, str(error))
        done.set()

    # --- completion ---------------------------------------------------------------------------------------

    def _learn_soon(self) -> None:
        if self._learnt.is_set():
            self._learnt = trio.Event()
        with contextlib.suppress(trio.WouldBlock):
            self._learn_anew.send_nowait(None)

    async def _learn(self) -> None:
        """Ask what there is to complete whenever a command is begun; without an answer it stays as it was.

        What bots add differs from room to room, and they come and go.
        """
        async for _ in self._to_learn:
            with contextlib.suppress(ChatError):
                self._completions.commands = [each.name for each in await self._client.commands(self.talk.room)]
                self._learnt.set()
                self._listed = [room.name for room in (await self._client.list_rooms()).rooms]
            self._learnt.set()

    def _nicks(self) -> Iterable[str]:
        view = self._client.rooms.get(self.talk.room or "")
        return {member.nick for member in view.members.values()} if view is not None else ()

    def _rooms(self) -> Iterable[str]:
        return {room for room in (*self._listed, *self._client.rooms) if not room.startswith("~")}

    # --- drawing ------------------------------------------------------------------------------------------

    def _frame(self, text: str) -> str:
        room = self.talk.room
        label = "" if room is None else room_name(self._client, room)[:PROMPT_CHARS]
        return draw(text, self._editor.view(self._terminal.columns, f"{label}> "))
