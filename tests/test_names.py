"""Which names are accepted, how they are written, and when two are one."""

import contextlib
import lzma
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from protocol import NICK_CHARS, ROOM_CHARS
from trio_chat.names import NICK_NOT_FIRST, NameRefused, NickName, nick_key, room_name

LOG = Path(__file__).parents[2] / "shared" / "data" / "ubuntu-irc-train.txt.xz"

IN_A_LOG = re.compile(
    r"\[\d\d:\d\d\] (?:<(?P<says>[^>]*)>| \* (?P<acts>\S+))"
    r"|=== (?:(?P<moves>\S+) has (?:joined|left) #|(?P<was>\S+) is now known as (?P<now>\S+))"
)

anything = st.text() | st.text(st.characters(categories=["L", "M", "N", "P"]))
words = st.text(st.characters(categories=["Lu", "Ll", "Lo", "Lm", "Mn", "Nd"]), min_size=1, max_size=NICK_CHARS)
ascii_words = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=NICK_CHARS)
names = words | ascii_words | st.text("aAǰßẞİıΣσςᾳΐ\u0345\u0301·lL\u0130éÅᲀꭰᏰ가ㅏ１Ａ_-", min_size=1)


def accepted(nick: str) -> NickName:
    """Return the nick, or tell Hypothesis to try another one."""
    try:
        return nick_key(nick)
    except NameRefused:
        assume(False)
        raise


def accepted_room(text: str) -> str:
    """Return the room's name, or tell Hypothesis to try another one."""
    try:
        return room_name(text)
    except NameRefused:
        assume(False)
        raise


def refusal(nick: str) -> str:
    with pytest.raises(NameRefused) as caught:
        nick_key(nick)
    assert caught.value.code == "bad_name"
    return str(caught.value)


def room_refusal(text: str) -> str:
    with pytest.raises(NameRefused) as caught:
        room_name(text)
    assert caught.value.code == "bad_name"
    return str(caught.value)


# --- nicks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "nick",
    ["|QuaD-|", "`anthony", "[diablo]", "^mikey^", "{s}", "foo\\bar", "_", "42", "Ana.", "o'neil", "-", "a~#@/<"],
)
def test_a_nick_of_irc_is_shown_as_it_is(nick: str) -> None:
    assert nick_key(nick) == (nick, nick.lower())


@pytest.mark.parametrize(
    "nick",
    [
        "Петя", "сор", "Ελένη", "山田タロウ", "さくら", "スーパーマン", "김민수", "한글漢字", "ㄅㄆ漢", "दीपिका", "ไทย",
        "alice猫", "user_한글", "タロウ2", "Zoë", "Łukasz", "ñandú_7", "שלום1", "عربي",
    ],
)  # fmt: skip
def test_a_nick_in_the_letters_of_one_people_is_shown_as_it_is(nick: str) -> None:
    assert nick_key(nick).shown == unicodedata.normalize("NFC", nick)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alice", "aLICE"), ("Straße", "STRASSE"), ("Ａｌｉｃｅ", "alice"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("user１", "USER1"),
        ("Zoe\u0308", "zoë"), ("K\u212a", "kk"), ("ЖЕНЯ", "женя"), ("ｶﾀｶﾅ", "カタカナ"), ("Ꮳ", "ꮳ"),
    ],
)  # fmt: skip
def test_nicks_that_differ_in_case_or_form_only_are_one(one: str, other: str) -> None:
    assert nick_key(one).key == nick_key(other).key


@pytest.mark.parametrize(
    ("one", "other"), [("alice", "alice_"), ("сор", "cop"), ("zoë", "zoe"), ("{s}", "[s]"), ("ı", "i")]
)
def test_nicks_that_differ_in_more_are_two(one: str, other: str) -> None:
    assert nick_key(one).key != nick_key(other).key


@pytest.mark.parametrize(
    "nick",
    [
        "\u0430dmin", "adm\u0456n", "\u0391laska", "Allo\u03c4", "p\u0430ypal", "\u0441\u043e\u0440c", "o\u0440\u03bf",
        "\u0440\u03bf", "\u0561lice\u0585",
    ],
)  # fmt: skip
def test_a_nick_whose_letters_pass_for_those_of_another_script_is_refused(nick: str) -> None:
    assert refusal(nick).endswith("letters that look alike; write it in one script.")


