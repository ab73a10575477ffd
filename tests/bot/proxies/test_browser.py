"""Pages that need JavaScript, shown by a real Chromium; skipped where it is not installed."""

import shutil
import threading
from pathlib import Path

import psutil
import pytest
import trio

from tests.bot.proxies.site import Reply, site

pytest.importorskip("selenium", reason="the extra browser is not installed")

from trio_chat.bot.proxies import ProxiesError
from trio_chat.bot.proxies.browser import browser_load, find_browser
from trio_chat.bot.proxies.collect import collect
from trio_chat.bot.proxies.extract import find_proxies
from trio_chat.bot.proxies.fetch import Fetcher, FetchFailed, open_client
from trio_chat.bot.proxies.robots import USER_AGENT

PAGE = """<!doctype html><title>Proxies</title><p>Wait&hellip;</p><script>
setTimeout(() => {
  document.body.innerHTML = "<table><tr><th>IP<th>Port<tr><td>1.2.3.4<td>" + 8000 * 1 + "</table>";
}, 100);
</script>"""

needs_browser = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="Chromium is not installed (Debian: apt install chromium chromium-driver)",
)


@needs_browser
async def test_what_a_page_writes_by_script_is_found_and_robots_txt_is_asked_first() -> None:
    pages = {"/": Reply(PAGE, "text/html"), "/robots.txt": Reply("User-agent: *\nDisallow: /private")}

    async def no_wait(seconds: float) -> None:
        await trio.lowlevel.checkpoint()

    with trio.fail_after(60):
        async with site(pages) as running, open_client() as client:
            load = browser_load(lambda html: bool(find_proxies(html, "text/html")))
            fetcher = Fetcher(client, load=load, sleep=no_wait)
            shown, forbidden = await collect([f"{running.url}/", f"{running.url}/private"], fetcher)
    assert [str(proxy) for proxy in shown.proxies] == ["http://1.2.3.4:8000"]
    assert forbidden.why_not == "robots.txt asks programs to leave it alone"
    assert running.paths[:2] == ["/robots.txt", "/"]
    assert ("/", USER_AGENT) in running.asked
    assert "/private" not in running.paths


@needs_browser
async def test_a_page_that_cannot_be_reached_says_so_and_cancelling_ends_the_browser() -> None:
    waiting = threading.Event()

    def never(html: str) -> bool:
        if "Wait" in html:
            waiting.set()
        return False

    load = browser_load(never, ready_s=600)
    with trio.fail_after(60):
        with pytest.raises(FetchFailed, match="cannot be reached"):
            await load("http://127.0.0.1:1/")
        async with site({"/": Reply("<p>Wait", "text/html")}) as running, trio.open_nursery() as nursery:
            nursery.start_soon(load, f"{running.url}/")
            await trio.to_thread.run_sync(waiting.wait, 30)
            nursery.cancel_scope.cancel()


@needs_browser
async def test_a_driver_that_crashes_is_told_and_leaves_no_browser_behind() -> None:
    browsers: list[psutil.Process] = []

    def crash(html: str) -> bool:
        if "Wait" in html:
            (driver,) = (one for one in psutil.Process().children() if one.name() == "chromedriver")
            browsers.extend(driver.children())
            driver.kill()
        return False

    with trio.fail_after(60):
        async with site({"/": Reply("<p>Wait", "text/html")}) as running:
            with pytest.raises(FetchFailed, match="the browser cannot show it"):
                await browser_load(crash, ready_s=600)(f"{running.url}/")
    assert browsers
    _, alive = psutil.wait_procs(browsers, timeout=60)
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []  # init is to bury them


@pytest.mark.parametrize(("there", "missing"), [((), "Chromium"), (("chromium",), "chromedriver")])
def test_a_missing_browser_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, there: tuple[str, ...], missing: str
) -> None:
    for name in there:
        (tmp_path / name).touch(mode=0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProxiesError, match=f"--browser needs {missing}"):
        find_browser()
