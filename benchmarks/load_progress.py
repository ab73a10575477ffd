"""The progress bar of a load, on a terminal.

This file owns how it looks. It must not know what is under way.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from benchmarks.load_run import Status


@contextmanager
def progress_bar() -> Iterator[Callable[[Status], None]]:
    """Show a bar on stderr if that is a terminal, and give the function that moves it."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<20}"), BarColumn(), TextColumn("{task.fields[told]}"))
    # Drawn when it is told to (0.4 ms), not by a thread, which would hold up the measurement whenever it likes.
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True, auto_refresh=False
    ) as progress:
        bar = progress.add_task("starting", total=None, told="")

        def tell(status: Status) -> None:
            progress.update(
                bar, description=status.phase, completed=status.done, total=status.total, told=_told(status)
            )
            progress.refresh()

        yield tell


def _told(status: Status) -> str:
    if not status.sent:
        return f"{status.done:,.0f}/{status.total:,.0f} clients"
    return f"{status.done:,.0f}/{status.total:,.0f} s  {status.sent:,} sent  {status.delivered:,} delivered"
