"""What holds for the project as a whole: what may be imported, what is shipped, and that its papers agree."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.npm import VERSIONS

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for package in ("protocol", "trio_chat") for path in (ROOT / package).rglob("*.py"))
MODULES = [*SOURCES, ROOT / "noxfile.py", *sorted(ROOT.glob("tests/**/*.py")), *sorted(ROOT.glob("benchmarks/**/*.py"))]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def imported(path: Path) -> set[str]:
    """Return the top-level packages that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_nothing_runs_on_another_event_loop_than_trios(path: Path) -> None:
    assert not imported(path) & {"asyncio", "anyio", "curio", "uvloop"}


ONLY_WHAT_THE_PROTOCOL_NEEDS = """
import sys

class Only:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in sys.stdlib_module_names | {"protocol", "msgspec", "coverage"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Only())
import protocol
"""


def test_the_protocol_can_be_used_where_nothing_but_msgspec_is_installed() -> None:
    run = subprocess.run([sys.executable, "-c", ONLY_WHAT_THE_PROTOCOL_NEEDS], cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_every_file_begins_by_saying_what_it_owns(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not text or re.search(r"\w{3}", ast.get_docstring(ast.parse(text)) or "")


@pytest.mark.parametrize("package", ["protocol", "trio_chat"])
def test_the_types_are_told_to_users(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_the_newest_change_is_that_of_the_version_at_hand() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+)", changes, re.MULTILINE)
    assert newest is not None, "CHANGELOG.md has no line such as: ## 0.1.0"
    assert newest[1] == pyproject()["project"]["version"]


def test_the_readme_says_how_to_run_the_tests_where_ci_looks_for_it() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    marked = re.search(r"^<!-- test -->\n+```sh\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert marked is not None, "README.md has no sh block after <!-- test -->"
    assert [line for line in marked[1].splitlines() if "nox" in line]


def test_ci_installs_the_npm_packages_that_tests_look_for() -> None:
    installed = re.findall(r'"((?:@\w+/)?[\w-]+)@([\d.]+)"', (ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    assert dict(installed) == VERSIONS


def test_every_dependency_has_a_lower_bound() -> None:
    project = pyproject()
    requirements = [*project["project"]["dependencies"]]
    for group in (*project["project"]["optional-dependencies"].values(), *project["dependency-groups"].values()):
        requirements += group
    named = [requirement for requirement in requirements if isinstance(requirement, str)]  # others include a group
    assert [requirement for requirement in named if ">=" not in requirement] == []
