"""The listings of docs/models.md are true: a model of one's own is added, served, tested and verified."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = (Path(__file__).parents[1] / "docs" / "models.md").read_text(encoding="utf-8")


@pytest.mark.long
@pytest.mark.slow
def test_the_listings_do_what_they_show(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KLING_MOCK_")}
    ran = 0
    for language, name, text in re.findall(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", GUIDE, re.M | re.S):
        if name:
            (tmp_path / name).write_text(text, encoding="utf-8")
            continue
        if language != "console":
            # What asks the provider is not run.
            assert language in ("sh", "text")
            continue
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.M):
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=tmp_path,
                env=clean | {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
                capture_output=True,
                text=True,
                timeout=120,
            )
            assert done.stdout == shown, (command, done.stderr)
            ran += 1
    assert ran == 9
