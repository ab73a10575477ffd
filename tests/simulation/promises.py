"""The promises of docs/protocol.md, by number: one function each, over what was noted of a run.

This file owns what is right and wrong. It looks at transcripts, at what the disk holds and at what was measured, never
at the server. All functions are plain: they return, or raise `Broken`.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from protocol import (
    Done,
    Edited,
    Entry,
    Error,
    Gap,
    Hello,
    History,
    Joined,
    Live,
    Members,
    Message,
    Post,
    Posted,
    Presence,
    Quit,
    Redacted,
    SetNick,
    Welcome,
)
from tests.simulation.judgement import Broken
from tests.simulation.record import SENT, Transcript
from tests.simulation.user import Chain
from tests.simulation.walk import ENTRIES, Answered, Came, Entered, Walked, walk, wrong
from tests.simulation.world import Evidence

MEMORY_BYTES: Final = 13 * 65_536
"""What may wait to be sent on one connection: 256 KiB, one answer and one page of as much each, and some small ones."""

SILENCE_S: Final = 75.0
"""How long a peer may be silent before it is closed: two pings of 30 s, and what a server's watch and goodbye take."""

NICK_HELD_S: Final = 600.0

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
        due: dict[str, Gap | None] = {}
        last: dict[str, int | None] = {}
        for walked in walk(transcript):
            match walked:
                case Entered(joined, start, gap):
                    if joined.epoch != transcript.epoch:
                        raise wrong(transcript, f"{joined} names another epoch than {transcript.epoch}", 1)
                    due[joined.room], last[joined.room] = gap, start - 1 if gap else None
                case Came(room, None):
                    due.pop(room, None)
                case Came(room, event) if (gap := due.get(room)) is not None:
                    if event != gap:
                        raise wrong(transcript, f"{event} where {gap} was due", 1)
                    due[room] = None
                case Came(_, Gap() as told):
                    raise wrong(transcript, f"{told}, and nothing is gone", 1)
                case Came(room, event) if isinstance(event, ENTRIES):
                    before = last[room]
                    if before is not None and event.seq != before + 1:
                        raise wrong(transcript, f"{event} after {before}", 1)
                    last[room] = event.seq
                case _:
                    pass


# --- 2: durable before visible --------------------------------------------------------------------------


def durable_before_visible(evidence: Evidence, chains: list[Chain]) -> None:
    """Whatever was acknowledged or seen had been durable before that, and still is."""
    newest: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)  # by epoch and room: when, which seq
    entered: list[tuple[Transcript, Entered]] = []
    for transcript, walked in _all(evidence):
        life = evidence.life(transcript.epoch)
        seen: list[tuple[str, int]] = []
        match walked:
            case Answered(request, Posted() as posted, _, tick, author):
                seen = [(posted.room, posted.seq)]
                key = getattr(request, "key", None)
                if key is not None and life.keys.get((author, key)) != (posted.room, posted.seq):
                    raise wrong(transcript, f"{posted} to {request}, which is not in the log there", 2)
            case Answered(_, History() as page, _, tick, _):
                seen = [(page.room, entry.seq) for entry in page.entries]
            case Came(room, event, tick) if isinstance(event, ENTRIES):
                seen = [(room, event.seq)]
            case Entered():
                entered.append((transcript, walked))
            case _:
                pass
        for room, seq in seen:
            durable = life.ticks.get((room, seq))
            if durable is None or durable > tick:
                raise wrong(transcript, f"entry {seq} of {room} was seen and not durable: {walked}", 2)
            newest[transcript.epoch, room].append((tick, seq))
    for transcript, entry in entered:
        joined = entry.joined
        before = max((s for t, s in newest[transcript.epoch, joined.room] if t < entry.asked), default=0)
        if joined.head < before:
            raise wrong(transcript, f"{joined} after somebody has seen {before}", 2)
    for chain in chains:
        for text, posted in chain.posted:
            if not any(_text_at(life.drafts.get(posted.room, ()), posted.seq) == text for life in evidence.lives):
                raise Broken(2, f"the client library returned {posted} for {text!r}, which is not in the log there")


