"""Measurements of the server, each a program of its own: `python -m benchmarks --help` lists them.

This file owns saying which module is not installed without which they cannot begin. It must not know any of them.
"""

from importlib.util import find_spec


def need(*modules: str) -> None:
    """Check that modules are installed which only the benchmarks use.

    Raises:
        SystemExit: one is not; its text says what to do.
    """
    if missing := [name for name in modules if find_spec(name) is None]:
        raise SystemExit(f"This needs {' and '.join(missing)}: python -m pip install --group bench, in the project.")
