"""What others wrote, made safe to draw: every character that a terminal obeys instead of showing becomes visible.

This file owns which characters those are and what stands in their place. It must not know where text comes
from, nor colours.
"""

import re
from collections.abc import Iterator
from typing import Final

# The general categories Cc, Zl, Zp and Cs, the property Bidi_Control (which reorders what stands around it:
# "Trojan Source", CVE-2021-42574), and the deprecated format characters U+206A to U+206F. In texts of several
# lines newline and tab are left to the caller, for what they do depends on where they are drawn.
_BEYOND_ASCII: Final = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff"
_IN_LINE: Final = re.compile(f"[\x00-\x1f{_BEYOND_ASCII}]")
_IN_TEXT: Final = re.compile(f"[\x00-\x08\x0b-\x1f{_BEYOND_ASCII}]")

_CONTROL_PICTURES: Final = 0x2400
_PICTURE_OF_DELETE: Final = "\u2421"


def visible(character: str) -> str:
    """Return what stands for a harmful character: its control picture (``␛``), or its number (``\\u202e``)."""
    code = ord(character)
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    if code == 0x7F:
        return _PICTURE_OF_DELETE
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def pieces(text: str, *, line: bool = False) -> Iterator[tuple[str, bool]]:
    """Cut `text` into what may be drawn as it is, and (marked True) what stands for a harmful character.

    Args:
        text: what somebody wrote.
        line: it is to be one line, in which newline and tab are harmful too.
    """
    if text.isprintable():  # false for every harmful character, and far cheaper than the search it saves
        if text:
            yield text, False
        return
    done = 0
    for found in (_IN_LINE if line else _IN_TEXT).finditer(text):
        if found.start() > done:
            yield text[done : found.start()], False
        yield visible(found[0]), True
        done = found.end()
    if done < len(text):
        yield text[done:], False


def harmless(text: str) -> str:
    """Return `text` with every harmful character made visible; newlines and tabs stay."""
    return "".join(piece for piece, _ in pieces(text))


def harmless_line(text: str) -> str:
    """Return `text` as one line, with every harmful character, newline and tab made visible."""
    return "".join(piece for piece, _ in pieces(text, line=True))


def harmless_json(text: str) -> str:
    """Return a JSON text with the harmful characters that JSON lets stand in its strings written as escapes.

    It means the same to every reader, and may be looked at in a terminal.
    """
    if text.isprintable():
        return text
    return _IN_TEXT.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
