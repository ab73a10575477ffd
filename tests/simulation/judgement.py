"""What is raised when a promise is broken. It must not know who finds out."""


class Broken(AssertionError):
    """A promise of docs/protocol.md does not hold.

    Attributes:
        promise: its number; 0: something that every server must do, which needs no number.
    """

    def __init__(self, promise: int, what: str) -> None:
        super().__init__(f"promise {promise}: {what}" if promise else what)
        self.promise = promise
