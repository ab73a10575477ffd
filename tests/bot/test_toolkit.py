"""A bot of one's own, in a room of a real server in memory: what its functions are called for, and how they speak."""

from collections.abc import AsyncIterator
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from protocol import CommandHelp, Notice
from tests.bot.cutting import cut_once_at
from tests.bot.room import RoomInMemory
from trio_chat.bot import Bot, BotConfig, BotConfigError, Handler, Occasion, private
from trio_chat.bot.triggers import Reason
from trio_chat.server import ServerConfig
from trio_chat.server.governor import Allowance
from trio_chat.testing import open_room

pytestmark = pytest.mark.autojump


async def echo(asked: Occasion) -> str:
    """say the words again"""
    return f"{asked.nick} said {asked.text!r}"


async def keep_silent(asked: Occasion) -> None:
    pass


# --- what is called for what ------------------------------------------------------------------------------


async def test_a_command_is_everybodys_and_its_function_gets_the_words_behind_it() -> None:
    bot = Bot("dice")
    bot.command("/roll", usage="/roll [2d6]")(echo)
    async with open_room(bot) as room:
        ann = await room.enter("ann")
        asked = await ann.say("/roll 2d6  x ")
        answer = await ann.hear()
        assert (answer.text, answer.reply_to, answer.bot) == ("ann said '2d6  x'", getattr(asked, "seq", None), True)
        await ann.say("/roll")
        assert (await ann.hear()).text == "ann said ''"
        assert CommandHelp("/roll", "/roll [2d6]", "say the words again", "dice") in await ann.client.commands("lobby")


async def test_of_several_functions_the_most_particular_is_called() -> None:
    bot = Bot("dice")
    for name, decorate in {
        "command": bot.command("/roll"),
        "mention": bot.on_mention,
        "message": bot.on_message,
        "arrival": bot.on_arrival,
    }.items():

        async def say_name(asked: Occasion, name: str = name) -> str:
            return f"{name} by {asked.nick}: {asked.text!r}"

        decorate(say_name)
    async with open_room(bot) as room:
        ann = await room.enter("ann")
        assert (await ann.hear()).text == "arrival by ann: ''"
        for line, by, words in (("/roll 1", "command", "1"), ("Dice?", "mention", "Dice?"), ("x", "message", "x")):
            await ann.say(line)
            assert (await ann.hear()).text == f"{by} by ann: {words!r}"
        await ann.hear_nothing()


async def test_a_bot_whose_command_is_anothers_already_says_so() -> None:
    first, second, reports = Bot("dice"), Bot("coin"), list[str]()
    for bot in (first, second):
        bot.command("/roll")(echo)
    async with open_room(first) as room:
        await room.seat(second, reports.append)
        assert reports[-1] == "/roll is asked of dice in #lobby, who came first"
        ann = await room.enter("ann")
        await ann.say("/roll")
        assert (await ann.hear()).nick == "dice"
        await ann.hear_nothing()


@pytest.mark.parametrize("line", ["dice?", "so what"])
async def test_without_a_function_for_mentions_they_are_lines_like_any(line: str) -> None:
    bot = Bot("dice")
    bot.on_message(echo)
    async with open_room(bot) as room:
        ann = await room.enter("ann")
        await ann.say(line)
        assert (await ann.hear()).text == f"ann said {line!r}"


async def test_a_line_in_private_is_a_mention() -> None:
    bot = Bot("dice")
    bot.on_mention(echo)
    async with open_room(bot) as room:
        ann = await room.enter("ann")
        await ann.say("/msg dice psst")
        answer = await ann.hear()
        assert (answer.text, answer.room[0]) == ("ann said 'psst'", "~")


