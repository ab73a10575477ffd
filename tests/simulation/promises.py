"""The promises of docs/protocol.md, by number: one function each, over what was noted of a run.

This file owns what is right and wrong. It looks at transcripts, at what the disk holds and at what was measured, never
at the server. All functions are plain: they return, or raise `Broken`.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Final

from protocol import (
    Error,
    Gap,
    GetHistory,
    History,
    Live,
    Post,
    Posted,
)
from tests.simulation.contents import everyone_sees_the_same_stream, judge_chain
from tests.simulation.disk import Life
from tests.simulation.judgement import Broken
from tests.simulation.nicks import a_nick_is_held
from tests.simulation.presence import what_is_no_entry_may_be_dropped
from tests.simulation.record import SENT, Transcript
from tests.simulation.user import Chain
from tests.simulation.walk import ENTRIES, Answered, Came, Entered, Walked, walk, wrong
from tests.simulation.world import Evidence

SLOW_S: Final = 325.0
"""What a slow disk may add: whom the server keeps waiting is not silent."""

MEMORY_BYTES: Final = 13 * 65_536
"""What may wait to be sent on one connection: 256 KiB, one answer and one page of as much each, and some small ones."""

SILENCE_S: Final = 75.0
"""How long a peer may be silent before it is closed: two pings of 30 s, and what a server's watch and goodbye take."""

Check = Callable[[Evidence, list[Chain]], None]


def _all(evidence: Evidence) -> Iterator[tuple[Transcript, Walked]]:
    for transcript in evidence.transcripts:
        for walked in walk(transcript):
            yield transcript, walked


# --- 1: a room is a log ---------------------------------------------------------------------------------


def a_room_is_a_log(evidence: Evidence, chains: list[Chain]) -> None:
    """Seqs are 1, 2, 3 … in the log and in everyone's sight; `gap epoch` comes where it must, and nowhere else."""
    for life in evidence.lives:
        for room, drafts in life.drafts.items():
            if [entry.seq for _, entry in drafts] != list(range(1, len(drafts) + 1)):
                raise Broken(1, f"the log of {room} has holes")
    for transcript in evidence.transcripts:
        _judge_gaps(transcript)
        last: dict[str, int | None] = {}
        for walked in walk(transcript):
            match walked:
                case Entered(joined):
                    last[joined.room] = None
                case Came(room, event) if isinstance(event, ENTRIES):
                    if last[room] not in (None, event.seq - 1):
                        raise wrong(transcript, f"{event} after {last[room]}", 1)
                    last[room] = event.seq
                case Answered(GetHistory() as request, History() as page):
                    _judge_page(transcript, request, page)
                case _:
                    pass


def _judge_gaps(transcript: Transcript) -> None:
    due: dict[str, Gap | None] = {}
    for walked in walk(transcript):
        match walked:
            case Entered(joined, _, gap):
                if joined.epoch != transcript.epoch:
                    raise wrong(transcript, f"{joined} names another epoch than {transcript.epoch}", 1)
                due[joined.room] = gap
            case Came(room, event) if event is not None and (gap := due.get(room)) is not None:
                if event != gap:
                    raise wrong(transcript, f"{event} where {gap} was due", 1)
                due[room] = None
            case Came(_, Gap() as told):
                raise wrong(transcript, f"{told}, and nothing is gone", 1)
            case _:
                pass


def _judge_page(transcript: Transcript, request: GetHistory, page: History) -> None:
    """Hold a page of history against what was asked: between the bounds, without holes, from the right end."""
    seqs = [entry.seq for entry in page.entries]
    first = 1 if request.after is None else request.after + 1
    wanted = max(1, min(50 if request.limit is None else request.limit, 500))
    good = seqs == list(range(seqs[0], seqs[-1] + 1)) if seqs else not page.more
    if seqs:
        good = good and seqs[0] >= first and seqs[-1] < (request.before or math.inf) and len(seqs) <= wanted
        good = good and (request.after is None or seqs[0] == first)
        good = good and (request.after is not None or page.more == (seqs[0] > 1))
    if not good:
        raise wrong(transcript, f"{seqs} (more: {page.more}) is no answer to {request}", 1)


