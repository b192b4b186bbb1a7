"""The clock: never backwards, moved by hand or by speed, and awake when it is moved."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import Clock
from kling_mock.clock import LATEST
from kling_mock.errors import ClockError
from tests.support import until

MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("advance"), st.floats(0, 1e6)),
        st.tuples(st.just("speed"), st.floats(0, 1000)),
        st.tuples(st.just("freeze"), st.just(0.0)),
        st.tuples(st.just("resume"), st.floats(0, 1000)),
    ),
    max_size=20,
)


@pytest.mark.slow
@given(MOVES)
def test_time_never_runs_backwards(moves: list[tuple[str, float]]) -> None:
    clock = Clock(start=0.0)
    last = clock.now()
    for name, value in moves:
        before = clock.now()
        if name == "advance":
            assert clock.advance(value) >= before + value * (1 - 1e-12)
        elif name == "speed":
            clock.speed = value
        elif name == "freeze":
            clock.freeze()
        else:
            clock.resume(value)
        now = clock.now()
        assert now >= before >= last
        last = now


@given(st.lists(st.floats(0, 1e6), max_size=20))
def test_a_frozen_clock_moves_by_exactly_what_it_is_told(steps: list[float]) -> None:
    clock = Clock(speed=0, start=1000.0)
    expected = 1000.0
    for step in steps:
        clock.advance(step)
        expected += step
        assert clock.now() == clock.now() == expected


def test_time_never_runs_backwards_for_several_threads() -> None:
    clock = Clock(speed=1e6, start=0.0)
    wrong: list[tuple[float, float]] = []
    done = threading.Event()

    def look() -> None:
        last = clock.now()
        while not done.is_set():
            now = clock.now()
            if now < last:
                wrong.append((last, now))
            last = now

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(3000):
        clock.advance(0)
        clock.speed = 0
        clock.speed = 1e6
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong


@given(st.floats(0, 1e6), st.floats(0, 1e5))
def test_the_speed_says_how_fast_it_runs(speed: float, seconds: float) -> None:
    real = 100.0
    with mock.patch("kling_mock.clock.real_time.monotonic", lambda: real):
        clock = Clock(speed=speed, start=5.0)
        real += seconds
        assert clock.now() == pytest.approx(5.0 + seconds * speed)
        assert clock.frozen is (speed == 0)
        clock.freeze()
        stopped = clock.now()
        real += seconds
        assert clock.frozen and clock.now() == stopped == pytest.approx(5.0 + seconds * speed)


@pytest.mark.parametrize("seconds", [-1, -1e-9, math.inf, math.nan, -math.inf])
def test_a_time_that_cannot_be_is_refused(seconds: float) -> None:
    clock = Clock(speed=0, start=0.0)
    with pytest.raises(ClockError, match="forward"):
        clock.advance(seconds)
    assert clock.now() == 0.0


@pytest.mark.parametrize("speed", [-1, 1e7, math.inf, math.nan])
def test_a_speed_that_cannot_be_is_refused(speed: float) -> None:
    with pytest.raises(ClockError, match="speed"):
        Clock(speed=speed)
    clock = Clock()
    with pytest.raises(ClockError, match="speed"):
        clock.speed = speed


def test_time_ends_with_the_year_9999() -> None:
    clock = Clock(speed=0)
    with pytest.raises(ClockError, match="9999"):
        clock.advance(1e12)
    assert clock.advance(1e9) > 1e9


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("60s", 60), ("2m", 120), ("1.5", 1.5)])
def test_time_is_moved_by_a_text_with_its_unit(text: str, seconds: float) -> None:
    clock = Clock(speed=0, start=0.0)
    assert clock.advance(text) == seconds


@pytest.mark.parametrize("text", ["soon", "-1s", "forever", ""])
def test_a_text_that_is_no_time_does_not_move_the_clock(text: str) -> None:
    clock = Clock(speed=0, start=0.0)
    with pytest.raises(ClockError, match=r"expected a (finite )?time"):
        clock.advance(text)
    assert clock.now() == 0


def test_advance_takes_one_of_seconds_and_until() -> None:
    clock = Clock()
    with pytest.raises(ClockError, match="either"):
        clock.advance()
    with pytest.raises(ClockError, match="either"):
        clock.advance(1, until="completed")
    with pytest.raises(ClockError, match="running server"):
        clock.advance(until="completed")


def test_sleepers_wake_in_order_and_only_when_their_time_has_come() -> None:
    async def scenario() -> list[str]:
        clock = Clock(speed=0, start=0.0)
        woken: list[str] = []

        async def sleeper(name: str, seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append(name)

        tasks = [asyncio.create_task(sleeper(name, span)) for name, span in (("b", 20), ("a", 10), ("c", 30))]
        await asyncio.sleep(0)
        assert clock.next_wake() == 10
        clock.advance(9.999)
        for _ in range(5):
            await asyncio.sleep(0)
        assert woken == []
        clock.advance(1)
        await tasks[1]
        assert woken == ["a"] and clock.next_wake() == 20
        clock.advance(100)
        await asyncio.gather(*tasks)
        assert clock.next_wake() is None
        return woken

    assert asyncio.run(scenario())[0] == "a"


def test_who_is_not_due_sleeps_through_moves_of_a_frozen_clock() -> None:
    clock = Clock(speed=0, start=0.0)

    async def sleep_through() -> None:
        sleepers = [asyncio.ensure_future(clock.sleep(seconds)) for seconds in (2.0, 50.0)]
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        with mock.patch.object(loop, "call_soon_threadsafe", wraps=loop.call_soon_threadsafe) as woken:
            for _ in range(10):
                clock.advance(1.0)
            assert woken.call_count <= 1 + 8  # who is due is told until it has woken
            await sleepers[0]
            before = woken.call_count
            for _ in range(30):
                clock.advance(1.0)
                await asyncio.sleep(0)
            assert woken.call_count == before
            clock.advance(10.0)
            await sleepers[1]

    asyncio.run(sleep_through())


def test_a_sleeper_of_another_thread_wakes() -> None:
    clock = Clock(speed=0, start=0.0)
    asleep = threading.Event()

    async def sleep() -> None:
        asleep.set()
        await clock.sleep(5)

    thread = threading.Thread(target=lambda: asyncio.run(sleep()))
    thread.start()
    asleep.wait(10)
    until(lambda: clock.next_wake() is not None)
    clock.advance(5)
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("speed", [0, 1e6])
def test_sleeps_that_are_over_are_forgotten(speed: float) -> None:
    async def scenario() -> None:
        clock = Clock(speed=speed)
        ends = [asyncio.create_task(clock.sleep(0.5)) for _ in range(20)]
        await asyncio.sleep(0)
        if not speed:
            clock.advance(1)
        await asyncio.gather(*ends)
        assert clock.next_wake() is None

    asyncio.run(scenario())


def test_a_cancelled_sleeper_leaves_nothing() -> None:
    async def scenario() -> None:
        clock = Clock(speed=0)
        task = asyncio.create_task(clock.sleep(math.inf))
        await asyncio.sleep(0)
        assert clock.next_wake() == math.inf
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert clock.next_wake() is None

    asyncio.run(scenario())


@pytest.mark.parametrize("wrong", ["5", None, [], True])
def test_a_speed_that_is_no_number_is_named(wrong: Any) -> None:
    clock = Clock(speed=0)
    with pytest.raises(ClockError, match="speed is a number from 0 to"):
        clock.speed = wrong
    with pytest.raises(ClockError, match="speed is a number from 0 to"):
        Clock(speed=wrong)


@pytest.mark.parametrize("wrong", [[], True, b"5"])
def test_a_time_that_is_no_number_is_named(wrong: Any) -> None:
    with pytest.raises(ClockError, match=r"advance\(\) takes a number of seconds, received"):
        Clock(speed=0).advance(wrong)


def test_a_change_of_speed_in_the_middle_of_a_look_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a thread computed by the old speed, before it was overtaken, is not what it says."""
    real = [100.0]
    clock = Clock(speed=1e6, start=0.0)
    first = clock.now()
    monkeypatch.setattr("kling_mock.clock.real_time.monotonic", lambda: real[0])
    clock = Clock(speed=1e6, start=first)
    changing = iter([True])

    def overtaken() -> float:
        if next(changing, False):
            clock.speed = 0
            real[0] += 60.0
        return real[0]

    monkeypatch.setattr("kling_mock.clock.real_time.monotonic", overtaken)
    seen = clock.now()
    assert seen == clock.now() == first


