"""A mention, told outside of the screen: by the bell, and in the title of the terminal's window.

This file owns when it rings, and for how long the title tells of it. It must not know keys, nor when frames are drawn.
"""

from protocol import Message
from trio_chat.client.screen.model import Model
from trio_chat.client.screen.terminal import title


class Bell:
    """See the head of this file.

    Args:
        model: has the last mention.
        server: what the title says else.
        wanted: whether it rings at all.
    """

    def __init__(self, model: Model, server: str, *, wanted: bool) -> None:
        self._model = model
        self._server = server
        self._wanted = wanted
        self._told: Message | None = None

    def answered(self) -> None:
        """Note that somebody is here: what has rung needs no title any more."""
        if self._model.mentioned is self._told:
            self._model.mentioned = None

    def ring(self) -> str:
        """Return what tells the terminal of a mention that is new, or of the end of one; mostly nothing."""
        mentioned = self._model.mentioned
        if not self._wanted or mentioned is self._told:
            return ""
        self._told = mentioned
        if mentioned is None:
            return title(self._server)
        return "\a" + title(f"{mentioned.nick} in {self._model.label(mentioned.room)}")