# --- 2: durable before visible --------------------------------------------------------------------------


def durable_before_visible(evidence: Evidence, chains: list[Chain]) -> None:
    """Whatever was acknowledged or seen had been durable before that, and still is."""
    newest: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)  # by epoch and room: when, which seq
    for transcript, walked in _all(evidence):
        life = evidence.life(transcript.epoch)
        for room, seq, tick in _sights(transcript, walked, life):
            if life.ticks.get((room, seq), math.inf) > tick:
                raise wrong(transcript, f"entry {seq} of {room} was seen and not durable: {walked}", 2)
            newest[transcript.epoch, room].append((tick, seq))
    for transcript, walked in _all(evidence):
        if isinstance(walked, Entered):
            joined = walked.joined
            before = max((s for t, s in newest[transcript.epoch, joined.room] if t < walked.asked), default=0)
            if joined.head < before:
                raise wrong(transcript, f"{joined} after somebody has seen {before}", 2)
    for chain in chains:
        for text, posted in chain.posted:
            if not any(_text_at(life, posted.room, posted.seq) == text for life in evidence.lives):
                raise Broken(2, f"the client library returned {posted} for {text!r}, which is not in the log there")


def _sights(transcript: Transcript, walked: Walked, life: Life) -> list[tuple[str, int, int]]:
    """Return of which entries this tells, and when."""
    match walked:
        case Answered(request, Posted() as posted, _, tick, author):
            key = getattr(request, "key", None)
            if key is not None and life.keys.get((author, key)) != (posted.room, posted.seq):
                raise wrong(transcript, f"{posted} to {request}, which is not in the log there", 2)
            return [(posted.room, posted.seq, tick)]
        case Answered(_, History() as page, _, tick, _):
            return [(page.room, entry.seq, tick) for entry in page.entries]
        case Came(room, event, tick) if isinstance(event, ENTRIES):
            return [(room, event.seq, tick)]
        case _:
            return []


def _text_at(life: Life, room: str, seq: int) -> str | None:
    drafts = life.drafts.get(room, [])
    return drafts[seq - 1][0].text if 0 < seq <= len(drafts) else None


# --- 3: sending twice is sending once -------------------------------------------------------------------


def sending_twice_is_sending_once(evidence: Evidence, chains: list[Chain]) -> None:
    """A key names one entry, a text that was meant once is said once, and repeats are told what came of the first."""
    for life in evidence.lives:
        if life.twice:
            raise Broken(3, f"the key {life.twice[0]} names two entries of one log")
        said = Counter(draft.text for drafts in life.drafts.values() for draft, _ in drafts)
        twice = [text for text, times in said.items() if times > 1 and text in evidence.texts]
        if twice:
            raise Broken(3, f"{twice[0][:40]!r} was to be said once, and is in the log twice")
    sent = Counter(
        (transcript.person, line.message.key)
        for transcript in evidence.transcripts
        for line in transcript.lines
        if line.way == SENT and isinstance(line.message, Post)
    )
    first: dict[tuple[str, str, str], tuple[int, int]] = {}
    new: set[tuple[str, str, str]] = set()
    for transcript, walked in _all(evidence):
        if not isinstance(walked, Answered) or not isinstance(walked.request, Post):
            continue
        key, answer = walked.request.key, walked.answer
        name = (transcript.epoch, walked.author, key)
        is_repeat = sent[transcript.person, key] > 1
        if isinstance(answer, Posted):
            good = first.setdefault(name, (answer.seq, answer.at)) == (answer.seq, answer.at)
            good = good and (is_repeat if answer.duplicate else name not in new)
            new.update([] if answer.duplicate else [name])
        else:
            good = is_repeat or not (isinstance(answer, Error) and answer.code == "key_reused")
        if not good:
            raise wrong(transcript, f"{answer} for {walked.request}; the first was {first.get(name)}", 3)