def test_the_scripts_that_a_refused_nick_mixes_are_named() -> None:
    assert refusal("\u0430dmin") == "The nick mixes Cyrillic and Latin letters that look alike; write it in one script."


def test_a_mark_that_becomes_a_letter_without_case_deceives_nobody() -> None:
    assert "Greek and Latin" in refusal("a\u0345")


def test_scripts_without_look_alikes_may_be_mixed() -> None:
    assert nick_key("Z\u0434").shown == "Z\u0434"


@pytest.mark.parametrize("first", NICK_NOT_FIRST)
def test_a_nick_that_reads_as_something_else_is_refused(first: str) -> None:
    assert refusal(f"{first}alice") == f"A nick does not start with {first}; leave it out, or start with a letter."


def test_a_first_character_is_refused_in_its_wide_form_too() -> None:
    assert "does not start with #" in refusal("\uff03alice")


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u2003", "\u3000"])
def test_a_nick_with_a_space_is_refused(space: str) -> None:
    assert refusal(f"a{space}b") == "A nick holds no spaces; write _ or - in their place."


@pytest.mark.parametrize("nick", ["a\tb", "a\n", "\x1b[31m", "\x7f", "\u2028", "a\ud800"])
def test_a_nick_with_a_control_character_is_refused(nick: str) -> None:
    assert "control character U+" in refusal(nick)


@pytest.mark.parametrize(
    ("nick", "named"),
    [
        ("\ufb01", "LATIN SMALL LIGATURE FI (U+FB01)"), ("a\u200db", "ZERO WIDTH JOINER (U+200D)"),
        ("ab\u202e", "RIGHT-TO-LEFT OVERRIDE (U+202E)"), ("\U0001f600", "GRINNING FACE (U+1F600)"),
        ("a\u0378", "a character (U+0378)"), ("L\u00b7L", "MIDDLE DOT (U+00B7)"), ("\u017f", "LATIN SMALL"),
    ],
)  # fmt: skip
def test_a_nick_with_a_character_that_makes_no_name_is_told_which(nick: str, named: str) -> None:
    assert refusal(nick).startswith(f"The nick holds {named}")


def test_a_nick_that_changes_its_direction_is_refused() -> None:
    assert "changes its direction" in refusal("\u05d0a")


def test_a_nick_that_starts_with_a_combining_mark_is_refused() -> None:
    assert "combining mark" in refusal("\u0301a")


def test_a_nick_is_measured_as_it_came() -> None:
    assert nick_key("x" * NICK_CHARS).shown == "x" * NICK_CHARS
    assert "1 to 32 characters; this one has 33." in refusal("x" * (NICK_CHARS + 1))
    assert "1 to 32 characters; this one has 0." in refusal("")