async def test_for_one_private_room_too_many_it_leaves_the_one_that_was_silent_for_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(private, "ROOMS_MAX", 2)
    bot = Bot("dice")
    bot.on_mention(echo)
    async with open_room(bot) as room:
        guests = {nick: await room.enter(nick) for nick in ("ann", "bob", "cleo")}
        for nick in ("ann", "bob", "ann", "cleo", "ann", "bob"):
            await guests[nick].say("/msg dice psst")
            assert (await guests[nick].hear()).text == f"{nick} said 'psst'"
        assert len([name for name in room.server.hub.rooms if name.startswith("~")]) == 3
        present = {name: room.server.hub.rooms[name].count for name in room.server.hub.rooms if name.startswith("~")}
        assert sorted(present.values()) == [1, 2, 2]


async def test_what_other_bots_say_is_heard_only_if_asked_for() -> None:
    heard: list[str] = []

    async def note(said: Occasion) -> None:
        heard.append(said.nick)

    deaf, hearing, parrot = Bot("deaf"), Bot(BotConfig(nick="hearing", model=None, answer_bots=True)), Bot("parrot")
    deaf.on_message(note)
    hearing.on_message(note)
    parrot.on_message(echo)
    async with open_room(deaf, hearing, parrot) as room:
        ann = await room.enter("ann")
        await ann.say("x")
        await ann.hear()
        await ann.hear_nothing()
    assert sorted(heard) == ["ann", "ann", "parrot"]


async def test_a_timers_function_is_called_so_often() -> None:
    bot, times = Bot("clock"), list[float]()

    @bot.every(60)
    async def tell(now: Occasion) -> str | None:
        times.append(trio.current_time())
        assert (now.reason, now.nick, now.text, now.entry) == (Reason.TIMER, "", "", None)
        return "cuckoo" if len(times) == 3 else None

    async with open_room(bot) as room:
        ann = await room.enter("ann")
        said = await ann.hear(within_s=200)
    assert said.text == "cuckoo"
    assert [later - earlier for earlier, later in pairwise(times)] == [60, 60]


async def test_the_model_answers_what_no_function_is_for() -> None:
    bot = Bot("sage", model="markov")
    bot.command("/roll")(echo)
    async with open_room(bot) as room:
        ann = await room.enter("ann")
        await ann.say("/roll 1")
        assert (await ann.hear()).text == "ann said '1'"
        for line in ("sage, what do you say?", "/search what do you say?"):
            await ann.say(line)
            answer = await ann.hear()
            assert answer.reply_to is not None
            assert not answer.text.startswith("ann said")


async def test_a_function_for_search_takes_the_place_of_the_models_answer() -> None:
    bot = Bot("sage", model="markov")
    bot.command("/search")(echo)
    async with open_room(bot) as room:
        ann = await room.enter("ann")
        await ann.say("/ask why?")
        assert (await ann.hear()).text == "ann said 'why?'"


async def test_a_function_sees_the_conversation_and_can_look_into_the_room() -> None:
    bot = Bot("dice")

    @bot.on_mention
    async def tell(asked: Occasion) -> str:
        members = await asked.client.members(asked.room)
        return f"{[line.text for line in asked.lines]} {sorted(member.nick for member in members.members)}"

    async with open_room(bot) as room:
        ann = await room.enter("ann")
        await ann.say("one")
        await ann.say("dice?")
        assert (await ann.hear()).text == "['one', 'dice?'] ['ann', 'dice']"


# --- speaking ---------------------------------------------------------------------------------------------


async def test_what_a_generator_yields_is_shown_as_it_comes_and_said_as_one() -> None:
    bot = Bot("poet")

    @bot.on_mention
    async def recite(asked: Occasion) -> AsyncIterator[str]:
        for word in ("the ", "quick ", "fox"):
            yield word
            await trio.sleep(1)

    async with open_room(bot) as room:
        ann = await room.enter("ann")
        await ann.say("poet?")
        assert (await ann.hear()).text == "the quick fox"
        assert [draft.text for draft in ann.drafts] == ["the", "the quick", "the quick fox"]


