"""Promise 7: what is not an entry may be dropped, and a fresh `members` follows.

This file owns what clients believe of who is there, and holds it against who is. It looks at transcripts alone.
"""

from collections import defaultdict

from protocol import Joined, Members, Presence
from tests.simulation.record import Transcript
from tests.simulation.user import Chain
from tests.simulation.walk import Answered, Came, Entered, walk, wrong
from tests.simulation.world import Evidence


def what_is_no_entry_may_be_dropped(evidence: Evidence, chains: list[Chain]) -> None:
    """Whoever follows presence, and starts anew at each `members`, knows in the end who is there."""
    views: list[tuple[Transcript, str, dict[str, str]]] = []
    there: dict[str, dict[str, str]] = defaultdict(dict)
    for transcript in evidence.transcripts:
        rooms, author = _members_seen(transcript)
        if transcript.was_open:
            for room, members in rooms.items():
                there[room][author] = members.get(author, "nobody")
                views.append((transcript, room, members))
    for transcript, room, members in views:
        if members != there[room]:
            raise wrong(transcript, f"believes that {members} are in {room}; it is {there[room]}", 7)


def _members_seen(transcript: Transcript) -> tuple[dict[str, dict[str, str]], str]:
    rooms: dict[str, dict[str, str]] = {}
    author = ""
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
    return rooms, author


def _step_presence(transcript: Transcript, members: dict[str, str], presence: Presence) -> None:
    if presence.change == "joined":
        members[presence.author] = presence.nick
    elif presence.change == "renamed":
        members[presence.author] = presence.to or ""
    else:
        members.pop(presence.author, None)
