"""What a model can find out about its bot's room, and that it is no other room."""

import json
from typing import Any

from tests.bot.events import said
from tests.bot.room import RoomInMemory
from trio_chat.bot.room_tools import FOUND_LINES, LINE_CHARS, room_tools
from trio_chat.bot.tools import Toolbox
from trio_chat.client import Refused


def tools_of(client: RoomInMemory) -> Toolbox:
    return Toolbox(room_tools(client, "lobby"))


async def call(client: RoomInMemory, name: str, **arguments: Any) -> Any:
    return json.loads(await tools_of(client).call(name, json.dumps(arguments)))


async def test_the_history_is_searched_for_words_and_by_who_said_them() -> None:
    room = RoomInMemory()
    for nick, text in (("ann", "I like pizza"), ("bob", "no pizza"), ("ann", "well")):
        room.say(text, nick)
    assert [line["says"] for line in await call(room, "search_history", words="pizza")] == ["no pizza", "I like pizza"]
    (line,) = await call(room, "search_history", words="pizza", nick="ann")
    assert line == {"seq": 1, "at": "2023-11-14T22:13:21Z", "nick": "ann", "says": "I like pizza"}


async def test_what_is_found_is_bounded_and_what_was_taken_back_is_not_found() -> None:
    room = RoomInMemory()
    for _ in range(30):
        room.say("pizza " * 600)
    found = await call(room, "search_history", words="pizza")
    assert len(found) == FOUND_LINES
    assert {len(line["says"]) for line in found} == {LINE_CHARS}
    room.log[-1] = said(30, "pizza", redacted=True)
    assert 30 not in [line["seq"] for line in await call(room, "search_history", words="pizza")]


async def test_who_is_here_names_people_and_bots() -> None:
    room = RoomInMemory()
    room.say("hello", "ann")
    assert await call(room, "who_is_here") == {
        "count": 2,
        "present": [{"nick": "ann"}, {"nick": "sage", "bot": True}],
    }


async def test_the_topic_is_the_present_one() -> None:
    room = RoomInMemory()
    room.place.topic = "tea"
    assert await call(room, "room_topic") == {"room": "lobby", "topic": "tea"}
    assert json.loads(await Toolbox(room_tools(room, "gone")).call("room_topic", "")) == {"room": "gone", "topic": ""}


async def test_no_tool_takes_a_room() -> None:
    room = RoomInMemory()
    assert all("room" not in tool.schema["properties"] for tool in tools_of(room).tools)
    assert "unknown field `room`" in (await call(room, "search_history", words="x", room="secret"))["error"]


async def test_what_the_server_refuses_is_told_as_data() -> None:
    room = RoomInMemory()
    for name, arguments in (("search_history", {"words": "x"}), ("who_is_here", {})):
        room.refusals.append(Refused("too_many", "Please wait."))
        assert (await call(room, name, **arguments))["error"].endswith("Please wait.")
