"""The chat protocol without I/O: frames, messages, and the order in which they may come.

It knows no socket, no event loop, no clock and no randomness; it needs the standard library and msgspec.
The specification is docs/protocol.md.
"""

from protocol.codec import (
    AGENT_CHARS,
    COMMAND_CHARS,
    DOING_CHARS,
    HELP_CHARS,
    NICK_CHARS,
    OFFERS_MAX,
    PAGE_BYTES,
    PAGE_ENTRIES,
    QUERY_CHARS,
    REASON_CHARS,
    ROOM_CHARS,
    TEXT_CHARS,
    TOPIC_CHARS,
    USAGE_CHARS,
    MessageError,
    check,
    check_key,
    check_line,
    check_name,
    check_text,
    decode_all_from_client,
    decode_from_client,
    decode_from_server,
    encode,
)
from protocol.frames import (
    FRAME_LIMIT_CEILING,
    MAX_FRAME_TO_CLIENT,
    MAX_FRAME_TO_SERVER,
    FrameDecoder,
    FrameError,
    encode_frame,
    encode_frames,
)
from protocol.machine import LocalError, Machine, ProtocolError, RemoteError, Role
from protocol.messages import (
    Answer,
    Bye,
    Commands,
    Done,
    DraftShown,
    Edited,
    Entry,
    Error,
    Event,
    Found,
    FromServer,
    Gap,
    Granted,
    History,
    Joined,
    Live,
    Members,
    Message,
    Notice,
    Posted,
    Presence,
    Redacted,
    Rooms,
    TopicSet,
    TurnChange,
    Welcome,
)
from protocol.requests import (
    Command,
    Direct,
    Edit,
    EndTurn,
    FromClient,
    GetCommands,
    GetHistory,
    GetMembers,
    GetRooms,
    Hello,
    Join,
    Leave,
    Offer,
    Ping,
    Pong,
    Post,
    Quit,
    Redact,
    Request,
    Search,
    SetNick,
    SetTopic,
    ShowDraft,
    TakeTurn,
)
from protocol.transitions import ANSWERS, TRANSITIONS, Input, State
from protocol.values import Cause, CommandHelp, CommandOffer, Limits, Member, Position, RoomSummary

VERSION = 1
"""The version of the protocol that `hello` names."""

__all__ = [
    "AGENT_CHARS", "ANSWERS", "COMMAND_CHARS", "DOING_CHARS", "FRAME_LIMIT_CEILING", "HELP_CHARS",
    "MAX_FRAME_TO_CLIENT", "MAX_FRAME_TO_SERVER", "NICK_CHARS", "OFFERS_MAX", "PAGE_BYTES", "PAGE_ENTRIES",
    "QUERY_CHARS", "REASON_CHARS", "ROOM_CHARS", "TEXT_CHARS", "TOPIC_CHARS", "TRANSITIONS", "USAGE_CHARS", "VERSION",
    "Answer", "Bye", "Cause", "Command", "CommandHelp", "CommandOffer", "Commands", "Direct", "Done", "DraftShown",
    "Edit", "Edited", "EndTurn", "Entry", "Error", "Event", "Found", "FrameDecoder", "FrameError", "FromClient",
    "FromServer", "Gap", "GetCommands", "GetHistory", "GetMembers", "GetRooms", "Granted", "Hello", "History", "Input",
    "Join", "Joined", "Leave", "Limits", "Live", "LocalError", "Machine", "Member", "Members", "Message",
    "MessageError", "Notice", "Offer", "Ping", "Pong", "Position", "Post", "Posted", "Presence", "ProtocolError",
    "Quit", "Redact", "Redacted", "RemoteError", "Request", "Role", "RoomSummary", "Rooms", "Search", "SetNick",
    "SetTopic", "ShowDraft", "State", "TakeTurn", "TopicSet", "TurnChange", "Welcome", "check", "check_key",
    "check_line", "check_name", "check_text", "decode_all_from_client", "decode_from_client", "decode_from_server",
    "encode", "encode_frame", "encode_frames",
]  # fmt: skip
