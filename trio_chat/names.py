"""When two nicks, or two rooms, are one; and which names nobody may bear.

This file owns the server's policy on names: PRECIS (RFC 8264, RFC 8265) says which characters make a name and
what its one written form is, Unicode TR39 which mixtures of scripts deceive. It must not know who bears a name,
which names are taken, or what the wire checks by itself.
"""

import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from confusable_homoglyphs.categories import alias  # type: ignore[import-untyped]  # it ships no types
from confusable_homoglyphs.confusables import is_confusable  # type: ignore[import-untyped]  # it ships no types
from precis_i18n import get_profile
from precis_i18n.profile import Profile

from protocol import NICK_CHARS, ROOM_CHARS, MessageError, check_name

NICK_NOT_FIRST: Final = "#~@/<"
"""What no nick starts with: it reads as a room, a private room, somebody addressed, a command, a line of chat."""

_CACHED: Final = 4_096  # names remembered, each at most 64 characters: less than 2 MiB

_NICK: Final = get_profile("UsernameCasePreserved")
# Case folding rather than lower case: it alone makes STRASSE and Straße one. Nicks are told apart, not looked up
# in other systems, so the reason of RFC 8265 for lower case does not hold here.
_NICK_KEY: Final = get_profile("UsernameCaseMapped:CaseFold")
_ROOM: Final = get_profile("UsernameCaseMapped")

# Scripts that one language writes together: the rows Jpan, Kore and Hanb of TR39, section 5.1.
_ASIAN: Final = (
    frozenset({"HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"HAN", "HANGUL"}),
    frozenset({"HAN", "BOPOMOFO"}),
)
_LATIN: Final = frozenset({"LATIN"})
_ANY_SCRIPT: Final = frozenset({"COMMON", "INHERITED"})  # digits, signs and marks that go with every script


class NameRefused(ValueError):
    """Nobody may bear this name; `str()` says what to do, in one sentence for who asked.

    Attributes:
        code: the protocol's error code, always `bad_name`.
    """

    code: Final = "bad_name"


class NickName(NamedTuple):
    """A nick: `shown` is how it is written, `key` what it is told apart by. Equal keys are one nick."""

    shown: str
    key: str


@lru_cache(maxsize=_CACHED)
def nick_key(nick: str) -> NickName:
    """Return how a nick is shown, and the key that makes two nicks one.

    Shown is PRECIS UsernameCasePreserved. The key is that after NFKC and case folding; it is a nick itself,
    and its own key.

    Args:
        nick: what somebody wants to be called, 1 to 32 characters before and after normalisation.

    Raises:
        NameRefused: it has another length, a space or control character, one that PRECIS does not allow, a first
            character out of `NICK_NOT_FIRST`, a direction that changes, or scripts mixed so that they deceive.
    """
    _check("nick", nick, NICK_CHARS)
    shown = _enforced("nick", nick, NICK_CHARS, _NICK)
    if shown[0] in NICK_NOT_FIRST:
        raise NameRefused(f"A nick does not start with {shown[0]}; leave it out, or start with a letter.")
    # Taken apart before case is folded (Unicode 3.13, D146), put together by the profile after it.
    key = _enforced("nick", unicodedata.normalize("NFKD", shown), NICK_CHARS, _NICK_KEY)
    for form in (shown, key):  # case folding can bring a letter: U+0345, a mark, becomes a Greek iota
        _refuse_deceit(form)
    return NickName(shown, key)


@lru_cache(maxsize=_CACHED)
def room_name(text: str) -> str:
    """Return the one name of a room, as it is stored and sent: PRECIS UsernameCaseMapped.

    The result is its own name. Names that start with ``~`` are the server's, for private rooms: look those up
    before coming here.

    Args:
        text: what somebody calls the room, with or without one leading ``#``; 1 to 64 characters without it.

    Raises:
        NameRefused: it has another length, a space or control character, one that PRECIS does not allow, a
            direction that changes, or starts with ``~`` or a second ``#``.
    """
    name = text[1:] if text[:1] in ("#", "\uff03") else text  # the second as Asian keyboards write it
    _check("room's name", name, ROOM_CHARS)
    room = _enforced("room's name", name, ROOM_CHARS, _ROOM)
    if room[0] == "#":
        raise NameRefused("A room's name starts with one # only; leave the others out.")
    if room[0] == "~":
        raise NameRefused("Names that start with ~ belong to private rooms; choose another first character.")
    return room


def _check(what: str, name: str, limit: int) -> None:
    try:
        check_name(what, name, limit)
    except MessageError as error:
        raise NameRefused(str(error)) from None
    if any(map(str.isspace, name)):
        raise NameRefused(f"A {what} holds no spaces; write _ or - in their place.")


def _enforced(what: str, name: str, limit: int, profile: Profile) -> str:
    try:
        enforced = profile.enforce(name)
    except UnicodeEncodeError as error:
        raise NameRefused(_sentence(what, error)) from None
    if len(enforced) > limit:  # ß becomes ss in a key
        raise NameRefused(f"A {what} has 1 to {limit} characters; this one has {len(enforced)} as it is compared.")
    if unicodedata.category(enforced[0]).startswith("M"):  # it would change whatever is printed in front of it
        raise NameRefused(f"A {what} does not start with a combining mark; put a letter in front of it.")
    return enforced


def _sentence(what: str, error: UnicodeEncodeError) -> str:
    """Say in a sentence what PRECIS says in a code."""
    if error.reason.endswith("/bidi_rule"):
        return f"The {what} changes its direction of writing; write it from left to right, or from right to left."
    character = error.object[error.start]
    named = unicodedata.name(character, "a character")
    return f"The {what} holds {named} (U+{ord(character):04X}); use letters, digits and the signs of ASCII."


def _refuse_deceit(nick: str) -> None:
    """Raise `NameRefused` if letters of one script pass for those of another: ``admin`` with a Cyrillic a.

    A nick wholly in one script passes, even where it looks like one in another: it is somebody's real name.
    """
    letters = {letter: script for letter in nick if (script := alias(letter)) not in _ANY_SCRIPT}
    scripts = frozenset(letters.values())
    if len(scripts) < 2 or any(scripts <= together for together in _ASIAN):
        return
    if any(is_confusable("".join(letters), preferred_aliases=[read_as]) for read_as in _readings(scripts)):
        named = " and ".join(sorted(script.replace("_", " ").title() for script in scripts))
        raise NameRefused(f"The nick mixes {named} letters that look alike; write it in one script.")


def _readings(scripts: frozenset[str]) -> frozenset[str]:
    """Return the scripts for which a letter of another one could be taken.

    Asian names with Latin letters in them are common (TR39 calls the mixture highly restrictive), and the Latin
    ones are genuine: only an Asian letter may deceive. Latin is always asked about, for the data relates most
    look-alikes by way of their Latin one.
    """
    if any(scripts - _LATIN <= together for together in _ASIAN):
        return _LATIN
    return scripts | _LATIN