def _text_at(drafts: object, seq: int) -> str | None:
    assert isinstance(drafts, list | tuple)
    return drafts[seq - 1][0].text if 0 < seq <= len(drafts) else None


# --- 3: sending twice is sending once -------------------------------------------------------------------


def sending_twice_is_sending_once(evidence: Evidence, chains: list[Chain]) -> None:
    """A key names one entry, a text that was meant once is said once, and repeats are told what came of the first."""
    for life in evidence.lives:
        if life.twice:
            raise Broken(3, f"the key {life.twice[0]} names two entries of one log")
        said = [draft.text for drafts in life.drafts.values() for draft, _ in drafts if draft.text in evidence.texts]
        if len(said) != len(set(said)):
            twice = next(text for text in said if said.count(text) > 1)
            raise Broken(3, f"{twice[:40]!r} was to be said once, and is in the log twice")
    sent: dict[tuple[str, str], int] = defaultdict(int)
    first: dict[tuple[str, str, str], tuple[int, int]] = {}
    news: set[tuple[str, str, str]] = set()
    for transcript in evidence.transcripts:
        for line in transcript.lines:
            if line.way == SENT and isinstance(line.message, Post):
                sent[_person(transcript), line.message.key] += 1
    for transcript, walked in _all(evidence):
        if not isinstance(walked, Answered) or not isinstance(walked.request, Post):
            continue
        key, answer = walked.request.key, walked.answer
        name = (transcript.epoch, walked.author, key)
        if isinstance(answer, Posted):
            if first.setdefault(name, (answer.seq, answer.at)) != (answer.seq, answer.at):
                raise wrong(transcript, f"{answer} for {key}, which was {first[name]} before", 3)
            if not answer.duplicate and name in news:
                raise wrong(transcript, f"{answer} does not say that {key} was there before", 3)
            if not answer.duplicate:
                news.add(name)
            elif sent[_person(transcript), key] < 2:
                raise wrong(transcript, f"{answer} says that {key} was there before; it was sent once", 3)
        elif isinstance(answer, Error) and answer.code == "key_reused" and sent[_person(transcript), key] < 2:
            raise wrong(transcript, f"{answer} for {key}, which was sent once", 3)


def _person(transcript: Transcript) -> str:
    """Return whose connection it is: clients 0 and 3 are one person."""
    return str(0 if transcript.who == 3 else transcript.who)


# --- 4: coming back costs nothing -----------------------------------------------------------------------


def coming_back_costs_nothing(evidence: Evidence, chains: list[Chain]) -> None:
    """A stream starts where it was asked to, and `live` says up to where; the library's events have no hole either."""
    for transcript in evidence.transcripts:
        following: dict[str, int] = {}
        fresh: set[str] = set()  # nothing has come since one entered
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
        for room, seq in following.items():
            if transcript.was_open and (seq != len(evidence.present.get(room, ())) + 1 or room in fresh):
                raise wrong(transcript, f"{room} has not come to its head: {seq} is due", 4)
    for chain in chains:
        _judge_chain(evidence, chain)


def _judge_chain(evidence: Evidence, chain: Chain) -> None:
    following: dict[str, int] = {}
    loose: set[str] = set()
    resumed: dict[str, int] = {}
    epoch: dict[str, str] = {}
    for _, event in chain.events:
        match event:
            case Joined():
                if event.room not in following or event.room in chain.left:
                    # Whoever asked to leave may not have left when the connection was lost.
                    if event.room not in loose:
                        resumed[event.room] = following.get(event.room, 0)
                    following[event.room] = max(0, event.head - 50) + 1
                    loose.add(event.room)
                epoch[event.room] = event.epoch
            case Gap():
                following[event.room] = event.next
                loose.discard(event.room)
            case Live() if event.room not in loose and event.seq != following[event.room] - 1:
                raise Broken(4, f"the client library gave {event} where {following[event.room]} was due")
            case _ if isinstance(event, ENTRIES):
                due = following[event.room]
                fine = event.seq <= due or event.seq == resumed[event.room] if event.room in loose else event.seq == due
                if not fine:
                    raise Broken(4, f"the client library gave {event} where {due} was due")
                following[event.room] = event.seq + 1
                loose.discard(event.room)
                _judge_content(evidence, epoch[event.room], event, "the client library")
            case _:
                pass


