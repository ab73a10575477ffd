"""Proves that what clients in other languages are held to is true of `protocol/` as it is."""

from tests.protocol.vectors import PATH, text


def test_the_vectors_are_what_the_protocol_does() -> None:
    assert PATH.read_text(encoding="utf-8") == text(), "run `python -m tests.protocol.vectors`, and look at the change"