async def test_replies_and_a_returned_text_are_messages_of_one_turn() -> None:
    bot = Bot("poet")

    @bot.on_message
    async def recite(asked: Occasion) -> str | None:
        if asked.text != "go":
            return None
        await asked.reply("one")
        asked.show("two", doing="thinking\nhard")
        await trio.sleep(1)
        await asked.reply("two")
        return "three"

    async with open_room(bot, config=ServerConfig(bots=Allowance(room_turns=1))) as room:
        ann = await room.enter("ann")
        await ann.say("silence")
        await ann.say("go")
        assert [(await ann.hear()).text for _ in range(3)] == ["one", "two", "three"]
        assert [(draft.text, draft.doing) for draft in ann.drafts] == [("two", "thinking hard")]
        await ann.hear_nothing()


async def test_what_was_said_is_shown_no_more_and_is_not_said_again_when_the_turn_is_stopped() -> None:
    bot = Bot("poet")

    @bot.on_mention
    async def recite(asked: Occasion) -> None:
        asked.show("one")
        await trio.sleep(0.01)
        asked.show("one two")
        await asked.reply("one two")
        await trio.sleep_forever()

    async with open_room(bot) as room:
        ann = await room.enter("ann")
        await ann.say("poet?")
        assert (await ann.hear()).text == "one two"
        await trio.sleep(1)
        assert [draft.text for draft in ann.drafts] == ["one"]
        await ann.say("/stop")
        await ann.hear_nothing()


async def test_a_text_too_long_for_one_message_becomes_several() -> None:
    bot = Bot("poet")

    @bot.on_mention
    async def recite(asked: Occasion) -> str:
        return "word " * 1_000

    async with open_room(bot) as room:
        ann = await room.enter("ann")
        await ann.say("poet?")
        assert [len((await ann.hear()).text) for _ in range(2)] == [3_999, 999]
        await ann.hear_nothing()


async def test_stop_cancels_the_function_and_what_it_had_shown_stays() -> None:
    bot, ended = Bot("poet"), trio.Event()

    @bot.command("/recite")
    async def recite(asked: Occasion) -> AsyncIterator[str]:
        try:
            yield "the quick "
            await trio.sleep_forever()
        finally:
            ended.set()

    async with open_room(bot) as room:
        ann = await room.enter("ann")
        await ann.say("/recite")
        await trio.sleep(1)
        stopped = await ann.say("/stop")
        assert isinstance(stopped, Notice)
        await ended.wait()
        answer = await ann.hear()
        assert (answer.text, answer.stopped) == ("the quick", True)
        await ann.say("/recite")
        await trio.sleep(1)
        assert ann.drafts[-1].text == "the quick"


async def test_without_a_turn_the_function_is_cancelled_and_the_bot_goes_on() -> None:
    bot, cancelled, reports = Bot("poet"), list[str](), list[str]()

    @bot.on_message
    async def recite(asked: Occasion) -> None:
        try:
            await asked.reply("yes")
        except trio.Cancelled:
            cancelled.append(asked.text)
            raise

    async with open_room(config=ServerConfig(bots=Allowance(room_turns=1))) as room:
        await room.seat(bot, reports.append, strict=False)
        ann = await room.enter("ann")
        for text in "ab":
            await ann.say(text)
        await ann.hear()
        await ann.hear_nothing()
        await trio.sleep(61)
        await ann.say("c")
        assert (await ann.hear()).reply_to == 4
    assert cancelled == ["b"]
    assert len([line for line in reports if line.startswith("it may not speak: ")]) == 1


async def test_a_function_whose_turn_was_lost_is_called_again_and_says_nothing_twice() -> None:
    bot, calls, reports = Bot("sage"), list[str](), list[str]()

    @bot.on_mention
    async def answer(asked: Occasion) -> str:
        calls.append(asked.text)
        if len(calls) == 1:
            await trio.sleep_forever()
        if len(calls) == 3:
            await asked.reply("one")
            await trio.sleep_forever()
        return "yes"

    room = RoomInMemory()
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(bot.serve, client=room, report=reports.append))
        for text in ("sage, a", "sage, b"):
            room.say(text)
            await wait_all_tasks_blocked()
            room.stop("gone", None)
            await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert calls == ["sage, a", "sage, a", "sage, b", "sage, b"]
    assert [message.text for message in room.said_by_bot] == [
        "yes",
        "one",
    ]  # in the place of that, the last call's "yes"


