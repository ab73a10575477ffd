"""Proves the rules of texts, names, lines and keys at their boundaries, for every field that has one."""

import unicodedata
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from protocol import (
    MAX_FRAME_TO_SERVER,
    ROOM_CHARS,
    Command,
    CommandOffer,
    Direct,
    Edit,
    Hello,
    Join,
    MessageError,
    Offer,
    Post,
    Quit,
    Redact,
    Search,
    SetNick,
    SetTopic,
    ShowDraft,
    check,
    check_key,
    check_line,
    check_name,
    check_text,
    decode_all_from_client,
    decode_from_client,
    encode,
)
from tests.protocol.samples import FROM_CLIENT, SESSION, from_client, sample

CONTROLS: Final = [chr(point) for point in range(0x110000) if unicodedata.category(chr(point)) == "Cc"]
SURROGATES: Final = ["\ud800", "\udbff", "\udc00", "\udfff"]
BREAKS: Final = ["\u2028", "\u2029"]
# What looks dangerous and is allowed: spaces of all kinds, direction marks, joiners, private and unassigned.
FINE: Final = list(" ~\u00a0\u00ad\u200b\u200d\u202e\u3000\ue000\ufeff\uffff\U0001f600\U000e0001\U0010ffff")

# Every field that is held against a rule: its least and greatest length, and the code of a refusal.
FIELDS: Final[list[tuple[type[Any], str, int, int, str]]] = [
    (Hello, "nick", 1, 32, "bad_name"),
    (Hello, "agent", 0, 200, "bad_text"),
    (Join, "room", 1, 64, "bad_name"),
    (Direct, "nick", 1, 32, "bad_name"),
    (SetNick, "nick", 1, 32, "bad_name"),
    (Post, "key", 1, 64, "bad_message"),
    (Post, "text", 1, 4_000, "bad_text"),
    (Edit, "key", 1, 64, "bad_message"),
    (Edit, "text", 1, 4_000, "bad_text"),
    (Redact, "key", 1, 64, "bad_message"),
    (Redact, "reason", 0, 500, "bad_text"),
    (SetTopic, "key", 1, 64, "bad_message"),
    (SetTopic, "text", 0, 500, "bad_text"),
    (Search, "query", 0, 500, "bad_text"),
    (Command, "key", 1, 64, "bad_message"),
    (Command, "line", 1, 4_000, "bad_text"),
    (ShowDraft, "text", 0, 4_000, "bad_text"),
    (ShowDraft, "doing", 0, 200, "bad_text"),
    (Quit, "reason", 0, 500, "bad_text"),
]
IDS: Final = [f"{kind.__name__}.{field}" for kind, field, *_ in FIELDS]


def refusal(kind: type[Any], **fields: object) -> MessageError:
    """Return the error that `check` and the decoder both find in a request; they must not differ."""
    request = sample(kind, id=77, **fields)
    with pytest.raises(MessageError) as here:
        check(request)
    assert here.value.id is None
    with pytest.raises(MessageError) as there:
        decode_from_client(encode(request))
    assert there.value.code == here.value.code
    assert there.value.id == 77
    assert among_posts(encode(request)) == told(there.value)
    return there.value


def accept(kind: type[Any], **fields: object) -> None:
    """Have a request accepted by `check` and the decoder."""
    request = sample(kind, id=77, **fields)
    check(request)
    assert decode_from_client(encode(request)) == request
    assert among_posts(encode(request)) == request


def among_posts(payload: bytes) -> object:
    """Return what becomes of a payload that is decoded together with others, which must not take notice of it."""
    plain = sample(Post, id=1, text="plain")
    before, found, after = map(told, decode_all_from_client([encode(plain), payload, encode(plain)]))
    assert before == after == plain
    return found


def told(found: object) -> object:
    return (found.code, str(found), found.id) if isinstance(found, MessageError) else found


def alone(payload: bytes) -> object:
    try:
        return decode_from_client(payload)
    except MessageError as error:
        return told(error)


TOGETHER: Final = st.lists(
    st.builds(lambda text: encode(sample(Post, text=text)), st.text('aZ \\"\n\x7fé', max_size=5))
    | st.sampled_from([encode(sample(kind)) for kind in FROM_CLIENT])
    | st.sampled_from(
        [b"{", b'{"type":"post"}', b'{"type":"post","id":1,"room":"r","key":"k","text":"' + b"x" * 4_001 + b'"}']
    ),
    max_size=6,
)


