"""Proves that the unions hold every message of docs/protocol.md under its name, and that each survives the wire."""

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

import protocol.messages
import protocol.requests
import protocol.values
from protocol import Entry, Event, Request, decode_from_client, decode_from_server, encode
from protocol.messages import Answer
from tests.protocol import spec
from tests.protocol.samples import FROM_CLIENT, FROM_SERVER, from_client, from_server, messages, sample

DECODERS = {"client": decode_from_client, "server": decode_from_server}
EVERY_TYPE = [("client", kind) for kind in FROM_CLIENT] + [("server", kind) for kind in FROM_SERVER]


def test_the_unions_hold_every_message_of_the_specification_and_no_other() -> None:
    assert set(FROM_CLIENT) == set(spec.FROM_CLIENT.values())
    assert set(FROM_SERVER) == set(spec.FROM_SERVER.values())


def test_no_message_that_is_defined_was_left_out_of_the_unions() -> None:
    defined = {
        kind
        for module in (protocol.messages, protocol.requests)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__struct_config__.tag is not None
    }
    assert defined - {protocol.values.Wire} == {*FROM_CLIENT, *FROM_SERVER}


def test_requests_answers_events_and_entries_are_those_of_the_specification() -> None:
    assert set(get_args(Request)) == set(spec.REQUESTS.values())
    assert set(get_args(Answer)) == set((spec.ANSWERS_ONLY | spec.ANSWERS_OR_EVENTS).values())
    assert set(get_args(Event)) == set((spec.EVENTS_ONLY | spec.ANSWERS_OR_EVENTS).values())
    assert {kind.__name__ for kind in get_args(Entry)} == {"Message", "Edited", "Redacted", "TopicSet"}


@pytest.mark.parametrize(("tag", "kind"), [*spec.FROM_CLIENT.items(), *spec.FROM_SERVER.items()])
def test_a_message_bears_the_name_of_the_specification(tag: str, kind: type[Any]) -> None:
    said = json.loads(encode(sample(kind)))
    assert next(iter(said.items())) == ("type", tag)


@pytest.mark.parametrize(("who", "kind"), EVERY_TYPE)
def test_a_message_says_with_an_id_whether_it_wants_or_is_an_answer(who: str, kind: type[Any]) -> None:
    required = {field.name for field in msgspec.structs.fields(kind) if field.required}
    allowed = {field.name for field in msgspec.structs.fields(kind)}
    if kind in spec.EVENTS_ONLY.values():
        assert "id" not in allowed
    elif kind in spec.ANSWERS_OR_EVENTS.values():
        assert sample(kind).id is None
        assert sample(kind, id=7).id == 7
    else:
        assert "id" in required


@pytest.mark.parametrize("kind", dict.fromkeys(FROM_CLIENT + FROM_SERVER))
def test_a_message_is_frozen(kind: type[Any]) -> None:
    message = sample(kind)
    with pytest.raises(AttributeError):
        setattr(message, msgspec.structs.fields(kind)[0].name, 1)


@pytest.mark.parametrize(("who", "kind"), EVERY_TYPE)
def test_the_smallest_message_of_each_type_comes_back(who: str, kind: type[Any]) -> None:
    message = sample(kind)
    assert DECODERS[who](encode(message)) == message


@pytest.mark.parametrize(("who", "kind"), EVERY_TYPE)
@given(data=st.data())
def test_decode_after_encode_is_identity_for_every_type(who: str, kind: type[Any], data: DataObject) -> None:
    message = data.draw(messages(kind))
    decoded = DECODERS[who](encode(message))
    assert type(decoded) is kind
    assert decoded == message


@given(message=from_client() | from_server())
def test_a_payload_is_one_json_object_in_utf_8_with_a_type(message: Any) -> None:
    said = json.loads(encode(message).decode("utf-8"))
    assert type(said) is dict
    assert said["type"] == type(message).__struct_config__.tag


JSON = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.lists(st.integers())
    | st.dictionaries(st.text(), st.none())
)


@given(st.data(), st.sampled_from(EVERY_TYPE), st.dictionaries(st.text(), JSON, max_size=3))
def test_unknown_fields_are_ignored_and_order_means_nothing(
    data: DataObject, which: tuple[str, type[Any]], unknown: dict[str, Any]
) -> None:
    who, kind = which
    message = data.draw(messages(kind))
    said = {**unknown, **json.loads(encode(message))}
    known = {field.encode_name for field in msgspec.structs.fields(kind)} | {"type"}
    said = {name: value for name, value in said.items() if name in json.loads(encode(message)) or name not in known}
    shuffled = dict(data.draw(st.permutations(list(said.items()))))
    assert DECODERS[who](json.dumps(shuffled).encode()) == message


@pytest.mark.parametrize(("who", "kind"), EVERY_TYPE)
def test_a_message_without_one_of_its_fields_is_not_understood(who: str, kind: type[Any]) -> None:
    said = json.loads(encode(sample(kind)))
    required = [field.encode_name for field in msgspec.structs.fields(kind) if field.required]
    for field in ["type", *required]:
        payload = json.dumps({name: value for name, value in said.items() if name != field}).encode()
        with pytest.raises(protocol.MessageError) as refused:
            DECODERS[who](payload)
        assert refused.value.code == "bad_message"
        assert refused.value.id == (None if field == "id" else said.get("id"))


@pytest.mark.parametrize(("who", "kind"), EVERY_TYPE)
def test_what_only_the_other_side_says_is_not_understood(who: str, kind: type[Any]) -> None:
    other = "server" if who == "client" else "client"
    names = {"client": spec.FROM_CLIENT, "server": spec.FROM_SERVER}
    payload = encode(sample(kind))
    if json.loads(payload)["type"] in names[other]:  # as `history` asked for and `history` answered
        return
    with pytest.raises(protocol.MessageError, match=r"\$\.type"):
        DECODERS[other](payload)


def test_lengths_and_characters_are_the_servers_to_keep_a_client_takes_what_it_says() -> None:
    said = sample(protocol.Message, text="\x1b" * 5_000, nick="\n" * 100)
    assert decode_from_server(encode(said)) == said


@pytest.mark.parametrize(
    ("kind", "field", "least", "most"),
    [
        (protocol.Ping, "id", 1, 2**31 - 1),
        (protocol.Post, "id", 1, 2**31 - 1),
        (protocol.Post, "reply_to", 0, 2**53 - 1),
        (protocol.Edit, "target", 0, 2**53 - 1),
        (protocol.GetHistory, "before", 0, 2**53 - 1),
        (protocol.GetHistory, "limit", 0, 2**31 - 1),
        (protocol.Join, "last", 0, 2**31 - 1),
        (protocol.Message, "seq", 0, 2**53 - 1),
        (protocol.Message, "at", 0, 2**53 - 1),
        (protocol.Joined, "count", 0, 2**31 - 1),
        (protocol.Error, "retry_after_ms", 0, 2**53 - 1),
    ],
)
def test_a_number_is_accepted_exactly_within_its_range(kind: type[Any], field: str, least: int, most: int) -> None:
    decode = decode_from_client if kind in FROM_CLIENT else decode_from_server
    for number in (least, most):
        assert getattr(decode(encode(sample(kind, **{field: number}))), field) == number
    for number in (least - 1, most + 1):
        with pytest.raises(protocol.MessageError) as refused:
            decode(encode(sample(kind, **{field: number})))
        assert refused.value.code == "bad_message"