@pytest.mark.parametrize("line", ["/recite", "poet?", "x"])
async def test_a_turn_is_asked_for_again_where_the_connection_is_lost_before_it_is_granted(line: str) -> None:
    bot = Bot(BotConfig(nick="poet", model="markov", session="b" * 32))
    bot.command("/recite")(echo)
    bot.on_message(echo)
    async with open_room() as room, trio.open_nursery() as nursery:
        await nursery.start(partial(bot.serve, dial=cut_once_at("turn", room.server.dial), report=print))
        ann = await room.enter("ann")
        await ann.say(line)
        assert (await ann.hear(within_s=60)).reply_to == 1
        await ann.hear_nothing()
        nursery.cancel_scope.cancel()


async def test_that_the_connection_is_lost_while_it_speaks_is_no_fault_of_a_function() -> None:
    bot, reports = Bot(BotConfig(nick="poet", model=None, session="b" * 32)), list[str]()

    @bot.on_mention
    async def recite(asked: Occasion) -> str:
        await asked.reply("one")
        return "two"

    async with open_room() as room, trio.open_nursery() as nursery:
        await nursery.start(partial(bot.serve, dial=cut_once_at("post", room.server.dial), report=reports.append))
        ann = await room.enter("ann")
        await ann.say("poet?")
        assert [(await ann.hear()).text for _ in range(2)] == ["one", "two"]
        nursery.cancel_scope.cancel()
    assert [line for line in reports if line.startswith("cut off")]
    assert not [line for line in reports if "broke down" in line]


async def test_what_a_function_has_returned_is_said_in_the_end_and_it_is_not_called_again() -> None:
    bot, points, room = Bot("sage"), list[str](), RoomInMemory()

    @bot.on_mention
    async def count(asked: Occasion) -> str:
        points.append(asked.nick)
        return f"{asked.nick} has {len(points)}"

    async with trio.open_nursery() as nursery:
        await nursery.start(partial(bot.serve, client=room, report=list[str]().append))
        for cuts in (0, 1, 3):
            room.cuts = cuts
            room.say("sage?")
            await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert [message.text for message in room.said_by_bot] == ["ann has 1", "ann has 2", "ann has 3"]


# --- faults -----------------------------------------------------------------------------------------------


async def test_a_fault_is_reported_with_its_line_told_where_somebody_waits_and_ends_that_call_alone() -> None:
    bot, reports = Bot("dice"), list[str]()

    async def fail(asked: Occasion) -> str:
        async with trio.open_nursery():
            return str(int(asked.text))

    bot.command("/roll")(fail)
    bot.on_message(fail)
    async with open_room() as room:
        await room.seat(bot, reports.append, strict=False)
        ann = await room.enter("ann")
        await ann.say("x")
        await ann.hear_nothing()
        await ann.say("/roll y")
        assert "broken down" in (await ann.hear()).text
        await ann.say("/roll 7")
        assert (await ann.hear()).text == "7"
    faults = [line for line in reports if "broke down" in line]
    line = fail.__code__.co_firstlineno + 2
    assert [fault.partition(" of ")[0] for fault in faults] == [
        f"its function fail broke down: ValueError: invalid literal for int() with base 10: {text!r}, line {line}"
        for text in "xy"
    ]


