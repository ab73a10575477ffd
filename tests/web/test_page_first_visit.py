"""Coming to the page: for the first time, again, twice at once, and being called back to it."""

from urllib.parse import quote

import pytest
from selenium.webdriver.common.keys import Keys

from benchmarks.server_process import ServerProcess
from tests.web.browser import Browser, needs_browser
from tests.web.conftest import page_url
from tests.web.people import People

pytestmark = [pytest.mark.browser, needs_browser]


def test_who_comes_first_gives_a_name_and_lands_in_the_lobby(browser: Browser, server: ServerProcess) -> None:
    window = browser.open(page_url(server))
    window.come_in("first")
    assert window.texts("#header h1") == ["#lobby"]
    assert window.js("return document.activeElement.id") == "input"
    assert "first" in window.texts("#members .name")


def test_the_address_leads_to_a_room_and_follows_it(browser: Browser, url: str, room: str) -> None:
    window = browser.open(url)
    window.come_in("led")
    window.reads(f"#{room}", "#header h1")
    window.say("/join elsewhere")
    window.reads("#elsewhere", "#header h1")
    assert window.js("return location.hash") == "#elsewhere"
    window.js("location.hash = arguments[0]", room)
    window.reads(f"#{room}", "#header h1")


@pytest.mark.parametrize("wrong", ["no\u202eroom", "@nobody-at-all"])
def test_an_address_that_leads_nowhere_leads_to_the_lobby_with_a_sentence(
    browser: Browser, server: ServerProcess, wrong: str
) -> None:
    window = browser.open(f"{page_url(server)}#{quote(wrong)}")
    window.come_in(f"astray-{len(wrong)}")
    window.reads("#lobby", "#header h1")
    window.until("document.querySelector('.word.warning') !== null")


def test_a_name_that_somebody_has_is_refused_in_a_sentence_and_another_is_taken(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    people.enter("taken", room, server.url)
    window = browser.open(url)
    window.type("taken", Keys.ENTER, into="#welcome-nick")
    window.holds("taken", "#welcome-error")
    window.type("free", into="#welcome-nick")  # what was refused is selected
    window.click("#welcome button")
    window.is_in()
    assert "free" in window.texts(".rename")


def test_a_name_is_kept_when_the_page_is_loaded_again(browser: Browser, url: str, room: str) -> None:
    window = browser.open(url)
    window.come_in("kept")
    window.say("before")
    window.reads("before")
    window.reload()
    window.is_in()
    window.reads("before")
    assert window.texts(".rename") == ["kept"]
    window.reads(f"#{room}", "#header h1")
    window.until("document.querySelector('.message-row.own') !== null")


def test_a_second_window_is_the_same_person_and_both_see_what_either_says(browser: Browser, url: str) -> None:
    first = browser.open(url)
    first.come_in("twice")
    second = browser.open(url)
    second.is_in()
    second.say("from the second")
    first.reads("from the second")
    first.say("from the first")
    second.reads("from the first")
    assert second.texts("#members .name") == ["twice"]
    assert len(second.js("return [...document.querySelectorAll('.message-row.own')]")) == 2


def test_what_one_window_has_read_is_read_in_the_other(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bob = people.enter("bob-reads", room, server.url)
    first = browser.open(url)
    first.come_in("reads")
    first.say("/join aside")
    first.reads("#aside", "#header h1")
    bob.say("did you see this, reads?")
    first.holds("1 unread", "#rooms")
    first.until("document.title.startsWith('(1) ')")
    second = browser.open(url)
    second.reads("did you see this, reads?")
    first.until("document.querySelector('.room.unread') === null && !document.title.startsWith('(')")


NOTED = """
window.noted = [];
window.Notification = class {
  static permission = "granted";
  constructor(title, {body}) { noted.push([title, body]); }
};
"""


def test_who_looks_elsewhere_is_called_when_spoken_to_and_for_nothing_else(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bob = people.enter("bob-calls", room, server.url)
    window = browser.open(url)
    window.come_in("called")
    window.js(NOTED)
    bob.say("called: you can see this")
    window.reads("called: you can see this")
    window.js("document.hasFocus = () => false; dispatchEvent(new Event('blur'))")
    bob.say("just saying")
    bob.say("are you there, called?")
    window.until("document.title.startsWith('(1) ')")
    assert window.js("return document.getElementById('favicon').href").endswith("icon-unread.svg")
    window.until("document.querySelector('.new-row') !== null")
    assert window.js("return noted") == [[f"bob-calls in #{room}", "are you there, called?"]]
    window.js("delete document.hasFocus")
    window.js("dispatchEvent(new Event('focus'))")
    window.until("!document.title.startsWith('(')")
