"""Refusals: what a request is answered with when it is not carried out.

This file owns the pairing of the protocol's error codes with a sentence. It must not know why a rule exists.
"""

from protocol import Error
from trio_chat.names import NameRefused


class Refusal(Exception):
    """A request that was understood and is not carried out.

    Args:
        code: one of the protocol's error codes.
        message: a sentence for a person that says what to do.
        retry_after_ms: when trying again makes sense, in milliseconds from now.
    """

    def __init__(self, code: str, message: str, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_ms = retry_after_ms


def refused(number: int, refusal: Refusal | NameRefused) -> Error:
    """Return the answer to the request with this id."""
    retry_after_ms = refusal.retry_after_ms if isinstance(refusal, Refusal) else None
    return Error(number, refusal.code, str(refusal), retry_after_ms)
