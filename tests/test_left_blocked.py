"""Clients whose calls leave something behind that blocks every later one."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from kling_mock.contract_tests.driving import call_driver, clients, engine
from kling_mock.contract_tests.driving.clients import CallableClient
from kling_mock.contract_tests.running.events import Finished
from kling_mock.contract_tests.running.falsifier import Limits
from kling_mock.contract_tests.running.session import Plan, verify
from tests.clients import reference_async
from tests.clients.broken.remembering import HoldsItsLock
from tests.clients.zoo import TEXT

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]


def checked(function: Any, *properties: str) -> Finished:
    plan = Plan(models=[TEXT], properties=properties, limits=Limits(max_examples=1))
    return verify(CallableClient(function), plan)


def results(finished: Finished) -> dict[str, str]:
    return {result.id: result.result for result in finished.results}


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run that does nothing be ended soon."""
    monkeypatch.setattr(engine, "RUN_ENDS", 1.0)
    monkeypatch.setattr(call_driver, "STOP_LOOK", 0.02)
    monkeypatch.setattr(clients, "STOP_LOOK", 0.02)


def test_a_lock_that_is_not_released_is_one_breach_and_ends_no_verification(soon: None) -> None:
    class Own(HoldsItsLock):
        """With a lock that no other test has."""

    Own.lock = threading.Lock()
    finished = checked(Own.run, "B4", "B14", "D3")
    assert results(finished) == {"B4": "skipped", "B14": "failed", "D3": "skipped"}
    assert finished.summary.status == 1
    (broken,) = (result for result in finished.results if result.id == "B14")
    assert broken.counterexample is not None
    assert "waited for ever" in broken.counterexample.says
    assert broken.found_by == "B4"


def test_a_place_that_is_not_given_back_is_one_too() -> None:
    places = asyncio.Semaphore()

    async def takes(payload: Any, *, base_url: str, api_key: str) -> str:
        await places.acquire()
        video = await reference_async.generate(payload, base_url=base_url, api_key=api_key)
        places.release()
        return video

    finished = checked(takes, "B4", "B14")
    assert results(finished) == {"B4": "skipped", "B14": "failed"}


def test_without_b14_nothing_is_said_but_that_it_cannot_go_on(soon: None) -> None:
    class Own(HoldsItsLock):
        """With a lock that no other test has."""

    Own.lock = threading.Lock()
    finished = checked(Own.run, "B4", "D3")
    assert finished.summary.status == 2
    assert "cannot be checked further" in finished.summary.problem
