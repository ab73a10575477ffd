"""The server's log: structured events, handed to the standard library's logging.

This file owns how an event becomes a line. Whoever embeds the server configures `logging` as usual, under the
name `trio_chat.server`; the command line does it with `log_to_stderr`.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from trio_chat.server.config import LogLevel

_STANDARD = logging.getLogger("trio_chat.server")


def _render(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
    event.pop("exc_info", None)  # the traceback follows in lines of its own
    return " ".join([str(event.pop("event")), *(f"{key}={value!r}" for key, value in event.items())])


log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
    _STANDARD,
    wrapper_class=structlog.stdlib.BoundLogger,
    processors=[structlog.stdlib.filter_by_level, _render],
)


class _EventFirst(logging.Formatter):
    """One line an event: time in UTC, level, what happened, and its particulars."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  # logging's name
        return time.strftime(datefmt or "%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))


def log_to_stderr(level: "LogLevel") -> None:
    """Write events of at least this level to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(_EventFirst())
    _STANDARD.handlers = [handler]
    _STANDARD.setLevel(level.upper())
    _STANDARD.propagate = False


@contextmanager
def capture_log(handler: logging.Handler) -> Iterator[None]:
    """Give events to another handler, and to no other, for as long as the block lasts."""
    before, _STANDARD.handlers = _STANDARD.handlers, [handler]
    try:
        yield
    finally:
        _STANDARD.handlers = before