async def test_a_function_that_takes_too_long_or_returns_no_text_has_failed() -> None:
    bot, reports = Bot(BotConfig(nick="dice", model=None, answer_s=10)), list[str]()

    @bot.command("/sleep")
    async def sleep(asked: Occasion) -> None:
        await trio.sleep_forever()

    @bot.command("/count")  # type: ignore[type-var]  # the mistake that it is about
    async def count(asked: Occasion) -> int:
        return 7

    async with open_room() as room:
        await room.seat(bot, reports.append, strict=False)
        ann = await room.enter("ann")
        for line in ("/sleep", "/count"):
            await ann.say(line)
            assert "broken down" in (await ann.hear(within_s=60)).text
    assert [line for line in reports if line.startswith("its function")] == [
        "its function sleep was given up after 10 s",
        "its function count broke down: TypeError: it returned int, which is neither a text nor None",
    ]


async def test_showing_what_is_no_text_is_a_fault_of_that_call_alone() -> None:
    bot, reports = Bot("dice"), list[str]()

    @bot.on_mention
    async def count(asked: Occasion) -> str:
        if asked.text == "dice 7":
            asked.show(7)  # type: ignore[arg-type]  # the mistake that it is about
        return "yes"

    async with open_room() as room:
        await room.seat(bot, reports.append, strict=False)
        ann = await room.enter("ann")
        await ann.say("dice 7")
        assert "broken down" in (await ann.hear()).text
        await ann.say("dice 8")
        assert (await ann.hear()).text == "yes"
    (fault,) = (line for line in reports if "broke down" in line)
    assert fault.startswith("its function count broke down: TypeError: it showed int, which is no text")


@pytest.mark.parametrize("after_s", [0, 1])
@pytest.mark.parametrize("room_turns", [0, 20])
async def test_a_task_that_a_function_leaves_behind_says_and_shows_nothing(after_s: float, room_turns: int) -> None:
    bot, complaints = Bot("dice"), list[str]()

    async def linger(asked: Occasion) -> None:
        await trio.sleep(after_s)
        with pytest.raises(RuntimeError, match="the function has ended") as complaint:
            await asked.reply("late")
        complaints.append(str(complaint.value))
        with pytest.raises(RuntimeError, match="the function has ended"):
            asked.show("late")

    async with trio.open_nursery() as nursery:

        @bot.on_message
        async def look(said: Occasion) -> None:
            nursery.start_soon(linger, said)
            if room_turns == 0:
                await said.reply("x")

        async with open_room(bot, config=ServerConfig(bots=Allowance(room_turns=room_turns))) as room:
            ann = await room.enter("ann")
            await ann.say("x")
            await trio.sleep(10)
            await ann.hear_nothing()
            assert not ann.drafts
    assert len(complaints) == 1


async def test_lines_that_come_faster_than_they_are_looked_at_are_dropped_and_that_is_reported_once() -> None:
    bot, reports, seen = Bot("slow"), list[str](), list[str]()

    @bot.on_message
    async def look(said: Occasion) -> None:
        await trio.sleep(1)
        seen.append(said.text)

    async with open_room(config=ServerConfig(rate_limit=None)) as room:
        await room.seat(bot, reports.append, strict=False)
        ann = await room.enter("ann")
        for number in range(1_100):
            await ann.say(str(number))
        await trio.sleep(2_000)
    assert seen[:1_001] == [str(number) for number in range(1_001)]
    assert len(seen) < 1_100
    assert [line for line in reports if "does not keep up" in line] == [
        "it does not keep up with the room; lines go unheard"
    ]


async def test_a_client_of_the_callers_has_no_commands_when_the_bot_has_ended() -> None:
    bot, room = Bot("dice"), RoomInMemory()
    bot.command("/roll")(echo)
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(bot.serve, client=room, report=list[str]().append))
        assert [offer.name for offer in room.offers] == ["/roll"]
        nursery.cancel_scope.cancel()
    assert room.offers == []


