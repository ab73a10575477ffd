"""Reading IRC logs: what each line says, and the windows that a file is cut into.

    # YYYY-MM-DD                            opens a window
    [HH:MM] <nick> text                     a message
    [HH:MM]  * nick text                    an action (/me)
    === nick has joined #ubuntu             an arrival; `has left` and `was kicked off`: a departure
    === a is now known as b                 a nick change

Logs of before 2008 hold other lines besides, which say the same things in another client's way; `_FORMS` is the list.
This file owns the format. It must not know the chat protocol, nor what is done with what was read.
"""

import lzma
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import IO, Final, Literal, cast

from msgspec import Struct

Way = Literal["message", "action", "old action", "notice"]
"""How the log writes what was said: the two documented ways, ``=== nick text``, and ``-nick:#channel- text``."""


class LogError(Exception):
    """The file cannot be read as a log; the message is one sentence for who named it."""


class Said(Struct, frozen=True):
    """Words of somebody. `minute` is the line's stamp, in minutes since midnight; None: it has none."""

    line: int
    minute: int | None
    nick: str
    text: str
    way: Way = "message"

    @property
    def action(self) -> bool:
        return self.way in ("action", "old action")


class TopicChanged(Struct, frozen=True):
    line: int
    nick: str
    text: str


class Renamed(Struct, frozen=True):
    line: int
    old: str
    new: str


class Arrived(Struct, frozen=True):
    line: int
    nick: str


class Departed(Struct, frozen=True):
    line: int
    nick: str


class Remark(Struct, frozen=True):
    """A line that is nobody's doing.

    `kind` is `logger` (the network or the logging program says it), `empty` or `not UTF-8`, and `unknown` for what
    has no form of this module.
    """

    line: int
    kind: Literal["logger", "empty", "not UTF-8", "unknown"]
    raw: str


Event = Said | TopicChanged | Renamed | Arrived | Departed | Remark


class Window(Struct, frozen=True):
    """A stretch of the log: what stands under one ``# YYYY-MM-DD``. `number` counts from 1."""

    number: int
    date: str
    events: list[Event]


class Form(Struct, frozen=True):
    """A kind of line: a pattern that the whole line must match, and what it means."""

    pattern: re.Pattern[str]
    event: Callable[[int, re.Match[str]], Event]


def _said(way: Way) -> Callable[[int, re.Match[str]], Event]:
    def make(line: int, match: re.Match[str]) -> Event:
        minute = int(match["hours"]) * 60 + int(match["minutes"])
        return Said(line, minute, match["nick"], match["text"] or "", way)

    return make


def _form(pattern: str, event: Callable[[int, re.Match[str]], Event]) -> Form:
    stamp = r"\[(?P<hours>[01][0-9]|2[0-3]):(?P<minutes>[0-5][0-9])\]"
    return Form(re.compile(pattern.replace("STAMP", stamp), re.DOTALL), event)


def _nick_event(event: type[Arrived] | type[Departed]) -> Callable[[int, re.Match[str]], Event]:
    return lambda line, match: event(line, match["nick"])


def _topic(line: int, match: re.Match[str]) -> Event:
    return TopicChanged(line, match["nick"], match["text"])


# In front of `has joined` some clients show where somebody comes from, in brackets.
_WHO: Final = r"=== (?P<nick>.+?)(?: \[[^@]*@.*\] ?)?"
# In order: the first that matches the whole line is what the line is.
_FORMS: Final = (
    _form(r"STAMP <(?P<nick>[^<>]+)>(?: (?P<text>.*))?", _said("message")),
    _form(r"STAMP -(?P<nick>[^ :]+):[#&][^ ]+- (?P<text>.*)", _said("notice")),
    _form(r"STAMP \((?P<nick>[^ /]+)/[#&][^ )]+\) (?P<text>.*)", _said("message")),  # the logger's own, said elsewhere
    _form(_WHO + r" has joined [#&].*", _nick_event(Arrived)),
    _form(_WHO + r" has left [#&].*", _nick_event(Departed)),
    _form(_WHO + r" was kicked off [#&][^ ]* by .*", _nick_event(Departed)),
    _form(
        r"=== (?P<old>.+) is now known as (?P<new>.+)", lambda line, match: Renamed(line, match["old"], match["new"])
    ),
    _form(r"=== (?P<nick>.+) changed the topic of [#&][^ ]* to: (?P<text>.*)", _topic),
    _form(r"=== \.\.\[topic/[#&][^ :]*:(?P<nick>[^ ]+)\] : (?P<text>.*)", _topic),
    _form(
        r"=== (?:net(?:joined|split): |(?:Starting|Ending) logfile |Topic for [#&]|Topic \([#&]).*",
        lambda line, match: Remark(line, "logger", match[0]),
    ),
)
# Where a nick ends is not marked in an action. It ends at the first space, but for the nicks of this corpus that
# hold one: where host names were cut out, a space was left behind each ] of a nick.
_ACTION: Final = re.compile(r"(?:\[([01][0-9]|2[0-3]):([0-5][0-9])\]  \*|===) (.+)", re.DOTALL)
_WINDOW: Final = re.compile(r"# (\d{4}-\d\d-\d\d)")


