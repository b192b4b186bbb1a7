"""The provider's own sample programs, byte for byte, under `kling-mock run`."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import preloaded
from tests.support import UPSTREAM

pytestmark = pytest.mark.slow

Program = Callable[[Path], list[str]]
SAMPLES = UPSTREAM / "seeds"


def _page(number: str) -> str:
    pages = sorted(SAMPLES.glob(f"{number}_*.txt")) if SAMPLES.is_dir() else []
    if not pages:
        pytest.skip("the provider's pages are not here: KLING_MOCK_UPSTREAM names the folder with them")
    return pages[0].read_text(encoding="utf-8")


def _fenced(number: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", _page(number), re.DOTALL)
    assert found is not None
    return found[1]


def _marked_up(number: str) -> str:
    found = re.search(
        r'<pre class="language-python"[^>]*><code[^>]*>(.*?)</code></pre>', _page(number), re.DOTALL
    )
    assert found is not None
    return html.unescape(re.sub(r"</?strong>", "", found[1]))


def _run(program: list[str], *words: str) -> tuple[str, str]:
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment["PYTHONIOENCODING"] = "utf-8"
    command = [
        *preloaded.words("run"),
        "--fast-forward",
        "--speed",
        "1e-6",
        "--realistic",
        "--offline",
        *words,
    ]
    done = subprocess.run(
        [*command, "--", *program], capture_output=True, timeout=60, env=environment, encoding="utf-8"
    )
    return done.stdout, done.stderr


def _python_003(tmp_path: Path) -> list[str]:
    (tmp_path / "sample.py").write_text(_fenced("003", "python"), encoding="utf-8")
    return [sys.executable, str(tmp_path / "sample.py")]


def _javascript_003(tmp_path: Path) -> list[str]:
    if shutil.which("node") is None:
        pytest.skip("there is no node on this machine")
    (tmp_path / "sample.js").write_text(_fenced("003", "javascript"), encoding="utf-8")
    return ["node", str(tmp_path / "sample.js")]


@pytest.mark.parametrize("program", [_python_003, _javascript_003])
def test_the_samples_of_page_003_see_the_documented_statuses(program: Program, tmp_path: Path) -> None:
    output, error = _run(program(tmp_path))
    statuses = re.findall(r"^Status: (\w+)\. Checking again", output, re.MULTILINE)
    assert statuses == ["queued"] + ["generating"] * 15, error
    assert "Processing complete:" in output and "completed" in output
    assert "duration: Expected an integer, received the string '5'" in error


def test_the_sample_of_page_004_sees_its_job_through(tmp_path: Path) -> None:
    (tmp_path / "sample.py").write_text(_marked_up("004"), encoding="utf-8")
    output, error = _run([sys.executable, str(tmp_path / "sample.py")])
    statuses = re.findall(r"^Status: (\w+)$", output, re.MULTILINE)
    assert statuses == sorted(statuses, key=["queued", "generating", "completed"].index), error
    assert statuses[0] == "queued" and statuses[-1] == "completed" and len(statuses) > 10


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("failed", "ended in an error (failed)"),
        ("poll-server-error", "A poll was answered 500 (poll-server-error)."),
        ("create-lost-reply", "The reply to a create was lost (create-lost-reply)"),
    ],
)
@pytest.mark.parametrize("program", [_python_003, _javascript_003])
def test_the_summary_says_what_went_wrong_with_a_sample(
    program: Program, scenario: str, said: str, tmp_path: Path
) -> None:
    _, error = _run(program(tmp_path), "--scenario", scenario)
    assert said in error
