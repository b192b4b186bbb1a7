"""The example of two Node workers on one server: neither steals the other's scenarios."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kling_mock import MockServer

from .running import needs_node

EXAMPLE = Path(__file__).parents[1] / "examples" / "shared-server"
TESTS = int(os.environ.get("EXAMPLE_TESTS", "10"))


@pytest.mark.slow
@needs_node
def test_two_node_workers_share_a_server() -> None:
    with MockServer(log_format="none") as server:
        environ = {**os.environ, "KLING_MOCK_URL": server.url, "TESTS": str(TESTS)}
        files = sorted(str(path) for path in (EXAMPLE / "tests").glob("*.mjs"))
        done = subprocess.run(
            ["node", "--test", *files], env=environ, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout[-3000:]
        assert "fail 0" in done.stdout and f"pass {2 * TESTS}" in done.stdout
        assert not server.common.workspaces.named() and not server.jobs
