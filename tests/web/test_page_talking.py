"""Saying things: at once pending, then confirmed; answered, changed, deleted; kept while the server is away."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from benchmarks.server_process import ServerProcess, free_port, start_server
from tests.web.browser import Browser, Window, needs_browser
from tests.web.people import People

pytestmark = [pytest.mark.browser, needs_browser]

OWN = ".message-row.own .text"
PENDING = ".pending-row .text"


def hover(window: Window, text: str) -> None:
    """Bring the pointer over the message with this text."""
    window.until(
        "[...document.querySelectorAll('.message-row')].some((row) => row.innerText.includes(arguments[0]))", text
    )
    window.js(
        "const rows = [...document.querySelectorAll('.message-row')];"
        "const row = rows.find((each) => each.innerText.includes(arguments[0]));"
        "row.dispatchEvent(new PointerEvent('pointerover', {bubbles: true}));",
        text,
    )


def press_on(window: Window, text: str, label: str) -> None:
    """Press a button of the message with this text."""
    hover(window, text)
    window.click(f".tools [aria-label='{label}']")


def test_two_browsers_talk(browser: Browser, url: str) -> None:
    ann = browser.open(url)
    ann.come_in("ann-talks")
    bob = browser.open(url.replace("127.0.0.1", "localhost"))
    bob.come_in("bob-talks")
    ann.say("hello from ann")
    bob.reads("hello from ann")
    bob.say("hello back")
    ann.reads("hello back")
    bob.reads("hello back", OWN)
    assert ann.texts(OWN) == ["hello from ann"]
    assert bob.texts(OWN) == ["hello back"]
    assert "ann-talks" in bob.texts(".by .nick")


def test_lines_of_a_text_are_made_by_shift_enter_and_stay_one_message(browser: Browser, url: str) -> None:
    window = browser.open(url)
    window.come_in("lines")
    window.say("one\ntwo\n\nthree")
    window.reads("one\ntwo\n\nthree")
    assert len(window.messages()) == 1


def test_a_message_is_answered_and_the_quote_leads_to_it(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bob = people.enter("bob-asks", room, server.url)
    bob.say("who *wants* tea?")
    bob.say("or coffee?")
    window = browser.open(url)
    window.come_in("ann-answers")
    press_on(window, "who wants tea?", "Reply")
    window.holds("bob-asks", ".mode")
    window.say("I do")
    window.holds("who wants tea?", ".own .quote")
    window.click(".own .quote")
    window.holds("who wants tea?", ".row.found")


def test_the_last_message_is_edited_by_the_arrow_key_and_everybody_sees_it(browser: Browser, url: str) -> None:
    ann = browser.open(url)
    ann.come_in("ann-edits")
    bob = browser.open(url.replace("127.0.0.1", "localhost"))
    bob.come_in("bob-edits")
    ann.say("teh end")
    ann.until("document.querySelector('.message-row.own') !== null")
    ann.type(Keys.ARROW_UP)
    ann.until("document.getElementById('input').value === 'teh end'")
    ann.type(Keys.BACKSPACE * 7, "the end", Keys.ENTER)
    ann.reads("the end", OWN)
    ann.holds("edited", ".own .marks")
    bob.reads("the end")
    bob.holds("edited", ".message-row .marks")


def test_escape_leaves_a_message_as_it_was(browser: Browser, url: str) -> None:
    window = browser.open(url)
    window.come_in("escapes")
    window.say("as it was")
    window.until("document.querySelector('.message-row.own') !== null")
    window.type(Keys.ARROW_UP)
    window.until("document.querySelector('.row.editing') !== null")
    window.type(" not", Keys.ESCAPE)
    window.until("document.getElementById('input').value === '' && document.querySelector('.row.editing') === null")
    assert window.texts(OWN) == ["as it was"]


def test_an_edit_gives_back_what_was_being_written(browser: Browser, url: str) -> None:
    window = browser.open(url)
    window.come_in("changes-mind")
    window.say("frist")
    window.reads("frist", OWN)
    window.type("half a sentence")
    press_on(window, "frist", "Edit")
    window.until("document.getElementById('input').value === 'frist'")
    window.press(Keys.ESCAPE)
    window.until("document.getElementById('input').value === 'half a sentence'")
    press_on(window, "frist", "Edit")
    window.type(Keys.BACKSPACE * 5, "first", Keys.ENTER)
    window.reads("first", OWN)
    window.until("document.getElementById('input').value === 'half a sentence'")


def test_what_is_being_written_is_kept_for_each_room_and_over_a_reload(browser: Browser, url: str, room: str) -> None:
    window = browser.open(url)
    window.come_in("ponders")
    window.type("to be continued")
    window.js("location.hash = 'ponds'")
    window.reads("#ponds", "#header h1")
    window.until("document.getElementById('input').value === ''")
    window.js("location.hash = arguments[0]", room)
    window.until("document.getElementById('input').value === 'to be continued'")
    window.reload()
    window.is_in()
    window.until("document.getElementById('input').value === 'to be continued'")
    window.type(Keys.ENTER)
    window.reads("to be continued", OWN)
    window.reload()
    window.is_in()
    window.until("document.getElementById('input').value === ''")


def test_a_message_of_which_an_edit_leaves_nothing_is_deleted(browser: Browser, url: str) -> None:
    window = browser.open(url)
    window.come_in("takes-back")
    window.say("oops")
    window.reads("oops", OWN)
    window.type(Keys.ARROW_UP)
    window.until("document.getElementById('input').value === 'oops'")
    window.type(Keys.BACKSPACE * 4, Keys.ENTER)
    window.click("dialog .danger")
    window.holds("This message was deleted.", ".own")


def test_a_deleted_message_is_gone_for_everybody_once_it_is_confirmed(browser: Browser, url: str) -> None:
    ann = browser.open(url)
    ann.come_in("ann-deletes")
    bob = browser.open(url.replace("127.0.0.1", "localhost"))
    bob.come_in("bob-deletes")
    ann.say("a secret")
    bob.reads("a secret")
    press_on(ann, "a secret", "Delete")
    ann.click("dialog .danger")
    ann.holds("This message was deleted.", ".own")
    bob.holds("This message was deleted.", ".message-row")
    assert "a secret" not in bob.js("return document.body.innerText")


def test_what_others_say_cannot_be_edited_or_deleted(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    people.enter("bob-owns", room, server.url).say("mine")
    window = browser.open(url)
    window.come_in("looks")
    hover(window, "mine")
    shown = window.js("return [...document.querySelectorAll('.tools button:not([hidden])')].map((b) => b.ariaLabel)")
    assert shown == ["Reply", "Copy text"]


def say_what_is_refused(window: Window) -> None:
    """Send a text with a character that the page would have taken out, had it been typed or pasted."""
    window.js("document.getElementById('input').value = 'ring \\u0007 the bell'")
    window.type(Keys.ENTER)
    window.until("document.querySelector('.refused') !== null")


def test_a_refused_message_says_why_and_can_be_discarded(browser: Browser, url: str) -> None:
    window = browser.open(url)
    window.come_in("refused")
    say_what_is_refused(window)
    window.click(".refused .choices :last-child")
    window.until("document.querySelector('.refused') === null")


def test_a_refused_message_can_be_written_once_more(browser: Browser, url: str) -> None:
    window = browser.open(url)
    window.come_in("mends")
    say_what_is_refused(window)
    window.click(".refused .choices :nth-child(2)")
    window.until("document.getElementById('input').value === 'ring \\u0007 the bell'")
    assert window.texts(".refused") == []


def test_a_refused_command_is_answered_by_a_word_and_comes_back_to_be_mended(browser: Browser, url: str) -> None:
    window = browser.open(url)
    window.come_in("commands")
    for line, why in (
        ("/frobnicate", "There is no command /frobnicate."),
        ("/nick #hash", "A nick does not start with #"),
    ):
        window.type(line, Keys.ESCAPE, Keys.ENTER)  # in the place of what has come back
        window.reads(line, ".word.warning code")
        window.holds(why, ".word.warning p:not(:has(code))")
        window.until("document.getElementById('input').value === arguments[0]", line)
        assert window.texts(".pending-row") == []
    window.type(Keys.ARROW_RIGHT, "s are not nicks")
    assert window.js("return document.getElementById('input').value") == "/nick #hashs are not nicks"
    window.type(Keys.CONTROL + "a", Keys.BACKSPACE)
    window.reload()
    window.is_in()
    window.say("after a reload")
    window.reads("after a reload", OWN)
    assert window.texts(".pending-row, .refused, .word") == []


# What is sent waits until it is let go.
HOLD_BACK = """
const {send} = WebSocket.prototype, held = [];
WebSocket.prototype.send = function (...what) { held.push(() => send.apply(this, what)); };
window.letGo = () => { WebSocket.prototype.send = send; for (const each of held) each(); };
"""


def test_a_refused_command_does_not_take_the_place_of_what_is_written_meanwhile(browser: Browser, url: str) -> None:
    window = browser.open(url)
    window.come_in("goes-on")
    window.js(HOLD_BACK)
    window.say("/frobnicate")
    window.type("next")
    window.js("window.letGo()")
    window.holds("There is no command", ".word.warning")
    assert window.js("return document.getElementById('input').value") == "next"


def test_what_nobody_can_see_is_left_out_of_what_is_pasted(browser: Browser, url: str) -> None:
    window = browser.open(url)
    window.come_in("pastes")
    window.js(
        "const input = document.getElementById('input'); input.value = 'red \\u001b[31m\\r\\nline\\u0007';"
        "input.dispatchEvent(new Event('input'));"
    )
    window.type(Keys.ENTER)
    window.reads("red [31m\nline", OWN)


def test_the_enter_that_ends_a_composition_sends_nothing(browser: Browser, url: str) -> None:
    window = browser.open(url)
    window.come_in("composes")
    window.type("にほん")
    for marks in ("isComposing: true", "keyCode: 229"):
        window.js(
            "document.getElementById('input').dispatchEvent("
            f"new KeyboardEvent('keydown', {{key: 'Enter', bubbles: true, cancelable: true, {marks}}}))"
        )
    window.until("document.getElementById('input').value === 'にほん'")
    assert window.messages() == []


# --- while the server is away ---------------------------------------------------------------------------


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator["Mortal"]:
    """A server that can be killed and started again at the same place."""
    server = Mortal(tmp_path)
    try:
        yield server
    finally:
        server.process.close()


class Mortal:
    """A server with a database, on a port that it keeps."""

    def __init__(self, directory: Path) -> None:
        port = str(free_port())
        self.url = f"http://127.0.0.1:{port}/"
        store = f"sqlite:{directory / 'chat.db'}"
        self._start = partial(start_server, "--port", port, "--store", store, log=directory / "server.log")
        self.process = self._start()

    def start(self) -> None:
        """Start it once more."""
        self.process = self._start()


@pytest.fixture
def away(chromium: Browser, mortal: Mortal) -> Iterator[tuple[Window, Mortal]]:
    """A window with somebody in it, whose server has just gone."""
    chromium.close_all(mortal.url)
    window = chromium.open(mortal.url)
    window.come_in("away")
    window.say("before")
    window.reads("before", OWN)
    mortal.process.close()
    window.until("document.body.dataset.state === 'waiting'")
    yield window, mortal
    chromium.close_all(mortal.url)  # the console tells of connections that were refused


def test_what_is_written_while_the_server_is_away_is_pending_and_sent_in_order_once_it_is_back(
    away: tuple[Window, Mortal],
) -> None:
    window, server = away
    window.holds("Try now", "#banner")
    window.js("window.button = document.querySelector('#banner button'); button.focus()")
    window.holds("Connecting", "#banner")
    window.holds("Next attempt", "#banner")
    assert window.js("return document.activeElement === button"), "it is the same one in all attempts"
    for number in range(5):
        window.say(f"while away {number}")
    waiting = [f"while away {number}" for number in range(5)]
    window.until("document.querySelectorAll('.pending-row').length === 5")
    assert window.texts(PENDING) == waiting
    server.start()
    window.js("document.querySelector('#banner button')?.click()")
    window.until("document.querySelectorAll('.message-row.own').length === 6")
    window.until("document.querySelector('.pending-row') === null && document.getElementById('banner').hidden")
    assert window.texts(OWN) == ["before", *waiting]


def test_what_is_pending_outlasts_a_reload_and_is_said_once(away: tuple[Window, Mortal]) -> None:
    window, server = away
    window.say("kept over a reload")
    window.reads("kept over a reload", PENDING)
    server.start()
    window.reload()
    window.is_in()
    window.until("document.querySelectorAll('.message-row.own').length === 2")
    window.reload()
    window.is_in()
    window.reads("kept over a reload", OWN)
    assert window.texts(OWN) == ["before", "kept over a reload"]
