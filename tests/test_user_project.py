"""A user's project keeps its own modules, whatever their names, and its test session."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .user_project import FOLDERS, PASSED, write_project

BREAK = """\
import sys

sys.modules["kling_mock.contract_tests.running.options"] = None
"""
"""A plugin after which the module of the options cannot be imported."""

TAKE = """\
def pytest_addoption(parser):
    parser.addoption("--kling-seed", help="an option of another plugin")
"""
"""A plugin that has an option of the same name."""


def pytest_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m pytest` in a folder as its owner does."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("KLING_MOCK_", "PYTEST_"))
    }
    # Other plugins stay out: what they warn of, and the time that they take, is not what is tested.
    apart = [word for name in ("asyncio", "schemathesis", "xdist") for word in ("-p", f"no:{name}")]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *apart, "-p", "no:cacheprovider", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )


@pytest.mark.slow
def test_a_users_suite_passes_beside_its_own_modules(tmp_path: Path) -> None:
    done = pytest_in(write_project(tmp_path), "-W", "error")
    assert done.returncode == 0, done.stdout
    assert f"{PASSED} passed" in done.stdout


def test_nothing_of_ours_is_reachable_but_the_package(tmp_path: Path) -> None:
    code = f"import importlib.util as u; print([n for n in {[*FOLDERS, 'tests']!r} if u.find_spec(n)])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plugin", "why"),
    [
        pytest.param(
            BREAK,
            "ModuleNotFoundError: import of kling_mock.contract_tests.running.options halted",
            id="an import fails",
        ),
        pytest.param(
            TAKE,
            "ValueError: ",
            id="an option is taken",
            marks=pytest.mark.skipif(
                pytest.version_tuple < (9, 2),
                reason="pytest before 9.2 tells nobody of a taken option",
            ),
        ),
    ],
)
def test_a_plugin_that_cannot_load_ends_nobodys_session(tmp_path: Path, plugin: str, why: str) -> None:
    (tmp_path / "earlier.py").write_text(plugin)
    (tmp_path / "test_mine.py").write_text("def test_mine(): pass\n")
    done = pytest_in(tmp_path, "-q", "-W", "error", "-p", "earlier")
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert f"kling-mock is not available in this session: {why}" in done.stdout


@pytest.mark.slow
def test_a_test_that_asks_for_the_server_then_says_why_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "earlier.py").write_text(BREAK)
    (tmp_path / "test_mine.py").write_text(
        "import pytest\n\n"
        "def test_mine(): pass\n\n"
        "@pytest.mark.kling(scenario='failed')\ndef test_marked(): pass\n\n"
        "def test_asking(kling_server): pass\n"
    )
    done = pytest_in(tmp_path, "-p", "earlier")
    assert "2 passed, 1 error" in done.stdout
    assert done.stdout.count("kling-mock is not available in this session") >= 2
