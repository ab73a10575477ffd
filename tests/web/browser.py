"""The browser of the benchmarks, for tests, which are skipped where there is none.

This file owns the mark. It must not know what a browser does.
"""

import pytest

from benchmarks.browser import CHROMIUM, DRIVER, PHONE, WIDE, Browser, Window, running_browser

__all__ = ["PHONE", "WIDE", "Browser", "Window", "needs_browser", "running_browser"]

needs_browser = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="needs chromium and chromedriver on the PATH"
)
