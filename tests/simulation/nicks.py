"""Whose a nick is ("Who is who" in docs/protocol.md): one person's while it is connected, and for 10 minutes after.

This file owns that judgement, from transcripts alone. It knows no promise's number, for this has none.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from protocol import Done, Hello, Quit, SetNick, Welcome
from tests.simulation.judgement import Broken
from tests.simulation.record import SENT, Transcript
from tests.simulation.user import Chain
from tests.simulation.walk import Answered, walk
from tests.simulation.world import Evidence

NICK_HELD_S: Final = 600.0


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
        claims[transcript.server, transcript.person] += _claims(transcript)
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
