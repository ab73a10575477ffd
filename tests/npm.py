"""What tests need of node: whether it is there, new enough, and has the packages that `.ci/run` installs.

This file owns where packages lie, which versions are meant, and the reason that is given where something is missing. It
must not know what is tested with them.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
MODULES: Final = ROOT / "build" / "npm" / "node_modules"
NODE: Final = 20
"""The oldest node that the packages, and our tests, say they run on."""

VERSIONS: Final = {
    "@copilotkit/aimock": "1.43.0",
    "axe-core": "4.14.1",
    "fast-check": "4.11.0",
    "typescript": "7.0.2",
}
"""The packages, as `.ci/run` installs them."""


def missing(*packages: str) -> str | None:
    """Return what stands in the way of running node with these packages, and what to do about it; None if nothing."""
    node = shutil.which("node")
    if node is None:
        return f"there is no node; install nodejs {NODE} or newer"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=30).stdout
    if int(version.strip().lstrip("v").partition(".")[0] or 0) < NODE:
        return f"node is {version.strip()}; install nodejs {NODE} or newer"
    absent = [name for name in packages if not (MODULES / name).exists()]
    if absent:
        # All in one go: what is not named, npm removes.
        wanted = " ".join(f"{name}@{version}" for name, version in VERSIONS.items())
        return f"there is no {' and no '.join(absent)}; npm install --prefix build/npm --no-save {wanted}"
    return None
