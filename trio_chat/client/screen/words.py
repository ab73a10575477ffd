"""Entries of a log and lines of our own as runs of coloured text, and the rows that they take.

This file owns how a message looks: its time, its nick, what it answers, its marks. It must not know which of them are
seen. Whatever others wrote goes in through `pieces`, which makes it harmless.
"""

import datetime
import re
import sys
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct
from rich.text import Text

from protocol import Message, TopicSet
from trio_chat.client.harmless import pieces
from trio_chat.client.ink import colour_of
from trio_chat.client.render import Renderer
from trio_chat.client.screen.layout import Row, Run, columns, fit, right, wrap
from trio_chat.client.screen.timeline import Note

BOT_MARK: Final = "◆ "
"""Stands before a bot's nick, which no nick can imitate, for none may hold a space."""

NARROW: Final = 48
"""Below so many columns a nick stands in the text, not in a column of its own."""

TINY: Final = 24
"""Below so many columns there is no time either."""

_TIME: Final = len("HH:MM ")
_RULE: Final = " │ "
_FIRST_COLUMN: Final = re.compile(r"\S.*?\s{2,}(?=\S)")
HARMFUL: Final = "reverse"


def runs_of(text: str, style: str = "", *, line: bool = False) -> Iterator[Run]:
    """Yield what somebody wrote, made harmless; `line`: newlines and tabs too."""
    for piece, harmful in pieces(text, line=line):
        yield (HARMFUL if harmful else style), piece


def rich_runs(text: Text) -> Iterator[Run]:
    """Yield a line that `Renderer` has made."""
    done = 0
    for span in text.spans:
        if span.start > done:
            yield "", text.plain[done : span.start]
        yield str(span.style), text.plain[span.start : span.end]
        done = span.end
    if done < len(text.plain):
        yield "", text.plain[done:]


def nick_runs(nick: str, *, bot: bool = False, style: str | None = None) -> list[Run]:
    """Return a nick in its colour, or in a style, with the mark of a bot."""
    mark: list[Run] = [(style or "dim", BOT_MARK)] if bot else []
    return mark + list(runs_of(nick, colour_of(nick) if style is None else style, line=True))


class Words(Renderer):
    """The words of line mode, for lines that stand in a column: without time, room and mark before them."""

    def __init__(self, label: Callable[[str], str], zone: datetime.tzinfo | None = None) -> None:
        super().__init__(label, zone)

    def _stamp(self, seconds: float) -> tuple[str, tuple[Text, ...]]:
        return self._clock(seconds), ()

    def _begin(self, stamp: str, room: str | None) -> Text:
        return Text()

    def _news(self, seconds: float, room: str | None) -> tuple[Text, tuple[Text, ...]]:
        return Text(), ()

    def clock(self, ms: int) -> str:
        """Return a time of day."""
        return self._clock(ms / 1000)

    def moment(self, ms: int) -> str:
        """Return a day and a time of day, in digits."""
        moment = self._moment(ms / 1000)
        return f"{moment:%Y-%m-%d %H:%M}" if moment else ""

    def day(self, ms: int) -> str:
        """Return a day, in words."""
        moment = self._moment(ms / 1000)
        return f"{moment:%A, %d %B %Y}" if moment else ""


class Frame(Struct, frozen=True):
    """What the rows of an item depend on, besides itself.

    Attributes:
        room: columns of a row.
        day: what a line above says of the day; none if it is that of the item before.
        new: whether the line "new" stands above.
        answers: the message that it answers, where that is known and does not stand right above.
        meant: whether it is meant for us.
        found: whether somebody has gone to it.
    """

    room: int
    day: str = ""
    new: bool = False
    answers: Message | None = None
    answers_unknown: bool = False
    meant: bool = False
    found: bool = False


def nick_room(room: int) -> int:
    """Return how many columns nicks have in rows of `room` columns."""
    return 16 if room >= 90 else 13 if room >= 66 else 10


def rows_of(what: Message | TopicSet | Note, frame: Frame, words: Words) -> list[Row]:
    """Return the rows of an item, each `frame.room` wide."""
    rows: list[Row] = []
    if frame.day:
        rows.append(_ruled(frame.day, frame.room, "day"))
    if frame.new:
        rows.append(_ruled("new", frame.room, "new"))
    stamp = words.clock(what.at)
    if isinstance(what, Message):
        return rows + _message_rows(what, frame, stamp)
    if isinstance(what, TopicSet):
        line = words.lines(what, what.at / 1000)[-1]
        return rows + _columns(stamp, [("dim", "—")], [list(rich_runs(line))], frame.room)
    mark: Run = ("yellow", "!") if what.warning else ("dim", "—")
    return rows + _columns(stamp, [mark], [list(rich_runs(what.text))], frame.room, tables=True)


