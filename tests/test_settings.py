"""What is said of a setting that is wrong, for every way in which one can be."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from trio_chat.settings import complaint


class Inner(Struct, forbid_unknown_fields=True):
    room: str
    sync: Literal["full", "normal"] | None = None

    def __post_init__(self) -> None:
        if self.room == "nowhere":
            raise ValueError("there is no nowhere; name a room.")


class Outer(Struct, forbid_unknown_fields=True):
    port: Annotated[int, Meta(ge=0, le=65_535)] | None = None
    rate: Annotated[float, Meta(gt=0)] = 1.0
    share: Annotated[float, Meta(lt=1)] = 0.0
    name: str | None = None
    quiet: bool = False
    mode: Literal["a", "b"] = "a"
    inner: Inner | None = None
    hook: tuple[Inner, ...] = ()


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"port": 70_000}, "port has to be a whole number of at most 65535"),
        ({"port": -1}, "port has to be a whole number of at least 0"),
        ({"port": "x"}, "port has to be a whole number, not a text in quotes"),
        ({"port": 1.5}, "port has to be a whole number, not a number"),
        ({"rate": 0}, "rate has to be a number above 0"),
        ({"share": 2}, "share has to be a number below 1"),
        ({"name": 3}, "name has to be a text in quotes, not a whole number"),
        ({"quiet": "yes"}, "quiet has to be true or false, not a text in quotes"),
        ({"quiet": []}, "quiet has to be true or false, not a list"),
        ({"mode": "c"}, 'mode cannot be \'c\'; choose one of "a", "b"'),
        ({"prt": 1}, "there is no setting prt"),
        ({"inner": {"root": 1}}, "there is no setting inner.root"),
        ({"inner": {"room": "x", "sync": "no"}}, 'inner.sync cannot be \'no\'; choose one of "full", "normal"'),
        ({"hook": [{"room": "x", "sync": 3}]}, "hook[0].sync has to be a text in quotes, not a whole number"),
        ({"hook": [{"room": "x", "sync": "x"}]}, 'hook[0].sync cannot be \'x\'; choose one of "full", "normal"'),
        ({"inner": {}}, "inner has no room; add it"),
        ({"inner": 3}, "inner has to be a table, not a whole number"),
        ({"hook": 3}, "hook has to be a list, not a whole number"),
        ({"hook": [{}]}, "hook[0] has no room; add it"),
        ({"hook": [{"room": "x"}, {"room": 3}]}, "hook[1].room has to be a text in quotes, not a whole number"),
        ({"inner": {"room": "nowhere"}}, "there is no nowhere; name a room"),
    ],
)
def test_what_is_wrong_is_said_in_words(settings: dict[str, Any], wanted: str) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(settings, Outer)
    assert complaint(raised.value, Outer) == wanted
