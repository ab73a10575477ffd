"""Pages that need JavaScript, shown by the system's Chromium through Selenium, in a worker thread.

This file owns the browser: finding it, starting it, waiting for a page, and its end. It must not know what a page is
wanted for, nor whether it may be fetched.
"""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import trio
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from trio_chat.bot.proxies.fetch import MAX_PAGE_BYTES, FetchFailed, Load, Page
from trio_chat.bot.proxies.proxy import ProxiesError
from trio_chat.bot.proxies.robots import USER_AGENT

READY_S: Final = 20.0
"""How long a page may take until it shows what it is wanted for."""

_LOOK_EVERY_S: Final = 0.25
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_DRIVER: Final = "chromedriver"

Enough = Callable[[str], bool]
"""Says of a page's HTML whether it shows what it is wanted for. It is called in the worker thread."""


def find_browser() -> tuple[str, str]:
    """Return where Chromium and its driver are.

    Raises:
        ProxiesError: one of them is not installed.
    """
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    driver = shutil.which(_DRIVER)
    if browser is None or driver is None:
        missing = "Chromium" if browser is None else _DRIVER
        raise ProxiesError(
            f"--browser needs {missing}, which is not installed here; on Debian: apt install chromium chromium-driver"
        )
    return browser, driver


def browser_load(enough: Enough, *, ready_s: float = READY_S) -> Load:
    """Return a function that fetches a page with a browser of its own, one page at a time.

    Cancelling it ends the browser, once that has started.

    Args:
        enough: a page is waited for until it shows this, or until `ready_s` have passed; then it is taken as it is.
        ready_s: seconds.

    Raises:
        ProxiesError: there is no browser.
    """
    browser, driver = find_browser()
    limiter = trio.CapacityLimiter(1)  # one Chromium takes some 300 MB

    async def load(url: str) -> Page:
        show = partial(_show, browser, driver, url, enough, ready_s)
        return await trio.to_thread.run_sync(show, limiter=limiter)

    return load


def _show(browser: str, driver: str, url: str, enough: Enough, ready_s: float) -> Page:
    """Show a page and return what it became. Runs in a worker thread, and looks whether it is still wanted."""
    with tempfile.TemporaryDirectory(prefix="trio_chat-browser-", ignore_cleanup_errors=True) as profile:
        # In a session of its own: Ctrl-C is ours to answer, and what is left in the end can be told apart.
        service = Service(driver, popen_kw={"start_new_session": True})
        try:
            chrome = webdriver.Chrome(_options(browser, profile), service)
        except Exception:  # selenium makes no promise what it raises
            raise FetchFailed("the browser does not start") from None
        try:
            return _wait_for(chrome, url, enough, ready_s)
        except FetchFailed:
            raise
        except Exception:  # as above; a browser that has crashed, most of all
            raise FetchFailed("the browser cannot show it") from None
        finally:
            with contextlib.suppress(Exception):  # the driver has crashed
                chrome.quit()
            _end_group(service)


def _end_group(service: Service) -> None:
    """End what the driver has left behind; if it ended well itself, nothing."""
    if sys.platform != "win32" and service.process is not None:
        with contextlib.suppress(OSError):
            os.killpg(service.process.pid, signal.SIGKILL)


def _wait_for(chrome: webdriver.Chrome, url: str, enough: Enough, ready_s: float) -> Page:
    chrome.get(url)
    deadline = time.monotonic() + ready_s
    while not enough(html := chrome.page_source) and time.monotonic() < deadline:
        trio.from_thread.check_cancelled()
        # Not `current_url`, which names what was asked for even where an error is shown instead.
        if chrome.execute_script("return location.protocol") == "chrome-error:":
            raise FetchFailed("it cannot be reached")
        time.sleep(_LOOK_EVERY_S)
    if len(html) > MAX_PAGE_BYTES:
        raise FetchFailed(f"it is longer than {MAX_PAGE_BYTES // 1024 // 1024} MiB")
    return Page(chrome.current_url, "text/html", html)


def _options(browser: str, profile: str) -> webdriver.ChromeOptions:
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    options.page_load_strategy = "none"  # `get` returns at once; we look ourselves when the page is ready
    arguments = (
        "--headless=new", f"--user-agent={USER_AGENT}", f"--user-data-dir={profile}", "--disable-dev-shm-usage",
        "--disable-gpu", "--disable-extensions", "--disable-background-networking", "--no-first-run",
        "--blink-settings=imagesEnabled=false",
    )  # fmt: skip
    for argument in arguments:
        options.add_argument(argument)
    if sys.platform != "win32" and os.geteuid() == 0:  # Chromium's sandbox refuses to work for root
        options.add_argument("--no-sandbox")
    return options
