"""When a frame is drawn, and what is told in passing in it.

This file owns the pace: keys ask for a frame at once, events for one in `FRAME_S`, and the seconds that a hint is shown
or an outage is counted down for one in `TICK_S`. One task writes them, one at a time, in a thread. A paused terminal
gets none, and holds up nothing. It must not know keys or events, nor what is drawn.
"""

from collections.abc import Callable
from typing import Final

import trio

from trio_chat.client.output import Output
from trio_chat.client.screen.bell import Bell
from trio_chat.client.screen.model import Model
from trio_chat.client.screen.painter import Painter
from trio_chat.client.screen.palette import Palette, colours_wanted
from trio_chat.client.screen.terminal import ScreenTerminal
from trio_chat.client.screen.view import View

FRAME_S: Final = 1 / 60
"""Between two frames for the sake of events; keys are not kept waiting."""

TICK_S: Final = 1.0

HINT_S: Final = 4.0
"""How long something is told in passing, unless a key comes before."""


class Frames:
    """See the head of this file.

    Attributes:
        output: what is drawn goes this way.

    Args:
        terminal: is drawn on.
        model: what is on the screen.
        view: draws it.
        bell: what goes out with a frame.
        usage: says how the command is used that is being typed, for when there is no hint.
    """

    def __init__(
        self, terminal: ScreenTerminal, model: Model, view: View, bell: Bell, usage: Callable[[], str]
    ) -> None:
        self.output = Output(terminal.write, self._frame)
        self._terminal = terminal
        self._model = model
        self._view = view
        self._painter = Painter(Palette(colours_wanted()))
        terminal.on_taken = self._painter.forget
        self._bell = bell
        self._usage = usage
        self._changed = trio.Event()
        self._hint, self._hint_until = "", 0.0

    def hint(self, hint: str) -> None:
        """Tell something in passing, from the next frame on; nothing, if it is empty."""
        self._hint, self._hint_until = hint, trio.current_time() + HINT_S

    def changed(self) -> None:
        """Have a frame drawn soon, for something has happened."""
        self._changed.set()

    def redraw(self) -> None:
        """Have all drawn anew: the terminal may show anything."""
        self._painter.forget()
        self.changed()

    async def draw(self) -> OSError | None:
        """Draw until cancelled, or until the terminal cannot be written; return why not."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pace)
            nursery.start_soon(self._tick)
            await self.output.run()
            nursery.cancel_scope.cancel()
        return self.output.error

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
                self.changed()
            if self._model.outage is not None:  # the seconds to the next attempt are counted down
                self.changed()

    def _frame(self, _: str) -> str:
        self._view.hint = self._hint or self._usage()
        size = self._terminal.size
        return self._painter.paint(size, self._view.render(size)) + self._bell.ring()
