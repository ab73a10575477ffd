"""What there is to complete, and how a command is used, asked of the server; and a list of the keys.

This file owns these lists. It must not know what the keys do, nor how any of it is shown.
"""

from collections.abc import Mapping
from typing import Final

import trio

from protocol import CommandHelp
from trio_chat.client.completion import Completions
from trio_chat.client.editor import Completion
from trio_chat.client.errors import Refused
from trio_chat.client.screen.deeds import LOCAL, ScreenClient
from trio_chat.client.screen.model import Model

SWITCHES: Final = ("/b", "/buffer")


KEYS: Final = """\
Alt-1 ... Alt-9   go to a room by its number
Alt-Left, -Right  go to the room before, or behind; so do Alt-Up, -Down and Ctrl-P, -N
Alt-A             go to what is unread; then back
Alt-N             go to the line above what is new here
/b NAME           go to a room by its number or a part of its name
PageUp, PageDown  scroll; older messages are fetched as you go
End, Alt-End      go to the newest; Alt-Home: to the oldest that is held
Tab, Shift-Tab    complete a command, a nick, a room; again: the next one
Up, Down          what you typed before
Alt-Enter         begin a new line; what you paste stays one message
Ctrl-A E U K W    move and delete as in a shell; so do Alt-B, -F, -D
Ctrl-C            stop the bot that answers here; twice: quit
Ctrl-L, Ctrl-Z    draw anew; go to the shell, from which fg comes back
/find WORDS       search this room; arrows and Enter go to a hit, Esc closes the list
mouse             click a room or somebody; the wheel scrolls; with Shift, select text"""


class Helper:
    """See the head of this file. It is a `Completer`.

    Attributes:
        learnt: is set while what is known is not just being asked for.

    Args:
        client: an open client.
        model: the rooms on the screen.
    """

    def __init__(self, client: ScreenClient, model: Model) -> None:
        self.learnt = trio.Event()
        self._client = client
        self._model = model
        self._completions = Completions(self._nicks, self._rooms)
        self._help: Mapping[str, CommandHelp] = {}
        self._listed: list[str] = []
        self._learning = False

    def is_to_learn(self) -> bool:
        """Note that somebody begins a command; return whether `learn` should run for that."""
        if self._learning:
            return False
        self._learning, self.learnt = True, trio.Event()
        return True

    async def learn(self) -> None:
        """Ask what there is to complete: what bots add differs from room to room, and they come and go.

        Raises:
            ChatError: the client has ended.
        """
        try:
            listed = [*await self._client.commands(self._model.current), *LOCAL]
            self._help = {each.name: each for each in listed}
            self._completions.commands = list(self._help)
            self._listed = [room.name for room in (await self._client.list_rooms()).rooms]
        except Refused:
            pass  # nobody has asked for this: Tab does with what was known
        finally:
            self._learning = False
            self.learnt.set()

    def __call__(self, line: str) -> Completion:
        """Return what may stand for the last word of a line."""
        name, space, _ = line.partition(" ")
        if not space or name not in SWITCHES:
            return self._completions(line)
        start = len(name) + 1
        word = line[start:].casefold().lstrip("#@")
        labels = [self._model.label(each) for each in self._model.rooms]
        return Completion(start, [f"{label} " for label in labels if label[1:].casefold().startswith(word)])

    def usage(self, text: str) -> str:
        """Return how the command is used that a text begins with; empty if it is none."""
        known = self._help.get(text.partition(" ")[0].lower()) if text.startswith("/") else None
        return f"{known.usage}: {known.help}" if known is not None else ""

    def _nicks(self) -> set[str]:
        view = self._model.view()
        return {member.nick for member in view.members.values()} if view is not None else set()

    def _rooms(self) -> set[str]:
        return {room for room in (*self._listed, *self._model.rooms) if not room.startswith("~")}
