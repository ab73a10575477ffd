"""When each message of a load is due, who sends it, and how long it is: decided before, whatever the server does.

This file owns arrivals (Poisson, even, or in the rhythm of a real log) and the texts. It must not know sockets, clocks
or results: a schedule depends on its arguments alone, which is what makes the load an open loop.
"""

import itertools
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.irc_log import Said, Window, due_minutes, read_windows
from protocol import TEXT_CHARS

MINUTE_S: Final = 60.0

_PROSE: Final = "the quick brown fox jumps over the lazy dog while five boxing wizards look on, and "
_FILLER: Final = (_PROSE * (TEXT_CHARS // len(_PROSE) + 1))[:TEXT_CHARS]


class Due(NamedTuple):
    """A message: due so many seconds after the start, by client number `sender`, `chars` characters long."""

    at_s: float
    sender: int
    chars: int


class Beat(NamedTuple):
    """A message of whomever: when it is due, in seconds after the start, and how long it is."""

    at_s: float
    chars: int


def poisson_times(rate: float, seconds: float, chance: random.Random) -> Iterator[float]:
    """Yield the moments of independent arrivals, `rate` a second on average, up to `seconds`."""
    at_s = chance.expovariate(rate)
    while at_s < seconds:
        yield at_s
        at_s += chance.expovariate(rate)


def even_times(rate: float, seconds: float) -> Iterator[float]:
    """Yield moments that lie 1/`rate` seconds apart, from 0 up to `seconds`."""
    # Multiplied, not added up: no error grows.
    return itertools.takewhile(lambda at_s: at_s < seconds, (number / rate for number in itertools.count()))


def log_beats(windows: Iterable[Window], speed: float, seconds: float) -> list[Beat]:
    """Return the rhythm and the lengths of what was said in a log, in its order, up to `seconds`.

    The log's stamps have no seconds: the lines of a minute are spread over it evenly, those that say nothing included.
    A window begins where the one before it ends. What the protocol does not carry (no text, more than 4,000
    characters) is left out.

    Args:
        windows: the log; only as much of it is read as is needed.
        speed: how many times faster than it was said; 60: a minute in a second.
        seconds: how long the load lasts.
    """
    beats: list[Beat] = []
    base_s = 0.0
    for window in windows:
        first_min: float | None = None
        at_s = base_s
        for event, due_min in zip(window.events, due_minutes(window.events), strict=True):
            if not (isinstance(event, Said) and 0 < len(event.text) <= TEXT_CHARS):
                continue
            first_min = due_min if first_min is None else first_min
            at_s = base_s + (due_min - first_min) * MINUTE_S / speed
            if at_s >= seconds:
                return beats
            beats.append(Beat(at_s, len(event.text)))
        base_s = at_s
    return beats


def read_beats(path: Path, speed: float, seconds: float) -> list[Beat]:
    """Return the rhythm of a log file; see `log_beats`.

    Raises:
        LogError: the file cannot be read as a log.
    """
    return log_beats(read_windows(path), speed, seconds)


def steady_beats(times: Iterable[float], chars: int) -> Iterator[Beat]:
    """Yield messages of one length."""
    return (Beat(at_s, chars) for at_s in times)


def with_senders(beats: Iterable[Beat], clients: int, chance: random.Random) -> Iterator[Due]:
    """Have each message sent by one of `clients`, at random."""
    return (Due(beat.at_s, chance.randrange(clients), beat.chars) for beat in beats)


def text_of(number: int, chars: int) -> str:
    """Return the text of message `number`: its number, then words; longer than `chars` if the number alone is."""
    digits = str(number)
    return f"{digits} {_FILLER}"[: max(chars, len(digits))]


def number_in(text: str) -> int | None:
    """Return the number of the message that has this text; None: it is none of ours."""
    digits = text.partition(" ")[0]
    if digits.isascii() and digits.isdigit() and len(digits) <= 12:
        return int(digits)
    return None
