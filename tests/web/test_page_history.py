"""Reading what was said before: any distance, without a jump, with few elements; searching, and what is new."""

import pytest
import trio
from selenium.webdriver.common.keys import Keys

from benchmarks.chronicle import chronicle
from benchmarks.server_process import ServerProcess
from tests.web.browser import PHONE, Browser, Window, needs_browser
from tests.web.conftest import page_url
from tests.web.people import People

pytestmark = [pytest.mark.browser, needs_browser]

MANY = 50_000

NODES_MAX = 2_500
"""Elements of the whole page, whatever is in the room."""

# Where the first message that is wholly on the screen stands, as [its seq, pixels from the top].
PLACE = """
const top = document.getElementById("viewport").getBoundingClientRect().top;
const rows = [...document.querySelectorAll(".message-row")];
const row = rows.find((each) => each.getBoundingClientRect().top >= top);
return [row.dataset.seq, row.getBoundingClientRect().top - top];
"""

OFFSET = """
const top = document.getElementById("viewport").getBoundingClientRect().top;
const row = document.querySelector(`.message-row[data-seq="${arguments[0]}"]`);
return row.getBoundingClientRect().top - top;
"""

# How many pixels there are below the screen.
BELOW = """
const {scrollHeight, scrollTop, clientHeight} = document.getElementById("viewport");
return scrollHeight - scrollTop - clientHeight;
"""

# Scrolls up by so many pixels, in steps, and notes by how much any row that stays drawn moves otherwise than it was
# told, in each frame. Nothing is drawn between two frames, so nothing else can be seen.
SCROLL_UP = """
const [pixels, steps, done] = arguments;
const viewport = document.getElementById("viewport");
const bottom = (row) => row.getBoundingClientRect().bottom;
const rows = () => [...document.querySelectorAll(".message-row")];
const places = () => new Map(rows().map((row) => [row.dataset.seq, bottom(row)]));
const frame = () => new Promise(requestAnimationFrame);
let worst = 0;
let most = 0;
let told = 0;
let before = places();
for (let step = 0; step < steps + 6; step++) {
  if (step < steps) {
    const from = viewport.scrollTop;
    viewport.scrollTop = from - pixels;
    told = from - viewport.scrollTop;
  } else {
    told = 0;
  }
  await frame();
  await frame();
  const now = places();
  const screen = viewport.getBoundingClientRect();
  for (const [seq, place] of now) {
    const isSeen = before.has(seq) && place > screen.top && place < screen.bottom;
    if (isSeen) worst = Math.max(worst, Math.abs(place - before.get(seq) - told));
  }
  before = now;
  most = Math.max(most, document.querySelectorAll("*").length);
}
done([worst, most, viewport.scrollTop]);
"""


def scroll_up(window: Window, pixels: int, steps: int) -> tuple[float, int, float]:
    """Scroll up in steps; return by how many pixels a row jumped at worst, the most elements, and where that ended."""
    found = window.ask(f"(async (...arguments) => {{ {SCROLL_UP} }})(...arguments)", pixels, steps)
    return found[0], found[1], found[2]


def search_for(window: Window, number: int) -> None:
    """Go to the message with this number by searching for it."""
    window.press(Keys.CONTROL, "f")
    window.type(f"message {number}", Keys.ENTER, into="#search input[type=search]")
    window.click(".result")
    window.until(f"document.querySelector(\".message-row.found[data-seq='{number}']\") !== null")


@pytest.fixture(scope="module")
def long_room(server: ServerProcess) -> str:
    """A room in which much was said, in texts of many lengths, by somebody who is gone."""
    texts = [f"message {number}: " + "so it goes on " * (number * 7 % 23) for number in range(1, MANY + 1)]
    trio.run(chronicle, server, "long", texts)
    return f"{page_url(server)}#long"


def test_scrolling_back_moves_nothing_that_is_read_and_keeps_few_elements(browser: Browser, long_room: str) -> None:
    window = browser.open(long_room)
    window.come_in("scrolls")
    window.holds(f"message {MANY}:", "#list")
    worst, most, _ = scroll_up(window, 700, 120)
    assert worst <= 1
    assert most < NODES_MAX
    seq = int(window.js(PLACE)[0])
    assert seq < MANY - 300, "it came far enough for several pages to be read"


