"""Alarms, clocks by number and waits between processes, in virtual time."""

from __future__ import annotations

import multiprocessing
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kling_mock.clock import Clock
from kling_mock.virtual_time import fast_forward, selectors

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no alarms")


class Alarm(Exception):
    pass


@pytest.fixture
def clock() -> Clock:
    return Clock(speed=0, start=1_800_000_000.0)


@pytest.fixture
def handled() -> Iterator[None]:
    def handle(*_: object) -> None:
        raise Alarm

    before = signal.signal(signal.SIGALRM, handle)
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("handled")
def test_an_alarm_ends_a_sleep_in_virtual_time(clock: Clock) -> None:
    before = clock.now()
    with fast_forward(clock):
        assert signal.alarm(300) == 0
        with pytest.raises(Alarm):
            time.sleep(1000)
        assert clock.now() - before == pytest.approx(300, abs=0.01)
        time.sleep(1000)
        assert signal.alarm(0) == 0


def test_a_timer_that_repeats_comes_again_and_again(clock: Clock) -> None:
    moments: list[float] = []
    start = clock.now()
    handler = signal.signal(signal.SIGALRM, lambda *_: moments.append(round(clock.now() - start)))
    try:
        with fast_forward(clock):
            signal.setitimer(signal.ITIMER_REAL, 100, 200)
            time.sleep(350)
            rest, interval = signal.setitimer(signal.ITIMER_REAL, 0)
            time.sleep(1000)
            time.sleep(1000)
    finally:
        signal.signal(signal.SIGALRM, handler)
    assert moments == [100, 300]
    assert rest == pytest.approx(150, abs=0.01)
    assert interval == 200


@pytest.mark.usefixtures("handled")
def test_an_alarm_that_is_taken_back_does_not_come(clock: Clock) -> None:
    with fast_forward(clock):
        signal.alarm(100)
        time.sleep(40)
        assert signal.alarm(0) == 60
        time.sleep(1000)


def test_clocks_by_number_move(clock: Clock) -> None:
    numbers = (time.CLOCK_REALTIME, time.CLOCK_MONOTONIC)
    with fast_forward(clock):
        before = [time.clock_gettime(number) for number in numbers]
        before_ns = [time.clock_gettime_ns(number) for number in numbers]
        used = time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)
        time.sleep(300)
        after = [time.clock_gettime(number) for number in numbers]
        after_ns = [time.clock_gettime_ns(number) for number in numbers]
        assert time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID) - used < 100
        assert abs(time.clock_gettime(time.CLOCK_REALTIME) - time.time()) < 1
    for later, earlier in zip([*after, *after_ns], [*before, *before_ns], strict=True):
        assert later - earlier == pytest.approx(300 if later < 1e12 else 300e9, rel=0.05)


def test_an_event_between_processes_is_waited_for_in_virtual_time(clock: Clock) -> None:
    event = multiprocessing.get_context("spawn").Event()
    before = clock.now()
    with fast_forward(clock):
        assert not event.wait(300)
        event.set()
        assert event.wait(300)
    assert clock.now() - before == pytest.approx(300, abs=0.01)


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="only Linux has epoll")
def test_epoll_waits_in_virtual_time(clock: Clock) -> None:
    before = clock.now()
    one, other = socket.socketpair()
    with one, other, fast_forward(clock), select.epoll() as poll:
        poll.register(other, select.EPOLLIN)
        assert poll.poll(300) == []
        assert clock.now() - before == pytest.approx(300, abs=0.01)
        one.sendall(b"x")
        assert poll.poll(300) == [(other.fileno(), select.EPOLLIN)]
        assert not poll.closed
    assert poll.closed
    assert clock.now() - before < 301


class LooksTwice:
    """Stands for a session whose wait looks once more than it has to."""

    def __init__(self) -> None:
        self.scheduler = self

    def until(self, deadline: float, ready: Callable[[float], bool], **options: Any) -> bool:
        return ready(0.0) and ready(0.0)


@pytest.mark.parametrize(("found", "nothing"), [([(3, 1)], []), (([3], [], []), ([], [], []))])
def test_an_event_that_is_told_once_stays_found(found: Any, nothing: Any) -> None:
    looks = iter([found, nothing, nothing])
    session: Any = LooksTwice()
    assert selectors._wait(session, None, lambda pause: next(looks), nothing, ()) == found