# --- 5: everyone sees the same stream ---------------------------------------------------------------------


def everyone_sees_the_same_stream(evidence: Evidence, chains: list[Chain]) -> None:
    """`posted` comes before one's own message; entries are what the log has; applied in order they are its state."""
    for transcript in evidence.transcripts:
        came: dict[str, set[int]] = defaultdict(set)
        state: dict[str, dict[int, Entry]] = defaultdict(dict)
        for walked in walk(transcript):
            match walked:
                case Answered(_, Posted(duplicate=False) as posted) if posted.seq in came[posted.room]:
                    raise wrong(transcript, f"{posted} came after the entry", 5)
                case Answered(_, History() as page):
                    for entry in page.entries:
                        _judge_content(evidence, transcript.epoch, entry, f"client {transcript.who}")
                case Entered(joined):
                    came[joined.room].clear()
                    state[joined.room].clear()
                case Came(room, None):
                    state.pop(room, None)
                case Came(room, event) if isinstance(event, ENTRIES):
                    came[room].add(event.seq)
                    _judge_content(evidence, transcript.epoch, event, f"client {transcript.who}")
                    _apply(state[room], event)
                case _:
                    pass
        for room, entries in state.items() if transcript.was_open else ():
            for seq, entry in entries.items():
                if _settled(entry) != _settled(evidence.present[room][seq - 1]):
                    raise wrong(transcript, f"{entry} is {evidence.present[room][seq - 1]} by now", 5)


def _apply(state: dict[int, Entry], entry: Entry) -> None:
    state[entry.seq] = entry
    target = state.get(entry.target) if isinstance(entry, Edited | Redacted) else None
    if isinstance(entry, Edited) and isinstance(target, Message) and not target.redacted:
        state[entry.target] = msgspec.structs.replace(target, text=entry.text, edited_at=entry.at)
    if isinstance(entry, Redacted) and isinstance(target, Message):
        state[entry.target] = msgspec.structs.replace(target, text="", redacted=True)


def _settled(entry: Entry) -> Entry:
    """Return an entry without what only a later one takes away: the text of an edit of a redacted message."""
    return msgspec.structs.replace(entry, text="") if isinstance(entry, Edited) else entry


def _judge_content(evidence: Evidence, epoch: str, entry: Entry, who: str) -> None:
    """Hold an entry against the log: as it was said, or as it became later."""
    drafts = evidence.life(epoch).drafts.get(entry.room, [])
    if not 0 < entry.seq <= len(drafts):
        raise Broken(2, f"{who} saw {entry}, which is not in the log")
    draft, said = drafts[entry.seq - 1]
    if entry == said:
        return
    later = [d for d, e in drafts[entry.seq :] if d.target == entry.seq and d.kind in ("edited", "redacted")]
    match entry:
        case Message():
            edits = {(d.text, d.at) for d in later if d.kind == "edited"}
            plain = msgspec.structs.replace(entry, text=draft.text, edited_at=None, redacted=False)
            was_redacted = any(d.kind == "redacted" for d in later)
            good = (entry.text, entry.edited_at) in edits or (entry.redacted and was_redacted and not entry.text)
            good = good and plain == said
        case Edited():
            gone = any(d.kind == "redacted" and d.target == entry.target for d, _ in drafts)
            good = gone and entry == msgspec.structs.replace(said, text="")
        case _:
            good = False
    if not good:
        raise Broken(5, f"{who} saw {entry}, which was said as {said}")


# --- 6: a slow reader harms no one and loses nothing ------------------------------------------------------


def a_slow_reader_harms_no_one(evidence: Evidence, chains: list[Chain]) -> None:
    """Memory is bounded, nobody is cut who did nothing, and who is silent is. (That nobody is held up, healing sees.)"""
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
        if not slow_disk and closed_at - heard_at > SILENCE_S:
            raise wrong(transcript, f"nothing came since {heard_at}, and it is not closed", 6)


# --- 7: what is not an entry may be dropped ---------------------------------------------------------------


