"""One room as the full screen has it: its timeline, what is unread, and what is about to be said.

This file owns these as data. It must not know what events there are, or which room is looked at.
"""

import re

from msgspec import Struct

from trio_chat.client.screen.timeline import Place, Timeline


class Draft(Struct):
    """What a bot is about to say, in a turn of its own; `text` and `doing` are empty when it has only begun."""

    author: str
    nick: str
    text: str = ""
    doing: str = ""


class Post(Struct):
    """Something that we say, until it comes by as a message; `seq` is known once the server has it."""

    text: str
    seq: int | None = None


class Anchor(Struct, frozen=True):
    """Where somebody has scrolled to: the lowest row seen is the one so many above the last of the item."""

    place: Place
    rows_below: int = 0


class Room:
    """One room on the screen.

    Attributes:
        name: as the server spells it.
        timeline: what was said.
        unread: messages of others since one looked last.
        mentions: those among them that are meant for us.
        below: messages that came while one was looking farther up.
        line: the seq behind which the line "new" stands; None: there is none.
        anchor: where one has scrolled to; None: the newest is seen, whatever comes.
        found: the seq of a hit that one has gone to.
        drafts: by turn, what bots are about to say.
        posts: by key, what we have said and not yet seen.
        came_at: the head of the log when the server last let us in; what it has told of turns is younger than that.
        news_after: the seq behind which what comes is news; None: not known yet.
        epoch: the life of the log that all these seqs belong to; empty before the first that is known of it.
        read: up to where all is read.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.timeline = Timeline()
        self.unread = 0
        self.mentions = 0
        self.below = 0
        self.line: int | None = None
        self.anchor: Anchor | None = None
        self.found: int | None = None
        self.drafts: dict[int, Draft] = {}
        self.posts: dict[str, Post] = {}
        self.came_at = 0
        self.news_after: int | None = None
        self.epoch = ""
        self.read = 0

    @property
    def is_private(self) -> bool:
        """Whether it is a private room of two."""
        return self.name.startswith("~")

    def follow(self) -> None:
        """Look at the newest."""
        self.timeline.return_to_tail()
        self.anchor = self.found = None
        self.below = 0
        self.note_read()

    def note_read(self) -> None:
        """Take what is there as read, if nothing of it is counted as unread."""
        if not self.unread and not self.below:
            self.read = max(self.read, self.timeline.head)

    def seen(self, seq: int) -> None:
        """Note that an entry is there: a post of ours with that seq need not be shown beside it."""
        for key in [key for key, post in self.posts.items() if post.seq is not None and post.seq <= seq]:
            del self.posts[key]


def names(text: str, nick: str) -> bool:
    """Tell whether a text names somebody, as a word of its own, in any case of letters."""
    return re.search(rf"(?<!\w){re.escape(nick)}(?!\w)", text, re.IGNORECASE) is not None
