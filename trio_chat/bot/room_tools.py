"""The tools that every bot's model has: what was said in the bot's room, who is there, and what it is about.

This file owns these functions and what they tell. None takes a room as an argument: a model sees the room that its
bot sits in, and no other. It must not know models or providers.
"""

from typing import Annotated, Any, Final

from msgspec import Meta

from protocol import Message
from trio_chat.bot.context import Line
from trio_chat.bot.needs import RoomClient
from trio_chat.bot.tools import Tool, ToolError, tool_from
from trio_chat.client import ChatError

FOUND_LINES: Final = 10
LINE_CHARS: Final = 500
MEMBERS: Final = 200


def room_tools(client: RoomClient, room: str) -> tuple[Tool, ...]:
    """Return the tools about one room.

    Args:
        client: through which they ask.
        room: the room as the server names it.
    """

    async def search_history(
        words: Annotated[str, Meta(min_length=1, max_length=200, description="Words that a line holds, all of them.")],
        nick: Annotated[str | None, Meta(description="Only what this participant said.")] = None,
    ) -> list[dict[str, Any]]:
        """Find lines that were said in this chat room, also long ago. Returns the newest ones that match, as data."""
        try:
            found = await client.search(words, room=room, nick=nick, limit=FOUND_LINES)
        except ChatError as error:
            raise ToolError(f"The history cannot be searched: {error}") from error
        said = (entry for entry in found.entries if isinstance(entry, Message) and not entry.redacted)
        lines = (Line.of(message, client.author) for message in said)
        return [line.with_text(line.text[:LINE_CHARS]).as_data() for line in lines]

    async def who_is_here() -> dict[str, Any]:
        """Tell who is present in this chat room at the moment, people and bots."""
        try:
            here = await client.members(room, limit=MEMBERS)
        except ChatError as error:
            raise ToolError(f"It cannot be told who is here: {error}") from error
        listed = [{"nick": member.nick} | ({"bot": True} if member.bot else {}) for member in here.members]
        return {"count": here.count, "present": listed}

    async def room_topic() -> dict[str, str]:
        """Tell what this chat room is called and what its topic is; the topic may be empty."""
        place = client.rooms.get(room)
        return {"room": room, "topic": "" if place is None else place.topic}

    return tuple(tool_from(function) for function in (search_history, who_is_here, room_topic))