# --- 4: coming back costs nothing -----------------------------------------------------------------------


def coming_back_costs_nothing(evidence: Evidence, chains: list[Chain]) -> None:
    """A stream starts where it was asked to, and `live` says up to where; the library's events have no hole either."""
    for transcript in evidence.transcripts:
        following, fresh = _judge_starts(transcript)
        for room, seq in following.items():
            if transcript.was_open and (seq != len(evidence.present.get(room, ())) + 1 or room in fresh):
                raise wrong(transcript, f"{room} has not come to its head: {seq} is due", 4)
    for chain in chains:
        judge_chain(evidence, chain)


def _judge_starts(transcript: Transcript) -> tuple[dict[str, int], set[str]]:
    """Return what is due next in each room, and the rooms in which nothing has come yet."""
    following: dict[str, int] = {}
    fresh: set[str] = set()
    for walked in walk(transcript):
        match walked:
            case Entered(joined, start):
                following[joined.room] = start
                fresh.add(joined.room)
            case Came(room, None):
                following.pop(room, None)
                fresh.discard(room)
            case Came(room, Live() as live):
                if live.seq != following[room] - 1:
                    raise wrong(transcript, f"{live} where {following[room]} was due", 4)
                fresh.discard(room)
            case Came(room, event) if isinstance(event, ENTRIES):
                if event.seq != following[room]:
                    raise wrong(transcript, f"{event} where {following[room]} was due", 4)
                following[room] = event.seq + 1
            case _:
                pass
    return following, fresh


# --- 5: everyone sees the same stream: `contents` ------------------------------------------------------------

# --- 6: a slow reader harms no one and loses nothing ------------------------------------------------------


def a_slow_reader_harms_no_one(evidence: Evidence, chains: list[Chain]) -> None:
    """Memory is bounded, nobody is cut who did nothing, and who is silent is. That nobody is held up, healing sees."""
    if evidence.notes.waiting_bytes > MEMORY_BYTES:
        raise Broken(6, f"{evidence.notes.waiting_bytes} bytes waited on one connection")
    slow_disk = evidence.notes.counts.get("step slowdisk")
    for transcript in evidence.transcripts:
        server = evidence.servers[transcript.server]
        ended = transcript.ended_at is not None and not transcript.hung_up and not transcript.was_harmed
        # A stop waits 2 s for the disk; then whoever is still waiting for it is cut. So is who was not served yet.
        excused = server.is_killed or (server.is_stopping and (slow_disk or not transcript.seen()))
        if ended and not excused and not any(type(m).__name__ == "Bye" for m in transcript.seen()):
            raise wrong(transcript, "was cut without a word, and for no reason", 6)
        closed_at = transcript.link.server.closed_at
        closed_at = evidence.ended_at if closed_at is None else closed_at
        heard_at = max(transcript.link.pipe("up").taken_at, transcript.opened_at)
        if closed_at - heard_at > SILENCE_S + (SLOW_S if slow_disk else 0.0):
            raise wrong(transcript, f"nothing came since {heard_at}, and it is not closed", 6)


# --- besides ----------------------------------------------------------------------------------------------


def nothing_is_left_behind(evidence: Evidence, chains: list[Chain]) -> None:
    """Every request had one answer or its connection ended (`walk` sees to that); ended servers leave nothing."""
    for _ in _all(evidence):
        pass
    if evidence.notes.left:
        raise Broken(0, evidence.notes.left[0])


ALL: Final[tuple[Check, ...]] = (
    nothing_is_left_behind,
    a_room_is_a_log,
    durable_before_visible,
    sending_twice_is_sending_once,
    coming_back_costs_nothing,
    everyone_sees_the_same_stream,
    a_slow_reader_harms_no_one,
    what_is_no_entry_may_be_dropped,
    a_nick_is_held,
)
