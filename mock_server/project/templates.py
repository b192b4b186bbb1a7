"""The texts of the files."""

from __future__ import annotations

import json
from collections.abc import Mapping

__all__ = ["AGENTS", "command_tests", "contract_tests", "function_tests", "quoted", "workflow"]


AGENTS = """\
# AGENTS.md

## Video generation (AI/ML API, Kling)

- Never call the paid API (api.aimlapi.com) in a test, a script or a try-out: each create costs money,
  also one whose answer was lost. Never ask for its key, never read one from the environment.
- Test against kling-mock, which is the same on the wire: in pytest the fixture `kling_server`
  (`base_url`, `api_key`, `charges`, `exchanges`), for a program as it is `kling-mock run --fast-forward
  -- COMMAND`, for tests in any language `kling-mock serve --check -- COMMAND`.
- After each change of the client: `python -m pytest tests/test_kling_client.py
  tests/test_kling_contract.py`.
- A broken rule has an id, such as B2: `kling-mock explain B2` says what it asks, what breaking it costs
  and how it is mended. Mend the client; do not loosen the test, and list nothing as a known failure
  without asking.
- What can go wrong is a scenario: `kling-mock scenarios`. `@pytest.mark.kling("rate-limited")` makes it
  happen.
- A create is never sent again after a lost reply: raise that the outcome is unknown, and keep the job's
  id.
"""
"""What a coding agent has to know of the client."""


def quoted(word: str) -> str:
    """A word as a string of Python."""
    return json.dumps(word, ensure_ascii=False)


def function_tests(
    module: str, name: str, payload: Mapping[str, str], *, by_name: bool, is_async: bool
) -> str:
    """The first tests of a function."""
    keys = "base_url=server.base_url, api_key=server.api_key"
    made = f"{name}({'**PAYLOAD' if by_name else 'dict(PAYLOAD)'}, {keys})"
    return f'''\
"""The client against a mock: offline, nothing is paid and nothing is waited for."""

{"import asyncio" + chr(10) if is_async else ""}import contextlib

import pytest

from {module} import {name}

PAYLOAD = {_literal(payload)}


def run(server):
    return {f"asyncio.run({made})" if is_async else made}


def test_the_video_comes_back(kling_server, kling_fast_forward):
    assert run(kling_server).endswith(".mp4")


@pytest.mark.kling("create-lost-reply")
def test_a_lost_reply_is_not_paid_twice(kling_server, kling_fast_forward):
    with contextlib.suppress(Exception):
        run(kling_server)
    assert len(kling_server.charges) == 1
'''


def command_tests(command: str, payload: Mapping[str, str]) -> str:
    """The first tests of a command, whose clock is the real one: its job is done at the first poll."""
    return f'''\
"""The client against a mock: offline, and nothing is paid."""

import json
import os
import subprocess

import pytest

COMMAND = {command}
PAYLOAD = {_literal(payload)}


def run(server):
    environ = {{**os.environ, "KLING_BASE_URL": server.base_url, "KLING_API_KEY": server.api_key}}
    return subprocess.run(
        COMMAND, input=json.dumps(PAYLOAD), env=environ, capture_output=True, text=True, timeout=300
    )


@pytest.mark.kling(polls=(0, 0))
def test_the_video_comes_back(kling_server):
    done = run(kling_server)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith(".mp4"), f"expected the video's URL at the end of {{done.stdout!r}}"


@pytest.mark.kling("create-lost-reply")
def test_a_lost_reply_is_not_paid_twice(kling_server):
    run(kling_server)
    assert len(kling_server.charges) == 1
'''


def contract_tests(target: str, model: str) -> str:
    """The contract's properties as tests."""
    return f'''\
"""Every property of the contract as a test of its own: `python -m pytest -k B2` runs one of them."""

from kling_mock.contract_tests import contract_test

# A few examples, so that the first run is short: 20 is the usual number.
test_contract = contract_test({target}, models=[{quoted(model)}], max_examples=5)
'''


def workflow(*, requirements: bool, package: bool, node: bool, node_packages: bool) -> str:
    """The workflow for GitHub."""
    installs = [
        "python -m pip install kling-mock pytest",
        *(["python -m pip install -r requirements.txt"] if requirements else []),
        *(["python -m pip install -e ."] if package else []),
        *(["npm ci"] if node_packages else []),
    ]
    lines = "\n".join(f"          {line}" for line in installs)
    setup = (
        '      - uses: actions/setup-node@v4\n        with:\n          node-version: "22"\n' if node else ""
    )
    return f"""\
name: kling-client

on:
  push:
  pull_request:

permissions:
  contents: read

jobs:
  contract:
    runs-on: ubuntu-latest
    timeout-minutes: 15
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
{setup}      # kling-mock may come from a copy of yours as well: git+https://github.com/OWNER/kling-mock@REF
      - name: Install the client and what checks it
        run: |
{lines}
      - name: Test the client, and check it against the contract
        run: python -m pytest tests/test_kling_client.py tests/test_kling_contract.py
      - name: Keep the counterexamples
        if: failure()
        uses: actions/upload-artifact@v4
        with:
          name: kling-mock
          path: .kling-mock/
          include-hidden-files: true
"""


def _literal(payload: Mapping[str, str]) -> str:
    return json.dumps(payload, ensure_ascii=False)
