"""The pictures of the documentation can be made again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.long
@pytest.mark.slow
def test_each_picture_that_is_kept_is_made(browser: Any, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.browser.pictures", str(tmp_path)],
        cwd=DOCS.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    made = {file.name for file in tmp_path.iterdir()}
    assert made == {file.name for file in (DOCS / "pictures").iterdir()}
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in tmp_path.iterdir())
