"""What is wrong with a setting, said to whoever wrote it.

This file owns the words. It must not know any setting: what is asked of each is told by its type.
"""

import re
from typing import Final

import msgspec
from msgspec import inspect

_KINDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text in quotes",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}
_BOUNDS: Final = {"<=": "of at most", ">=": "of at least", "<": "below", ">": "above"}

_EXPECTED: Final = re.compile(
    r"Expected `(?P<kind>[^`]+)`(?: (?P<bound>[<>]=?) (?P<limit>\S+))?(?:, got `(?P<got>\w+)`)?"
)
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.+)`")
_MISSING: Final = re.compile(r"Object missing required field `(.+)`")
_NO_CHOICE: Final = re.compile(r"Invalid enum value (.+)")


def complaint(error: msgspec.ValidationError, settings: object) -> str:
    """Return what is wrong, as a clause without a full stop that names the setting as it is written in TOML.

    Args:
        error: what `msgspec.convert` raised; what it is by a `ValueError` of the settings' own is said as it is.
        settings: the type that it was to be converted to.
    """
    message, _, place = str(error).rpartition(" - at `$")
    place = place.removesuffix("`").removeprefix(".")
    if not message:
        message, place = str(error), ""
    if unknown := _UNKNOWN.fullmatch(message):
        return f"there is no setting {place}{'.' if place else ''}{unknown[1]}"
    if missing := _MISSING.fullmatch(message):
        return f"{place or 'it'} has no {missing[1]}; add it"
    if no_choice := _NO_CHOICE.fullmatch(message):
        return f"{place} cannot be {no_choice[1]}; choose one of {', '.join(_choices(settings, place))}"
    if expected := _EXPECTED.fullmatch(message):
        return f"{place} {_wanted(expected)}"
    return message.removesuffix(".")


def _wanted(expected: re.Match[str]) -> str:
    kinds = [_KINDS.get(kind, kind) for kind in expected["kind"].split(" | ") if kind != "null"]
    wanted = f"has to be {' or '.join(kinds)}"
    if expected["bound"]:
        return f"{wanted} {_BOUNDS[expected['bound']]} {float(expected['limit']):g}"
    return f"{wanted}, not {_KINDS.get(expected['got'], expected['got'])}" if expected["got"] else wanted


def _choices(settings: object, place: str) -> list[str]:
    """Return what the setting at a place may be, as it is written in TOML."""
    kind = inspect.type_info(settings)
    for name in place.split("."):
        assert isinstance(kind, inspect.StructType | inspect.DataclassType)
        kind = next(field.type for field in kind.fields if field.encode_name == name.partition("[")[0])
        if isinstance(kind, inspect.UnionType):
            kind = next(one for one in kind.types if not isinstance(one, inspect.NoneType))
        if isinstance(kind, inspect.VarTupleType | inspect.ListType):
            kind = kind.item_type
    assert isinstance(kind, inspect.LiteralType)
    return [f'"{value}"' for value in kind.values]
