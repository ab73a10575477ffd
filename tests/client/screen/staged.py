"""A model for tests, filled without a server: rooms, people, and events as they would come."""

import datetime

from protocol import Joined, Live, Member, Message
from trio_chat.client.events import Connected
from trio_chat.client.rooms import RoomView
from trio_chat.client.screen.composer import Composer
from trio_chat.client.screen.model import Model
from trio_chat.client.screen.view import View
from trio_chat.client.screen.widgets import Click
from trio_chat.client.screen.words import Words

NOW_MS = 1_700_000_000_000
ME = "a-ann"


class Client:
    """What a model wants to know of us."""

    def __init__(self) -> None:
        self.nick = "ann"
        self.author = ME
        self.rooms: dict[str, RoomView] = {}


class Stage:
    """A model with its view.

    Attributes:
        clicked: what was clicked.
    """

    def __init__(self, *rooms: str) -> None:
        self.client = Client()
        self.clicked: list[Click] = []
        self.words = Words(lambda name: self.model.label(name), datetime.UTC)
        self.model = Model(self.client, lambda what: self.words.lines(what, NOW_MS / 1000), lambda: NOW_MS)
        self.composer = Composer(lambda line: self.completion(line))
        self.view = View(self.model, self.words, self.composer, self.clicked.append)
        self.model.take(Connected(again=False, nick="ann"))
        for room in rooms or ("lobby",):
            self.join(room)
        self.model.look_at(next(iter(self.model.rooms)))

    def completion(self, line: str):  # type: ignore[no-untyped-def]  # set by tests that press Tab
        raise NotImplementedError

    def join(self, room: str, *nicks: str, peer: str | None = None, head: int = 0, by: int | None = 1) -> None:
        members = [Member(ME, "ann"), *(Member(f"a-{nick}", nick) for nick in nicks)]
        joined = Joined(room, "e", head, "", members, len(members), by, peer)
        self.client.rooms[room] = RoomView(joined, 50)
        self.model.take(joined)
        self.model.take(Live(room, head))

    def say(self, text: str, nick: str = "bob", room: str = "lobby", **more: object) -> Message:
        seq = self.model.rooms[room].timeline.head + 1
        message = Message(room, seq, NOW_MS + seq * 1_000, f"a-{nick}", nick, text, **more)  # type: ignore[arg-type]
        self.model.take(message)
        return message

    def rows(self, columns: int = 120, height: int = 24) -> list[str]:
        """Return what is on the screen, without blank ends."""
        return [row.rstrip() for row in self.view.render((columns, height)).decoded_text]
