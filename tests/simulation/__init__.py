"""The whole server and many clients in one process, on a clock that jumps, over a hostile network and disk."""

from importlib.util import find_spec

if find_spec("hypothesis") is None:
    raise SystemExit("The simulation needs hypothesis: python -m pip install --group test, in the project.")