async def test_a_bot_without_a_function_for_mentions_hears_them_in_their_order() -> None:
    bot, heard = Bot("log"), list[str]()

    @bot.on_message
    async def note(said: Occasion) -> None:
        await trio.sleep(1)
        heard.append(said.text)

    async with open_room(bot) as room:
        ann = await room.enter("ann")
        lines = [f"log, {number}" if number % 2 else str(number) for number in range(30)]
        for line in lines:
            await ann.say(line)
        await trio.sleep(60)
    assert heard == lines


async def test_a_line_that_was_edited_while_it_waited_is_given_as_it_is() -> None:
    bot, heard = Bot("log"), list[str]()

    @bot.on_mention
    async def note(said: Occasion) -> None:
        heard.append(said.text)
        await trio.sleep(10)

    async with open_room(bot) as room:
        ann = await room.enter("ann")
        await ann.say("log, wait")
        await ann.say("log, old")
        await ann.client.edit(room.name, 2, "log, new")
        await trio.sleep(30)
    assert heard == ["log, wait", "log, new"]


async def test_twenty_commands_and_a_models_search_are_one_too_many() -> None:
    bot = Bot("dice", model="markov")
    for number in range(20):
        bot.command(f"/c{number}")(echo)
    with pytest.raises(BotConfigError, match=r"20 commands at most, not 21\. A model's /search is one"):
        await bot.serve()


# --- what is wrong before it runs -------------------------------------------------------------------------


def sync(asked: Occasion) -> str:
    return "x"


async def takes_none() -> str:
    return "x"


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (sync, "Write `async def sync`: a bot's functions run beside each other."),
        (takes_none, "The function takes_none has to take one argument, the occasion."),
    ],
)
async def test_a_function_that_cannot_be_called_is_refused_at_once(function: Handler, sentence: str) -> None:
    bot = Bot("dice")
    for decorate in (bot.on_message, bot.on_mention, bot.on_arrival, bot.every(1), bot.command("/roll")):
        with pytest.raises(ValueError, match=r"async def|one argument") as refused:
            decorate(function)
        assert str(refused.value) == sentence


@pytest.mark.parametrize("name", ["roll", "/", "/Roll", "/two words", "/" + "x" * 32])
async def test_a_name_that_no_command_can_have_is_refused_at_once(name: str) -> None:
    with pytest.raises(ValueError, match="A command's name is a slash and a letter"):
        Bot("dice").command(name)(echo)


async def test_decorators_written_wrongly_say_how_to_write_them() -> None:
    bot: Any = Bot("dice")
    with pytest.raises(TypeError, match=r"Write @bot.every\(60\)"):
        bot.every(echo)
    with pytest.raises(ValueError, match="every 0 seconds: give a number above 0"):
        bot.every(0)
    with pytest.raises(TypeError, match=r'Write @bot.command\("/name"\)'):
        bot.command(echo)
    with pytest.raises(ValueError, match="The usage of /roll begins with /roll"):
        bot.command("/roll", usage="roll 2d6")(echo)


async def test_two_functions_for_the_same_are_refused() -> None:
    bot = Bot("dice")
    bot.command("/roll")(echo)
    bot.on_message(echo)
    with pytest.raises(ValueError, match="There is a command /roll already"):
        bot.command("/roll")(echo)
    with pytest.raises(ValueError, match="has a function for this already: echo"):
        bot.on_message(echo)


async def test_a_command_of_the_servers_is_refused_with_its_reason() -> None:
    bot = Bot("dice")
    bot.command("/join")(echo)
    with pytest.raises(Exception, match="/join is a command of the server's; choose another name"):
        async with open_room(bot):
            pass


async def test_a_bot_without_anything_to_do_says_so_before_it_connects() -> None:
    with pytest.raises(BotConfigError, match="This bot does nothing"):
        await Bot("dice").serve()
    bot = Bot("dice")

    @bot.tool
    def weather(city: str) -> str:
        """Tell the weather."""
        return "rain"

    bot.on_message(keep_silent)
    with pytest.raises(BotConfigError, match="this bot has none: give it one"):
        await bot.serve()
