"""What both stores reckon in the same way: what makes two drafts one, what fills a page, what a word is.

This file owns the content of a draft and its digest, the cut of a page by bytes, and the splitting of texts and
queries into words. It must not know where entries are kept.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Final, TypeVar, cast

import apsw
import msgspec

from protocol import Edited, Entry, Message, Redacted, encode
from trio_chat.store.base import Draft

Content = tuple[str, str, bool, int | None, str | None, int | None]
"""What a repeat has in common with the first, besides the room: kind, text, action, reply_to, command, target."""

DIGEST_BYTES: Final = 3
"""What is remembered of a content that is gone: enough to tell a repeat from a key used twice by mistake (it errs once
in 16 million), and too little to find a redacted text by guessing."""

TOKENIZER: Final = ("unicode61", "remove_diacritics", "2")
"""How SQLite's full-text search splits a text into words and makes them alike."""

_encode_content: Final = msgspec.json.Encoder().encode
EntryT = TypeVar("EntryT", bound=Entry)
Words = tuple[str, ...]
Splitter = Callable[[str], Words]


def content_of_draft(draft: Draft) -> Content:
    return (draft.kind, draft.text, draft.action, draft.reply_to, draft.command, draft.target)


def content_of_entry(entry: Entry) -> Content:
    """Return what the draft of an entry held that nobody has edited or redacted since."""
    match entry:
        case Message():
            return ("message", entry.text, entry.action, entry.reply_to, entry.command, None)
        case Edited():
            return ("edited", entry.text, False, None, None, entry.target)
        case Redacted():
            return ("redacted", entry.reason, False, None, None, entry.target)
    return ("topic_set", entry.text, False, None, None, None)


def digest_of(content: Content) -> bytes:
    """Return `DIGEST_BYTES` by which a content is recognised once it is gone."""
    return blake2b(_encode_content(content), digest_size=DIGEST_BYTES).digest()


def cut(entries: list[EntryT], max_bytes: int) -> int:
    """Return how many of `entries`, from the first, have `max_bytes` of encoded size at most; at least one, if any."""
    room = max_bytes
    for count, entry in enumerate(entries):
        room -= len(encode(entry))
        if room < 0 and count:
            return count
    return len(entries)


def open_splitter() -> Splitter:
    """Return what splits a text into words, in the form in which equal words are equal strings.

    It is the tokenizer of SQLite's full-text search itself, so that all stores find the same. Use it in one thread.
    """
    connection = apsw.Connection(":memory:")
    tokenizer = connection.fts5_tokenizer(TOKENIZER[0], list(TOKENIZER[1:]))

    def split(text: str) -> Words:
        data = text.encode("utf-8", "replace")
        found = tokenizer(data, apsw.FTS5_TOKENIZE_DOCUMENT, None, include_offsets=False, include_colocated=False)
        return cast(Words, tuple(found))  # strings, without offsets and colocated words

    return split


def phrases(query: str, split: Splitter) -> list[Words]:
    """Return what a message must hold to be found, each a run of words: "don't stop" asks for `don t` and `stop`."""
    return [words for words in dict.fromkeys(split(piece) for piece in query.split()) if words]
