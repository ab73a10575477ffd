"""What the web page costs: `python -m benchmarks.page`, with Chromium and chromedriver on the PATH.

Figures, on a server in a process of its own with `memory:`:

- how many bytes the page is, as it lies there and as it travels;
- how long it takes from the address to the first message that is drawn, without and with what a browser has kept;
- what the page holds once so many messages have come in a room that it shows, and how soon the last of them is seen;
- what it holds, and how evenly it draws, while one scrolls back through them.

This file owns the measuring and the words. It must not know how the page works inside.
"""

import argparse
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import trio

from benchmarks.browser import CHROMIUM, DRIVER, WIDE, Browser, Window, running_browser
from benchmarks.chronicle import chronicle
from benchmarks.server_process import ServerProcess, running_server

ROOM: Final = "busy"
OPENINGS: Final = 15

# Notes when the first message stands in the document, in milliseconds from when the address was given.
FIRST_MESSAGE: Final = """
new MutationObserver((_, observer) => {
  if (document.querySelector(".message-row") === null) return;
  requestAnimationFrame(() => { window.firstMessage = performance.now(); });
  observer.disconnect();
}).observe(document, {childList: true, subtree: true});
"""

# Scrolls by so many pixels in each frame, and returns how long each frame took, and the most elements there were.
SCROLL: Final = """
const [pixels, frames, done] = arguments;
const viewport = document.getElementById("viewport");
const times = [];
let most = 0;
let last = performance.now();
const step = (now) => {
  times.push(now - last);
  last = now;
  most = Math.max(most, document.querySelectorAll("*").length);
  if (times.length > frames) return done([times.slice(1), most]);
  viewport.scrollTop -= pixels;
  requestAnimationFrame(step);
};
requestAnimationFrame(step);
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table; 2 where there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--messages", type=int, default=100_000, help="messages that come while the page is open")
    parser.add_argument("--frames", type=int, default=1_000, help="frames in which one scrolls back")
    options = parser.parse_args(arguments)
    if CHROMIUM is None or DRIVER is None:
        print("Chromium and chromedriver are needed, and are not on the PATH.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "server.log"
        with running_server("--port", "0", "--store", "memory:", "--rate-limit", "off", log=log) as server:
            for name, figure in measure(server, options.messages, options.frames):
                print(f"| {name} | {figure} |", flush=True)
    return 0


def measure(server: ServerProcess, messages: int, frames: int) -> Iterator[tuple[str, str]]:
    """Measure everything, and yield each figure with its name as soon as it is there."""
    address = f"http://{server.host}:{server.port}/"
    yield from sizes(address)
    trio.run(chronicle, server, ROOM, [line(number) for number in range(1, 101)])
    for name, switches in {"nothing kept": ["--disk-cache-size=1"], "kept from before": []}.items():
        with running_browser(switches) as browser:
            nick = name.partition(" ")[0]
            yield f"from the address to the first message, {name}", opening(browser, f"{address}#{ROOM}", nick)
    with running_browser() as browser:
        window = browser.open(f"{address}#{ROOM}", size=WIDE)
        window.come_in("reader")
        window.until("document.querySelector('.message-row') !== null")
        yield "held with 50 messages: heap, elements", holding(window)
        said = [line(number) for number in range(1, messages + 1)]
        trio.run(partial(chronicle, server, ROOM, said, nick="chronicler-2"))
        window.until(f"document.body.innerText.includes('line {messages} ')")
        yield f"held after {messages:,} more have come: heap, elements", holding(window)
        times, most = window.ask(SCROLL, 400, frames)
        yield "a frame while scrolling back, p50, p99, longest", spread(times)
        yield "held while scrolling back: heap, most elements at any time", holding(window, most)


def sizes(address: str) -> Iterator[tuple[str, str]]:
    """Fetch every file that the page names, as it lies there and packed."""
    index = fetch(address)
    named = [part.split('"')[0] for part in index.decode().replace('src="', 'href="').split('href="')[1:]]
    names = sorted({name for name in named if name.startswith("page/")})
    raw = len(index) + sum(len(fetch(address + name)) for name in names)
    packed = sum(len(fetch(address + name, packed=True)) for name in ["", *names])
    yield "the page's files", f"{len(names) + 1}"
    yield "their size, raw", f"{raw:,} bytes"
    yield "their size, by gzip", f"{packed:,} bytes"


def fetch(url: str, *, packed: bool = False) -> bytes:
    """Return what a URL holds, as it travels."""
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"} if packed else {})
    with urllib.request.urlopen(request) as response:
        body: bytes = response.read()
    return body


def opening(browser: Browser, url: str, nick: str) -> str:
    """Open the page again and again as somebody who was here before; return how long it took."""
    window = browser.open(url)
    window.come_in(nick)
    window.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": FIRST_MESSAGE})
    times = []
    for _ in range(OPENINGS):
        window.driver.get("about:blank")
        window.driver.get(url)
        times.append(window.until("window.firstMessage"))
    return f"{median(times):.0f} ms (p50 of {OPENINGS}; {min(times):.0f} to {max(times):.0f})"


def holding(window: Window, elements: int | None = None) -> str:
    """Return what the page holds after the collector has run."""
    window.turn()
    window.driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
    used = window.driver.execute_cdp_cmd("Runtime.getHeapUsage", {})["usedSize"]
    counted = window.js("return document.querySelectorAll('*').length") if elements is None else elements
    return f"{used / 2**20:.1f} MiB, {counted:,}"


def spread(times: Sequence[float]) -> str:
    """Return how times in milliseconds are spread."""
    return f"{median(times):.1f} ms, {quantiles(times, n=100)[98]:.1f} ms, {max(times):.1f} ms"


def line(number: int) -> str:
    """Return a text as long as lines in a chat are: some short, some of a few lines."""
    return f"line {number} " + "with **some** words in it, " * (number * 7 % 12)


if __name__ == "__main__":
    sys.exit(main())
