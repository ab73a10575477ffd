"""Which version of a subject is installed.

This file owns asking for it. It must not know who is asked.
"""

import re
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version


def printed(command: Sequence[str]) -> str:
    """Return the first thing that looks like a version in what a command prints; empty if it cannot be run."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except OSError:
        return ""
    found = re.search(r"\d+(\.\d+)+", said.stdout + said.stderr)
    return found[0] if found else ""


def installed(package: str) -> str:
    """Return the version of a package of Python; empty if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
