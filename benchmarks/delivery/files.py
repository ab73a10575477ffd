"""What a comparison leaves behind: a report as JSON, and tables between two marks of a page.

This file owns reading and writing both, and finding out early what cannot be written. It must not know how anything is
measured.
"""

import os
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.delivery.figures import Measure, Refused
from benchmarks.delivery.report import growth_table, settings, table

MARKS: Final = ("<!-- figures -->", "<!-- end of figures -->")
"""Between these, a page holds what `--markdown` writes."""


class Report(msgspec.Struct):
    """All that one call measured."""

    machine: str
    python: str
    at: str
    seconds: float
    measures: list[Measure] = []
    refused: list[Refused] = []


class CannotUse(Exception):
    """A file cannot be read or written as asked; the message is a sentence that says what to do."""


def check_places(json: Path | None, markdown: Path | None, charts_in: Path | None) -> None:
    """Find out before measuring whether what comes of it can be written.

    Raises:
        CannotUse: it cannot.
    """
    for file in filter(None, (json, markdown)):
        if file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
            raise CannotUse(f"{file} cannot be written: choose a file in a directory that exists.")
    if charts_in is not None:
        there = next(place for place in (charts_in.absolute(), *charts_in.absolute().parents) if place.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise CannotUse(f"{charts_in} cannot be made: choose another directory for the charts.")
    if markdown is not None and markdown.exists():
        _split(markdown)


def read_report(file: Path) -> Report:
    """Return what `--json` wrote.

    Raises:
        CannotUse: it is not that.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=Report)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CannotUse(f"{file} holds no figures that --json wrote: {error}.") from None


def write_json(report: Report, file: Path) -> None:
    """Write all figures, for `--again`."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def write_markdown(report: Report, file: Path) -> None:
    """Write the tables into a file: between its marks, if it is there."""
    runs = 1 + max((m.run for m in report.measures), default=0)
    how_often = f"{runs} run{'s' * (runs > 1)}, {report.seconds:g} s each"
    about = f"{report.machine}, Python {report.python}, {report.at}; {how_often}."
    tables = [settings(report.measures), table(report.measures, markdown=True), growth_table(report.measures)]
    text = "\n\n".join([about, *filter(None, tables)])
    if file.exists() and (page := _split(file)):
        text = f"{page[0]}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{page[1].rstrip()}"
    file.write_text(f"{text}\n", encoding="utf-8")


def _split(file: Path) -> tuple[str, str] | None:
    """Return what stands before and after the marks of a page; None if it is empty."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotUse(f"{file} cannot be read: {error}.") from None
    if not text:
        return None
    head, begin, rest = text.partition(MARKS[0])
    _, end, tail = rest.partition(MARKS[1])
    if not begin or not end:
        raise CannotUse(
            f"{file} is not overwritten: name a new file, or write {MARKS[0]} and {MARKS[1]} where the tables go."
        )
    return head, tail