def test_a_nick_is_measured_as_it_is_compared() -> None:
    assert nick_key("ß" * (NICK_CHARS // 2)).key == "s" * NICK_CHARS
    assert "this one has 34 as it is compared" in refusal("ß" * (NICK_CHARS // 2 + 1))


@given(anything | words)
@example("\u00b7")
@example("\u0375")
@example("\u05f3")
@example("\u200c")
@example("\u0660\u06f0")
@example("\u30fb")
def test_any_string_gives_a_nick_or_a_refusal(nick: str) -> None:
    with contextlib.suppress(NameRefused):
        shown, key = nick_key(nick)
        assert 0 < len(shown) <= NICK_CHARS
        assert 0 < len(key) <= NICK_CHARS


@given(names)
def test_a_nick_its_shown_form_and_its_key_are_one_nick(nick: str) -> None:
    shown, key = accepted(nick)
    assert nick_key(shown) == (shown, key)
    assert nick_key(key).key == key


@given(names, names)
def test_nicks_are_one_exactly_where_nothing_but_case_and_form_differs(one: str, other: str) -> None:
    same = accepted(one).key == accepted(other).key
    assert same == (accepted(other).key == accepted(one).key)
    assert same == (caseless(one) == caseless(other))


@given(ascii_words)
def test_variants_of_case_share_a_key(nick: str) -> None:
    key = accepted(nick).key
    assert nick_key(nick.upper()).key == nick_key(nick.lower()).key == nick_key(nick.swapcase()).key == key


@given(names)
def test_variants_of_case_that_may_be_borne_share_a_key_in_any_script(nick: str) -> None:
    assume("ı" not in nick)  # whose upper case is I, which is another letter's
    key = accepted(nick).key
    apart = unicodedata.normalize("NFD", nick)  # as Unicode 3.13 demands of whoever changes case
    for variant in (apart.upper(), apart.lower(), apart.swapcase()):
        # Some may not: PRECIS takes l·l and not L·L, and an O passes for a letter of scripts where an o does not.
        with contextlib.suppress(NameRefused):
            assert nick_key(variant).key == key


def caseless(text: str) -> str:
    """Fold case as Unicode 3.13, definition D146, says: a second opinion on what the key should be."""
    wide = unicodedata.normalize("NFKC", text)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", wide).casefold())
    return unicodedata.normalize("NFKC", folded.casefold())


def test_every_letter_that_unicode_folds_has_the_key_of_its_fold() -> None:
    cased = (chr(code) for code in range(sys.maxunicode + 1) if chr(code).casefold() != chr(code))
    checked = 0
    for letter in cased:
        try:
            key = nick_key(letter).key
        except NameRefused:
            continue
        assert key == caseless(letter)
        checked += 1
    assert checked > 1_000


# --- rooms --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "room"),
    [
        ("lobby", "lobby"), ("#Lobby", "lobby"), ("\uff03\uff2cobby", "lobby"), ("#Ångström", "ångström"),
        ("#c++", "c++"), ("日本", "日本"), ("#Straße", "straße"), ("a#b", "a#b"), ("#ΟΔΟΣ", "οδος"),
    ],
)  # fmt: skip
def test_a_room_has_one_name(text: str, room: str) -> None:
    assert room_name(text) == room


@pytest.mark.parametrize("text", ["~abc", "#~abc", "\uff5eabc"])
def test_the_name_of_a_private_room_is_refused(text: str) -> None:
    assert "belong to private rooms" in room_refusal(text)


@pytest.mark.parametrize("text", ["##linux", "#\uff03linux"])
def test_a_second_hash_is_refused(text: str) -> None:
    assert room_refusal(text) == "A room's name starts with one # only; leave the others out."


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "1 to 64 characters; this one has 0"), ("#", "this one has 0"), ("a b", "holds no spaces"),
        ("\x1b[2J", "control character U+001B"), ("\u2460", "CIRCLED DIGIT ONE"), ("\u05d0a", "changes its direction"),
        ("#\u0301", "combining mark"),
    ],
)  # fmt: skip
def test_a_room_that_cannot_be_named_so_is_told_why(text: str, says: str) -> None:
    assert says in room_refusal(text)


def test_a_room_is_measured_without_its_hash_before_and_after() -> None:
    assert room_name("#" + "x" * ROOM_CHARS) == "x" * ROOM_CHARS
    assert "this one has 65." in room_refusal("x" * (ROOM_CHARS + 1))
    assert "this one has 66 as it is compared" in room_refusal("\u0130" * (ROOM_CHARS // 2 + 1))


@given(anything | names)
def test_any_string_gives_a_room_or_a_refusal(text: str) -> None:
    with contextlib.suppress(NameRefused):
        room = room_name(text)
        assert 0 < len(room) <= ROOM_CHARS
        assert room[0] not in "#~"


@given(names)
def test_a_rooms_name_is_its_own_name(text: str) -> None:
    room = accepted_room(text)
    assert room_name(room) == room
    assert room_name(f"#{room}") == room


@given(ascii_words)
def test_variants_of_case_are_one_room(text: str) -> None:
    assert accepted_room(text) == room_name(text.upper()) == room_name(text.swapcase())


# --- the real thing -----------------------------------------------------------------------------------


def nicks_in_the_log() -> Iterator[str]:
    with lzma.open(LOG, "rt", encoding="utf-8") as lines:
        for line in lines:
            if found := IN_A_LOG.match(line):
                yield from (nick for nick in found.groups() if nick is not None)


@pytest.mark.skipif(not LOG.exists(), reason=f"the chat log {LOG.name} is not in ../shared/data")
def test_every_nick_of_a_real_log_is_shown_as_it_is_unless_the_log_put_a_space_in_it() -> None:
    refused: set[str] = set()
    nicks = set(nicks_in_the_log())
    for nick in nicks:
        try:
            assert nick_key(nick).shown == nick
        except NameRefused:
            refused.add(nick)
    assert len(nicks) > 20_000
    # The data set was tokenised once: "[miles] " and "bur[n] er" were [miles] and bur[n]er.
    assert refused == {nick for nick in nicks if "] " in nick}
    assert all(nick_key(nick.replace(" ", "")).shown for nick in refused)
