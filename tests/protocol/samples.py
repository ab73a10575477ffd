"""Messages for tests: one smallest sample of each type, and strategies for all that a type can hold.

This file owns both, made from the types' own annotations, so that no type and no field can be forgotten. It
must not know what a test proves with them.
"""

from typing import Any, Final, TypeVar, get_args

import msgspec.inspect
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from protocol import (
    NICK_CHARS,
    REASON_CHARS,
    ROOM_CHARS,
    TEXT_CHARS,
    CommandOffer,
    FromClient,
    FromServer,
    Offer,
    SetTopic,
)

FROM_CLIENT: Final[tuple[type[Any], ...]] = get_args(FromClient)
FROM_SERVER: Final[tuple[type[Any], ...]] = get_args(FromServer)

SESSION: Final = "0123456789abcdef" * 2
IDS: Final = st.integers(1, 2**31 - 1)

M = TypeVar("M")

# The rules of docs/protocol.md in Hypothesis' words, written without a look at those of protocol/codec.py.
LINES: Final = st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"])
TEXTS: Final = st.characters(codec="utf-8", exclude_categories=["Cc"], include_characters="\n\t")
PRINTABLE_ASCII: Final = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
_ACCEPTABLE: Final[dict[str, SearchStrategy[str]]] = {
    "session": st.text("0123456789abcdef", min_size=32, max_size=32),
    "nick": st.text(LINES, min_size=1, max_size=NICK_CHARS),
    "room": st.text(LINES, min_size=1, max_size=ROOM_CHARS),
    "agent": st.text(LINES, max_size=200),
    "reason": st.text(LINES, max_size=REASON_CHARS),
    "query": st.text(LINES, max_size=500),
    "doing": st.text(LINES, max_size=200),
    "key": st.text(PRINTABLE_ASCII, min_size=1, max_size=64),
    "text": st.text(TEXTS, min_size=1, max_size=TEXT_CHARS),
    "line": st.text(TEXTS, max_size=TEXT_CHARS - 1).map(lambda rest: "/" + rest),
}
_TOPICS: Final = st.text(LINES, max_size=500)
_NAMES: Final = st.from_regex("/[a-z][a-z0-9_-]{0,30}", fullmatch=True)
_OFFERS: Final = st.lists(
    st.tuples(_NAMES, st.none() | st.text(LINES, max_size=60), st.text(LINES, max_size=200)).map(
        lambda offer: CommandOffer(offer[0], offer[0] if offer[1] is None else f"{offer[0]} {offer[1]}", offer[2])
    ),
    max_size=20,
)


def sample(kind: type[M], **fields: object) -> M:
    """Return a message of `kind` with `fields`, and the smallest acceptable values for the rest that it needs."""
    for field in _struct(kind).fields:
        if field.required and field.name not in fields:
            fields[field.name] = _smallest(field)
    return kind(**fields)


def messages(kind: type[Any]) -> SearchStrategy[Any]:
    """Return a strategy for all messages of `kind` that the decoder of its direction accepts."""
    return _messages(kind, acceptable=kind in FROM_CLIENT)


def from_client() -> SearchStrategy[Any]:
    """Return a strategy for everything that a client may say."""
    return st.sampled_from(FROM_CLIENT).flatmap(messages)


def from_server() -> SearchStrategy[Any]:
    """Return a strategy for everything that a server may say."""
    return st.sampled_from(FROM_SERVER).flatmap(messages)


# Asking msgspec takes longer than the rest of what a sample costs.
_STRUCTS: Final[dict[type[Any], msgspec.inspect.StructType]] = {}


def _struct(kind: type[Any]) -> msgspec.inspect.StructType:
    if kind not in _STRUCTS:
        info = msgspec.inspect.type_info(kind)
        assert isinstance(info, msgspec.inspect.StructType)
        _STRUCTS[kind] = info
    return _STRUCTS[kind]


def _smallest(field: msgspec.inspect.Field) -> object:
    match field.type:
        case msgspec.inspect.StrType():
            return {"session": SESSION, "line": "/x"}.get(field.name, "x")
        case msgspec.inspect.IntType(ge=least):
            return least or 0
        case msgspec.inspect.BoolType():
            return False
        case msgspec.inspect.LiteralType(values=values):
            return values[0]
        case msgspec.inspect.ListType():
            return []
        case msgspec.inspect.StructType(cls=kind):
            return sample(kind)
        case msgspec.inspect.UnionType(includes_none=True):
            return None
    raise NotImplementedError(f"no sample for {field}")


def _messages(kind: type[Any], *, acceptable: bool = False) -> SearchStrategy[Any]:
    fields = {
        field.name: _acceptable(kind, field) if acceptable else _values(field.type) for field in _struct(kind).fields
    }
    return st.builds(kind, **fields)


def _acceptable(kind: type[Any], field: msgspec.inspect.Field) -> SearchStrategy[Any]:
    if kind is SetTopic and field.name == "text":
        return _TOPICS
    if kind is Offer and field.name == "commands":
        return _OFFERS
    strategy = _ACCEPTABLE.get(field.name)
    if strategy is None:
        return _values(field.type)
    optional = isinstance(field.type, msgspec.inspect.UnionType)
    return st.none() | strategy if optional else strategy


def _values(info: msgspec.inspect.Type) -> SearchStrategy[Any]:
    match info:
        case msgspec.inspect.IntType(ge=least, le=most):
            return st.integers(least, most)
        case msgspec.inspect.StrType(min_length=shortest, max_length=longest):
            return st.text(min_size=shortest or 0, max_size=longest)
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.ListType(item_type=item):
            return st.lists(_values(item), max_size=3)
        case msgspec.inspect.StructType(cls=kind):
            return _messages(kind)
        case msgspec.inspect.UnionType(types=types):
            return st.one_of([_values(one) for one in types])
    raise NotImplementedError(f"no strategy for {info}")
