"""A real browser for tests and benchmarks: Chromium without a screen, many windows, every wait on a condition.

This file owns one browser process, and what a person does on the page as calls. It must not know what is proved or
measured. All of it is blocking. A window is a person's: windows of one origin share an identity, and ``127.0.0.1`` and
``localhost`` are two origins of one server.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER: Final = shutil.which("chromedriver")

PATIENCE_S: Final = 60.0
"""After so long a page that does not come to be as a test expects has failed; it takes some ten milliseconds."""

POLL_S: Final = 0.01

WIDE: Final = (1280, 800)
PHONE: Final = (390, 844)

_SWITCHES: Final = (
    "--headless=new",
    "--no-sandbox",  # where tests run as root there is none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    # Without a screen there is no pointer either, and a page would take this for a phone: a mouse that can hover.
    "--blink-settings=availableHoverTypes=2,primaryHoverType=2,availablePointerTypes=4,primaryPointerType=4",
)

_TEXTS: Final = """
return [...document.querySelectorAll(arguments[0])].map((element) => element.innerText.trim());
"""


class Browser:
    """One Chromium; made by `running_browser`."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self._first = driver.current_window_handle

    def open(self, url: str, *, size: tuple[int, int] = WIDE, theme: str = "light") -> "Window":
        """Open a window of its own, as large and as dark as wished, and load a page in it."""
        self.driver.switch_to.new_window("window")
        window = Window(self, self.driver.current_window_handle)
        window.resize(size)
        window.set_theme(theme)
        window.look(True)
        self.driver.get(url)
        return window

    def close_all(self, url: str) -> None:
        """Close all windows, and forget what pages of this origin and of ``localhost`` have stored."""
        for handle in self.driver.window_handles:
            if handle != self._first:
                self.driver.switch_to.window(handle)
                self.driver.close()
        self.driver.switch_to.window(self._first)
        for origin in (url, url.replace("127.0.0.1", "localhost")):
            self.driver.execute_cdp_cmd(
                "Storage.clearDataForOrigin", {"origin": origin.rstrip("/"), "storageTypes": "all"}
            )
        self.driver.get_log("browser")  # type: ignore[no-untyped-call]

    def complaints(self) -> list[str]:
        """Return what the console says of errors and broken policies, in any window, since the last time."""
        log = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in log if entry["level"] in ("SEVERE", "WARNING")]


class Window:
    """One window with the page in it; each call turns to it first."""

    def __init__(self, browser: Browser, handle: str) -> None:
        self.browser = browser
        self.driver = browser.driver
        self._handle = handle

    def __enter__(self) -> "Window":
        self.turn()
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def turn(self) -> None:
        """Bring this window to the front."""
        if self.driver.current_window_handle != self._handle:
            self.driver.switch_to.window(self._handle)

    def resize(self, size: tuple[int, int], *, scale: float = 1) -> None:
        """Give what is seen of the page this width and height, in pixels of a style sheet, each of so many dots."""
        self.turn()
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": scale, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def set_theme(self, theme: str) -> None:
        """Be on a system that is "light" or "dark"."""
        self.turn()
        features = [{"name": "prefers-color-scheme", "value": theme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def look(self, somebody: bool) -> None:
        """Have somebody look at this window, or nobody: without a screen only one window would have the focus."""
        self.turn()
        self.driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": somebody})

    # --- looking ------------------------------------------------------------------------------------------

    def js(self, script: str, *arguments: object) -> Any:
        """Run a script in the page; what it returns comes back."""
        self.turn()
        return self.driver.execute_script(script, *arguments)

    def ask(self, script: str, *arguments: object) -> Any:
        """Run a script that calls its last argument with what it has found, and return that."""
        self.turn()
        return self.driver.execute_async_script(script, *arguments)

    def until(self, condition: str, *arguments: object) -> Any:
        """Wait until an expression is true in the page, and return what it is.

        Raises:
            AssertionError: it does not come to be so; the message has what the page says.
        """
        self.turn()
        deadline = time.monotonic() + PATIENCE_S
        while not (found := self.js(f"return {condition}", *arguments)):
            if time.monotonic() > deadline:
                raise AssertionError(f"never: {condition} {arguments}\n{self.js('return document.body.innerText')}")
            time.sleep(POLL_S)
        return found

    def texts(self, selector: str) -> list[str]:
        """Return what can be read in all elements that fit, in order."""
        found: list[str] = self.js(_TEXTS, selector)
        return found

    def messages(self) -> list[str]:
        """Return the texts of the messages that are drawn, those on their way among them."""
        return self.texts("#list .text")

    def find(self, selector: str) -> WebElement:
        """Return the first element that fits, once there is one that can be seen."""
        script = "[...document.querySelectorAll(arguments[0])].find((each) => each.checkVisibility())"
        element: WebElement = self.until(script, selector)
        return element

    def reads(self, text: str, selector: str = "#list .text") -> None:
        """Wait until some element that fits reads exactly this."""
        self.until(
            "[...document.querySelectorAll(arguments[0])].some((each) => each.innerText.trim() === arguments[1])",
            selector,
            text,
        )

    def holds(self, text: str, selector: str = "body") -> None:
        """Wait until some element that fits holds this text."""
        self.until(
            "[...document.querySelectorAll(arguments[0])].some((each) => each.innerText.includes(arguments[1]))",
            selector,
            text,
        )

    # --- doing --------------------------------------------------------------------------------------------

    def come_in(self, nick: str) -> None:
        """Fill in the form of the first visit, and wait until one is in."""
        self.find("#welcome-nick").send_keys(nick, Keys.ENTER)
        self.is_in()

    def is_in(self) -> None:
        """Wait until one is in a room."""
        self.until("document.body.dataset.state === 'open' && document.querySelector('#list li') !== null")

    def click(self, selector: str) -> None:
        """Click what can be seen there."""
        self.find(selector).click()

    def type(self, *keys: str, into: str = "#input") -> None:
        """Type into an element."""
        self.find(into).send_keys(*keys)

    def say(self, text: str) -> None:
        """Write a text, of several lines perhaps, and send it."""
        keys = webdriver.ActionChains(self.driver)
        self.find("#input").click()
        for number, line in enumerate(text.split("\n")):
            if number > 0:
                keys.key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT)
            keys.send_keys(line)
        keys.send_keys(Keys.ESCAPE, Keys.ENTER) if text.startswith("/") else keys.send_keys(Keys.ENTER)
        keys.perform()

    def press(self, *keys: str) -> None:
        """Press keys together, wherever the focus is."""
        self.turn()
        chain = webdriver.ActionChains(self.driver)
        *held, last = keys
        for key in held:
            chain.key_down(key)
        chain.send_keys(last)
        for key in reversed(held):
            chain.key_up(key)
        chain.perform()

    def reload(self) -> None:
        """Load the page anew."""
        self.turn()
        self.driver.refresh()

    def screenshot(self, path: Path) -> None:
        """Save what is seen as a PNG."""
        self.turn()
        self.driver.save_screenshot(str(path))


@contextmanager
def running_browser(switches: Sequence[str] = ()) -> Iterator[Browser]:
    """Run a browser with a profile of its own for as long as the block lasts."""
    options = Options()
    options.binary_location = CHROMIUM or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        for switch in (*_SWITCHES, *switches, f"--user-data-dir={profile}"):
            options.add_argument(switch)
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        driver.set_script_timeout(10 * PATIENCE_S)
        try:
            yield Browser(driver)
        finally:
            driver.quit()
