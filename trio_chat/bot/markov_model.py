"""A model that needs no provider: it talks as the room talks, by a Markov chain of the room's own history.

This file owns what is learnt and how a sentence comes of it. The history is read page by page through the client,
and everything that computes for long runs in a worker thread. It must not know triggers.
"""

import itertools
import random
from collections.abc import Sequence
from typing import Final

import markovify  # type: ignore[import-untyped]  # it comes without annotations
import trio

from protocol import PAGE_ENTRIES, Entry
from trio_chat.bot.context import Conversation, Line, Prompt
from trio_chat.bot.models import Answer, ModelFailed, Show
from trio_chat.bot.needs import RoomClient
from trio_chat.client import ChatError

MIN_LINES: Final = 20
"""Below this, a chain of pairs of words has nothing to choose from and can only repeat what was said."""

MAX_ENTRIES: Final = 10_000
"""How far back it reads, in entries of the log: 20 pages."""

MAX_TOKENS: Final = 1_000_000
"""The same in memory: some 2 MB of text."""

MAX_WORDS: Final = 40
TRIES: Final = 50

TOO_LITTLE: Final = (
    f"I learn to talk from what is said here, and need some {MIN_LINES} lines by people before I can. Do go on.",
    "There is too little talk in this room yet for me to learn from, so I listen.",
    "I only know what people said here, and that is not enough for a sentence of my own yet.",
)
"""What it says instead of a sentence, in turn."""


class MarkovModel:
    """Answers with a sentence made of what people said in one room, if possible with a word of the question in it.

    Args:
        client: through which the history is read.
        room: the room as the server names it; nothing from any other is learnt.
    """

    def __init__(self, client: RoomClient, room: str) -> None:
        self._client = client
        self._room = room
        self._epoch = ""
        self._known = Conversation(room, MAX_TOKENS)
        self._head = 0  # the last seq that was read
        self._excuses = itertools.cycle(TOO_LITTLE)

    async def answer(self, prompt: Prompt, *, show: Show) -> Answer:
        """Return one sentence, or one of `TOO_LITTLE`, shown once; see `Model.answer`."""
        sentence = await self._sentence(prompt)
        show(sentence)
        return Answer(sentence)

    async def _sentence(self, prompt: Prompt) -> str:
        try:
            await self._read()
        except ChatError:
            raise ModelFailed("the room's history cannot be read") from None
        people = (line for line in self._known.lines if not (line.bot or line.own or line.action))
        lines = [line.text for line in people if line.text.strip()]
        if len(lines) < MIN_LINES:
            return next(self._excuses)
        # Abandoned on cancellation, the thread ends by itself soon, and its result is dropped.
        sentence = await trio.to_thread.run_sync(talk, lines, _words(prompt.question), abandon_on_cancel=True)
        return sentence or next(self._excuses)

    async def _read(self) -> None:
        """Bring what is known of the room up to its head."""
        epoch = self._client.rooms[self._room].epoch
        if epoch != self._epoch:
            self._epoch, self._head = epoch, 0
            self._known = Conversation(self._room, MAX_TOKENS)
        if self._head == 0:
            await self._read_back()
            return
        for _ in range(MAX_ENTRIES // PAGE_ENTRIES):
            page = await self._client.history(self._room, after=self._head, limit=PAGE_ENTRIES)
            self._take_in(page.entries)
            if not page.more:
                break

    async def _read_back(self) -> None:
        pages: list[Sequence[Entry]] = []
        before = None
        while sum(map(len, pages)) < MAX_ENTRIES:
            page = await self._client.history(self._room, before=before, limit=PAGE_ENTRIES)
            if page.entries:
                pages.append(page.entries)
                before = page.entries[0].seq
            if not page.more or not page.entries:
                break
        for entries in reversed(pages):
            self._take_in(entries)

    def _take_in(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._known.observe(entry, self._client.author)
            self._head = entry.seq


def talk(lines: Sequence[str], asked: frozenset[str]) -> str | None:
    """Return a sentence that nobody said in these words, or None if there is none to be had; blocks.

    The chain is built anew for every sentence, so that what was taken back is gone from it at once: 10,000 lines
    take 0.07 s.

    Args:
        lines: what was said; one of them at least holds a word.
        asked: words, case-folded, with one of which it begins if possible.
    """
    chain = markovify.Text(None, state_size=2, parsed_sentences=[words for line in lines if (words := line.split())])
    starts = [state for state in chain.chain.model if state[0].casefold() in asked]
    random.shuffle(starts)
    for start in starts[:TRIES]:
        if sentence := chain.make_sentence(init_state=start, tries=TRIES, min_words=4, max_words=MAX_WORDS):
            return str(sentence)
    # First something well mixed; failing that, anything that is not word for word a part of what was said.
    for overlap in ({}, {"max_overlap_ratio": 1, "max_overlap_total": MAX_WORDS}):
        if sentence := chain.make_sentence(tries=TRIES, max_words=MAX_WORDS, **overlap):
            return str(sentence)
    return None


def _words(question: Line | None) -> frozenset[str]:
    """Return the words of a question that are worth beginning with: the longer ones."""
    words = (word.strip("?!.,:;\"'()").casefold() for word in ("" if question is None else question.text).split())
    return frozenset(word for word in words if len(word) > 3)