@given(TOGETHER)
def test_payloads_decoded_together_say_what_each_says_alone(payloads: list[bytes]) -> None:
    assert list(map(told, decode_all_from_client(payloads))) == list(map(alone, payloads))


@pytest.mark.parametrize(("kind", "field", "least", "most", "code"), FIELDS, ids=IDS)
def test_a_field_is_accepted_exactly_within_its_lengths(
    kind: type[Any], field: str, least: int, most: int, code: str
) -> None:
    accept(kind, **{field: "/" * least})
    accept(kind, **{field: "/" * most})
    assert refusal(kind, **{field: "/" * (most + 1)}).code == code
    if least:
        assert refusal(kind, **{field: ""}).code == code


@pytest.mark.parametrize(("kind", "field", "least", "most", "code"), FIELDS, ids=IDS)
def test_a_length_is_counted_in_characters_not_in_bytes(
    kind: type[Any], field: str, least: int, most: int, code: str
) -> None:
    if field == "key":
        assert refusal(kind, key="\u00e9").code == code
        return
    accept(kind, **{field: "/" + "\U0001f600" * (most - 1)})
    assert refusal(kind, **{field: "/" + "\U0001f600" * most}).code == code


@pytest.mark.parametrize(("kind", "field", "least", "most", "code"), FIELDS, ids=IDS)
def test_no_field_with_a_rule_lets_an_escape_through(
    kind: type[Any], field: str, least: int, most: int, code: str
) -> None:
    assert refusal(kind, **{field: "/\x1b[2J"}).code == code


def test_there_are_65_control_characters() -> None:
    assert len(CONTROLS) == 65


@pytest.mark.parametrize("place", ["{}", "a{}", "{}a", "a{}\u00e9"])
def test_a_text_may_hold_newline_and_tab_and_no_other_control_character(place: str) -> None:
    for character in [*FINE, *BREAKS, "\n", "\t"]:
        check_text(place.format(character))
    for character in {*CONTROLS, *SURROGATES} - {"\n", "\t"}:
        with pytest.raises(MessageError) as refused:
            check_text(place.format(character))
        assert refused.value.code == "bad_text"
        assert f"U+{ord(character):04X}" in str(refused.value)


def in_line(text: str) -> None:
    check_line("topic", text, 10)


def in_name(text: str) -> None:
    check_name("nick", text, 10)


@pytest.mark.parametrize(("rule", "code"), [(in_line, "bad_text"), (in_name, "bad_name")])
@pytest.mark.parametrize("place", ["{}", "a{}", "{}a", "a{}\u00e9"])
def test_a_line_or_name_holds_no_control_character_and_no_line_break(
    rule: Callable[[str], None], code: str, place: str
) -> None:
    for character in FINE:
        rule(place.format(character))
    for character in [*CONTROLS, *SURROGATES, *BREAKS]:
        with pytest.raises(MessageError) as refused:
            rule(place.format(character))
        assert refused.value.code == code
        assert f"U+{ord(character):04X}" in str(refused.value)


def test_a_key_holds_printable_ascii_only() -> None:
    for point in range(0x20, 0x7F):
        check_key(chr(point))
    for character in [*CONTROLS, *SURROGATES, "\u00a0", "\u00e9", "\u0660", "\uff41", "\U0001f600"]:
        with pytest.raises(MessageError, match="printable ASCII") as refused:
            check_key("a" + character)
        assert refused.value.code == "bad_message"


@pytest.mark.parametrize(
    "session", ["", "0" * 31, "0" * 33, "A" * 32, "g" * 32, "0" * 32 + "\n", "\u0660" * 32, " " + "0" * 31]
)
def test_a_session_is_32_lower_case_hexadecimal_digits(session: str) -> None:
    accept(Hello, session=SESSION)
    assert refusal(Hello, session=session).code == "bad_message"


@pytest.mark.parametrize("line", ["help", " /help", "\n/", "x/"])
def test_a_command_starts_with_a_slash(line: str) -> None:
    error = refusal(Command, line=line)
    assert error.code == "bad_message"
    assert "slash" in str(error)


