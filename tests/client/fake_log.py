"""The logs of the server in memory, and what it says of itself. It must not know connections."""

from protocol import Edit, Edited, Entry, Limits, Message, Post, Redact, Redacted, SetTopic, TopicSet

LIMITS = Limits(65_536, 4_000, 32, 64, 500, 500, 262_144)
NOW_MS = 1_700_000_000_000


class Log:
    """A room: its entries, and the seq of the first one that is still there."""

    def __init__(self, peer: str | None = None) -> None:
        self.entries: list[Entry] = []
        self.first = 1
        self.topic = ""
        self.peer = peer

    @property
    def head(self) -> int:
        return len(self.entries)

    def after(self, seq: int) -> list[Entry]:
        return self.entries[max(seq, self.first - 1) :]


def entry_of(request: Post | Edit | Redact | SetTopic, room: str, seq: int, author: str, nick: str) -> Entry:
    """Return what a request appends to a log."""
    common = (room, seq, NOW_MS, author, nick)
    match request:
        case Post():
            return Message(*common, request.text, request.action, reply_to=request.reply_to)
        case Edit():
            return Edited(*common, request.target, request.text)
        case Redact():
            return Redacted(*common, request.target, request.reason)
        case SetTopic():
            return TopicSet(*common, request.text)
