"""The rooms that a client is in: what is known of each, and which must be joined again.

This file owns the effect of every message on that. It is synchronous, and must not know connections, nor
who takes the events.
"""

import unicodedata
from types import MappingProxyType
from typing import Final

from protocol import Joined, Member, Members, Presence, TopicSet
from trio_chat.client.cursor import Cursor
from trio_chat.client.events import StreamEvent


class RoomView:
    """A room that this client is in, for reading only. It shows what has arrived, which may be ahead of the events.

    Attributes:
        name: as the server spells it.
        topic: as it is now.
        members: who is present, by author; of a large room the first 500 and those who came since.
        count: how many are present.
        peer: the nick of the other one in a private room, as last heard.
        cursor: where in the log this client stands.
    """

    __slots__ = ("_topic_seq", "count", "cursor", "leaving", "members", "name", "peer", "topic")

    def __init__(self, joined: Joined, last: int) -> None:
        self.name: Final = joined.room
        self.cursor = Cursor(joined, last)
        self.leaving = False  # a `leave` is under way
        self.count = 0
        self.peer: str | None = None
        self.describe(joined)

    @property
    def epoch(self) -> str:
        """The life of the log that `seq` belongs to."""
        return self.cursor.epoch

    @property
    def seq(self) -> int:
        """The last entry that was put into the stream of events; before the first, where it will start."""
        return self.cursor.seq

    def describe(self, joined: Joined) -> None:
        """Take over what an answer to a join tells of the room."""
        self.topic = joined.topic
        self.peer = joined.peer or self.peer  # a server that has started anew does not know who is not back yet
        self._topic_seq = joined.head  # older entries that are still to come do not change the topic back
        self._list(joined.members, joined.count)

    def arrived(self, event: StreamEvent) -> None:
        """Take over what an entry changes, due or not."""
        if isinstance(event, TopicSet) and event.seq > self._topic_seq:
            self.topic, self._topic_seq = event.text, event.seq

    def news(self, event: Presence | Members) -> None:
        """Take over who came and went."""
        if isinstance(event, Members):
            self._list(event.members, event.count)
        elif event.change == "renamed":
            if event.nick == self.peer:
                self.peer = event.to
            if (known := self.members.get(event.author)) and event.to is not None:
                self.members[event.author] = Member(known.author, event.to, known.bot, known.role)
        elif event.change == "joined":
            self.count += event.author not in self.members
            self.members[event.author] = Member(event.author, event.nick, event.bot)
            if self.name.startswith("~"):
                self.peer = event.nick
        else:
            self.count = max(0, self.count - 1)
            self.members.pop(event.author, None)

    def _list(self, members: list[Member], count: int) -> None:
        self.members: dict[str, Member] = {member.author: member for member in members}
        self.count = count


class Rooms:
    """All rooms of a client, by the name that the server spells.

    Attributes:
        views: the same, for reading.
    """

    def __init__(self) -> None:
        self._views: dict[str, RoomView] = {}
        self._lagging: dict[str, None] = {}  # those to be joined again, the one that waits longest first
        self.views = MappingProxyType(self._views)

    def find(self, name: str) -> RoomView | None:
        """Return the room that a person may mean by `name`."""
        return self._views.get(name) or self._views.get(folded(name))

    def joined(self, joined: Joined, last: int, generation: int | None) -> bool:
        """Note that the server let us into a room, and say whether its stream is in step with our cursor.

        Args:
            joined: the answer, or the news.
            last: how many stored entries were asked for.
            generation: the cursor's, where it was asked for what comes after its position.
        """
        view = self._views.get(joined.room)
        if view is None:
            self._views[joined.room] = RoomView(joined, last)
            return True
        view.describe(joined)
        if generation is None:
            # Somebody opened a room that we are in, or it was joined under another spelling: nobody knows
            # where the server starts. Asking again, after our position, settles it.
            self.lag(view)
            return False
        view.cursor.resumed(joined, generation)
        self._lagging.pop(view.name, None)
        return True

    def left(self, name: str) -> None:
        """Forget a room."""
        if view := self.find(name):
            del self._views[view.name]
            self._lagging.pop(view.name, None)

    def lag(self, view: RoomView) -> None:
        """Ignore the room's stream until it is joined again, in its turn."""
        view.cursor.lag()
        self._lagging.setdefault(view.name)

    @property
    def any_lagging(self) -> bool:
        """Whether a room waits to be joined again."""
        return bool(self._lagging)

    def next_lagging(self) -> RoomView | None:
        """Return the room whose turn it is to be joined again, taking it out of the queue."""
        name = next(iter(self._lagging), None)
        if name is None:
            return None
        del self._lagging[name]
        return self._views[name]

    def disconnected(self) -> None:
        """Ignore what comes from any room until it is joined again, which the next connection begins with."""
        self._lagging.clear()
        for view in self._views.values():
            view.cursor.lag()


def folded(name: str) -> str:
    """Return a room's name without what the server does not tell apart, as far as a client can know it."""
    return unicodedata.normalize("NFKC", name.strip().removeprefix("#")).lower()
