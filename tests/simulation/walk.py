"""Reading a transcript: which answer belongs to which request, and what a connection was sent of each room.

This file owns how the messages of one connection hang together. It judges that alone: every request has one answer, in
order, or its connection ended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from protocol import (
    ANSWERS,
    Bye,
    Direct,
    Done,
    Entry,
    Error,
    FromServer,
    Gap,
    Hello,
    Join,
    Joined,
    Leave,
    Live,
    Ping,
    Pong,
    Request,
    Welcome,
)
from tests.simulation.judgement import Broken
from tests.simulation.record import SENT, Transcript

ENTRIES = Entry.__args__


@dataclass(frozen=True)
class Answered:
    """A request and its answer, with when the one was sent and the other seen."""

    request: Request
    answer: FromServer
    asked: int
    tick: int
    author: str


@dataclass(frozen=True)
class Entered:
    """A room's stream begins: `start` is the seq that has to come first."""

    joined: Joined
    start: int
    gap: Gap | None  # what has to come first of all
    asked: int
    tick: int


@dataclass(frozen=True)
class Came:
    """Something of a room's stream, or the end of it (None)."""

    room: str
    event: Entry | Gap | Live | None
    tick: int


Walked = Answered | Entered | Came | FromServer


def walk(transcript: Transcript) -> Sequence[Walked]:
    """Return what a connection's client learnt, in order: answers, streams, and all other messages as they are.

    Raises:
        Broken: an answer is missing, comes twice, out of turn or of the wrong kind, or something follows `bye`.
    """
    if transcript.walked is None:  # every promise is judged by it
        transcript.walked = list(_walk(transcript))
    return transcript.walked


def _walk(transcript: Transcript) -> Iterator[Walked]:
    asked: list[tuple[int, Request]] = []
    inside: set[str] = set()
    author = ""
    finished = False
    for line in transcript.lines[: transcript.lines_judged or None]:
        message = line.message
        if line.way == SENT:
            if message is not None and not isinstance(message, Ping | Pong):
                asked.append((line.tick, message))  # type: ignore[arg-type]
            continue
        assert message is not None
        if finished:
            raise wrong(transcript, f"{message} after bye")
        finished = isinstance(message, Bye)
        number = getattr(message, "id", None)
        if number is None or isinstance(message, Ping | Pong):
            yield from _event(transcript, message, line.tick, inside)  # type: ignore[arg-type]
            continue
        if not asked or asked[0][1].id != number:
            raise wrong(transcript, f"{message} answers nothing, or out of turn")
        tick, request = asked.pop(0)
        if not isinstance(message, (Error, *ANSWERS[type(request)])):
            raise wrong(transcript, f"{message} is no answer to {request}")
        if isinstance(message, Welcome):
            author = message.author
        yield Answered(request, message, tick, line.tick, author)  # type: ignore[arg-type]
        yield from _room_answer(request, message, tick, line.tick, inside)  # type: ignore[arg-type]
    if asked and transcript.was_open:
        raise wrong(transcript, f"{asked[0][1]} was never answered")


def _event(transcript: Transcript, message: FromServer, tick: int, inside: set[str]) -> Iterator[Walked]:
    match message:
        case Joined():
            if message.room in inside:
                raise wrong(transcript, f"{message} is no news: one is there already")
            inside.add(message.room)
            yield Entered(message, max(0, message.head - 50) + 1, None, 0, tick)  # nobody has asked
        case Gap() | Live():
            if message.room not in inside:
                raise wrong(transcript, f"{message} of a room that one is not in")
            yield Came(message.room, message, tick)
        case _ if isinstance(message, ENTRIES):
            if message.room not in inside:
                raise wrong(transcript, f"{message} of a room that one is not in")
            yield Came(message.room, message, tick)
        case _:
            yield message


def _room_answer(request: Request, answer: FromServer, asked: int, tick: int, inside: set[str]) -> Iterator[Walked]:
    if isinstance(answer, Joined):
        was_inside = answer.room in inside
        inside.add(answer.room)
        if isinstance(request, Direct) and was_inside:
            return
        after = request.after if isinstance(request, Join) else None
        if after is None:
            last = request.last if isinstance(request, Join) and request.last is not None else 50
            yield Entered(answer, max(0, answer.head - last) + 1, None, asked, tick)
        elif after.epoch != answer.epoch or after.seq > answer.head:
            yield Entered(answer, 1, Gap(answer.room, after.seq, 1, "epoch"), asked, tick)
        else:
            yield Entered(answer, after.seq + 1, None, asked, tick)
    elif isinstance(request, Leave) and isinstance(answer, Done):
        room = request.room
        inside.discard(room)
        yield Came(room, None, tick)


def wrong(transcript: Transcript, what: str, promise: int = 0) -> Broken:
    """Return what a connection has seen that it may not see."""
    return Broken(promise, f"connection {transcript.number} of client {transcript.who}: {what}")


def is_hello(request: Request) -> bool:
    return isinstance(request, Hello)
