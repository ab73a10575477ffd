"""The room in memory that the toolkit gives to tests: what is said there is heard, and what fails says how."""

import pytest

from protocol import Posted
from trio_chat import Bot, Occasion, ServerConfig
from trio_chat.client import Refused
from trio_chat.testing import open_room

pytestmark = pytest.mark.autojump


async def test_people_hear_each_other_in_order_and_not_themselves() -> None:
    async with open_room() as room:
        ann, bob = await room.enter("ann"), await room.enter("bob")
        for text in "abc":
            assert isinstance(await ann.say(text), Posted)
        assert [(await bob.hear()).text for _ in range(3)] == ["a", "b", "c"]
        await ann.hear_nothing()


async def test_silence_where_something_is_expected_fails_after_its_time() -> None:
    async with open_room() as room:
        ann = await room.enter("ann")
        with pytest.raises(AssertionError, match=r"Nobody has said anything to ann within 7 s\."):
            await ann.hear(within_s=7)


async def test_something_where_silence_is_expected_fails_and_says_what() -> None:
    async with open_room() as room:
        ann, bob = await room.enter("ann"), await room.enter("bob")
        await bob.say("hello")
        with pytest.raises(AssertionError, match="bob has said 'hello'"):
            await ann.hear_nothing()


async def test_what_the_block_raises_comes_out_as_it_is() -> None:
    with pytest.raises(Refused, match="The text is empty"):
        async with open_room() as room:
            await (await room.enter("ann")).say("")


async def test_bots_sit_in_the_rooms_that_their_settings_name_under_the_servers_rules() -> None:
    bot = Bot("echo", room="#den")

    @bot.on_message
    async def echo(said: Occasion) -> str:
        return said.text

    async with open_room(bot, config=ServerConfig(name="test", store="sqlite:never", port=1)) as room:
        ann = await room.enter()
        await ann.say("x")
        heard = await ann.hear()
        assert (heard.text, heard.room, room.name, room.server.name) == ("x", "den", "den", "test")
        assert room.server.addresses == []


async def test_what_a_bots_function_raises_comes_out_of_the_block() -> None:
    bot = Bot("dice")

    @bot.command("/roll")
    async def roll(asked: Occasion) -> str:
        return str(int(asked.text))

    with pytest.raises(BaseExceptionGroup) as caught:
        async with open_room(bot) as room:
            ann = await room.enter("ann")
            await ann.say("/roll x")
            await ann.hear()
    fault: BaseException = caught.value
    while isinstance(fault, BaseExceptionGroup):
        (fault,) = fault.exceptions
    assert isinstance(fault, ValueError)


async def test_nothing_is_too_much_for_a_minute() -> None:
    bot = Bot("dice")

    @bot.command("/roll")
    async def roll(asked: Occasion) -> str:
        return "6"

    async with open_room(bot) as room:
        ann = await room.enter("ann")
        for _ in range(50):
            await ann.say("/roll")
            assert (await ann.hear()).text == "6"
