"""Libraries that freeze or move the time of a test: the client's clock is meant, never the mock's."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, date, datetime
from typing import Any

import pytest
import requests

from kling_mock import MockServer
from kling_mock.virtual_time import fast_forward
from tests.running import needs_linux, python, run

freezegun = pytest.importorskip("freezegun")
time_machine = pytest.importorskip("time_machine")

Freeze = Callable[[], AbstractContextManager[Any]]
DAY = "2020-01-01"
FREEZES: dict[str, Freeze] = {
    "freezegun": lambda: freezegun.freeze_time(DAY),
    "freezegun, ticking": lambda: freezegun.freeze_time(DAY, tick=True),
    "time-machine": lambda: time_machine.travel(DAY, tick=False),
    "time-machine, ticking": lambda: time_machine.travel(DAY, tick=True),
}
frozen = pytest.mark.parametrize("freeze", FREEZES.values(), ids=FREEZES)


def finished(server: MockServer, pause: float = 0.0) -> str:
    """The last status of a new job, polled a hundred times at most."""
    headers = {"Authorization": f"Bearer {server.api_key}"}
    url = f"{server.base_url}/video/generations"
    payload = {"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox"}
    made = requests.post(url, json=payload, headers=headers, timeout=20).json()
    status = ""
    for _ in range(100):
        if pause:
            time.sleep(pause)
        asked = requests.get(url, params={"generation_id": made["id"]}, headers=headers, timeout=20)
        status = asked.json()["status"]
        if status == "completed":
            break
    return status


@frozen
@pytest.mark.kling(queued=0.05, generating=0.05)
def test_a_job_goes_on_while_the_clients_clock_stands(kling_server: MockServer, freeze: Freeze) -> None:
    before = kling_server.clock.now()
    with freeze():
        assert finished(kling_server, 0.01) == "completed"
    assert kling_server.clock.now() >= before + 0.1


@frozen
@pytest.mark.kling("create-slow;seconds=0.05+poll-slow;seconds=0.05;times=1")
def test_an_answer_that_is_late_comes(kling_server: MockServer, freeze: Freeze) -> None:
    with freeze():
        assert finished(kling_server) == "completed"


@pytest.mark.slow
@frozen
@pytest.mark.kling(queued=20, generating=40)
def test_sleeps_are_skipped_beside_it(
    kling_server: MockServer, kling_fast_forward: Any, freeze: Freeze
) -> None:
    before = kling_server.clock.now()
    with freeze():
        assert finished(kling_server, 5) == "completed"
    assert 60 <= kling_server.clock.now() - before < 90


def _both(server: MockServer, freeze: Freeze, first: str) -> AbstractContextManager[Any]:
    """Frozen and fast-forwarded at once; the one that begins `first` ends last."""
    stack = ExitStack()
    entered: list[Freeze] = [freeze, lambda: fast_forward(server)]
    for enter in entered if first == "freeze" else reversed(entered):
        stack.enter_context(enter())
    return stack


@pytest.mark.parametrize("first", ["freeze", "fast-forward"])
@frozen
def test_in_either_order_the_date_is_the_frozen_one_and_waits_are_skipped(freeze: Freeze, first: str) -> None:
    with MockServer() as server:
        before, real = server.clock.now(), time.time()
        with _both(server, freeze, first):
            waiting: queue.Queue[int] = queue.Queue()
            thread = threading.Thread(target=waiting.get)
            thread.start()
            time.sleep(100)
            asyncio.run(asyncio.wait_for(asyncio.sleep(50), 70))
            waiting.put(1)
            thread.join(10)
            dates = datetime.now(UTC), datetime.fromtimestamp(time.time(), UTC), date.today()
            assert [moment.year for moment in dates] == [2020, 2020, 2020]
        assert 150 <= server.clock.now() - before < 170
        assert abs(time.time() - real) < 3_600 and abs(before - real) < 3_600


@pytest.mark.parametrize("tick", [False, True])
def test_a_loop_that_runs_keeps_its_timers_when_its_clock_is_frozen(tick: bool) -> None:
    async def test(server: MockServer) -> None:
        began = server.clock.now()
        early = asyncio.ensure_future(asyncio.sleep(30))
        await asyncio.sleep(1)
        with freezegun.freeze_time(DAY, tick=tick):
            await asyncio.sleep(9)
            late = asyncio.ensure_future(asyncio.sleep(40))
            await early
            assert server.clock.now() - began == pytest.approx(30, abs=2)
        await late
        assert server.clock.now() - began == pytest.approx(50, abs=2)

    with MockServer() as server, fast_forward(server):
        asyncio.run(test(server))


FROZEN_IN_A_RUN = """
import asyncio, time, freezegun
began = time.monotonic()
for tick in (False, True):
    with freezegun.freeze_time("2020-01-01", tick=tick):
        time.sleep(500)
        asyncio.run(asyncio.sleep(100))
        assert time.gmtime().tm_year == 2020
print(time.monotonic() - began)
"""


@needs_linux
@pytest.mark.slow
def test_a_program_of_a_run_may_freeze_its_time() -> None:
    done = run("--fast-forward", *python(FROZEN_IN_A_RUN))
    assert 1200 <= float(done.stdout) < 1250, done.stderr.decode()


@pytest.mark.parametrize("tick", [False, True])
def test_a_journey_goes_on_by_what_is_skipped(kling_fast_forward: Any, tick: bool) -> None:
    with time_machine.travel("2020-01-01T00:00Z", tick=tick) as traveller:
        began = time.time()
        time.sleep(100)
        gone = 100 if tick else 0
        assert time.time() - began == pytest.approx(gone, abs=10)
        assert datetime.now(UTC).timestamp() == pytest.approx(time.time(), abs=10)
        assert (datetime.now(UTC) - datetime(2020, 1, 1, tzinfo=UTC)).total_seconds() == pytest.approx(
            gone, abs=10
        )
        traveller.move_to("2021-01-01T00:00Z")
        assert datetime.now(UTC).year == 2021
    assert time.time() - began > 86_400 * 365


@frozen
def test_a_server_that_starts_in_such_a_time_has_the_real_one(freeze: Freeze) -> None:
    real = time.time()
    with freeze(), MockServer(queued=0.05, generating=0.05) as server:
        assert finished(server, 0.01) == "completed"
        assert abs(server.clock.now() - real) < 3_600