def what_is_no_entry_may_be_dropped(evidence: Evidence, chains: list[Chain]) -> None:
    """Whoever follows presence, and starts anew at each `members`, knows in the end who is there."""
    views: list[tuple[Transcript, str, dict[str, str]]] = []
    there: dict[str, dict[str, str]] = defaultdict(dict)
    for transcript in evidence.transcripts:
        rooms, author, nick = _members_seen(transcript)
        if transcript.was_open:
            for room, members in rooms.items():
                there[room][author] = members.get(author, "nobody")
                views.append((transcript, room, members))
    for transcript, room, members in views:
        if members != there[room]:
            raise wrong(transcript, f"believes that {members} are in {room}; it is {there[room]}", 7)


def _members_seen(transcript: Transcript) -> tuple[dict[str, dict[str, str]], str, str]:
    rooms: dict[str, dict[str, str]] = {}
    author = nick = ""
    for walked in walk(transcript):
        match walked:
            case Answered() if walked.author:
                author = walked.author
                if isinstance(walked.answer, Joined):
                    rooms[walked.answer.room] = {m.author: m.nick for m in walked.answer.members}
            case Entered(joined):
                rooms[joined.room] = {m.author: m.nick for m in joined.members}
            case Came(room, None):
                rooms.pop(room, None)
            case Members(room=str() as room, id=None):
                rooms[room] = {m.author: m.nick for m in walked.members}
            case Presence():
                _step_presence(transcript, rooms.get(walked.room, {}), walked)
            case _:
                pass
    return rooms, author, nick


def _step_presence(transcript: Transcript, members: dict[str, str], presence: Presence) -> None:
    if presence.change == "joined":
        members[presence.author] = presence.nick
    elif presence.change == "renamed":
        members[presence.author] = presence.to or ""
    else:
        members.pop(presence.author, None)


# --- besides ----------------------------------------------------------------------------------------------


def nothing_is_left_behind(evidence: Evidence, chains: list[Chain]) -> None:
    """Every request had one answer or its connection ended (`walk` sees to that); ended servers leave nothing."""
    for _ in _all(evidence):
        pass
    if evidence.notes.left:
        raise Broken(0, evidence.notes.left[0])


@dataclass(frozen=True)
class _Claim:
    """A request that may change who has which nick: when, when its connection was lost, and what it was granted."""

    asked: int
    asked_at: float
    answered: float
    answered_at: float
    lost_at: float
    nick: str


def a_nick_is_held(evidence: Evidence, chains: list[Chain]) -> None:
    """A nick is given to nobody else while its person is connected, nor for 10 minutes after it was lost.

    All of it in the life of one server: who was lost before that, it does not know.
    """
    claims: dict[tuple[int, str], list[_Claim]] = defaultdict(list)  # by server and person
    for transcript in evidence.transcripts:
        claims[transcript.server, _person(transcript)] += _claims(transcript)
    for (server, person), made in claims.items():
        for claim in filter(lambda claim: claim.nick, made):
            others = (other.asked_at for other in made if other is not claim and other.answered > claim.asked)
            until = min(*others, claim.lost_at + NICK_HELD_S, math.inf)
            for (other_server, other_person), others_made in claims.items():
                if other_server != server or other_person == person:
                    continue
                for other in others_made:
                    if other.nick == claim.nick and claim.answered_at < other.asked_at and other.answered_at < until:
                        raise Broken(0, f"{other.nick} was given to {other_person}; it was {person}'s until {until}")


def _claims(transcript: Transcript) -> Iterator[_Claim]:
    times = {line.tick: line.at for line in transcript.lines}
    closed_at = transcript.link.server.closed_at
    lost_at = math.inf if closed_at is None else closed_at
    answers = {w.asked: w for w in walk(transcript) if isinstance(w, Answered)}
    for line in transcript.lines:
        if line.way == SENT and isinstance(line.message, Hello | SetNick | Quit):
            answered = answers.get(line.tick)
            if answered is None:
                yield _Claim(line.tick, line.at, math.inf, math.inf, lost_at, "")
            else:
                granted = isinstance(answered.answer, Welcome | Done)
                nick = line.message.nick if granted and isinstance(line.message, Hello | SetNick) else ""
                yield _Claim(line.tick, line.at, answered.tick, times[answered.tick], lost_at, nick)


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
