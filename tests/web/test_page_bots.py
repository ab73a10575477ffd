"""Bots on the page: what they are about to say grows and can be stopped; their commands are completed and shown."""

from collections.abc import AsyncIterator

import pytest
import trio
from selenium.webdriver.common.keys import Keys

from benchmarks.server_process import ServerProcess
from tests.web.browser import Browser, needs_browser
from tests.web.people import People
from trio_chat import Bot, Occasion

pytestmark = [pytest.mark.browser, needs_browser]


def teller(room: str, url: str, nick: str) -> tuple[Bot, trio.Event]:
    """Return a bot that tells a story in pieces, the last one only once the event is set."""
    bot = Bot(nick, room=room, url=url)
    go_on = trio.Event()

    @bot.command("/story", usage="/story [ABOUT]")
    async def tell(asked: Occasion) -> AsyncIterator[str]:
        """tell a story"""
        yield f"Once upon a time there was {asked.text}, "
        asked.show(f"Once upon a time there was {asked.text}, ", doing="looking for an end")
        await go_on.wait()
        yield "and that is **all**."

    return bot, go_on


def test_what_a_bot_is_about_to_say_grows_and_becomes_its_message(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bot, go_on = teller(room, server.url, "teller")
    people.start(bot)
    window = browser.open(url)
    window.come_in("listens")
    window.say("/story a task")
    window.holds("Once upon a time there was a task,", ".draft-row")
    window.holds("looking for an end", ".draft-row .doing")
    assert window.texts(".draft-row .badge") == ["bot"]

    async def end() -> None:
        go_on.set()

    people.run(end)
    window.reads("Once upon a time there was a task, and that is all.")
    window.until("document.querySelector('.draft-row') === null")
    assert window.texts(".message-row .badge") == ["bot"]


def test_what_a_bot_is_about_to_say_is_there_again_after_a_reload(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bot, go_on = teller(room, server.url, "patient")

    @bot.command("/stroll")
    async def stroll(_: Occasion) -> str:
        """have said something before"""
        return "I have strolled."

    people.start(bot)
    window = browser.open(url)
    window.come_in("reloads")
    window.say("/stroll")
    window.reads("I have strolled.")
    window.say("/story a reload")
    window.holds("looking for an end", ".draft-row .doing")
    window.reload()
    window.is_in()
    window.holds("Once upon a time there was a reload,", ".draft-row")
    window.holds("looking for an end", ".draft-row .doing")
    assert len(window.texts(".draft-row .stop")) == 1

    async def end() -> None:
        go_on.set()

    people.run(end)
    window.reads("Once upon a time there was a reload, and that is all.")
    window.until("document.querySelector('.draft-row') === null")


def test_what_is_read_of_a_growing_answer_stays_where_it_is(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bot = Bot("novelist", room=room, url=server.url)
    go_on = trio.Event()

    @bot.command("/novel")
    async def tell(asked: Occasion) -> str:
        """tell more than a screen holds"""
        novel = [f"line {number}" for number in range(120)]
        asked.show("\n".join(novel[:80]))
        await go_on.wait()
        asked.show("\n".join(novel))
        await trio.sleep_forever()
        return ""

    people.start(bot)
    window = browser.open(url)
    window.come_in("reads-along")
    window.say("/novel")
    window.holds("line 79", ".draft-row")
    window.js("document.getElementById('viewport').scrollTop -= 500")
    window.until("!document.getElementById('to-end').hidden")
    place = "return document.querySelector('.growing').getBoundingClientRect().top"
    before = window.js(place)

    async def write_on() -> None:
        go_on.set()

    people.run(write_on)
    window.holds("line 119", ".draft-row")
    assert abs(window.js(place) - before) <= 1


def test_the_question_is_shown_as_the_command_that_it_was_and_to_whom(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bot, _ = teller(room, server.url, "asked")
    people.start(bot)
    window = browser.open(url)
    window.come_in("asks")
    window.say("/story a nursery")
    window.reads("/story a nursery → asked", ".message-row.own .text")


def test_stop_ends_a_bots_answer_and_what_it_has_said_is_marked(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bot, _ = teller(room, server.url, "endless")
    people.start(bot)
    window = browser.open(url)
    window.come_in("stops")
    window.say("/story a loop")
    window.holds("Once upon a time there was a loop,", ".draft-row")
    window.click(".draft-row .stop")
    window.until("document.querySelector('.draft-row') === null")
    window.holds("Once upon a time there was a loop,", ".message-row .text")
    window.holds("stopped", ".message-row .marks")


def test_who_did_not_ask_has_no_button_that_stops_the_answer_and_is_told_why_by_the_command(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bot, _ = teller(room, server.url, "shielded")
    people.start(bot)
    bob = people.enter("bob-wants-it", room, server.url)
    window = browser.open(url)
    window.come_in("wants-quiet")
    bob.command("/story a storm")
    window.holds("Once upon a time there was a storm,", ".draft-row")
    assert window.texts(".draft-row .stop") == []
    window.say("/stop")
    window.holds("Only who asked shielded may stop the answer.", ".word.warning")


def test_commands_are_completed_with_those_of_bots(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bot, _ = teller(room, server.url, "helper")
    people.start(bot)
    window = browser.open(url)
    window.come_in("types")
    window.type("/st")
    window.holds("/story [ABOUT]", ".suggestions")
    assert window.texts(".suggestions strong") == ["/stop [NICK]", "/story [ABOUT]"]
    window.type(Keys.ARROW_DOWN, Keys.ENTER)
    window.until("document.getElementById('input').value === '/story '")
    window.until("document.querySelector('.suggestions').hidden")


def test_names_are_completed_by_tab_and_behind_an_at(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    people.enter("zacharias", room, server.url)
    window = browser.open(url)
    window.come_in("writes")
    window.until("document.querySelectorAll('#members .member').length === 2")
    window.type("zac", Keys.TAB)
    window.until("document.getElementById('input').value === 'zacharias: '")
    window.type("and @za")
    window.holds("zacharias", ".suggestions")
    window.type(Keys.TAB)
    window.until("document.getElementById('input').value === 'zacharias: and @zacharias '")


def test_what_the_server_says_to_oneself_stands_among_the_messages_and_can_be_dismissed(
    browser: Browser, url: str
) -> None:
    window = browser.open(url)
    window.come_in("helps")
    window.say("/serach words")
    window.holds("Did you mean /search?", ".word")
    window.holds("Did you mean /search?", "#status")
    window.click(".word .link")
    window.until("document.querySelector('.word') === null")


def test_people_talk_in_private_and_see_whether_the_other_is_there(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bob = people.enter("bob-private", room, server.url)
    window = browser.open(url)
    window.come_in("ann-private")
    window.until("document.querySelectorAll('#members .member').length === 2")
    window.click("button.member")
    window.reads("bob-private", "#header h1")
    window.say("between us")
    window.reads("between us", ".message-row.own .text")
    window.until("document.querySelector('#rooms .presence.here') !== null")
    window.js("location.hash = arguments[0]", room)
    window.reads(f"#{room}", "#header h1")
    bob.command("/msg ann-private yes?")
    window.holds("1 unread, 1 for you", "#rooms")
    window.until("document.title.startsWith('(1) ')")
