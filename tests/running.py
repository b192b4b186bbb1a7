"""What the tests of `kling-mock run` share: running it, and reading its report."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from . import preloaded

__all__ = ["NODE", "PROGRAMS", "RUN", "needs_linux", "needs_node", "python", "report_of", "run"]

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
NODE = HERE / "node"
RUN = [sys.executable, "-m", "kling_mock", "run"]
READ_AT_START = {"PYTHONIOENCODING", "PYTHONUTF8"}
"""Variables that Python itself reads: a process that has begun knows them no more."""
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node on this machine")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="this is kept on Linux only")


def run(
    *words: str, timeout: float = 60, environ: dict[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[bytes]:
    """Run `kling-mock run` with these words, in an environment that sets none of its options."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KLING_MOCK_")}
    environment.pop("CI", None)
    environment["PYTHONIOENCODING"] = "utf-8"
    environment |= environ or {}
    command = RUN if READ_AT_START & (environ or {}).keys() else preloaded.words("run")
    return subprocess.run(
        [*command, *words], capture_output=True, timeout=timeout, env=environment, **options
    )


def report_of(tmp_path: Path, *words: str, **options: Any) -> tuple[dict[str, Any], str]:
    """The report of a run, and what the program printed."""
    file = tmp_path / "report.json"
    done = run("--report", str(file), *words, **options)
    assert file.exists(), done.stderr.decode()
    assert b"cannot be hooked" not in done.stderr, done.stderr.decode()
    return json.loads(file.read_text()), done.stdout.decode()


def python(source: str) -> list[str]:
    """The words that run a program in Python."""
    return ["--", sys.executable, "-c", source]
