"""What a client in another language is held to: `vectors.json`, made here from what `protocol/` does.

This file owns how it is made; nothing of it is written by hand. After a change, run ``python -m
tests.protocol.vectors``. It must not know who reads it (the page's client does, in tests/web).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from protocol import ANSWERS, MessageError, decode_from_server, encode
from tests.protocol.hostile import SCALARS
from tests.protocol.samples import FROM_SERVER, sample
from tests.protocol.streams import CASES, LIMIT

PATH: Final = Path(__file__).with_suffix(".json")

WRONG: Final[list[object]] = [None, True, "x", -1, 1.5, 2**31, 2**53, {}, [1], [{}]]
"""What a field is given in place of what belongs there; it fits some."""

OTHERS: Final = [
    *('{"type":"of a later version"}', '{"type":"of a later version","id":7}', '{"type":"toString","id":7}'),
    *('{"type":1,"id":7}', '{"id":7}', '{"type":"done","id":7,"new":1}', '{"type":"done","id":2147483648}'),
    *("[]", "null", "1", '"done"', "{", '{"type":"done","id":7}x', '\ufeff{"type":"done","id":7}'),
]


def made() -> dict[str, Any]:
    """Return the vectors: streams and their payloads, payloads and their text, what a server may say and may not."""
    payloads = [payload for payload in SCALARS if 0 < len(payload) < 100] + [b"\xef\xbb\xbf{}", b"\xf0\x9f\x98\x80"]
    return {
        "limit": LIMIT,
        "streams": [
            {**case._asdict(), "stream": case.stream.hex(), "payloads": [payload.hex() for payload in case.payloads]}
            for case in CASES
        ],
        "texts": [{"payload": payload.hex(), "text": text_of(payload)} for payload in payloads],
        "said": [understood(payload) for payload in (*said(), *OTHERS)],
        "answers": {tag(kind): [tag(answer) for answer in answers] for kind, answers in ANSWERS.items()},
    }


def text_of(payload: bytes) -> str | None:
    """Return the text of a payload; None if it is no UTF-8."""
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return None


def said() -> Iterator[str]:
    """Yield each message of a server, and it again with a field left out or given what does not belong there."""
    for kind in FROM_SERVER:
        smallest = json.loads(encode(sample(kind)))
        yield json.dumps(smallest)
        for field in msgspec.structs.fields(kind):
            yield json.dumps({name: value for name, value in smallest.items() if name != field.encode_name})
            yield from (json.dumps({**smallest, field.encode_name: value}) for value in WRONG)


def understood(payload: str) -> dict[str, Any]:
    """Return what a client makes of a payload: whether it is understood, and if not, what it is the answer to."""
    try:
        decode_from_server(payload.encode())
    except MessageError as error:
        return {"payload": payload, "understood": False, "id": error.id}
    return {"payload": payload, "understood": True}


def tag(kind: type[Any]) -> str:
    return str(kind.__struct_config__.tag)


def text() -> str:
    """Return what `vectors.json` has to hold."""
    parts = (f"{json.dumps(name)}: {_rows(value)}" for name, value in made().items())
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _rows(value: object) -> str:
    """Write a list with a row for each of its items, so that a change shows as what it is."""
    if not isinstance(value, list):
        return json.dumps(value)
    return "[\n" + ",\n".join(f"  {json.dumps(item)}" for item in value) + "\n]"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
