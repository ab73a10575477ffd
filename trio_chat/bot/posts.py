"""A model's answer made into what the room accepts: clean, in pieces that fit, with its sources under it.

This file owns what is taken out of an answer and where it is cut. It must not know how models come to one, or rooms.
"""

import re
from typing import Final

from protocol import TEXT_CHARS
from trio_chat.bot.models import Answer, Source

MAX_POSTS: Final = 5
"""Posts that one answer may make: a model that does not stop fills no room."""

CUT_SHORT: Final = "\n… (cut short)"
MAX_SOURCES: Final = 8
MAX_TITLE_CHARS: Final = 100

# What models that think aloud put in front of their answer (DeepSeek, Qwen and others behind plain endpoints).
_THINKING: Final = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
# A terminal's escape sequences go as a whole: without its ESC, the rest of one would stay as litter.
_ESCAPE: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_NEWLINE: Final = re.compile(r"\r\n?|\x85|\u2028|\u2029")
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

# Where to cut, the best first: between paragraphs, lines, sentences, words.
_BORDERS: Final = tuple(
    re.compile(border)
    for border in (r"[ \t]*\n\s*\n", r"[ \t]*\n", r"(?<=[.!?…:;])\s+|(?<=[\u3002\uff01\uff1f])", r"\s+")
)


def posts_of(answer: Answer, limit: int = TEXT_CHARS, max_posts: int = MAX_POSTS) -> list[str]:
    """Return an answer as the posts that say it: cut as by `cut`, with what it rests on and why it ends under it.

    Args:
        answer: as the model gave it.
        limit: characters that one post may hold, at least 100.
        max_posts: how many posts the text may take; the sources may take one more.
    """
    text = clean(answer.text)
    if text and answer.unfinished:
        text = f"{text}\n… ({answer.unfinished})"
    posts = cut(text, limit, max_posts)
    listed = _list(answer.sources, limit) if posts else ""
    if listed and len(posts[-1]) + 2 + len(listed) <= limit:
        posts[-1] = f"{posts[-1]}\n\n{listed}"
    elif listed:
        posts.append(listed)
    return posts


def _list(sources: tuple[Source, ...], limit: int) -> str:
    """Return as many of the sources as fit, a numbered line each."""
    lines: list[str] = []
    for number, source in enumerate(sources[:MAX_SOURCES], 1):
        title = clean(source.title).replace("\n", " ")[:MAX_TITLE_CHARS].strip()
        line = f"[{number}] {title}: {source.url}" if title else f"[{number}] {source.url}"
        if len("\n".join([*lines, line])) > limit:
            break
        lines.append(line)
    return "\n".join(lines)


def clean(answer: str) -> str:
    """Return `answer` as a text that the protocol accepts but for its length; ``""`` if nothing is left of it."""
    text = _NEWLINE.sub("\n", _ESCAPE.sub("", _THINKING.sub("", answer)))
    return _CONTROL.sub("", text).strip()


def cut(text: str, limit: int = TEXT_CHARS, max_posts: int = MAX_POSTS) -> list[str]:
    """Return `text` in posts of 1 to `limit` characters, cut at the border of a paragraph, line, sentence or word.

    No character but the white space at a cut is lost, unless more than `max_posts` are needed: then the last
    one says that it was cut short.

    Args:
        text: an answer, cleaned; an empty one makes no posts.
        limit: characters that one post may hold, at least 100.
        max_posts: how many posts there may be, at least 1.
    """
    posts: list[str] = []
    rest = text.strip()
    while rest:
        if len(posts) == max_posts - 1 and len(rest) > limit:
            end, _ = _border(rest, limit - len(CUT_SHORT))
            return [*posts, rest[:end].rstrip() + CUT_SHORT]
        end, following = _border(rest, limit)
        if post := rest[:end].rstrip():  # only white space as long as a post gives none
            posts.append(post)
        rest = rest[following:]
    return posts


def _border(text: str, limit: int) -> tuple[int, int]:
    """Return where the first post ends, and where the next one begins; no post is less than half full for a border."""
    if len(text) <= limit:
        return len(text), len(text)
    for border in _BORDERS:
        found = list(border.finditer(text, limit // 2, limit + 1))
        if found:
            return found[-1].start(), found[-1].end()
    return limit, limit