def _message_rows(message: Message, frame: Frame, stamp: str) -> list[Row]:
    who = nick_runs(message.nick, bot=message.bot, style="mention" if frame.meant else None)
    body: list[Run] = []
    if message.action:
        body += [*nick_runs(message.nick), ("", " ")]
        who = [("mention" if frame.meant else "dim", "*")]
    if message.redacted:
        body.append(("dim", "(deleted)"))
    else:
        body += body_runs(message)
    paragraphs = [body]
    if frame.answers is not None or frame.answers_unknown:
        paragraphs.insert(0, _quoted(frame.answers))
    return _columns(stamp, who, paragraphs, frame.room, "found" if frame.found else "time")


def body_runs(message: Message) -> Iterator[Run]:
    """Yield what a message says, with its marks."""
    if message.command is not None:
        yield from runs_of(f"/{message.command} ", "bold", line=True)
    yield from runs_of(message.text)
    if message.stopped:
        yield "dim", " … (stopped)"
    if message.edited_at is not None:
        yield "dim", " (edited)"


def draft_rows(nick: str, text: str, doing: str, room: int) -> list[Row]:
    """Return the rows of what a bot is about to say."""
    body: list[Run] = list(runs_of(text, "draft"))
    state = doing or ("" if text else "is writing")
    if state:
        body += [("", " ") if text else ("", ""), *runs_of(f"{state} …", "dim", line=True)]
    elif text:
        body.append(("dim", " …"))
    return _columns("", nick_runs(nick, bot=True), [body], room)


def post_rows(nick: str, text: str, room: int) -> list[Row]:
    """Return the rows of something that we say and the server has not acknowledged."""
    return _columns("…", nick_runs(nick, style="dim"), [list(runs_of(text, "dim"))], room)


def _quoted(answered: Message | None) -> list[Run]:
    if answered is None:
        return [("dim", "↪ an earlier message")]
    text = "(deleted)" if answered.redacted else answered.text
    return [("dim", "↪ "), *nick_runs(answered.nick), ("dim", ": "), *runs_of(text[:200], "dim", line=True)]


def _columns(
    stamp: str,
    who: list[Run],
    paragraphs: list[list[Run]],
    room: int,
    stamp_style: str = "time",
    *,
    tables: bool = False,
) -> list[Row]:
    """Return rows with the time and who at the left of the first, and the paragraphs in a column: the last is wrapped,
    those before it have one row each."""
    *heads, body = paragraphs
    if room < NARROW:
        return _inline((stamp_style, stamp), who, heads, body, room)
    nicks = nick_room(room)
    left = _TIME + nicks + len(_RULE)
    texts = [fit(head, room - left) for head in heads]
    texts += _wrapped_table(body, room - left) if tables else wrap(body, room - left)
    rows = []
    for number, text in enumerate(texts):
        is_first = number == len(heads)  # the nick stands beside what it says, not beside what is answered
        start: Row = [("", " " * (_TIME + nicks))]
        if is_first:
            start = [(stamp_style, stamp), ("", " " * (_TIME - len(stamp))), *right(who, nicks)]
        rows.append([*start, ("rule", _RULE), *_filled(text, room - left)])
    return rows


def _wrapped_table(body: list[Run], room: int) -> list[Row]:
    """Wrap lines of which some are a table of two columns, as the answer to /help is: the second stays a column."""
    rows: list[Row] = []
    for line in wrap(body, sys.maxsize):
        text = "".join(part for _, part in line)
        first = _FIRST_COLUMN.match(text)
        indent = len(first[0]) if first is not None and text.isascii() else 0
        if not 0 < indent <= room // 2:
            rows += wrap(line, room)
            continue
        second, *rest = wrap([("", text[indent:])], room - indent)
        rows += [[("", text[:indent]), *second], *([("", " " * indent), *row] for row in rest)]
    return rows


def _inline(stamp: Run, who: list[Run], heads: list[list[Run]], body: list[Run], room: int) -> list[Row]:
    indent = 2 if room >= TINY else 0
    time: list[Run] = [stamp, ("", " ")] if stamp[1] and room >= TINY else []
    texts = wrap([*time, *who, ("", " "), *body], max(room - indent, 1))
    quotes = [fit([("", " " * indent), *head], room) for head in heads]
    first, *rest = texts
    return [*quotes, _filled(first, room), *([("", " " * indent), *_filled(text, room - indent)] for text in rest)]


def _filled(row: Row, room: int) -> Row:
    free = room - sum(columns(text) for _, text in row)
    return [*row, ("", " " * free)] if free > 0 else row


def _ruled(word: str, room: int, style: str) -> Row:
    around = max(room - len(word) - 2, 0)
    before = min(around // 2, around)
    return fit([(style, "─" * before + f" {word} " + "─" * (around - before))], room)
