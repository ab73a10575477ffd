"""The errors of the client library, one tree with one root.

    ChatError
     ├── CannotConnect   nobody could be reached at the address: what to do stands in the message
     ├── Refused         the server answered `error`: react to `code`, show the message
     │    └── TurnLost   a bot's turn has ended with its connection: ask for another one
     ├── ClientClosed    the client was used after its end: open a new one
     └── BadUrl          (also a ValueError) the address is not one: correct it

A connection that is lost later is no error: the client reconnects, and says so with the event `Disconnected`.
This file must not know how any of them comes about.
"""


class ChatError(Exception):
    """What went wrong between this program and a chat server. `str()` is a sentence for a person."""


class CannotConnect(ChatError):
    """The first attempt to connect failed; the message says why and what to do."""


class Refused(ChatError):
    """The server, or a rule of the protocol checked before sending, refused a request.

    Attributes:
        code: one of the protocol's error codes, as `nick_taken` or `no_such_room`.
        message: the sentence that `str()` gives too.
        retry_after_ms: how long to wait before trying again, where waiting helps.
    """

    def __init__(self, code: str, message: str, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after_ms = retry_after_ms


class TurnLost(Refused):
    """A bot's turn has ended with its connection, before there was an answer. Ask for another turn, and say again under
    the same key what was being said."""

    def __init__(self) -> None:
        super().__init__("no_turn", "The connection was lost, and the turn with it.")


class ClientClosed(ChatError):
    """The client has ended: its block was left, or the server answered its goodbye. Nothing can be asked any more."""


class BadUrl(ChatError, ValueError):
    """The address of a server is not one that this library can use; the message shows a good one."""
