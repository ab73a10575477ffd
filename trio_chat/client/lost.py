"""The end of a connection, as one sentence for people. It must not know who notices it, or what follows."""

from protocol import Bye


class Lost(Exception):
    """The connection is gone, or was never there; `str()` says why in a sentence, `retry_after_ms` when to return."""

    def __init__(self, reason: str, retry_after_ms: int | None = None) -> None:
        super().__init__(reason)
        self.retry_after_ms = retry_after_ms


def lost_by(bye: Bye) -> Lost:
    """Return what the server's goodbye means for the connection."""
    reason = bye.reason.rstrip(".") or "no reason given"
    return Lost(f"The server said goodbye: {reason}.", bye.retry_after_ms)
