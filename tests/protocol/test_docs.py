"""Proves that the tables of docs/protocol.md name exactly the fields that the messages have."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

import protocol
from tests.protocol import spec

DOCUMENT: Final = Path(protocol.__file__).parent.parent / "docs" / "protocol.md"
# What stands in brackets behind a field: its default, its parts, its values.
ASIDE: Final = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]|\([^()]*\)")


def rows(heading: str) -> Iterator[tuple[str, dict[str, bool]]]:
    """Yield each name in the first column of the table below `heading`, with its fields: true for those it needs."""
    section = DOCUMENT.read_text("utf-8").partition(f"### {heading}\n")[2].partition("\n#")[0]
    for line in re.findall(r"^\| (`.*) \|$", section, re.MULTILINE):
        first, second, *_ = line.split("|")
        while ASIDE.search(second):
            second = ASIDE.sub("", second)
        fields = {name: not mark for name, mark in re.findall(r"`(\w+)`(\??)", second.partition(":")[0])}
        for name in re.findall(r"`(\w+)`", first):
            yield name, fields


def of_messages(kinds: dict[str, type[Any]]) -> dict[str, dict[str, bool]]:
    return {
        tag: {field.encode_name: field.required for field in msgspec.structs.fields(kind)}
        for tag, kind in kinds.items()
    }


def test_the_table_of_requests_is_that_of_the_code() -> None:
    pong = {"pong": protocol.Pong}  # stands among the answers
    documented = {name: {"id": True, **fields} for name, fields in rows("Requests")}
    assert documented == of_messages({tag: kind for tag, kind in spec.FROM_CLIENT.items() if tag not in pong})


def test_the_table_of_answers_and_events_is_that_of_the_code() -> None:
    ping = {"ping": protocol.Ping}  # stands among the requests
    documented = dict(rows("Answers and events"))
    assert documented == of_messages({tag: kind for tag, kind in spec.FROM_SERVER.items() if tag not in ping})


@pytest.mark.parametrize("code", sorted(spec.CODES | {"bad_frame"}))
def test_every_code_of_the_code_is_explained(code: str) -> None:
    assert f"| `{code}` |" in DOCUMENT.read_text("utf-8")
