"""Right clients of many designs: no trace of theirs is held against them, whatever the server does."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import inspect
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kling_mock import MockServer
from kling_mock.exchanges.har import har_log
from kling_mock.recordings.judging import judge_recordings
from kling_mock.trace_rules import check_trace
from kling_mock.verdicts.beside import as_beside
from kling_mock.verdicts.evidence import trace_of
from kling_mock.verdicts.past import verdict_of
from kling_mock.virtual_time import fast_forward
from tests.support import mostly_long

from .clients.right import __all__ as names
from .test_guides import LIBRARIES, TESTING, listings, section

SCENARIOS = (
    "completed",
    "failed-detail",
    "completed-in-create",
    "completed-without-url",
    "unknown-status",
    "create-lost-reply",
    "gateway-timeout",
    "create-truncated",
    "bad-request",
    "rate-limited;times=1;retry_after=40",
    "poll-rate-limited;times=2;retry_after=20",
    "poll-server-error;times=3",
    "poll-unauthorized",
    "id-awkward",
    "id-digits",
    "video-expired;times=1",
    "video-truncated;times=1",
    "stuck-generating",
)
SLOW = ("right:by_curl", "right:on_trio")
"""Those that start a program, or a loop, for each request: they meet a part of that."""
CLIENTS = [
    "reference:Client.run",
    "reference_async:generate",
    # One that shares connections between its calls needs one loop for all of them: the kit's tests have it.
    *(f"right:{name}" for name in names if name != "shares_its_connections"),
    *(f"guide:{library}" for library in LIBRARIES),
]
WITH_DEFAULTS = {"model": "klingai/video-v3-pro-text-to-video", "prompt": "A fox in the snow"}
PAYLOAD = {"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox in the snow"}
OLDER = {
    "model": "kling-video/v2.1/standard/image-to-video",
    "prompt": "The fox looks up",
    "image_url": "https://example.com/fox.png",
}


def found(client: str) -> Any:
    """The client as a function of a payload, of `tests/clients` or of the guide."""
    module, _, name = client.partition(":")
    if module == "guide":
        space: dict[str, Any] = {"__name__": "client"}
        exec(listings(section(TESTING, name))[0], space)
        called = space["generate"]
    else:
        called = importlib.import_module(f"tests.clients.{module}")
        for part in name.split("."):
            called = getattr(called, part)

    def call(payload: dict[str, Any], **where: str) -> None:
        if inspect.iscoroutinefunction(called):
            asyncio.run(called(payload, **where))
        elif name == "by_name":
            called(**payload, **where)
        else:
            called(payload, **where)

    return call


def told_of(server: MockServer, file: Path) -> list[str]:
    """What is said of what a client has just done: in a test, by a server, of a recording."""
    # That it does not fetch the video is its own affair: no test of it is at stake.
    trace = trace_of(server.space, one=True, over=True, armed=())
    file.write_text(json.dumps(har_log(trace.exchanges, beside=as_beside(trace))), encoding="utf-8")
    judged = judge_recordings([file])
    (recorded,) = judged.files
    assert recorded.exchanges == len(trace.exchanges) and not recorded.problem
    breaches = [*check_trace(trace), *recorded.breaches]
    breaches += [seen.breach for seen in verdict_of(server.space, over=True).seen if seen.breach.id != "T2"]
    return [str(breach) for breach in breaches]


@pytest.mark.slow
@pytest.mark.parametrize("client", mostly_long(CLIENTS, 4))
def test_nothing_is_told_of_a_right_client(client: str, tmp_path: Path) -> None:
    if client == "right:on_trio" and importlib.util.find_spec("trio") is None:
        pytest.skip("needs trio")
    if client == "right:by_curl" and shutil.which("curl") is None:
        pytest.skip("needs curl")
    call, name = found(client), client.partition(":")[2]
    payload = {"uses_the_older_path": OLDER, "says_defaults": WITH_DEFAULTS}.get(name, PAYLOAD)
    told = {}
    with MockServer(queued=20, generating=100) as server, fast_forward(server):
        for scenario in SCENARIOS[:: 3 if client in SLOW else 1]:
            server.reset()
            server.use(scenario)
            for _ in range(2):
                with contextlib.suppress(Exception):
                    call(payload, base_url=server.base_url, api_key=server.api_key)
                if server.exchanges:
                    break
                # A circuit that the scenario before this one has opened closes after a while.
                time.sleep(3600)
            assert server.exchanges
            told[scenario] = told_of(server, tmp_path / "x.har")
    assert {scenario: said for scenario, said in told.items() if said} == {}


PROGRAMS = {
    "command.py": [sys.executable, "command.py"],
    "reference.mjs": ["node", "reference.mjs"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_is_told_of_a_right_program(name: str) -> None:
    words = PROGRAMS[name]
    if shutil.which(words[0]) is None:
        pytest.skip(f"needs {words[0]}")
    folder = Path(__file__).parent / "clients"
    for scenario in ("id-awkward", "failed-detail"):
        with MockServer(polls=(1, 1), scenario=scenario) as server:
            environ = {
                "KLING_BASE_URL": server.base_url,
                "KLING_API_KEY": "k-1",
                "KLING_POLL_INTERVAL": "0.05",
            }
            subprocess.run(
                [*words[:-1], folder / words[-1]],
                input=json.dumps(PAYLOAD),
                env={**os.environ, **environ},
                text=True,
                capture_output=True,
                timeout=60,
            )
            verdict = verdict_of(server.space, over=True)
            assert (verdict.totals.jobs, [str(seen.breach) for seen in verdict.seen]) == (1, [])
            assert server.jobs[0].polls == 3
