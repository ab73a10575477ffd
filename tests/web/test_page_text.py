"""What others write is text on the page: marked up by a safe subset of Markdown, never HTML, never code."""

import re
from pathlib import Path

import pytest

from benchmarks.server_process import ServerProcess
from tests.web.browser import Browser, needs_browser
from tests.web.people import People
from tests.web.xss import XSS

PAGE = Path(__file__).parents[2] / "trio_chat" / "web" / "page"

FORBIDDEN = (
    "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc",
    "createContextualFragment", "setHTMLUnsafe", "parseFromString", "javascript:",
)  # fmt: skip


@pytest.mark.parametrize("path", sorted(PAGE.glob("*.js")), ids=lambda path: path.name)
def test_no_script_of_the_page_makes_elements_or_code_of_text(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert [word for word in FORBIDDEN if word in source] == []


def test_the_page_loads_nothing_from_elsewhere() -> None:
    for path in sorted(PAGE.iterdir()):
        source = path.read_text(encoding="utf-8")
        if path.suffix in (".html", ".css"):
            assert re.findall(r"""(?:src|href|url|@import)\s*[=(]?\s*["'(]?\s*(?:https?:)?//""", source) == []
        if path.suffix == ".js":
            imported = re.findall(r"""\bimport\b[^"';]*["']([^"']+)["']""", source)
            assert [name for name in imported if not (PAGE / name).is_file()] == []


def test_the_document_has_no_script_and_no_style_of_its_own() -> None:
    source = (PAGE / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", source) == []


def test_the_document_names_all_style_sheets_and_last_the_one_that_takes_back_what_others_say() -> None:
    source = (PAGE / "index.html").read_text(encoding="utf-8")
    linked = re.findall(r'<link rel="stylesheet" href="page/([^"]+)">', source)
    assert sorted(linked) == sorted(path.name for path in PAGE.glob("*.css"))
    assert linked[-1] == "small.css"


def test_all_modules_are_fetched_at_once() -> None:
    source = (PAGE / "index.html").read_text(encoding="utf-8")
    preloaded = set(re.findall(r'<link rel="modulepreload" href="page/([^"]+)">', source))
    needed, waiting = set[str](), ["main.js"]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            module = (PAGE / name).read_text(encoding="utf-8")
            waiting += re.findall(r"""^(?:import|export|\})[^"';]*["']\./([^"']+)["'];""", module, re.MULTILINE)
    assert preloaded == needed - {"main.js"}


# Whatever could execute or load something, among what is drawn of the messages: links that lead elsewhere than to the
# web or to a mail, elements that no message has, and attributes that are code.
ODD = """
const targets = [...document.querySelectorAll("#list a")].map((link) => link.href);
const links = targets.filter((to) => !/^(https?|mailto):/.test(to));
const never = ":is(script, img, iframe, object, embed, style, form, input, video, audio, base, meta, svg:not(.icon))";
const elements = [...document.querySelectorAll(`#list ${never}`)].map((element) => element.tagName);
const attributes = [...document.querySelectorAll("#list .text *")].flatMap((element) => [...element.attributes]);
const code = attributes.map(({name}) => name).filter((name) => /^on|^style$|^srcdoc$/.test(name));
return [...links, ...elements, ...code];
"""

TRAP = """
window.attacked = [];
for (const name of ["alert", "prompt", "confirm", "XSS"]) window[name] = (word) => attacked.push(`${name} ${word}`);
document.addEventListener("securitypolicyviolation", (event) => attacked.push(event.violatedDirective));
"""

TOUCH = """
for (const row of document.querySelectorAll(".message-row")) {
  row.dispatchEvent(new PointerEvent("pointerover", {bubbles: true}));
  row.focus();
}
"""

AT_ONCE = 3
"""Attacks that are said at once, each in three ways: as many messages as are drawn at the same time."""


@pytest.mark.browser
@needs_browser
def test_nothing_of_a_list_of_attacks_is_executed_or_becomes_an_element(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    mallory = people.enter("mallory", room, server.url)
    window = browser.open(url)
    window.come_in("careful")
    window.js(TRAP)
    for start in range(0, len(XSS), AT_ONCE):
        attacks = XSS[start : start + AT_ONCE]
        mallory.say_all([text for each in attacks for text in (each, f"`{each}`", f"[a]({each}) **{each}** <{each}>")])
        last = mallory.say(f"batch {start}")
        window.until("document.querySelector(`.message-row[data-seq='${arguments[0]}']`) !== null", last.seq)
        first = f".message-row[data-seq='{last.seq - 3 * len(attacks)}']"
        assert window.js("return document.querySelector(arguments[0]) !== null", first), "all of them are drawn"
        window.js(TOUCH)
        assert window.js(ODD) == []
    mallory.command(f"/topic {XSS[0]}")
    window.holds(XSS[0], "#header .topic")
    assert window.js("return attacked") == []


MARKED = f"""**bold** *soft* ~~gone~~ `code` https://example.org/a_(b).
> quoted

- one
- two
```python
x = '<b>'
{"y = 1 " * 99}
```"""


@pytest.mark.browser
@needs_browser
def test_markdown_becomes_elements_and_code_can_be_copied(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bob = people.enter("bob-marks", room, server.url)
    window = browser.open(url)
    window.come_in("sees")
    bob.say(
        "**bold** *soft* ~~gone~~ `code` https://example.org/a_(b).\n> quoted\n\n- one\n- two\n```python\nx = '<b>'\n"
        + "y = 1 " * 99
        + "\n```"
    )
    for selector, text in {
        ".text strong": "bold",
        ".text em": "soft",
        ".text s": "gone",
        ".text p code": "code",
        ".text a": "https://example.org/a_(b)",
        ".text blockquote": "quoted",
        ".text li:last-child": "two",
        ".code-head span": "python",
    }.items():
        window.reads(text, selector)
    window.holds("x = '<b>'", ".code pre")
    assert window.js("return document.querySelector('.text a').rel").split()[:2] == ["noopener", "noreferrer"]
    assert window.js("const pre = document.querySelector('.code pre'); return pre.scrollWidth > pre.clientWidth")
    assert window.js("return document.documentElement.scrollWidth <= innerWidth")
    window.click(".copy")
    window.reads("Copied", ".copy")


@pytest.mark.browser
@needs_browser
def test_text_from_right_to_left_stands_at_the_right(
    browser: Browser, server: ServerProcess, url: str, room: str, people: People
) -> None:
    bob = people.enter("bob-rtl", room, server.url)
    window = browser.open(url)
    window.come_in("reads-both")
    bob.say("שלום עולם")
    window.reads("שלום עולם")
    assert window.js("return getComputedStyle(document.querySelector('.text p')).direction") == "rtl"
