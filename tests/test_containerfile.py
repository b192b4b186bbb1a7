"""The Containerfile without a container engine: its commands, run in a plain directory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.running import needs_linux

ROOT = Path(__file__).parents[1]
LINES = (ROOT / "Containerfile").read_text(encoding="utf-8").splitlines()


def words(instruction: str) -> list[str]:
    """What follows an instruction, each time it is given."""
    return [line.removeprefix(f"{instruction} ") for line in LINES if line.startswith(f"{instruction} ")]


def command_of(text: str) -> list[str]:
    """A command in JSON, options before it left out."""
    found: list[str] = json.loads(text[text.index("[") :])
    return found


def environment(**more: str) -> dict[str, str]:
    beside = {name: value for name, value in os.environ.items() if not name.startswith("KLING_MOCK_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**beside, "PATH": path, "KLING_MOCK_PORT": "0", "KLING_MOCK_LOG_FORMAT": "json", **more}


def test_it_is_small_and_not_root() -> None:
    assert words("FROM") == ["python:3.13-slim"]
    assert words("USER") == ["mock"] and any("useradd" in line and "mock" in line for line in words("RUN"))
    assert (ROOT / ".dockerignore").read_text() == (ROOT / ".containerignore").read_text()


def test_what_is_installed_is_what_the_project_offers() -> None:
    (install,) = [line for line in words("RUN") if "pip install" in line]
    extras = re.search(r"/src\[(\w+)\]", install)
    assert extras is not None
    assert re.search(rf"^{extras[1]} = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)


@pytest.mark.slow
@needs_linux
@pytest.mark.parametrize("given", [None, "sesame-sesame"])
def test_it_serves_with_a_token_of_its_own_and_is_healthy(tmp_path: Path, given: str | None) -> None:
    more = {} if given is None else {"KLING_MOCK_CONTROL_TOKEN": given}
    (command,) = words("CMD")
    process = subprocess.Popen(
        command_of(command), cwd=tmp_path, env=environment(**more), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None and process.stderr is not None
        token = given or process.stderr.readline().removeprefix("control token: ").strip()
        url = json.loads(process.stdout.readline())["url"].replace("0.0.0.0", "127.0.0.1")
        (check,) = words("HEALTHCHECK")
        health = subprocess.run(
            command_of(check),
            env=environment(KLING_MOCK_PORT=url.rpartition(":")[2]),
            capture_output=True,
            timeout=60,
        )
        assert health.returncode == 0, health.stderr
        asked = urllib.request.Request(f"{url}/_mock/jobs", headers={"Authorization": f"Bearer {token}"})
        urllib.request.urlopen(asked, timeout=20).close()
        process.terminate()
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    # Once, and never where it was given.
    assert token not in errors and len(token) >= 10
