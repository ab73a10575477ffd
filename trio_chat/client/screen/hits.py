"""What a search has found, as a widget in place of the messages: page after page, as somebody goes down.

This file owns the list, its bound, and what is seen of it. It must not know who fetches a page, nor what is done with
the hit that is picked.
"""

from collections.abc import Callable
from typing import Final

from protocol import Found, Message
from trio_chat.client.screen.layout import Row, Run, fit
from trio_chat.client.screen.widgets import LEFT_BUTTON, WHEEL, OnClick, Part, Pick, Scroll
from trio_chat.client.screen.words import NARROW, body_runs, nick_runs, runs_of

HITS_MOST: Final = 1_000
"""Hits that a list holds: whoever has looked through so many will rather search for more words."""


class Hits(Part):
    """What a search has found, in place of the messages: page after page, as somebody goes down.

    Attributes:
        messages: the hits that are here.
        index: the one that Enter goes to.
        words: what was searched for.
        room: where; None: everywhere.
        cursor: where the next page begins; None: there is none, or none that there is room for.
    """

    def __init__(self, found: Found, words: str, room: str | None, clock: Callable[[int], str], click: OnClick) -> None:
        super().__init__()
        self.messages: list[Message] = []
        self.index = 0
        self.words, self.room = words, room
        self.cursor: str | None = None
        self._clock, self._click = clock, click
        self._first = 0
        self._end = ""
        self.extend(found)

    def extend(self, found: Found) -> None:
        """Put the next page behind what is here."""
        self.messages += [entry for entry in found.entries if isinstance(entry, Message)]
        is_full = len(self.messages) >= HITS_MOST
        self.cursor = None if is_full else found.next
        if self.cursor:
            self._end = " more …"
        else:
            self._end = " there is more; search for more words to find less" if found.next else ""

    def step(self, by: int) -> None:
        """Go up or down in the list."""
        self.index = max(0, min(self.index + by, len(self.messages) - 1))

    def rows_of(self, room: int, height: int) -> list[Row]:
        keys = "↑↓ Enter Esc "
        text = f" {len(self.messages)}{'+' if self._end else ''} found: {self.words}"
        title = fit(list(runs_of(text, "bar-bold", line=True)), max(room - len(keys), 0), "bar")
        rows = [fit([*title, ("bar-dim", keys)], room, "bar")]
        count = len(self.messages) + (1 if self._end else 0)
        self._first = max(0, min(self.index - (height - 1) // 2, count - height + 1))
        for number, hit in enumerate(self.messages[self._first : self._first + height - 1], self._first):
            here = number == self.index
            when = self._clock(hit.at)
            runs: list[Run] = [
                ("time", f"{when if room >= NARROW else when[5:10]} "),
                *nick_runs(hit.nick, bot=hit.bot),
                ("", "  "),
            ]
            body = "".join(text for _, text in body_runs(hit))
            runs += runs_of(body, line=True)
            rows.append(fit([("here" if here else style, text) for style, text in runs], room, "here" if here else ""))
        if self._end and len(rows) < height:
            rows.append(fit([("dim", self._end)], room))
        return rows

    def pressed(self, button: int, column: int, row: int) -> None:
        if button in WHEEL:
            self._click(Scroll(WHEEL[button]))
        elif button == LEFT_BUTTON and 0 < row <= len(self.messages) + 1 - self._first:
            self._click(Pick(self._first + row - 1))
