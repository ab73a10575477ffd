"""The sessions that check the project: thin, over one install helper; what they install is said in pyproject.toml.

`nox` alone checks everything once: the tests with their coverage on the interpreter that runs nox, the tests on
the other supported ones that are installed, style and types. It must not know what is tested, or how.
"""

import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "virtualenv"  # it brings pip along; Debian packs what `venv` needs for that apart
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False  # not even where CI is set: "where installed" is the promise
nox.options.reuse_venv = "yes"

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"

# `cov` is `test` and more, so the interpreter that it runs on is left out.
nox.options.sessions = ["cov", *(f"test-{python}" for python in PYTHONS if python != HERE), "lint", "types"]


def install(session: nox.Session, *groups: str, project: bool = True) -> None:
    """Install dependency groups of pyproject.toml, and the project itself, editable, with all its extras."""
    # Resolved here and not by `pip --group`, which the pip of Python 3.11 does not know.
    requirements = nox.project.dependency_groups(PROJECT, *groups)
    extras = ",".join(PROJECT["project"]["optional-dependencies"])
    session.install(*requirements, *(("-e", f".[{extras}]") if project else ()))


# A file's tests stay together: what they share is costly to set up, in the simulation above all.
ON_ALL_CORES = ("-n", "auto", "--dist", "loadfile")


@nox.session(python=PYTHONS)
def test(session: nox.Session) -> None:
    """Run the tests; those of the page and of the benchmarks only on the interpreter that runs nox."""
    install(session, "test")
    chosen = () if session.python == HERE else ("-m", "not browser", "--ignore", "tests/benchmarks")
    session.run("pytest", *ON_ALL_CORES, *chosen, *session.posargs)


@nox.session
def cov(session: nox.Session) -> None:
    """Run the tests, subprocesses included, and hold their branch coverage against the two floors."""
    install(session, "test")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *ON_ALL_CORES, *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", "--include=protocol/*", "--fail-under=100")
    session.run("coverage", "report", "--include=trio_chat/*", "--fail-under=90")


@nox.session
def lint(session: nox.Session) -> None:
    """Hold format, style and the contracts of who may import whom."""
    install(session, "lint", project=False)
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of sources, tests and benchmarks, strictly."""
    install(session, "test", "bench", "types")
    session.run("mypy")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure framing, and delivery beside the peers that are installed; or the benchmark named, with its arguments."""
    install(session, "test", "bench")
    if session.posargs:
        name, *arguments = session.posargs
        session.run("python", "-m", f"benchmarks.{name}", *arguments)
        return
    session.run("python", "-m", "benchmarks.framing")
    out = Path("build/bench")
    out.mkdir(parents=True, exist_ok=True)
    written = ["--json", str(out / "delivery.json"), "--markdown", str(out / "delivery.md"), "--charts", str(out)]
    session.run("python", "-m", "benchmarks.delivery", *written)


@nox.session
def soak(session: nox.Session) -> None:
    """Run what takes too long for every day: kill -9 twenty times, 100 MB past a slow reader, 10,000 silent peers."""
    install(session, "test")
    session.run("python", "-m", "benchmarks.kill9", "--rounds", "20")
    session.run("python", "-m", "benchmarks.slow_reader")
    session.run("python", "-m", "benchmarks.slow_reader", "--cut")
    session.run("pytest", "tests/e2e/test_silence.py", env={"SOAK": "1"})


@nox.session
def simulate(session: nox.Session) -> None:
    """Run 10,000 scenarios of the simulation over all cores; arguments as of `python -m tests.simulation`."""
    install(session, "test")
    session.run("python", "-m", "tests.simulation", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Sow bugs on purpose, one at a time, and have the simulation find each; arguments name some of them."""
    install(session, "test")
    session.run("python", "-m", "tests.simulation.hunt", *session.posargs)
