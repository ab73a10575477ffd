"""Lists of proxies in files: reading one that an operator hands over, and writing what was gathered or measured.

This file owns the formats (plain text, CSV, JSON) and what is said of a file that cannot be used. It must not know
where proxies come from or how they do.
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from trio_chat.bot.proxies.proxy import ProxiesError, Proxy, parse_proxy

Row = Mapping[str, str | int | float | bool | None]

_URL: Final = "url"
"""The column, or the key, that holds the proxy in CSV and JSON."""


def read_proxies(path: Path) -> tuple[Proxy, ...]:
    """Read the proxies of a file, each once, in their order.

    A plain text has one a line, as `parse_proxy` reads it; empty lines and what follows a `#` at the start of a word
    are passed over. A `.csv` has a column `url`; a `.json` is a list of strings or of objects with a `url`.

    Raises:
        ProxiesError: the file cannot be read, has something else in it, or has no proxy; the message says where, and
            never what stood there, for that may be a password.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ProxiesError(f"Cannot read the proxies in {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ProxiesError(f"{path} is no text in UTF-8; give a list of proxies.") from None
    entries = {".csv": _entries_of_csv, ".json": _entries_of_json}.get(path.suffix.lower(), _entries_of_text)
    proxies: dict[Proxy, None] = {}
    for where, entry in entries(text, path):
        try:
            proxies[parse_proxy(entry)] = None
        except ProxiesError as error:
            raise ProxiesError(f"{where} of {path} is no proxy: {error}.") from None
    if not proxies:
        raise ProxiesError(f"{path} names no proxy; write one a line, as http://HOST:PORT or socks5://HOST:PORT.")
    return tuple(proxies)


def _entries_of_text(text: str, path: Path) -> Iterable[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        entry = "" if line.startswith("#") else line.partition(" #")[0].strip()
        if entry:
            yield f"Line {number}", entry


def _entries_of_csv(text: str, path: Path) -> Iterable[tuple[str, str]]:
    rows = csv.DictReader(io.StringIO(text))
    try:
        if _URL not in (rows.fieldnames or ()):
            raise ProxiesError(f"{path} has no column {_URL!r}; write it in the first line, or name the file .txt.")
        for row in rows:
            yield f"Line {rows.line_num}", row[_URL] or ""
    except csv.Error:
        raise ProxiesError(f"{path} is no CSV; write one proxy a line, and name the file .txt.") from None


def _entries_of_json(text: str, path: Path) -> Iterable[tuple[str, str]]:
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        raise ProxiesError(f"{path} is no JSON; write one proxy a line, and name the file .txt.") from None
    if not isinstance(listed, list):
        raise ProxiesError(f"{path} is no list; write a list of objects with {_URL!r}, or of strings.")
    for number, item in enumerate(listed, start=1):
        entry = item.get(_URL) if isinstance(item, dict) else item
        yield f"Item {number}", entry if isinstance(entry, str) else ""


def write_rows(rows: Sequence[Row], columns: Sequence[str], *, as_csv: Path | None, as_json: Path | None) -> None:
    """Write rows of one shape as CSV, as JSON, as both or as neither.

    Raises:
        ProxiesError: a file cannot be written.
    """
    if as_csv is not None:
        into = io.StringIO()
        writer = csv.DictWriter(into, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        _write(as_csv, into.getvalue(), mode=0o666)
    if as_json is not None:
        _write(as_json, json.dumps([dict(row) for row in rows], indent=1) + "\n", mode=0o666)


def write_list(path: Path, proxies: Iterable[Proxy]) -> None:
    """Write proxies as `read_proxies` reads them, with their credentials, for the owner of the file alone to read.

    Raises:
        ProxiesError: the file cannot be written.
    """
    _write(path, "".join(f"{proxy.url}\n" for proxy in proxies), mode=0o600)


def _write(path: Path, text: str, mode: int) -> None:
    try:
        if mode == 0o600:
            path.unlink(missing_ok=True)  # one that others may read would stay readable to them
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ProxiesError(f"Cannot write {path}: {error.strerror}.") from None


def check_writable(paths: Iterable[Path | None]) -> None:
    """Make sure, before the work, that its result can be written.

    Raises:
        ProxiesError: one of the files cannot be written.
    """
    for path in paths:
        if path is not None and (path.is_dir() or not os.access(path.parent, os.W_OK)):
            raise ProxiesError(f"{path} cannot be written: choose a file in a directory that is yours to write.")
