"""Going about on the screen: from room to room, back in a log and forth, through what a search has found.

This file owns what the keys and clicks for that do, and which pages of a log are fetched ahead. It must not know what
is typed, nor how anything is drawn.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from protocol import Found, Message
from trio_chat.client.errors import Refused
from trio_chat.client.keys import Chord, Input, Key, Typed
from trio_chat.client.screen.deeds import Deeds
from trio_chat.client.screen.hits import Hits
from trio_chat.client.screen.model import Model
from trio_chat.client.screen.reading import Reader
from trio_chat.client.screen.room import Anchor
from trio_chat.client.screen.scroll import Sight
from trio_chat.client.screen.view import View
from trio_chat.client.screen.widgets import Click, GoTo, Pick, Scroll, WriteTo
from trio_chat.client.screen.words import Words

WHEEL_ROWS: Final = 3

HITS_PAGE: Final = 10

HITS_NEAR: Final = 20
"""Hits before the last one that is here at which the next page is fetched ahead."""

NEAR: Final = 60
"""Items from either end of what is held at which the next page is fetched ahead: two screens."""

_NEIGHBOURS: Final = {
    "alt-left": -1, "alt-up": -1, "ctrl-p": -1, "alt-right": 1, "alt-down": 1, "ctrl-n": 1,
}  # fmt: skip
_STEPS: Final = {Key.UP: -1, Key.DOWN: 1, Chord("page-up"): -HITS_PAGE, Chord("page-down"): HITS_PAGE}


class Browser:
    """See the head of this file.

    Args:
        model: what is on the screen.
        view: draws it.
        words: says when something was said.
        reader: fetches pages of logs.
        start: has a deed done beside all else.
        hint: tells the person something in passing.
    """

    def __init__(
        self,
        model: Model,
        view: View,
        words: Words,
        reader: Reader,
        start: Callable[[Callable[[], Awaitable[object]]], None],
        hint: Callable[[str], None],
    ) -> None:
        self.deeds: Deeds
        self._model = model
        self._view = view
        self._words = words
        self._reader = reader
        self._start = start
        self._hint = hint
        self._finding: Hits | None = None  # those of which the next page is on its way

    def chord(self, name: str) -> None:
        """Carry out a key that goes somewhere; others are passed over."""
        number = name.removeprefix("alt-")
        if name in _NEIGHBOURS:
            self.go(self._model.neighbour(_NEIGHBOURS[name]))
        elif number.isdigit():
            self.go(self._model.by_words("10" if number == "0" else number), "No room has that number.")
        elif name == "alt-a":
            self.go(self._model.next_unread(), "Nothing is unread.")
        elif name in ("page-up", "page-down"):
            page = max(self._view.messages.size[1] - 1, 1)
            self.scroll(page if name == "page-up" else -page)
        elif name == "alt-home":
            self.to_oldest()
        elif name == "alt-end":
            self.to_newest()
        elif name == "alt-n":
            self._to_new()

    def click(self, click: Click) -> None:
        """Carry out what was clicked."""
        match click:
            case GoTo(room=room):
                self.go(room)
            case WriteTo(nick=nick):
                self._start(partial(self.deeds.write_to, nick))
            case Scroll(notches=notches) if self._view.hits is not None:
                self._step(self._view.hits, notches)
            case Scroll(notches=notches):
                self.scroll(-notches * WHEEL_ROWS)
            case Pick(index=index):
                self._pick(index)

    # --- rooms --------------------------------------------------------------------------------------------

    def go(self, name: str | None, otherwise: str = "") -> None:
        """Look at a room; say `otherwise` if there is none."""
        if name is None:
            self._hint(otherwise)
            return
        self._view.hits = None
        self.deeds.stay()
        self._model.look_at(name)
        self.fill_soon()

    # --- scrolling ----------------------------------------------------------------------------------------

    @property
    def is_scrolled(self) -> bool:
        """Whether one does not look at the newest."""
        return self._model.room is not None and self._model.room.anchor is not None

    def scroll(self, rows: int) -> None:
        """Scroll up by so many rows, or down if negative, and fetch what will be needed next."""
        sight, room = self._view.messages.sight(), self._model.room
        if sight is None or room is None:
            return
        if rows > 0:
            short = sight.up(rows)
            if short or sight.items_above() < NEAR:
                self._start(partial(self._read_back, room.name, rows if short else 0, room.anchor))
        else:
            short = sight.down(-rows)
            if not room.timeline.at_end and (short or sight.items_below() < NEAR):
                self._start(partial(self._read_on, room.name, -rows if short else 0, room.anchor))

    def to_newest(self) -> None:
        """Look at the newest."""
        if self._model.room is not None:
            self._model.room.follow()

    def to_oldest(self) -> None:
        """Scroll to the oldest that is held, and fetch what is before it."""
        sight, room = self._view.messages.sight(), self._model.room
        if sight is not None and room is not None:
            sight.to_start()
            self._start(partial(self._read_back, room.name, 0, room.anchor))

    def _to_new(self) -> None:
        """Scroll to the line above what is new, however far back that is."""
        room = self._model.room
        if room is None or room.line is None or room.line >= room.timeline.head:
            self._hint("Nothing is new here.")
        else:
            self._start(partial(self._go_to_new, room.name))

    async def _go_to_new(self, name: str) -> None:
        line = await self._reader.go_to_new(name)
        sight = self._view.messages.sight()
        if line is not None and sight is not None and name == self._model.current:
            sight.centre(line + 1)

    def fill_soon(self) -> None:
        """Fetch older messages if what is held of the current room leaves the screen half empty."""
        sight, room = self._view.messages.sight(), self._model.room
        if sight is not None and room is not None and not room.timeline.at_start and sight.is_short:
            self._start(partial(self._read_back, room.name, 0, room.anchor))

    async def _read_back(self, name: str, rows: int, anchor: Anchor | None) -> None:
        """Fetch the page before what is held, and then scroll by what there was no room for."""
        if await self._reader.read_back(name) and rows and (sight := self._sight_of(name, anchor)) is not None:
            sight.up(rows)

    async def _read_on(self, name: str, rows: int, anchor: Anchor | None) -> None:
        if await self._reader.read_on(name) and rows and (sight := self._sight_of(name, anchor)) is not None:
            sight.down(rows)

    def _sight_of(self, name: str, anchor: Anchor | None) -> Sight | None:
        """Return what is seen of a room; None if one has gone to another meanwhile, or has left what `anchor` held."""
        room = self._model.room
        stays = room is not None and room.name == name and room.anchor == anchor
        return self._view.messages.sight() if stays else None

    # --- searching ----------------------------------------------------------------------------------------

    def show_found(self, found: Found, words: str, room: str | None) -> None:
        """Show what a search for `words` in a room, or everywhere, has found, to pick from."""
        self._view.hits = Hits(found, words, room, self._words.moment, self.click)

    def took(self, given: Input) -> bool:
        """Carry out a key if hits are shown and it is meant for them; return whether it was."""
        hits = self._view.hits
        if hits is None:
            return False
        if isinstance(given, Key | Chord) and given in _STEPS:
            self._step(hits, _STEPS[given])
            return True
        if given is Key.SUBMIT:
            self._pick(hits.index)
            return True
        if given in (Key.LEAVE, Chord("escape")) or isinstance(given, Typed):
            self._view.hits = None  # whoever types wants to see what is said
        return given in (Key.LEAVE, Chord("escape"))

    def _step(self, hits: Hits, by: int) -> None:
        """Go up or down in the list, and fetch what one will come to next."""
        hits.step(by)
        if by > 0 and hits.index >= len(hits.messages) - HITS_NEAR:
            self._find_more_soon(hits)

    def _find_more_soon(self, hits: Hits) -> None:
        if hits.cursor is not None and self._finding is not hits:
            self._finding = hits
            self._start(partial(self._find_more, hits))

    async def _find_more(self, hits: Hits) -> None:
        try:
            hits.extend(await self.deeds.find_more(hits.words, hits.room, hits.cursor))
        except Refused as error:
            self._hint(str(error))
        finally:
            if self._finding is hits:
                self._finding = None

    def _pick(self, index: int) -> None:
        hits = self._view.hits
        if hits is not None and index == len(hits.messages):
            self._find_more_soon(hits)
        elif hits is not None and index < len(hits.messages):
            self._view.hits = None
            self.deeds.stay()
            self._start(partial(self._go_to, hits.messages[index]))

    async def _go_to(self, message: Message) -> None:
        if await self._reader.go_to(message):
            sight = self._view.messages.sight()
            if sight is not None:
                sight.centre(message.seq)
