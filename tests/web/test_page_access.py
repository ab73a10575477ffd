"""The page for everybody: axe finds nothing wrong, the keyboard alone does everything, a phone is wide enough."""

import json
from pathlib import Path
from typing import Any

import pytest
import trio
from selenium.webdriver.common.keys import Keys

from benchmarks.server_process import ServerProcess
from tests.web.browser import PHONE, WIDE, Browser, Window, needs_browser
from tests.web.people import People
from trio_chat import Bot, Occasion

pytestmark = [pytest.mark.browser, needs_browser]

AXE = Path(__file__).parents[2] / "build" / "npm" / "node_modules" / "axe-core" / "axe.min.js"

needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: npm install --prefix build/npm axe-core")

LOOK = """
const done = arguments[0];
axe.run(document, {resultTypes: ["violations"]}).then(({violations}) => done(violations.map(({id, help, nodes}) => (
  {id, help, nodes: nodes.map(({html, failureSummary}) => `${html} ${failureSummary}`)}
))), (error) => done([{id: "axe", help: String(error)}]));
"""


def problems(window: Window, state: str) -> list[Any]:
    """Have axe look at the page as it is; return what it finds wrong, with the name of the state."""
    window.turn()
    if not window.js("return 'axe' in window"):
        # By the debugger, for the page's own policy lets no other script in.
        expression = {"expression": AXE.read_text(encoding="utf-8")}
        window.driver.execute_cdp_cmd("Runtime.evaluate", expression)
    found: list[Any] = window.ask(LOOK)
    return [(state, problem) for problem in found]


@needs_axe
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_wrong_in_any_state(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People, theme: str, size: tuple[int, int]
) -> None:
    people.start(endless_bot(room, server.url, f"bot-{theme}-{size[0]}"))
    bob = people.enter(f"bob-{theme}-{size[0]}", room, server.url)
    first = bob.say("**hello** `all` https://example.org\n> quoted\n\n```python\nx = 1\n```\n- one")
    bob.command("/topic what is to be seen")
    window = browser.open(url, theme=theme, size=size)
    found = problems(window, "welcome")
    nick = f"ann-{theme}-{size[0]}"
    window.come_in(nick)
    bob.say(f"{nick}: see above", reply_to=first.seq)
    window.holds("see above", ".message-row")
    window.say("/endless")
    window.until("document.querySelector('.draft-row') !== null")
    window.say("/help")
    window.until("document.querySelector('.word .columns') !== null")
    found += problems(window, "messages")
    window.js("document.getElementById('input').value = 'ring \\u0007 the bell'")
    window.type(Keys.ENTER)
    window.until("document.querySelector('.refused') !== null")
    window.say("/frobnicate")
    window.until("document.querySelector('.word.warning') !== null")
    found += problems(window, "what was refused")
    window.type(Keys.CONTROL + "a", Keys.BACKSPACE)
    window.press(Keys.SHIFT, Keys.TAB)
    window.press(Keys.ARROW_UP)
    window.until("document.querySelector('.tools') !== null")
    found += problems(window, "a message in focus")
    window.type("/s")
    window.until("!document.querySelector('.suggestions').hidden")
    found += problems(window, "completion")
    window.press(Keys.ESCAPE)
    for name, keys in {"switcher": (Keys.CONTROL, "k"), "search": (Keys.CONTROL, "f")}.items():
        window.press(*keys)
        window.until("document.querySelector('dialog, #search:not([hidden])') !== null")
        found += problems(window, name)
        window.press(Keys.ESCAPE)
        window.until("document.querySelector('dialog, #search:not([hidden])') === null")
    for panel in ("sidebar", "members"):
        if window.js("return document.getElementById(arguments[0]).hidden", panel):
            window.click(f"#toggle-{panel}")
            found += problems(window, panel)
            window.press(Keys.ESCAPE)
    window.js("document.querySelector('.me [aria-label^=Keys]').click()")
    window.until("document.querySelector('dialog.help') !== null")
    found += problems(window, "help")
    assert found == [], json.dumps(found, indent=1)


def endless_bot(room: str, url: str, nick: str) -> Bot:
    """Return a bot that begins to answer `/endless` and does not end."""
    bot = Bot(nick, room=room, url=url)

    @bot.command("/endless")
    async def begin(asked: Occasion) -> None:
        """begin"""
        asked.show("it begins", doing="thinking")
        await trio.sleep_forever()

    return bot


