"""The checks in environments of their own: `nox -l` lists them, `nox` runs the default ones.

nox -s tests            the fast tests on every installed Python, with the newest dependencies
nox -s tests-3.13       the same on one Python
nox -s lowest           the same on the oldest Python, with the lowest dependencies that are declared
nox -s tests -- -k run  words after `--` go to pytest, in place of `-m "not slow"`
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nox

ROOT = Path(__file__).parent
FAST = ("-q", "-m", "not slow")

nox.options.sessions = ["lint", "types", "tests", "lowest", "coverage"]
nox.options.default_venv_backend = "venv"
os.environ["UV_PYTHON_DOWNLOADS"] = "never"
# Not below this folder, where nox has its own: projects that tests make there would read our pyproject.toml.
TEMPORARY = {"TMPDIR": tempfile.gettempdir()}


def installed() -> list[str]:
    """The versions of Python that are installed, the oldest first, each reachable by its name."""
    if sys.platform == "win32":
        return [f"{sys.version_info.major}.{sys.version_info.minor}"]
    found = subprocess.run([ROOT / ".ci" / "pythons"], capture_output=True, text=True, check=True).stdout
    pairs = [line.split(maxsplit=1) for line in found.splitlines()]
    # Before the shims of pyenv, which are named alike and run only what is switched on.
    os.environ["PATH"] = os.pathsep.join([*(str(Path(path).parent) for _, path in pairs), os.environ["PATH"]])
    return [version for version, _ in pairs]


PYTHONS = installed()


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The fast tests with the newest dependencies."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *(session.posargs or FAST), env=TEMPORARY)


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """The fast tests with every dependency at its declared lower bound."""
    constraints = Path(session.create_tmp()) / "lowest.txt"
    held = session.run("python", ".ci/lowest", silent=True)
    constraints.write_text(str(held), encoding="utf-8")
    session.install("-e", ".[test]", "-c", str(constraints))
    session.run("python", "-m", "pytest", *(session.posargs or FAST), env=TEMPORARY)


@nox.session(python=PYTHONS[0])
def coverage(session: nox.Session) -> None:
    """The lines that the fast tests run, processes that they start included; fails below the bound."""
    session.install("-e", ".[test]", "coverage>=7.11")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *(session.posargs or FAST), env=TEMPORARY)
    session.run("coverage", "combine", "-q")
    session.run("coverage", "report")


@nox.session
def lint(session: nox.Session) -> None:
    """ruff, as linter and as formatter."""
    session.install("ruff>=0.11")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy over package, tests and benchmarks, as an install lays them out."""
    session.install("-e", ".[test]")
    session.run(".ci/types", external=True)


@nox.session
def wheel(session: nox.Session) -> None:
    """The wheel: built, listed, installed elsewhere and used."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-q", "-n", "0", "-m", "wheel", env=TEMPORARY)
