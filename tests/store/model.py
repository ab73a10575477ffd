"""What a store does, said as simply as possible: the judge of both stores.

This file owns a log that keeps every draft and works out all else when it is asked, from the start. It must not share
code with any store.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import msgspec

from protocol import Edited, Entry, Message, Redacted, TopicSet
from trio_chat.store import Draft, Duplicate, Outcome, Page, Rejected


def content(draft: Draft) -> tuple[object, ...]:
    return (draft.room, draft.kind, draft.text, draft.action, draft.reply_to, draft.command, draft.target)


@dataclass
class Model:
    rooms: dict[str, tuple[str, ...] | None]
    log: list[tuple[int, Draft]] = field(default_factory=list)  # in the order of all rooms, with the seq

    def of(self, room: str) -> list[Draft]:
        return [draft for _, draft in self.log if draft.room == room]

    def redacted(self, room: str) -> set[int | None]:
        return {draft.target for draft in self.of(room) if draft.kind == "redacted"}

    def append(self, draft: Draft) -> Outcome:
        for seq, first in self.log:
            if (first.author, first.key) == (draft.author, draft.key):
                return Duplicate(seq, first.at) if content(first) == content(draft) else Rejected("key_reused")
        if draft.room not in self.rooms:
            return Rejected("no_such_room")
        before = self.of(draft.room)
        if draft.kind in ("edited", "redacted"):
            messages = {seq for seq, one in enumerate(before, 1) if one.kind == "message"}
            if draft.target not in messages - self.redacted(draft.room):
                return Rejected("no_such_entry")
        self.log.append((len(before) + 1, draft))
        return self._as_said(len(before) + 1, draft)

    def _as_said(self, seq: int, draft: Draft) -> Entry:
        start: dict[str, Any] = {
            "room": draft.room, "seq": seq, "at": draft.at, "author": draft.author, "nick": draft.nick,
        }  # fmt: skip
        target: Any = draft.target
        match draft.kind:
            case "message":
                more = {name: getattr(draft, name) for name in ("action", "bot", "reply_to", "command")}
                return Message(**start, text=draft.text, **more)
            case "topic_set":
                return TopicSet(**start, text=draft.text)
            case "edited":
                return Edited(**start, target=target, text=draft.text)
            case "redacted":
                return Redacted(**start, target=target, reason=draft.text)

    def entries(self, room: str) -> list[Entry]:
        """All entries of a room in their present state."""
        redacted, edits = self.redacted(room), [one for one in self.of(room) if one.kind == "edited"]
        entries: list[Entry] = []
        for seq, draft in enumerate(self.of(room), 1):
            entry = self._as_said(seq, draft)
            if isinstance(entry, Message):
                for edit in edits:
                    if edit.target == seq:
                        entry = msgspec.structs.replace(entry, text=edit.text, edited_at=edit.at)
                if seq in redacted:
                    entry = msgspec.structs.replace(entry, text="", redacted=True)
            elif isinstance(entry, Edited) and entry.target in redacted:
                entry = msgspec.structs.replace(entry, text="")
            entries.append(entry)
        return entries

    def topic(self, room: str) -> str:
        return next((one.text for one in reversed(self.of(room)) if one.kind == "topic_set"), "")

    def page(self, room: str, after: int | None, before: int | None, limit: int, max_bytes: int) -> Page:
        within = [
            entry
            for entry in self.entries(room)
            if (after is None or entry.seq > after) and (before is None or entry.seq < before)
        ]
        if after is None:
            within.reverse()
        taken: list[Entry] = []
        for entry in within:
            size = sum(len(msgspec.json.encode(one)) for one in [*taken, entry])
            if len(taken) == limit or (taken and size > max_bytes):
                break
            taken.append(entry)
        return Page(sorted(taken, key=lambda entry: entry.seq), len(taken) < len(within))

    def search(self, words: str, reader: str, room: str | None, nick: str | None) -> list[Message]:
        """For words of plain letters: those are easily told apart."""
        found = []
        for seq, draft in reversed(self.log):
            members = self.rooms[draft.room]
            if members is not None and reader not in members:
                continue
            entry = self.entries(draft.room)[seq - 1]
            if not isinstance(entry, Message) or entry.redacted or room not in (None, entry.room):
                continue
            if nick is not None and nick.casefold() != entry.nick.casefold():
                continue
            if set(words.lower().split()) <= set(re.findall(r"[a-z]+", entry.text.lower())):
                found.append(entry)
        return found