def parse_line(line: int, raw: str, spaced_nicks: Sequence[str] = ()) -> Event:
    """Return what a line says.

    Args:
        line: its number in the file, from 1.
        raw: the line without its end.
        spaced_nicks: nicks that hold a space, longest first; an action by one of them is known by that alone.
    """
    for form in _FORMS:
        if match := form.pattern.fullmatch(raw):
            return form.event(line, match)
    if match := _ACTION.fullmatch(raw):
        nick, text = _nick_and_text(match[3], spaced_nicks)
        if not nick:
            return Remark(line, "unknown", raw)
        if match[1] is None:
            return Said(line, None, nick, text, "old action")
        return Said(line, int(match[1]) * 60 + int(match[2]), nick, text, "action")
    return Remark(line, "unknown" if raw else "empty", raw)


def _nick_and_text(words: str, spaced_nicks: Sequence[str]) -> tuple[str, str]:
    for nick in spaced_nicks:
        if words.startswith(nick + " ") or words == nick:
            return nick, words[len(nick) + 1 :]
    nick, _, text = words.partition(" ")
    return nick, text


def parse_window(number: int, date: str, lines: Sequence[tuple[int, bytes]]) -> Window:
    """Return what the lines of one window say; a line is its number in the file and its bytes without the end."""
    events: list[Event] = []
    actions: list[tuple[int, int, str]] = []  # where in `events`, the line's number, the line
    spaced: set[str] = set()
    for line, data in lines:
        try:
            raw = data.decode("utf-8")
        except UnicodeDecodeError:
            events.append(Remark(line, "not UTF-8", data.decode("utf-8", "backslashreplace")))
            continue
        event = parse_line(line, raw)
        if isinstance(event, Said) and event.action:
            actions.append((len(events), line, raw))
        elif not isinstance(event, Remark):
            spaced.update(nick for nick in _nicks(event) if " " in nick)
        events.append(event)
    longest_first = sorted(spaced, key=len, reverse=True)
    for place, line, raw in actions if spaced else ():
        events[place] = parse_line(line, raw, longest_first)
    return Window(number, date, events)


def _nicks(event: Said | TopicChanged | Renamed | Arrived | Departed) -> tuple[str, ...]:
    return (event.old, event.new) if isinstance(event, Renamed) else (event.nick,)


_HALF_DAY: Final = 12 * 60


def due_minutes(events: Sequence[Event]) -> list[float]:
    """Return when each event is due, in minutes since the first stamp; it never goes back.

    The stamps have no seconds, so the events of one minute are spread over it evenly. Some logs count 12 hours:
    the hour after 12:59 is 1:00, and a stamp that goes back by minutes is out of order, not half a day later.
    """
    elapsed, before = 0, None
    minutes: list[int] = []
    for event in events:
        stamp = event.minute if isinstance(event, Said) else None
        if stamp is not None:
            if before is not None:
                step = (stamp - before) % _HALF_DAY
                elapsed += step if step <= _HALF_DAY // 2 else 0
            before = stamp
        minutes.append(elapsed)
    due: list[float] = []
    for minute, group in groupby(minutes):
        count = len(list(group))
        due += [minute + place / count for place in range(count)]
    return due


def read_windows(path: Path) -> Iterator[Window]:
    """Yield the windows of a log, of which one is held at a time; `.xz` is unpacked on the way.

    What stands in front of the first ``# YYYY-MM-DD`` is a window without a date, if anything stands there. A line
    ends with a newline, or carriage return and newline, and with nothing else.

    Raises:
        LogError: the file cannot be read, or is not what its name says.
    """
    number, date, lines = 0, "", list[tuple[int, bytes]]()
    for line, data in enumerate(_lines_of(path), 1):
        if match := _WINDOW.fullmatch(data.decode("latin-1")):
            if number or lines:
                yield parse_window(max(number, 1), date, lines)
                number = max(number, 1)
            number, date, lines = number + 1, match[1], []
        else:
            lines.append((line, data))
    if number or lines:
        yield parse_window(max(number, 1), date, lines)


def count_lines(path: Path) -> Iterator[int]:
    """Yield how many lines each window of a log has.

    Raises:
        LogError: as `read_windows`.
    """
    count = None
    for data in _lines_of(path):
        if not _WINDOW.fullmatch(data.decode("latin-1")):
            count = (count or 0) + 1
        else:
            if count is not None:
                yield count
            count = 0
    if count is not None:
        yield count


def _lines_of(path: Path) -> Iterable[bytes]:
    try:
        with _open(path) as file:
            for data in file:
                yield data.removesuffix(b"\n").removesuffix(b"\r")
    except OSError as error:
        raise LogError(f"cannot read {path}: {error.strerror or error}") from None
    except (lzma.LZMAError, EOFError) as error:
        raise LogError(f"{path} is no whole .xz file: {error}") from None


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", lzma.open(path)) if path.suffix == ".xz" else path.open("rb")
