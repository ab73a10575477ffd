"""How results are shown and written: tables, a progress bar, and the rows of CSV and JSON.

This file owns columns and wording. It must not know how anything was measured or fetched. Proxies are shown as
`str()` shows them, without their credentials.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from trio_chat.bot.proxies.check import Checked
from trio_chat.bot.proxies.collect import shown_source
from trio_chat.bot.proxies.listing import Row
from trio_chat.bot.proxies.proxy import Proxy

SHOWN_MOST: Final = 100
"""How many lines a table has at most; files have all."""

CHECKED_COLUMNS: Final = ("url", "works", "available", "response_ms", "status", "why_not")
FOUND_COLUMNS: Final = ("url", "scheme", "host", "port", "source")


@contextmanager
def progress_bar(doing: str, total: int) -> Iterator[Callable[[str], None]]:
    """Show a bar on stderr if that is a terminal, and give the function that moves it by one and says what was done."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("{task.fields[told]}", markup=False),
    )  # fmt: skip
    # Drawn when it is told to, not by a thread: nothing else has to wait for it or write between its lines.
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True, auto_refresh=False
    ) as progress:
        bar = progress.add_task(doing, total=total, told="")

        def advance(told: str) -> None:
            progress.update(bar, advance=1, told=told)
            progress.refresh()

        progress.refresh()
        yield advance


def checked_rows(checked: Iterable[Checked]) -> list[Row]:
    """Return what was measured as rows for a file."""
    return [
        {
            "url": str(one.proxy),
            "works": bool(one.times_s),
            "available": round(one.available, 3),
            "response_ms": None if one.response_s is None else round(one.response_s * 1000, 1),
            "status": one.status,
            "why_not": one.why_not,
        }
        for one in checked
    ]


def found_rows(found: Iterable[tuple[Proxy, str]]) -> list[Row]:
    """Return what was gathered as rows for a file."""
    return [
        {
            "url": str(proxy),
            "scheme": proxy.scheme,
            "host": proxy.host,
            "port": proxy.port,
            "source": shown_source(source),
        }
        for proxy, source in found
    ]


def show_checked(checked: Sequence[Checked]) -> None:
    """Print a table of what was measured, and how often proxies failed for which reason if they are many."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("proxy", overflow="fold")
    table.add_column("available", justify="right")
    table.add_column("response", justify="right")
    table.add_column("status", justify="right")
    table.add_column("failed because", overflow="fold")
    for one in checked[:SHOWN_MOST]:
        table.add_row(
            str(one.proxy),
            f"{one.available:.0%}",
            "" if one.response_s is None else f"{one.response_s * 1000:,.0f} ms",
            "" if one.status is None else str(one.status),
            one.why_not or "",
        )
    console = Console(markup=False, highlight=False, emoji=False)
    console.print(table)
    rest = checked[SHOWN_MOST:]
    if rest:
        reasons = Counter(one.why_not for one in rest if one.why_not)
        console.print(f"and {len(rest):,} more; of these failed:")
        for reason, count in reasons.most_common():
            console.print(f"  {count:,}: {reason}")