def test_all_of_the_history_can_be_reached_and_so_can_the_end_again(browser: Browser, long_room: str) -> None:
    window = browser.open(long_room)
    window.come_in("reaches")
    window.holds(f"message {MANY}:", "#list")
    search_for(window, 400)
    window.click("#search [aria-label='Close search']")
    window.js("document.activeElement.blur()")
    # What is older comes in as the start of what is at hand is reached, so that one is not at the start for long.
    window.until("(document.getElementById('viewport').scrollTop = 0, document.querySelector('.start-row') !== null)")
    window.holds("message 1:", "#list")
    window.click("#to-end")
    window.holds(f"message {MANY}:", "#list")
    window.until("document.getElementById('to-end').hidden")


def test_a_message_far_away_is_found_shown_and_read_on_from(browser: Browser, long_room: str) -> None:
    window = browser.open(long_room, size=PHONE)
    window.come_in("searches")
    search_for(window, 12345)
    middle = window.js(OFFSET, 12345)
    assert 100 < middle < 600, "it stands in the middle of the screen"
    window.until("document.activeElement.dataset.seq === '12345'")
    window.js("document.getElementById('viewport').scrollTop += 4000")
    window.until("[...document.querySelectorAll('.message-row')].some((row) => Number(row.dataset.seq) > 12380)")


def test_the_end_of_what_has_been_read_is_not_the_end_of_all_and_does_not_run_away(
    browser: Browser, long_room: str
) -> None:
    window = browser.open(long_room)
    window.come_in("drags")
    window.holds(f"message {MANY}:", "#list")
    search_for(window, 20_000)
    window.js("const viewport = document.getElementById('viewport'); viewport.scrollTop = viewport.scrollHeight")
    window.until(f"(() => {{ {BELOW} }})() > 3000")
    assert int(window.js(PLACE)[0]) < 20_300, "a page has come below, and what was on the screen is still there"


def test_what_is_read_stays_where_it_is_while_others_talk(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bob = people.enter("bob-goes-on", room, server.url)
    bob.say_all([f"line {number} " + "x " * (number % 40) for number in range(200)])
    window = browser.open(url)
    window.come_in("reads-back")
    window.holds("line 199", "#list")
    window.js("document.getElementById('viewport').scrollTop -= 1500")
    window.until("!document.getElementById('to-end').hidden")
    seq, offset = window.js(PLACE)
    bob.say_all([f"more {number} " + "y " * (number % 40) for number in range(100)])
    window.holds("100 new", "#to-end")
    assert abs(window.js(OFFSET, seq) - offset) <= 1
    window.click("#to-end")
    window.holds("more 99", "#list")
    window.until("document.querySelector('.room.unread') === null")


def test_a_line_stands_above_what_is_new(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bob = people.enter("bob-is-quick", room, server.url)
    bob.say("old")
    window = browser.open(url)
    window.come_in("comes-back")
    window.reads("old")
    window.say("/join elsewhere")
    window.reads("#elsewhere", "#header h1")
    bob.say("new one")
    bob.say("new two")
    window.holds("2 unread", "#rooms")
    window.js("location.hash = arguments[0]", room)
    window.reads("new two")
    rows = window.texts("#list li")
    line = rows.index("New messages")
    assert "old" in rows[line - 1]
    assert "new one" in rows[line + 1]
    window.say("an answer")
    window.until("document.querySelector('.new-row') === null")


def test_a_room_in_which_nothing_was_said_yet_tells_its_own_name(browser: Browser, url: str, room: str) -> None:
    window = browser.open(url)
    window.come_in("founds")
    window.reads(f"#{room}", ".start strong")
    window.say("/join another-one")
    window.reads("#another-one", ".start strong")


def test_days_are_told_and_messages_of_one_person_stand_below_one_name(browser: Browser, url: str) -> None:
    window = browser.open(url)
    window.come_in("groups")
    for text in ("one", "two", "three"):
        window.say(text)
        window.reads(text, ".message-row .text")
    assert window.texts(".day-row") == ["Today"]
    assert len(window.texts(".message-row .by .nick")) == 1
    window.until("document.querySelector('.message-row time').title.length > 10")
