"""`python -m trio_chat.bot.proxies`: measuring proxies, and gathering them.

This file owns the options, the exit codes (0 something works or was found, 1 nothing, 2 asked for wrongly, 130 ended
by Ctrl-C) and the sentences that go with them. It must not know how anything is measured or fetched.
"""

import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import trio
from cyclopts import App, Parameter
from cyclopts.validators import Number

from trio_chat.bot.config import provider_from
from trio_chat.bot.proxies.extras import need
from trio_chat.bot.proxies.proxy import ProxiesError, Scheme
from trio_chat.command_line import fail, run_app

if TYPE_CHECKING:
    from trio_chat.bot.proxies.fetch import Load

NOTHING: Final = 1
INTERRUPTED: Final = 130
OPENAI: Final = "https://api.openai.com/v1"

app = App(
    name="python -m trio_chat.bot.proxies",
    help="Measure the proxies of a list, or gather some from pages and APIs.",
    help_format="plaintext",
    version_flags=[],
)

Times = Annotated[int, Parameter(validator=Number(gte=1, lte=100))]
AtOnce = Annotated[int, Parameter(validator=Number(gte=1, lte=500))]
Seconds = Annotated[float, Parameter(validator=Number(gt=0, lte=600))]


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """What `check` is asked for."""

    file: Path
    url: str
    tries: int
    at_once: int
    timeout_s: float
    csv: Path | None
    json: Path | None
    working: Path | None


@dataclass(frozen=True, kw_only=True)
class CollectOptions:
    """What `collect` is asked for."""

    urls: tuple[str, ...]
    browser: bool
    scheme: Scheme
    csv: Path | None
    json: Path | None


@app.command
def check(
    file: Annotated[Path, Parameter(help="The list: one proxy a line, or what `collect` wrote.")],
    /,
    *,
    url: Annotated[
        str | None,
        Parameter(help=f"The page to reach. [default: /models below OPENAI_BASE_URL, or below {OPENAI}]"),
    ] = None,
    tries: Annotated[Times, Parameter(help="How often each proxy is tried.")] = 1,
    at_once: Annotated[AtOnce, Parameter(help="How many are tried at a time.")] = 50,
    timeout: Annotated[Seconds, Parameter(help="How many seconds one try may take.")] = 10.0,
    csv: Annotated[Path | None, Parameter(help="Write all results there, without credentials.")] = None,
    json: Annotated[Path | None, Parameter(help="Write all results there, without credentials.")] = None,
    working: Annotated[
        Path | None, Parameter(help="Write those that work there, the best first, with credentials, for --proxies.")
    ] = None,
) -> CheckOptions:
    """Measure which proxies get through to a page, and how fast. No key is sent; any answer of the page will do.

    The exit status is 0 if a proxy works, 1 if none does, 2 for a mistake, 130 after Ctrl-C; what was measured until
    then is shown and written.
    """
    if url is None:
        url = f"{(provider_from(os.environ)[1] or OPENAI).rstrip('/')}/models"
    return CheckOptions(
        file=file, url=url, tries=tries, at_once=at_once, timeout_s=timeout, csv=csv, json=json, working=working
    )


@app.command
def collect(
    urls: Annotated[list[str], Parameter(help="Pages and APIs that list proxies: HTML, JSON or plain text.")],
    /,
    *,
    browser: Annotated[
        bool, Parameter(help="Show the pages in Chromium first, for those that need JavaScript.", negative="")
    ] = False,
    scheme: Annotated[Scheme, Parameter(help="What a proxy speaks where the page does not say it.")] = "http",
    csv: Annotated[Path | None, Parameter(help="Write the proxies there as CSV.")] = None,
    json: Annotated[Path | None, Parameter(help="Write the proxies there as JSON.")] = None,
) -> CollectOptions:
    """Gather proxies from pages and APIs, each once; without --csv and --json they are printed.

    What robots.txt forbids is left alone, and a host is asked once in two seconds at most, or as it wants.

    The exit status is 0 if a proxy was found, 1 if none was, 2 for a mistake, 130 after Ctrl-C.
    """
    return CollectOptions(urls=tuple(urls), browser=browser, scheme=scheme, csv=csv, json=json)


