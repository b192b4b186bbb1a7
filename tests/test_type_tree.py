"""Type checkers and editors find every module of the package: by the tree of links in `.ci/tree`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TREE = ROOT / ".ci" / "tree" / "kling_mock"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the tree is made of symbolic links")


def test_the_links_are_current() -> None:
    expected = {
        entry.name: entry for entry in (ROOT / "mock_server").iterdir() if entry.name != "__pycache__"
    }
    expected |= {name: ROOT / name for name in ("schemas", "fixtures", "contract_tests", "docs")}
    links = {entry.name: entry.resolve() for entry in TREE.iterdir() if entry.name != "__pycache__"}
    assert links == expected, "run .ci/link, and add the changed links to the commit"
    assert all(not os.path.isabs(os.readlink(TREE / name)) for name in links)


@pytest.mark.slow
def test_the_type_checker_finds_what_a_user_imports(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(
        "from kling_mock import MockServer\n"
        "from kling_mock.contract_tests import contract_test\n"
        "from kling_mock.fixtures.plugin import kling_server\n"
        "import kling_mock.schemas\n"
        "from kling_mock.no_such_module import nothing\n"
    )
    # What is imported is found without being followed: a check of its types is that of `.ci/types`.
    words = ["--strict", "--follow-imports=skip", "--no-error-summary", f"--cache-dir={tmp_path}", str(mine)]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", f"--config-file={os.devnull}", *words],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(TREE.parent)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1 and "mine.py:5: error: Cannot find" in errors[0], done.stdout + done.stderr
