"""The tables of docs/protocol.md, written down a second time: the names on the wire and what answers what.

This file owns nothing that the code uses; it is what the code is held against.
"""

from typing import Any, Final

import protocol

REQUESTS: Final[dict[str, type[Any]]] = {
    "hello": protocol.Hello,
    "join": protocol.Join,
    "direct": protocol.Direct,
    "leave": protocol.Leave,
    "post": protocol.Post,
    "edit": protocol.Edit,
    "redact": protocol.Redact,
    "topic": protocol.SetTopic,
    "history": protocol.GetHistory,
    "search": protocol.Search,
    "rooms": protocol.GetRooms,
    "members": protocol.GetMembers,
    "nick": protocol.SetNick,
    "commands": protocol.GetCommands,
    "command": protocol.Command,
    "offer": protocol.Offer,
    "turn": protocol.TakeTurn,
    "draft": protocol.ShowDraft,
    "end_turn": protocol.EndTurn,
    "bye": protocol.Quit,
}
PINGS: Final[dict[str, type[Any]]] = {"ping": protocol.Ping, "pong": protocol.Pong}
EVENTS_ONLY: Final[dict[str, type[Any]]] = {
    "message": protocol.Message,
    "edited": protocol.Edited,
    "redacted": protocol.Redacted,
    "topic_set": protocol.TopicSet,
    "live": protocol.Live,
    "gap": protocol.Gap,
    "presence": protocol.Presence,
    "turn": protocol.TurnChange,
    "draft": protocol.DraftShown,
}
ANSWERS_ONLY: Final[dict[str, type[Any]]] = {
    "welcome": protocol.Welcome,
    "posted": protocol.Posted,
    "history": protocol.History,
    "found": protocol.Found,
    "rooms": protocol.Rooms,
    "commands": protocol.Commands,
    "granted": protocol.Granted,
    "done": protocol.Done,
}
ANSWERS_OR_EVENTS: Final[dict[str, type[Any]]] = {
    "joined": protocol.Joined,
    "members": protocol.Members,
    "notice": protocol.Notice,
    "error": protocol.Error,
    "bye": protocol.Bye,
}
FROM_CLIENT: Final = REQUESTS | PINGS
FROM_SERVER: Final = EVENTS_ONLY | ANSWERS_ONLY | ANSWERS_OR_EVENTS | PINGS

ANSWERS: Final[dict[str, set[str]]] = {
    "hello": {"welcome"},
    "join": {"joined"},
    "direct": {"joined"},
    "leave": {"done"},
    "post": {"posted"},
    "edit": {"posted"},
    "redact": {"posted"},
    "topic": {"posted"},
    "history": {"history"},
    "search": {"found"},
    "rooms": {"rooms"},
    "members": {"members"},
    "nick": {"done"},
    "commands": {"commands"},
    "command": {"joined", "done", "posted", "history", "found", "rooms", "members", "commands", "bye", "notice"},
    "offer": {"done"},
    "turn": {"granted"},
    "draft": {"done"},
    "end_turn": {"done"},
    "bye": {"bye"},
}

PAIRS: Final = [(REQUESTS[tag], FROM_SERVER[answer]) for tag, answers in ANSWERS.items() for answer in sorted(answers)]
"""Every request with every answer that it may get, besides `error`."""

CODES: Final = {"bad_message", "bad_text", "bad_name"}
"""The error codes that need no server to be found; the rest are a server's to give."""
