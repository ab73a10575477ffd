"""Counting what happened in a run, to show that the states that matter are reached.

This file owns the names of what is counted. It must not judge.
"""

from collections import Counter

from protocol import Error, Gap, Joined, Live, Members, Ping, Posted
from tests.simulation.record import Transcript
from tests.simulation.user import Chain
from tests.simulation.walk import ENTRIES, Answered, Came, Entered, walk
from tests.simulation.world import Evidence


def tally(evidence: Evidence, chains: list[Chain]) -> dict[str, int]:
    """Return how often what happened."""
    counts = Counter(evidence.notes.counts)
    counts["steps"] = len(evidence.scenario.steps)
    counts["entries committed"] = sum(len(drafts) for life in evidence.lives for drafts in life.drafts.values())
    for transcript in evidence.transcripts:
        counts.update(_said(transcript))
    for chain in chains:
        counts["posts through the library"] += len(chain.posted)
        for _, told in chain.events:
            counts["library rejoined"] += isinstance(told, Joined)
            counts["library told of gap epoch"] += isinstance(told, Gap)
    return dict(counts)


def _said(transcript: Transcript) -> Counter[str]:
    counts: Counter[str] = Counter()
    lives: Counter[str] = Counter()
    for walked in walk(transcript):
        match walked:
            case Entered(joined, _, gap):
                counts["joins"] += 1
                counts["gap epoch"] += gap is not None
                counts["joined as news"] += joined.id is None
                lives[joined.room] = 0
            case Answered(_, Posted(duplicate=duplicate)):
                counts["acknowledged"] += 1
                counts["acknowledged as duplicate"] += duplicate
            case Answered(_, Error(code=code)):
                counts[f"refused: {code}"] += 1
            case Came(room, Live()):
                counts["live"] += 1
                counts["behind, then live again"] += lives[room] > 0
                lives[room] += 1
            case Came(_, event) if isinstance(event, ENTRIES):
                counts["entries seen"] += 1
            case Members(id=None):
                counts["fresh members after dropped presence"] += 1
            case Ping():
                counts["pings of the server"] += 1
            case _:
                pass
    return counts
