"""A provider's stream, read however it is cut and whatever is in it."""

import contextlib
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bot.provider import calls, piece, usage
from trio_chat.bot.completion import (
    MAX_CALLS,
    MAX_SOURCES,
    MAX_TEXT_CHARS,
    MAX_TOKENS,
    Completion,
    EventStream,
    Nonsense,
    ProviderFault,
)
from trio_chat.bot.models import Source, Tokens


def completed(*pieces: dict[str, Any]) -> Completion:
    completion = Completion()
    for each in pieces:
        completion.take_event(json.dumps(each).encode())
    return completion


def cited(*urls: str, title: str | None = "A page") -> dict[str, Any]:
    citations = [{"type": "url_citation", "url_citation": {"url": url, "title": title}} for url in urls]
    return piece(annotations=citations)


STREAM = (
    b": a comment\n\ndata: one\n\nevent: x\r\ndata:two\r\ndata: more\r\n\r\nid: 7\rdata: three \r\rdata: [DONE]\n\n"
)
EVENTS = [b"one", b"two\nmore", b"three ", b"[DONE]"]


@given(st.lists(st.integers(0, len(STREAM))))
def test_events_are_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    borders = [0, *sorted(cuts), len(STREAM)]
    stream = EventStream()
    pieces = [STREAM[start:end] for start, end in itertools.pairwise(borders)]
    assert [event for each in pieces for event in stream.feed(each)] == EVENTS


def test_events_are_the_same_byte_by_byte() -> None:
    stream = EventStream()
    assert [event for byte in STREAM for event in stream.feed(bytes([byte]))] == EVENTS


def test_a_long_event_in_small_pieces_takes_no_time_worth_speaking_of() -> None:
    stream = EventStream(max_bytes=10_000_000)  # not timed: looked at again with each piece, it would take an hour
    for _ in range(9_000_000 // 64):
        assert stream.feed(b"x" * 64) == []


@pytest.mark.parametrize("endless", [b"data: x", b"data: x\n", b"x", b": "])
def test_no_more_of_an_event_is_kept_than_the_bound(endless: bytes) -> None:
    stream = EventStream(max_bytes=1_000)
    with pytest.raises(Nonsense):
        for _ in range(1_001):
            assert stream.feed(endless) == []


def test_what_the_pieces_say_is_put_together() -> None:
    completion = completed(piece(role="assistant"), piece("Hel"), piece("lo."), piece(finish="stop"), usage(10, 2))
    assert (completion.text, completion.tokens) == ("Hello.", Tokens(10, 2))
    assert completion.finished
    assert completion.unfinished is None


def test_text_in_parts_is_text_and_what_is_thought_aloud_is_none() -> None:
    parts: Any = [{"type": "thinking", "thinking": [], "text": "hm"}, {"type": "text", "text": "Yes."}]
    assert completed(piece(parts)).text == "Yes."


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (["<thi"], ""),
        (["<think>", "aloud"], ""),
        ([" <th", "ink>aloud</thi", "nk>\n\nYes."], "Yes."),
        (["<thin", "g>"], "<thing>"),
        (["I <think> so"], "I <think> so"),
    ],
)
def test_what_a_model_thinks_aloud_in_front_is_left_out(said: list[str], text: str) -> None:
    assert completed(*map(piece, said)).text == text


def test_a_call_is_put_together_of_its_pieces() -> None:
    completion = completed(
        piece(tool_calls=[{"index": 0, "id": "a", "function": {"name": "search", "arguments": ""}}]),
        piece(tool_calls=[{"index": 1, "id": "b", "function": {"name": "topic"}}]),
        piece(tool_calls=[{"index": 0, "function": {"arguments": '{"words":'}}]),
        piece(tool_calls=[{"index": 0, "function": {"arguments": '"x"}'}}, {"index": 1, "function": None}]),
    )
    assert [(call.id, call.name, call.arguments) for call in completion.calls] == [
        ("a", "search", '{"words":"x"}'),
        ("b", "topic", ""),
    ]


def test_calls_without_an_index_or_an_id_or_with_the_same_index_are_told_apart() -> None:
    def called(**which: Any) -> dict[str, Any]:
        return piece(tool_calls=[{**which, "function": {"name": "f", "arguments": "{}"}}])

    assert len(completed(called(index=0, id="a"), called(index=0, id="b")).calls) == 2
    assert len(completed(called(id="a"), called(id="b")).calls) == 2
    assert len(completed(called(index=0), called(index=1)).calls) == 2
    assert len({call.id for call in completed(called(index=0), called(index=1)).calls}) == 2


def test_calls_beyond_the_bound_are_left_out_and_arguments_beyond_it_make_no_sense() -> None:
    assert len(completed(calls(*[("f", "{}")] * 20)).calls) == MAX_CALLS
    with pytest.raises(Nonsense):
        completed(calls(("f", "x" * 30_000)))


def test_reading_stops_where_a_text_is_too_long() -> None:
    completion = completed(*[piece("x" * 60_000)] * 5)
    assert completion.finished
    assert completion.unfinished == "the model did not come to an end"
    assert len(completion.text) <= MAX_TEXT_CHARS + 60_000


def test_sources_are_listed_once_and_only_if_they_are_links() -> None:
    bad = (
        "javascript:alert(1)",
        "ftp://a/b",
        "https://a/\x1b[31m",
        "https://a b",
        "https://" + "a" * 600,
        "http://[",
        "",
    )
    completion = completed(cited("https://a/1", *bad), cited("https://a/1", "http://b/2", title=" B\n page "))
    assert completion.sources == [Source("https://a/1", "A page"), Source("http://b/2", "B page")]
    assert len(completed(cited(*(f"https://a/{number}" for number in range(50)))).sources) == MAX_SOURCES


@pytest.mark.parametrize(
    ("told", "tokens"),
    [([(1, 2), (1, 9)], Tokens(1, 9)), ([(-5, 3)], Tokens(0, 3)), ([(2**31, 1)], Tokens(MAX_TOKENS, 1)), ([], None)],
)
def test_the_last_count_of_tokens_is_the_one_that_counts(told: list[tuple[int, int]], tokens: Tokens | None) -> None:
    assert completed(piece("x"), *(usage(*each) for each in told)).tokens == tokens


def test_a_fault_in_mid_stream_has_the_status_that_it_names() -> None:
    for error, status in (({"code": 429}, 429), ({"code": "x"}, 500), ({"code": 200}, 500), ("gone", 500)):
        with pytest.raises(ProviderFault) as fault:
            completed({"error": error})
        assert fault.value.status == status


FIELDS = (
    *("choices", "delta", "message", "content", "tool_calls", "index", "id", "function", "name", "arguments"),
    *("finish_reason", "usage", "prompt_tokens", "error", "code", "annotations", "url_citation", "url", "title"),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=15,
)


@given(st.lists(json_values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40), max_size=5))
def test_whatever_comes_is_read_or_refused_as_nonsense(events: list[bytes]) -> None:
    completion = Completion()
    for event in events:
        for take in (completion.take_event, completion.take_whole):
            with contextlib.suppress(Nonsense, ProviderFault):
                take(event)
