"""`kling-mock run`: what a process said just before it ended is in the report."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest

from kling_mock import Settings
from kling_mock.interception.parent import run as running
from kling_mock.interception.parent.in_process import clock_server_of
from kling_mock.interception.parent.process import run_child
from kling_mock.server import MockServer
from tests.running import needs_linux
from tests.support import PATIENCE

REFUSED = "import socket\ntry: socket.getaddrinfo('example.com', 443)\nexcept OSError: pass"


@pytest.mark.slow
@needs_linux
def test_a_busy_server_still_hears_of_what_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    servers: list[MockServer] = []

    def made(server: MockServer, hosts: Any) -> Any:
        servers.append(server)
        return clock_server_of(server, hosts)

    def started(*words: Any, **options: Any) -> int:
        # The loop is busy for as long as the program lives, and a moment longer.
        loop = servers[0].loop
        assert loop is not None
        loop.call_soon_threadsafe(ended.wait, PATIENCE)
        status = run_child(*words, **options)
        threading.Timer(0.2, ended.set).start()
        return status

    monkeypatch.setattr(running, "clock_server_of", made)
    monkeypatch.setattr(running, "run_child", started)
    options = running.RunOptions(
        command=[sys.executable, "-c", REFUSED],
        settings=Settings(log_format="none"),
        offline=True,
        sandbox=False,
    )
    report = running.run(options)
    assert [one["host"] for one in report["refused"]] == ["example.com:443"]
