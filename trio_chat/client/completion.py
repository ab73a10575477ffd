"""What the Tab key offers: commands, nicks of the room, rooms.

This file owns which words fit where. It must not know the editor's state, nor ask the server for anything
while somebody types: the lists of commands and rooms are given to it.
"""

from collections.abc import Callable, Iterable, Sequence

from trio_chat.client.editor import Completion


class Completions:
    """A `Completer` over what is known at the moment.

    Attributes:
        commands: names of slash commands, each with its slash.

    Args:
        nicks: gives the nicks that are present in the current room.
        rooms: gives the names of public rooms, without ``#``.
    """

    def __init__(self, nicks: Callable[[], Iterable[str]], rooms: Callable[[], Iterable[str]]) -> None:
        self.commands: Sequence[str] = ()
        self._nicks = nicks
        self._rooms = rooms

    def __call__(self, line: str) -> Completion:
        """Return what may stand for the last word of `line`, in any case of letters, in alphabetical order."""
        start = max(line.rfind(" "), line.rfind("\n")) + 1
        word = line[start:]
        if start == 0 and word.startswith("/"):
            words = [f"{name} " for name in self.commands]
        elif word.startswith("#"):
            words = [f"#{room} " for room in self._rooms()]
        elif line.startswith("/join "):
            words = [f"{room} " for room in self._rooms()]
        elif not word:
            words = []
        else:
            after = ": " if start == 0 else " "
            words = [f"{nick}{after}" for nick in self._nicks()]
        folded = word.casefold()
        return Completion(start, sorted(fit for fit in words if fit.casefold().startswith(folded)))
