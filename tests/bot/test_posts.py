"""Answers made into posts that the protocol accepts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import TEXT_CHARS, check_text
from trio_chat.bot.models import Answer, Source
from trio_chat.bot.posts import CUT_SHORT, clean, cut, posts_of

# Any string that Python can hold, lone surrogates and control characters included: a model's JSON may bring both.
anything = st.text(st.one_of(st.characters(), st.characters(categories=("Cs", "Cc")), st.sampled_from("\r\n \x1b[")))


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("  hello \n", "hello"),
        ("", ""),
        (" \n\t ", ""),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a\x00b\x07c\x9bd\ud800e", "abcde"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("<think>\nwell, well\n</think>\nFour.", "Four."),
        ("It is <think>not</think> cut here", "It is <think>not</think> cut here"),
        ("a\tb\nc", "a\tb\nc"),
    ],
)
def test_an_answer_is_cleaned_of_what_is_no_text(answer: str, text: str) -> None:
    assert clean(answer) == text


@given(anything)
def test_whatever_a_model_says_becomes_posts_that_the_protocol_accepts(answer: str) -> None:
    for post in cut(clean(answer)):
        check_text(post)


@given(anything)
def test_cleaning_twice_is_cleaning_once_unless_cleaning_joins_what_was_apart(answer: str) -> None:
    text = clean(answer)
    assert clean(text) == text or "<think>" in answer


def test_a_short_answer_is_one_post() -> None:
    assert cut("hello") == ["hello"]
    assert cut("") == []
    assert cut("x" * TEXT_CHARS) == ["x" * TEXT_CHARS]


def test_a_long_answer_is_cut_between_paragraphs_before_all_else() -> None:
    text = "a. " * 20 + "\n\n" + "b\n" * 10 + "c. " * 10
    assert cut(text, 100) == [("a. " * 20).strip(), ("b\n" * 10 + "c. " * 10).strip()]


def test_then_between_lines() -> None:
    assert cut("a. " * 20 + "\n    " + "b. " * 20, 100) == [("a. " * 20).strip(), ("    " + "b. " * 20).rstrip()]


def test_then_between_sentences() -> None:
    assert cut("One two three. " * 10, 100) == [("One two three. " * 6).strip(), ("One two three. " * 4).strip()]


def test_sentences_without_spaces_end_too() -> None:
    assert cut("\u4f60\u597d\u3002" * 50, 100) == ["\u4f60\u597d\u3002" * 33, "\u4f60\u597d\u3002" * 17]


def test_then_between_words_and_at_last_anywhere() -> None:
    assert cut("word " * 30, 100) == [("word " * 20).strip(), ("word " * 10).strip()]
    assert cut("x" * 250, 100) == ["x" * 100, "x" * 100, "x" * 50]


def test_an_answer_without_end_is_cut_short_and_says_so() -> None:
    posts = cut("word " * 1_000, 100, max_posts=3)
    assert len(posts) == 3
    assert posts[-1].endswith(CUT_SHORT)
    assert all(len(post) <= 100 for post in posts)


@given(st.text(st.sampled_from("ab .\n\t!\u3002"), max_size=1_500), st.integers(100, 300))
def test_posts_fit_and_hold_every_character_but_white_space_at_the_cuts(text: str, limit: int) -> None:
    posts = cut(text, limit, max_posts=100)
    assert all(0 < len(post) <= limit and post.strip() for post in posts)
    assert "".join("".join(posts).split()) == "".join(text.split())


def test_a_stretch_of_white_space_longer_than_a_post_makes_no_empty_one() -> None:
    assert cut("x" * 100 + "\n" + " " * 300 + "y", 100)[0] == "x" * 100
    assert all(post.strip() for post in cut("x" * 100 + "\n" + " " * 300 + "y", 100))


PAGES = (Source("https://a/1", "Air\n and\x1b[31m light"), Source("https://b/2"))
LISTED = "[1] Air  and light: https://a/1\n[2] https://b/2"


def test_sources_are_listed_under_the_answer() -> None:
    assert posts_of(Answer("The air.", PAGES)) == [f"The air.\n\n{LISTED}"]


def test_sources_that_do_not_fit_under_the_answer_come_in_a_post_of_their_own() -> None:
    text = "x" * 100
    assert posts_of(Answer(text, PAGES), limit=100) == [text, LISTED]


def test_no_more_sources_are_listed_than_fit() -> None:
    pages = tuple(Source(f"https://a/{number}" + "x" * 40) for number in range(20))
    (_, listed) = posts_of(Answer("x" * 180, pages), limit=200)
    assert len(listed) <= 200
    assert [line[:3] for line in listed.splitlines()] == ["[1]", "[2]", "[3]"]


def test_a_long_answer_that_is_cut_short_keeps_its_sources() -> None:
    posts = posts_of(Answer("word " * 1_000, PAGES), limit=500, max_posts=2)
    assert len(posts) == 3
    assert posts[1].endswith(CUT_SHORT)
    assert posts[2] == LISTED


def test_an_answer_that_ends_in_the_middle_says_why() -> None:
    assert posts_of(Answer("The air", unfinished="the provider broke off")) == ["The air\n… (the provider broke off)"]


def test_without_a_text_there_is_nothing_to_post() -> None:
    assert posts_of(Answer(" \x00", PAGES, unfinished="x")) == []
