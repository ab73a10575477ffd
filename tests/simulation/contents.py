"""Promise 5: everyone sees the same stream, and it is the log's; also what the client library makes of it.

This file owns holding entries against what was said, and the events of the library's users. It looks at nothing else.
"""

from collections import defaultdict

import msgspec

from protocol import Edited, Entry, Gap, History, Joined, Live, Message, Posted, Redacted
from tests.simulation.judgement import Broken
from tests.simulation.record import Transcript
from tests.simulation.user import Chain
from tests.simulation.walk import ENTRIES, Answered, Came, Entered, walk, wrong
from tests.simulation.world import Evidence


def everyone_sees_the_same_stream(evidence: Evidence, chains: list[Chain]) -> None:
    """`posted` comes before one's own message; entries are what the log has; applied in order they are its state."""
    for transcript in evidence.transcripts:
        _judge_order(transcript)
        state = _judge_entries(evidence, transcript)
        for room, entries in state.items() if transcript.was_open else ():
            for seq, entry in entries.items():
                if _settled(entry) != _settled(evidence.present[room][seq - 1]):
                    raise wrong(transcript, f"{entry} is {evidence.present[room][seq - 1]} by now", 5)


def _judge_order(transcript: Transcript) -> None:
    came: dict[str, set[int]] = defaultdict(set)
    for walked in walk(transcript):
        match walked:
            case Answered(_, Posted(duplicate=False) as posted) if posted.seq in came[posted.room]:
                raise wrong(transcript, f"{posted} came after the entry", 5)
            case Entered(joined):
                came[joined.room].clear()
            case Came(room, event) if isinstance(event, ENTRIES):
                came[room].add(event.seq)
            case _:
                pass


def _judge_entries(evidence: Evidence, transcript: Transcript) -> dict[str, dict[int, Entry]]:
    """Hold all entries against the log, and return what applying them comes to."""
    state: dict[str, dict[int, Entry]] = defaultdict(dict)
    who = f"client {transcript.who}"
    for walked in walk(transcript):
        match walked:
            case Answered(_, History() as page):
                for entry in page.entries:
                    judge_content(evidence, transcript.epoch, entry, who)
            case Entered(joined):
                state[joined.room].clear()
            case Came(room, None):
                state.pop(room, None)
            case Came(room, event) if isinstance(event, ENTRIES):
                judge_content(evidence, transcript.epoch, event, who)
                _apply(state[room], event)
            case _:
                pass
    return state


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


def judge_content(evidence: Evidence, epoch: str, entry: Entry, who: str) -> None:
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


def judge_chain(evidence: Evidence, chain: Chain) -> None:
    """Hold the events of one client of the library against the log: once, in order, from where it was in step."""
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
                judge_content(evidence, epoch[event.room], event, "the client library")
            case _:
                pass
