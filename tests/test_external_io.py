"""Answers of the real world: how long one is waited for."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from kling_mock import timing
from kling_mock.virtual_time import external_io
from kling_mock.virtual_time.external_io import ExternalIO


class Moments:
    """A clock of the system that stands still."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> Moments:
    made = Moments()
    monkeypatch.setattr(external_io, "monotonic", made)
    return made


@pytest.fixture
def line() -> Iterator[int]:
    """The descriptor of a connection to this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname()) as connection, listener.accept()[0]:
            yield connection.fileno()


def looked(io: ExternalIO, line: int, moments: Moments, every: float, times: int) -> list[bool]:
    found = []
    for _ in range(times):
        moments.now += every
        found.append(io.awaited([line]))
    return found


def test_an_answer_is_awaited_for_as_long_as_somebody_looks_in_time(moments: Moments, line: int) -> None:
    io = ExternalIO()
    io.awaited([line])
    io.sent(line)
    looks = round(timing.ANSWER_HERE / timing.LOOK_OUTSIDE)
    assert all(looked(io, line, moments, timing.LOOK_OUTSIDE, looks - 1))
    assert looked(io, line, moments, timing.LOOK_OUTSIDE, 2)[-1] is False


def test_on_a_machine_that_looks_late_it_is_awaited_for_longer(moments: Moments, line: int) -> None:
    io = ExternalIO()
    io.awaited([line])
    io.sent(line)
    looks = round(timing.ANSWER_HERE / timing.LATE_LOOK)
    assert all(looked(io, line, moments, 10 * timing.LATE_LOOK, looks - 1))
    assert looked(io, line, moments, 10 * timing.LATE_LOOK, 2)[-1] is False


def test_what_came_is_followed_for_a_moment_only(moments: Moments, line: int) -> None:
    io = ExternalIO()
    io.awaited([line])
    io.sent(line)
    io.came(line)
    assert looked(io, line, moments, timing.LATE_LOOK, 1) == [True]
    assert looked(io, line, moments, timing.LATE_LOOK, 3)[-1] is False