def test_a_command_that_posts_nothing_needs_no_key() -> None:
    accept(Command, line="/help", key=None)
    accept(Command, line="/me waves", key="k")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: check_text(""), "The text is empty; write at least one character."),
        (lambda: check_text("x" * 4_001), "The text has 4001 characters; at most 4000 are accepted."),
        (lambda: check_text("\x1b"), "The text holds the control character U+001B; only newline and tab are accepted."),
        (lambda: check_line("topic", "abc", 2), "The topic has 3 characters; at most 2 are accepted."),
        (
            lambda: check_line("topic", "\n", 2),
            "The topic holds the control character U+000A; write it as one plain line.",
        ),
        (lambda: check_name("room", "", 64), "A room has 1 to 64 characters; this one has 0."),
        (lambda: check_name("nick", "\t", 32), "The nick holds the control character U+0009; leave it out."),
        (lambda: check_key(""), "A key has 1 to 64 characters; this one has 0."),
        (lambda: check_key("\n"), "The key holds something else than printable ASCII characters."),
    ],
)
def test_a_refusal_is_a_sentence_for_a_person(call: Callable[[], None], sentence: str) -> None:
    with pytest.raises(MessageError) as refused:
        call()
    assert str(refused.value) == sentence


@given(from_client())
def test_what_the_rules_accept_check_accepts(message: Any) -> None:
    check(message)


@given(st.data(), st.sampled_from(FIELDS))
def test_what_check_lets_through_the_decoder_of_the_server_lets_through(
    data: DataObject, which: tuple[type[Any], str, int, int, str]
) -> None:
    kind, field, _, most, _ = which
    value = data.draw(st.text(max_size=most + 2) | st.text("\n/ a\x1b\x85\u2028", max_size=3))
    request = sample(kind, **{field: value})
    try:
        check(request)
    except MessageError:
        with pytest.raises(MessageError):
            decode_from_client(encode(request))
    else:
        assert decode_from_client(encode(request)) == request


@pytest.mark.parametrize("kind", FROM_CLIENT)
def test_the_smallest_sample_of_each_type_keeps_the_rules(kind: type[Any]) -> None:
    check(sample(kind))


@pytest.mark.parametrize("kind", dict.fromkeys(kind for kind, *_ in FIELDS))
def test_the_longest_request_fits_a_frame_even_where_every_character_is_escaped(kind: type[Any]) -> None:
    lengths = {field: most for owner, field, _, most, _ in FIELDS if owner is kind}
    if "room" in kind.__struct_fields__:
        lengths["room"] = ROOM_CHARS
    longest = {field: "x" * length for field, length in lengths.items() if field not in ("session", "line")}
    escaped = len("\\ud83d\\ude00") * sum(lengths.values())
    assert len(encode(sample(kind, **longest, id=2**31 - 1))) + escaped < MAX_FRAME_TO_SERVER


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        ([("/x" + "y" * 30, "/x" + "y" * 30 + " " + "u" * 67, "h" * 200)] * 20, None),
        ([("/x" + "y" * 31, "", "")], "bad_name"),
        ([("/", "", "")], "bad_name"),
        ([("roll", "", "")], "bad_name"),
        ([("/Roll", "", "")], "bad_name"),
        ([("/1d6", "", "")], "bad_name"),
        ([("/roll\n", "", "")], "bad_name"),
        ([("/roll", "/roll " + "u" * 95, "")], "bad_text"),
        ([("/roll", "/stop [NICK]", "")], "bad_text"),
        ([("/roll", "/roll", "h" * 201)], "bad_text"),
        ([("/roll", "/roll\nlines", "")], "bad_text"),
        ([("/roll", "/roll", "")] * 21, "bad_text"),
    ],
)
def test_a_bot_adds_twenty_commands_at_most_with_plain_names_and_lines(
    commands: list[tuple[str, str, str]], code: str | None
) -> None:
    offer = Offer(1, [CommandOffer(*command) for command in commands])
    payload = encode(offer)
    if code is None:
        assert decode_from_client(payload) == offer
    else:
        with pytest.raises(MessageError) as refused:
            decode_from_client(payload)
        assert (refused.value.code, refused.value.id) == (code, 1)