def main(tokens: list[str] | None = None) -> int:
    """Carry out a command line (that of the process, if none is given) and return the exit status.

    Raises:
        SystemExit: with 2, after a sentence on stderr.
    """
    try:
        wanted = run_app(app, tokens)
        if isinstance(wanted, CheckOptions):
            need("proxies", "Checking proxies needs")
            return _check(wanted)
        if isinstance(wanted, CollectOptions):
            need("proxies", "Collecting proxies needs")
            if wanted.browser:
                need("browser", "--browser needs")
            return _collect(wanted)
    except ProxiesError as error:
        fail(str(error))
    except KeyboardInterrupt:  # before the signal was listened for
        print(file=sys.stderr)
        return INTERRUPTED
    return 0  # --help has been shown


def _check(wanted: CheckOptions) -> int:
    from httpx2 import create_ssl_context

    from trio_chat.bot.proxies import listing, report
    from trio_chat.bot.proxies.check import Checked, best_first, check_proxies
    from trio_chat.bot.proxies.fetch import is_web_address

    if not is_web_address(wanted.url):
        raise ProxiesError("--url is no address of a page; give one like https://example.org/.")
    listing.check_writable((wanted.csv, wanted.json, wanted.working))
    proxies = listing.read_proxies(wanted.file)
    checked: list[Checked] = []
    working = 0
    with report.progress_bar("checking", len(proxies)) as advance:

        def tell(one: Checked) -> None:
            nonlocal working
            checked.append(one)
            working += bool(one.times_s)
            advance(f"{working:,} work")

        work = partial(
            check_proxies, proxies, wanted.url, create_ssl_context(), tries=wanted.tries, at_once=wanted.at_once,
            timeout_s=wanted.timeout_s, tell=tell,
        )  # fmt: skip
        interrupted = trio.run(_run_until_interrupted, work)
    ordered = best_first(checked)
    if ordered:
        report.show_checked(ordered)
    print(f"{working:,} of {len(checked):,} work.", file=sys.stderr)
    rows = report.checked_rows(ordered)
    listing.write_rows(rows, report.CHECKED_COLUMNS, as_csv=wanted.csv, as_json=wanted.json)
    if wanted.working is not None:
        listing.write_list(wanted.working, (one.proxy for one in ordered if one.times_s))
    return INTERRUPTED if interrupted else 0 if working else NOTHING


def _collect(wanted: CollectOptions) -> int:
    from trio_chat.bot.proxies import listing, report
    from trio_chat.bot.proxies.collect import Gathered, collect, each_once, shown_source
    from trio_chat.bot.proxies.fetch import Fetcher, is_web_address, open_client

    if not all(map(is_web_address, wanted.urls)):
        raise ProxiesError("One of the URLs is no address of a page; give them like https://example.org/proxies.")
    listing.check_writable((wanted.csv, wanted.json))
    load = _browser_load(wanted) if wanted.browser else None
    done: list[Gathered] = []
    with report.progress_bar("collecting", len(set(wanted.urls))) as advance:

        def tell(page: Gathered) -> None:
            done.append(page)
            advance(shown_source(page.source))

        async def work() -> None:
            async with open_client() as client:
                await collect(wanted.urls, Fetcher(client, load=load), default=wanted.scheme, tell=tell)

        interrupted = trio.run(_run_until_interrupted, work)
    done.sort(key=lambda page: wanted.urls.index(page.source))
    for page in done:
        told = f"{len(page.proxies):,} proxies" if page.why_not is None else page.why_not
        print(f"{shown_source(page.source)}: {told}", file=sys.stderr)
    found = list(each_once(done))
    print(f"{len(found):,} different proxies.", file=sys.stderr)
    rows = report.found_rows(found)
    listing.write_rows(rows, report.FOUND_COLUMNS, as_csv=wanted.csv, as_json=wanted.json)
    if wanted.csv is None and wanted.json is None:
        for proxy, _ in found:
            print(proxy)
    return INTERRUPTED if interrupted else 0 if found else NOTHING


def _browser_load(wanted: CollectOptions) -> "Load":
    from trio_chat.bot.proxies.browser import browser_load
    from trio_chat.bot.proxies.extract import find_proxies

    return browser_load(lambda html: bool(find_proxies(html, "text/html", default=wanted.scheme)))


async def _run_until_interrupted(work: Callable[[], Awaitable[None]]) -> bool:
    """Carry out `work`; return whether Ctrl-C ended it."""
    interrupted = False

    async def listen(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
        nonlocal interrupted
        async for _ in signals:
            interrupted = True
            scope.cancel()

    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen, signals, nursery.cancel_scope)
            await work()
            nursery.cancel_scope.cancel()
    return interrupted


if __name__ == "__main__":
    sys.exit(main())
