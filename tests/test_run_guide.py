"""The guide to `kling-mock run` says what happens: its listings are run and compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

GUIDE = Path(__file__).parents[1] / "docs" / "run.md"
PROGRAM, FIXTURES = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
LISTINGS = re.findall(r"```console\n\$ (.*?)\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


def _without_chance(text: str) -> str:
    """What is the same in every run: no ids, no times that depend on the machine."""
    text = re.sub(r"[A-Za-z0-9_-]{21}(?=\s)", "ID", text)
    text = re.sub(r"[\d.]+ s of virtual time in [\d.]+ s", "TIME", text)
    text = re.sub(r"after \d+ s", "after N s", text)
    return re.sub(r"\d+ s$|[·▒█]{30}", "N", text, flags=re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize(("command", "shown"), LISTINGS)
def test_a_listing_of_the_guide_is_what_happens(command: str, shown: str, tmp_path: Path) -> None:
    (tmp_path / "client.py").write_text(PROGRAM, encoding="utf-8")
    command = command.replace("kling-mock", f"'{sys.executable}' -m kling_mock")
    command = command.replace("python client.py", f"'{sys.executable}' client.py")
    # On a clock that moves by jumps alone, a slow machine changes no status.
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "KLING_MOCK_SPEED": "1e-6"}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        timeout=60,
        encoding="utf-8",
    )
    # The program's own lines come first, in their order; the summary is said when it has ended.
    assert _without_chance(done.stdout + done.stderr) == _without_chance(shown)


@pytest.mark.slow
def test_the_test_of_the_guide_passes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FIXTURES)
    pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:schemathesis").assert_outcomes(passed=1)
