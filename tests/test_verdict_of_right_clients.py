"""Right clients of many designs: no trace of theirs is held against them, whatever the server does."""

from __future__ import annotations

import contextlib
import importlib
from typing import Any

import pytest

from kling_mock import MockServer
from kling_mock.trace_rules import check_trace
from kling_mock.verdicts.evidence import trace_of
from kling_mock.virtual_time import fast_forward

from .clients.right import __all__ as names

SLOW = ("by_curl", "on_trio")
"""Those that start a program, or a loop, for each request: the kit tries them."""
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
CLIENTS = [
    "reference:Client.run",
    *(f"right:{name}" for name in names if name not in SLOW),
]
WITH_DEFAULTS = {"model": "klingai/video-v3-pro-text-to-video", "prompt": "A fox in the snow"}
PAYLOAD = {"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox in the snow"}
OLDER = {
    "model": "kling-video/v2.1/standard/image-to-video",
    "prompt": "The fox looks up",
    "image_url": "https://example.com/fox.png",
}


@pytest.mark.slow
@pytest.mark.parametrize("client", CLIENTS)
def test_nothing_is_told_of_a_right_client(client: str) -> None:
    module, _, name = client.partition(":")
    found: Any = importlib.import_module(f"tests.clients.{module}")
    for part in name.split("."):
        found = getattr(found, part)
    call = (lambda payload, **where: found(**payload, **where)) if name == "by_name" else found
    payload = {"uses_the_older_path": OLDER, "says_defaults": WITH_DEFAULTS}.get(name, PAYLOAD)
    told = {}
    with MockServer(queued=20, generating=100) as server, fast_forward(server):
        for scenario in SCENARIOS:
            server.reset()
            server.use(scenario)
            with contextlib.suppress(Exception):
                call(payload, base_url=server.base_url, api_key=server.api_key)
            assert server.exchanges
            # That it does not fetch the video is its own affair: no test of it is at stake.
            trace = trace_of(server.space, one=True, over=True, armed=())
            told[scenario] = [str(breach) for breach in check_trace(trace)]
    assert {scenario: said for scenario, said in told.items() if said} == {}