def test_a_signal_in_the_middle_of_a_change_may_ask_for_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(speed=0, start=7.0)
    asked: list[float] = []
    asking = iter([True])

    def interrupted() -> float:
        if next(asking, False):
            asked.append(clock.now())
        return 100.0

    monkeypatch.setattr("kling_mock.clock.real_time.monotonic", interrupted)
    clock.speed = 1
    assert asked == [7.0]


def test_the_calendar_ends_without_a_crash() -> None:
    clock = Clock(speed=1e6, start=LATEST - 1)
    with pytest.raises(ClockError, match="ends with the year 9999"):
        clock.advance(10)
    with mock.patch("kling_mock.clock.real_time.monotonic", lambda: time.monotonic_ns() / 1e9 + 3600):
        assert clock.now() == LATEST
        assert datetime.fromtimestamp(clock.now(), timezone(timedelta(hours=14))).year == 9999
        clock.speed = 0
        assert clock.now() == LATEST


def test_what_sleeps_beyond_the_end_of_the_calendar_sets_no_timer() -> None:
    async def sleep() -> int:
        clock = Clock(speed=1e6, start=LATEST)
        loop = asyncio.get_running_loop()
        timers = 0
        later = loop.call_later

        def counted(*given: Any, **options: Any) -> Any:
            nonlocal timers
            timers += 1
            return later(*given, **options)

        with mock.patch.object(loop, "call_later", counted):
            sleeper = asyncio.ensure_future(clock.sleep(1))
            for _ in range(5):
                await asyncio.sleep(0)
            sleeper.cancel()
        return timers

    assert asyncio.run(sleep()) == 0