def test_the_keyboard_alone_does_everything(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bob = people.enter("bob-at-keys", room, server.url)
    said = bob.say("answer me")
    window = browser.open(url)
    window.driver.switch_to.active_element.send_keys("ann-at-keys")
    window.press(Keys.ENTER)
    window.is_in()
    window.reads("answer me")

    window.press("h")
    window.press(Keys.ENTER)
    window.reads("h", ".message-row.own .text")

    # To bob's message, and answer it.
    window.press(Keys.SHIFT, Keys.TAB)
    window.until("document.activeElement.matches('.message-row.own')")
    window.press(Keys.ARROW_UP)
    window.until("document.activeElement.dataset.seq === arguments[0]", str(said.seq))
    window.press("r")
    window.until("document.activeElement.id === 'input' && !document.querySelector('.mode').hidden")
    window.press("i")
    window.press(Keys.ENTER)
    window.reads("i", ".message-row.own .text")

    # The last one is deleted by key, and the dialog answered by key.
    window.press(Keys.SHIFT, Keys.TAB)
    window.press(Keys.DELETE)
    window.until("document.activeElement.matches('dialog .danger')")
    window.press(Keys.ENTER)
    window.holds("This message was deleted.", ".own")

    # To another room by typing, back by Alt and an arrow.
    window.press(Keys.ESCAPE)
    window.press(Keys.CONTROL, "k")
    window.until("document.activeElement.matches('dialog input')")
    for letter in "other":
        window.press(letter)
    window.until("document.querySelector('.places [aria-selected=true] .name').innerText === 'other'")
    window.press(Keys.ENTER)
    window.reads("#other", "#header h1")
    window.until("document.querySelector('dialog') === null")
    window.press(Keys.ALT, Keys.ARROW_UP)
    window.reads(f"#{room}", "#header h1")

    # The search, and back; the help, and back.
    window.press(Keys.CONTROL, "f")
    for letter in "answer":
        window.press(letter)
    window.press(Keys.ENTER)
    window.until("document.querySelector('.result') !== null")
    for _ in range(2):
        window.press(Keys.TAB)
    window.press(Keys.ENTER)
    window.until("document.querySelector('.row.found') !== null")
    window.press(Keys.ESCAPE)
    window.until("document.querySelector('#search:not([hidden])') === null")
    window.press(Keys.ESCAPE)
    window.press(Keys.F1)
    window.until("document.querySelector('dialog.help') !== null")
    window.press(Keys.ESCAPE)
    window.until("document.querySelector('dialog') === null")


def test_the_buttons_of_a_message_below_the_upper_edge_can_be_seen(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    people.enter("bob-says-much", room, server.url).say_all([f"line {number}" for number in range(90)])
    window = browser.open(url)
    window.come_in("looks-up")
    window.holds("line 89", ".message-row")
    for covered in (0, 6):
        window.js(
            "const viewport = document.getElementById('viewport');"
            "const rows = [...document.querySelectorAll('.message-row')];"
            "const row = rows.find((each) => each.innerText.includes('line 55'));"
            "const upper = (each) => each.getBoundingClientRect().top;"
            "viewport.scrollTop += upper(row) - upper(viewport) + arguments[0];"
            "row.focus({preventScroll: true});",
            covered,
        )
        window.until("document.activeElement.contains(document.querySelector('.tools'))")
        upper = "return document.querySelector(arguments[0]).getBoundingClientRect().top"
        assert window.js(upper, ".tools") >= window.js(upper, "#viewport")
        window.type("x", Keys.BACKSPACE)


def test_the_buttons_of_a_message_go_when_the_focus_goes_to_what_is_none(browser: Browser, url: str) -> None:
    window = browser.open(url)
    window.come_in("goes-on-to-a-word")
    window.say("mine")
    window.reads("mine", ".message-row.own .text")
    window.say("/topic")
    window.until("document.querySelector('.word .link') !== null")
    window.js("document.querySelector('.message-row.own').focus()")
    window.until("document.querySelector('.tools') !== null")
    window.js("document.querySelector('.word .link').focus()")
    window.until("document.querySelector('.tools') === null")


# What reaches beyond the screen, other than lines of code, which scroll in their box.
CUT_OFF = """
const drawn = [...document.querySelectorAll("#list *, #composer *")].filter((each) => !each.closest("pre code"));
return drawn.filter((each) => each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.outerHTML);
"""


def test_whoever_just_types_writes_wherever_the_focus_is(browser: Browser, url: str, room: str) -> None:
    window = browser.open(url)
    window.come_in("just-types")
    window.click(f".room[data-room='{room}']")
    window.until("document.activeElement.matches('.room')")
    for letter in "hi":
        window.press(letter)
    window.until("document.getElementById('input').value === 'hi'")


def test_the_members_come_back_from_behind_the_search_only_if_they_were_there(browser: Browser, url: str) -> None:
    window = browser.open(url)
    window.come_in("tidies")
    for shown in (True, False):
        window.press(Keys.CONTROL, "f")
        window.until("document.getElementById('members').hidden && document.activeElement.type === 'search'")
        window.press(Keys.ESCAPE)
        window.until("document.getElementById('search').hidden")
        assert window.js("return !document.getElementById('members').hidden") is shown
        window.press(Keys.CONTROL, "m")


# Buttons that a thumb would miss.
TOO_SMALL = """
const buttons = [...document.querySelectorAll("#header .icon-button, #composer button")];
const small = (each) => each.checkVisibility() && each.getBoundingClientRect().height < 36;
return buttons.filter(small).map((each) => each.ariaLabel);
"""


def test_a_phone_shows_messages_first_and_panels_over_them(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bob = people.enter("bob-far-away", room, server.url)
    bob.say("a " + "very" * 100 + " long word\n```\n" + "wide " * 100 + "\n```")
    window = browser.open(url, size=PHONE)
    window.come_in("ann-on-the-way")
    window.holds("long word")
    assert window.js(CUT_OFF) == []
    assert window.js("return document.getElementById('sidebar').hidden && document.getElementById('members').hidden")
    window.click("#toggle-members")
    window.holds("bob-far-away", "#members")
    window.press(Keys.ESCAPE)
    window.until("document.getElementById('members').hidden")
    window.click("#toggle-sidebar")
    window.click(f".room[data-room='{room}']")
    window.until("document.getElementById('sidebar').hidden")
    assert window.js(TOO_SMALL) == []
    window.say("/help")
    window.holds("say what you do", ".word dd")
    edges = "return [...document.querySelectorAll(arguments[0])].map((each) => each.offsetLeft)"
    assert all(len(set(window.js(edges, column))) == 1 for column in (".word dt", ".word dd")), "it wraps below itself"
