"""The clock of another process, as a hooked Python asks for it; the parent is this test."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pytest

from kling_mock.interception.child.python.remote_time_source import RemoteTimeSource
from kling_mock.interception.shared.clock_file import pack
from kling_mock.virtual_time.reasons import Reason

NOW = 1_800_000_000.0
GIVEN_UP = 60.0


@pytest.fixture
def parent() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(GIVEN_UP)
        yield server


@pytest.fixture
def source(parent: socket.socket, tmp_path: Path) -> Iterator[RemoteTimeSource]:
    clock = tmp_path / "clock"
    clock.write_bytes(pack(1, NOW, time.monotonic(), 0.0))
    source = RemoteTimeSource(str(clock), parent.getsockname()[1], "t", ())
    yield source
    source._socket.close()


@contextmanager
def _lines(parent: socket.socket) -> Iterator[TextIO]:
    """What a connection says after its first line."""
    with parent.accept()[0] as connection:
        connection.settimeout(GIVEN_UP)
        with connection.makefile("rw") as lines:
            assert _heard(lines)["token"] == "t"
            yield lines


def _heard(lines: TextIO) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(lines.readline())
    return message


def test_a_wait_that_begins_while_a_jump_is_asked_for_is_told_where_that_goes_over_it(
    parent: socket.socket, source: RemoteTimeSource
) -> None:
    asking = threading.Thread(target=source.advance_to, args=(NOW + 80,))
    asking.start()
    with _lines(parent) as lines:
        assert _heard(lines)["ask"] == "jump"
        for seconds in (100, 3, 2):
            source.begins(NOW + seconds)
        lines.write("{}\n")
        lines.flush()
        asking.join()
        # Nobody asks any more.
        source.begins(NOW + 1)
        source.busy(NOW + 1, Reason.WORK)
        assert [_heard(lines)["ask"] for _ in range(2)] == ["awake", "busy"]


def test_a_fork_has_told_nothing_yet(parent: socket.socket, source: RemoteTimeSource) -> None:
    for _ in range(2):
        source.busy(NOW + 1, Reason.WORK)
        with _lines(parent) as lines:
            assert _heard(lines) == {"ask": "busy", "due": NOW + 1, "why": "work"}
        source._socket.close()
        source.forked()
    source.busy(NOW + 1, Reason.WORK)
