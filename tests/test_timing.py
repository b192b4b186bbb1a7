"""The constants of real time: said in one table, and scaled for slow machines."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import kling_mock
from kling_mock import timing

PACKAGE = Path(kling_mock.__file__).parent
SHOW = "from kling_mock import timing; print(timing.SLOWNESS, timing.ANSWER_HERE, timing.LOOK_AGAIN)"


def _with(slowness: str | None, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != timing.VARIABLE}
    if slowness is not None:
        environment[timing.VARIABLE] = slowness
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("slowness", "shown"),
    [
        (None, "1.0 1.0 0.001"),
        ("", "1.0 1.0 0.001"),
        ("4", "4.0 4.0 0.001"),
        ("2.5", "2.5 2.5 0.001"),
        ("100", "100.0 100.0 0.001"),
    ],
)
def test_waits_for_a_machine_are_multiplied_and_looks_are_not(slowness: str | None, shown: str) -> None:
    assert _with(slowness, "-c", SHOW).stdout.strip() == shown


@pytest.mark.slow
@pytest.mark.parametrize("slowness", ["fast", "0.5", "100.1", "nan", "inf", "-1"])
def test_another_factor_is_refused_by_every_command(slowness: str) -> None:
    done = _with(slowness, "-m", "kling_mock", "scenarios")
    sentence = f"KLING_MOCK_SLOWNESS: expected a factor from 1 to 100, received {slowness!r}."
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"kling-mock scenarios: {sentence}\n"


@pytest.mark.slow
def test_another_factor_is_refused_by_a_server_too() -> None:
    done = _with("x", "-c", "from kling_mock import MockServer; MockServer()")
    assert "SettingsError: KLING_MOCK_SLOWNESS: expected a factor from 1 to 100, received 'x'." in done.stderr


def test_every_constant_has_its_reason() -> None:
    """A name in capitals is followed by its docstring, and stands in the list of names."""
    body = ast.parse((PACKAGE / "timing.py").read_text(encoding="utf-8")).body
    for node, after in pairwise(body):
        if isinstance(node, ast.Assign) and isinstance(name := node.targets[0], ast.Name):
            if name.id.isupper() and name.id in timing.__all__:
                assert isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant), name.id


def test_hooks_are_told_all_that_they_wait_by() -> None:
    files = (PACKAGE / "interception/child").rglob("*")
    hook = "".join(file.read_text() for file in files if file.suffix in (".cjs", ".rb", ".php"))
    for name in timing.for_hooks():
        assert name in hook or name in ("answer_here", "answer_far", "more_here", "more_far")
