"""The servers that are measured side by side, each one a small module with the same few names (`Subject`).

This file owns what these names mean, and the list. It must not know what is measured.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple, Protocol, cast

NAMES: Final = (
    "trio_chat",
    "nats",
    "redis",
    "trio_chat_sqlite",
    "jetstream",
    "ngircd",
    "asyncio_streams",
    "asyncio_uvloop",
    "trio_chat_websocket",
    "websockets_broadcast",
    "threads",
    "select_loop",
)
"""The modules of this package that are subjects, the most asked-for first."""


class Place(NamedTuple):
    """Where a subject listens, and the directory that is its own."""

    port: int
    directory: Path


class Subject(Protocol):
    """What a load generator has to know of a server. Modules of this package are what implements it."""

    @property
    def NAME(self) -> str:  # noqa: N802  # a constant of a module
        """How tables call it."""

    @property
    def SETTINGS(self) -> str:  # noqa: N802
        """How it is run, and why, in a sentence for the docs."""

    @property
    def ECHOES(self) -> bool:  # noqa: N802
        """Whether who says something in a room gets it too."""

    @property
    def IN_FLIGHT(self) -> int:  # noqa: N802
        """How many messages may be on their way at most, where it cannot bear as many as others; 0: as many."""

    @property
    def LOGGED_IN(self) -> bytes:  # noqa: N802
        """What the answer to `login` contains."""

    @property
    def JOINED(self) -> bytes:  # noqa: N802
        """What the answer to `join` contains, last."""

    @property
    def ACK(self) -> bytes:  # noqa: N802
        """What each acknowledgement contains that a speaker gets for a text, once; empty: there is none."""

    def missing(self) -> str:
        """Return what is not installed, in a sentence; empty if it can run."""

    def version(self) -> str:
        """Return which version is installed."""

    def command(self, place: Place) -> Sequence[str]:
        """Return the command that starts it; configuration is written into the place's directory."""

    def environment(self) -> Mapping[str, str]:
        """Return the variables to set for it."""

    def prepare(self, rooms: Sequence[str]) -> bytes:
        """Return what is said once, on a connection that is logged in, before others come; empty: nothing.

        It is answered like `join`.
        """

    def login(self, number: int) -> bytes:
        """Return what client `number` says first."""

    def join(self, number: int, room: str) -> bytes:
        """Return what lets it hear a room (and speak there)."""

    def speak_only(self, number: int, room: str) -> bytes:
        """Return what lets it speak in a room without hearing it, where that can be had; or else what joins."""

    def publish(self, number: int, room: str, text: bytes, ticket: bytes) -> bytes:
        """Return what says `text` in `room`; `ticket` is 8 digits that this client has not used yet."""


def load(name: str) -> Subject:
    """Return a subject by the name of its module."""
    return cast(Subject, import_module(f"{__name__}.{name}"))
