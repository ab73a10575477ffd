"""Proves that any bytes bring a message or a MessageError out of a decoder, and nothing else."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from protocol import FrameDecoder, MessageError, decode_from_client, decode_from_server, encode
from tests.protocol import spec
from tests.protocol.hostile import HOSTILE, NAMES, SCALARS, VALUE
from tests.protocol.samples import FROM_CLIENT, FROM_SERVER, IDS, sample
from tests.protocol.streams import cut, drain

Decode = Callable[[bytes], Any]
BOTH: Final = pytest.mark.parametrize("decode", [decode_from_client, decode_from_server], ids=["client", "server"])


def outcome(decode: Decode, payload: bytes) -> Any:
    """Return the message or the declared error that comes of a payload; any other exception goes through."""
    try:
        return decode(payload)
    except MessageError as error:
        return error


@BOTH
@given(payload=HOSTILE)
@example(payload=b"")
@example(payload=b'{"type":"ping","id":1,"x":' + b"[" * 100_000)
@example(payload=b'{"type":"' + b"\\u001b" * 9_000 + b'","id":1}')
def test_any_bytes_give_a_message_or_a_message_error_and_nothing_else(decode: Decode, payload: bytes) -> None:
    result = outcome(decode, payload)
    if not isinstance(result, MessageError):
        assert type(result) in (FROM_CLIENT if decode is decode_from_client else FROM_SERVER)
        assert decode(encode(result)) == result
        return
    assert result.code in (spec.CODES if decode is decode_from_client else {"bad_message"})
    assert result.id is None or 1 <= result.id < 2**31
    assert 0 < len(str(result)) < 300
    assert str(result).isprintable(), "the sentence would carry what the peer sent into a log"


@BOTH
@given(data=st.data())
def test_any_stream_gives_messages_or_a_declared_error_at_every_piece(decode: Decode, data: DataObject) -> None:
    payloads = data.draw(st.lists(st.binary(max_size=40) | VALUE, max_size=4))
    stream = b"".join(len(payload).to_bytes(4, "big") + payload for payload in payloads)
    decoder = FrameDecoder()
    for piece in data.draw(cut(stream)):
        decoder.feed(piece)
        taken: list[bytes] = []
        drain(decoder, taken)
        for payload in taken:
            result = outcome(decode, payload)
            assert isinstance(result, MessageError) or type(result) in FROM_CLIENT + FROM_SERVER


@BOTH
@pytest.mark.parametrize(
    "where", [b"[%s]", b"%s", b'{"x":%s}', b'{"type":"ping","id":1,"x":%s}', b'{"type":"pong","id":%s}']
)
def test_every_hostile_value_in_every_place_gives_a_message_or_a_message_error(decode: Decode, where: bytes) -> None:
    for value in [*SCALARS, b"[" * 100_000, b'{"a":' * 100_000, b"[" * 5_000 + b"]" * 5_000]:
        result = outcome(decode, where % value)
        assert not isinstance(result, MessageError) or result.code == "bad_message"


@BOTH
@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "Input data was truncated"),
        (b"{", "Input data was truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"type":"ping","id":1} {}', "trailing characters"),
        (b'{"type":"ping","id":1,"x":NaN}', "JSON is malformed"),
        (b'{"type":"ping","id":1,"x":%s}' % (b"[" * 10_000), "nested too deep"),
        (b'{"type":"ping"}', "missing required field `id`"),
        (b'{"id":1}', "missing required field `type`"),
        (b'{"type":"nope","id":1}', "Invalid value 'nope'"),
        (b'{"type":"\\u001b[2J","id":1}', r"Invalid value '\?\[2J'"),
        (b'{"type":"ping","id":"1"}', "Expected `int`, got `str`"),
        (b'{"type":"\xff","id":1}', "(?i)utf-8"),
    ],
)
def test_what_is_not_understood_is_said(decode: Decode, payload: bytes, reason: str) -> None:
    with pytest.raises(MessageError, match=reason) as refused:
        decode(payload)
    assert refused.value.code == "bad_message"
    assert str(refused.value).startswith("The message is not understood: ")
    assert refused.value.__suppress_context__, "the cause would show a library's traceback to an operator"


@BOTH
@given(data=st.data(), id=IDS | st.sampled_from([1, 2**31 - 1]))
def test_a_bad_message_bears_the_id_where_it_could_be_read(decode: Decode, data: DataObject, id: int) -> None:
    fields: dict[str, Any] = data.draw(
        st.sampled_from(
            [{"type": "nope"}, {"type": 1}, {"type": None}, {}, {"type": "post", "text": 1}, {"type": ["post"]}]
        )
    )
    unknown = data.draw(st.dictionaries(st.text().filter(lambda name: name not in NAMES), st.integers(), max_size=2))
    said = data.draw(st.permutations([*{**unknown, **fields, "id": id}.items()]))
    with pytest.raises(MessageError) as refused:
        decode(json.dumps(dict(said)).encode())
    assert (refused.value.code, refused.value.id) == ("bad_message", id)


@BOTH
@pytest.mark.parametrize(
    "id",
    [b"0", b"-1", b"2147483648", b"99999999999", b"1.0", b"1e1", b'"1"', b"true", b"null", b"[1]", b"{}", b"9" * 5_000],
)
def test_a_bad_message_bears_no_id_where_it_holds_none_that_a_request_could_have(decode: Decode, id: bytes) -> None:
    for payload in (b'{"type":"nope","id":%s}' % id, b'{"type":"ping","id":%s}' % id, b'{"id":%s}' % id):
        with pytest.raises(MessageError) as refused:
            decode(payload)
        assert (refused.value.code, refused.value.id) == ("bad_message", None)


@BOTH
@pytest.mark.parametrize(
    "payload", [b'{"type":"nope","id":1', b'[{"id":1}]', b'{"type":"nope"}', b'{"x":{"id":1}}', b"1"]
)
def test_a_bad_message_bears_no_id_where_there_is_none_to_read(decode: Decode, payload: bytes) -> None:
    with pytest.raises(MessageError) as refused:
        decode(payload)
    assert refused.value.id is None


def test_of_a_field_that_comes_twice_the_last_one_counts_also_for_the_id_of_an_error() -> None:
    assert decode_from_client(b'{"type":"ping","id":1,"id":2}') == sample(spec.FROM_CLIENT["ping"], id=2)
    with pytest.raises(MessageError) as refused:
        decode_from_client(b'{"type":"nope","id":1,"id":2}')
    assert refused.value.id == 2


def test_bytes_that_are_no_utf_8_are_refused_in_every_field_that_is_read() -> None:
    for kind, field in (
        (spec.REQUESTS["leave"], "room"),
        (spec.REQUESTS["post"], "text"),
        (spec.REQUESTS["post"], "key"),
    ):
        payload = encode(sample(kind, **{field: "?"}, id=9)).replace(b'"?"', b'"\xff"')
        with pytest.raises(MessageError) as refused:
            decode_from_client(payload)
        assert (refused.value.code, refused.value.id) == ("bad_message", 9)
