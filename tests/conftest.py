"""Fixtures that every test may use."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from hypothesis import settings

from kling_mock import MockServer

# How long an example takes is the machine's business: no test asks for it.
settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")


# What is collected stays to the end: nobody need look through ten thousand tests for garbage.
gc.disable()


def pytest_collection_finish() -> None:
    """Begin to collect garbage: only what the tests make, and not at each few hundred objects."""
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the wheel and the long ones, unless `-m` or an id names them."""
    named = config.getoption("markexpr") or ""
    if any("::" in word for word in config.args):
        return
    marks = {mark for mark in ("wheel", "long") if mark not in named}
    left_out: list[pytest.Item] = []
    kept: list[pytest.Item] = []
    for item in items:
        (kept if marks.isdisjoint(mark.name for mark in item.iter_markers()) else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.fixture(scope="session")
def _one_server() -> Iterator[MockServer]:
    with MockServer(polls=(1, 1), seed=1, log_format="none") as server:
        yield server


@pytest.fixture
def server(_one_server: MockServer) -> Iterator[MockServer]:
    """The server of the session: progress by polls (one queued, one generating), clean for each test."""
    _one_server.clock.resume()
    _one_server.reset()
    yield _one_server
    _one_server.clock.resume()
    _one_server.reset()


@pytest.fixture(scope="session")
def _one_timed_server() -> Iterator[MockServer]:
    with MockServer(queued="10s", generating="50s", seed=1, speed=0, log_format="none") as server:
        yield server


@pytest.fixture
def timed(_one_timed_server: MockServer) -> Iterator[MockServer]:
    """A server whose jobs go by time (10 s queued, 50 s generating) on a clock that stands still."""
    _one_timed_server.clock.freeze()
    _one_timed_server.reset()
    yield _one_timed_server
    _one_timed_server.clock.freeze()
    _one_timed_server.reset()
