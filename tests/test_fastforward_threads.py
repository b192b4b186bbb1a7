"""Virtual time of several threads: none is overtaken, however late it comes to look."""

from __future__ import annotations

import concurrent.futures
import os
import threading
import time
from collections.abc import Callable
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_mock.clock import Clock
from kling_mock.virtual_time import Session, fast_forward, originals


@pytest.fixture
def clock() -> Clock:
    return Clock(speed=0, start=1_800_000_000.0)


def _unhurried() -> bool:
    """A server that takes its time to say that it is at rest: threads get on meanwhile."""
    originals.sleep(0.003)
    return True


def _nap(clock: Clock, naps: list[list[int]]) -> list[list[float]]:
    """Let a thread each sleep as long as `naps` say, and tell when each sleep ended."""
    ends: list[list[float]] = [[] for _ in naps]
    start = clock.now()

    def nap(index: int) -> None:
        for seconds in naps[index]:
            time.sleep(seconds)
            ends[index].append(round(time.time() - start, 3))

    with fast_forward(clock, quiet=_unhurried):
        threads = [threading.Thread(target=nap, args=(index,)) for index in range(len(naps))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return ends


def test_threads_that_sleep_side_by_side_share_the_time(clock: Clock) -> None:
    ends = _nap(clock, [[1, 1, 1], [2, 2, 2], [3, 3, 3], [5, 5, 5]])
    assert ends == [[1, 2, 3], [2, 4, 6], [3, 6, 9], [5, 10, 15]]


@pytest.mark.slow
@settings(deadline=None, max_examples=20)
@given(st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=4), min_size=1, max_size=4))
def test_each_thread_sleeps_exactly_as_long_as_it_asked(naps: list[list[int]]) -> None:
    assert _nap(Clock(speed=0, start=1_800_000_000.0), naps) == [list(accumulate(some)) for some in naps]


class _Slow(threading.Thread):
    """A thread that takes long to come up, as on a machine with much else to do."""

    def _bootstrap(self) -> None:
        originals.sleep(0.05)
        super()._bootstrap()  # type: ignore[misc]


def test_a_thread_that_is_just_starting_is_not_left_behind(clock: Clock) -> None:
    ends: dict[str, float] = {}
    start = clock.now()

    def nap(name: str, seconds: float) -> None:
        time.sleep(seconds)
        ends[name] = round(time.time() - start, 3)

    with fast_forward(clock):
        threads = [threading.Thread(target=nap, args=("first", 5)), _Slow(target=nap, args=("late", 3))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ends == {"first": 5, "late": 3}


def _event() -> tuple[Callable[[], object], Callable[[], object]]:
    event = threading.Event()
    return event.set, lambda: event.wait(1000)


def _future() -> tuple[Callable[[], object], Callable[[], object]]:
    future: concurrent.futures.Future[int] = concurrent.futures.Future()
    return lambda: future.set_result(1), lambda: future.result(1000)


def _socket() -> tuple[Callable[[], object], Callable[[], object]]:
    import socket

    one, other = socket.socketpair()

    def receive() -> None:
        import select

        with one, other:
            assert select.select([other], [], [], 1000)[0]

    return lambda: one.sendall(b"x"), receive


@pytest.mark.slow
@pytest.mark.parametrize("kind", [_event, _future, _socket])
def test_a_thread_that_was_woken_is_waited_for(
    kind: Callable[[], tuple[Callable[[], object], Callable[[], object]]], clock: Clock
) -> None:
    """Who wakes another thread and sleeps on does not sleep past what the other one does then."""
    for _ in range(20):
        wake, wait = kind()
        woken: list[float] = []

        def waiter(wait: Callable[[], object] = wait, woken: list[float] = woken) -> None:
            wait()
            woken.append(time.time())
            time.sleep(30)
            woken.append(time.time())

        with fast_forward(clock):
            thread = threading.Thread(target=waiter)
            thread.start()
            time.sleep(10)
            before = time.time()
            wake()
            time.sleep(100)
            thread.join()
        assert [moment - before for moment in woken] == pytest.approx([0, 30], abs=0.01)


@pytest.mark.slow
def test_a_forked_process_sleeps_on_although_threads_of_its_parent_were_waiting(clock: Clock) -> None:
    with fast_forward(clock, quiet=_unhurried) as session:
        stop = threading.Event()
        waiters = [threading.Thread(target=stop.wait, args=(1e6,)) for _ in range(3)]
        for waiter in waiters:
            waiter.start()
        child = os.fork()
        if not child:
            os._exit(_sleeps_exactly(session, 40))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        stop.set()
        for waiter in waiters:
            waiter.join()


def _sleeps_exactly(session: Session, seconds: float) -> int:
    before = session.now()
    time.sleep(seconds)
    return 0 if abs(session.now() - before - seconds) < 0.01 else 1


def test_a_wait_for_a_working_thread_is_not_cut_short(clock: Clock) -> None:
    def work() -> int:
        return sum(number * number for number in range(1_500_000))

    with fast_forward(clock), concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result(timeout=60) > 0
        worker = threading.Thread(target=work)
        worker.start()
        worker.join(60)
        assert not worker.is_alive()


def test_a_join_with_a_timeout_ends_in_virtual_time(clock: Clock) -> None:
    done = threading.Event()
    worker = threading.Thread(target=done.wait)
    worker.start()
    before = clock.now()
    with fast_forward(clock):
        worker.join(500)
        assert worker.is_alive()
    assert clock.now() - before == pytest.approx(500, abs=1)
    done.set()
    worker.join()


def test_a_notified_condition_returns_in_time(clock: Clock) -> None:
    condition, woken = threading.Condition(), []
    before = clock.now()

    def wait() -> None:
        with condition:
            woken.append(condition.wait(1000))

    with fast_forward(clock):
        waiter = threading.Thread(target=wait)
        waiter.start()
        time.sleep(10)
        with condition:
            condition.notify()
        waiter.join()
        with pytest.raises(RuntimeError):
            condition.wait(1)
    assert woken == [True]
    assert clock.now() - before < 20


@pytest.mark.parametrize("kind", [_event, _future, _socket])
def test_what_comes_at_the_last_moment_is_not_lost(
    kind: Callable[[], tuple[Callable[[], object], Callable[[], object]]], clock: Clock
) -> None:
    """Between the word that nothing moves and the jump there is one more look."""
    wake, wait = kind()
    woken: list[object] = []

    def quiet() -> bool:
        if not woken:
            woken.append(wake())
        return True

    before = clock.now()
    with fast_forward(clock, quiet=quiet):
        wait()
    assert woken and clock.now() == before
