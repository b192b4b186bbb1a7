"""Virtual time of waits that Python's own library makes in C: locks, simple queues and signals."""

from __future__ import annotations

import asyncio
import multiprocessing
import queue
import select
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from kling_mock.clock import Clock
from kling_mock.virtual_time import fast_forward


@pytest.fixture
def clock() -> Clock:
    return Clock(speed=0, start=1_800_000_000.0)


def _held(lock: threading.Lock) -> threading.Lock:
    lock.acquire()
    return lock


def _held_elsewhere() -> Any:
    """A lock that another thread, which has ended, has never let go."""
    lock = threading.RLock()
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    thread.join()
    return lock


SHORT_WAITS: dict[str, Callable[[float], object]] = {
    "sleep": lambda seconds: time.sleep(seconds),
    "Lock": lambda seconds: _held(threading.Lock()).acquire(timeout=seconds),
    "Event": lambda seconds: threading.Event().wait(seconds),
    "select": lambda seconds: select.select([], [], [], seconds),
    "selector": lambda seconds: selectors.DefaultSelector().select(seconds),
    "event loop": lambda seconds: asyncio.run(asyncio.sleep(seconds)),
}


@pytest.mark.parametrize("wait", SHORT_WAITS.values(), ids=SHORT_WAITS)
@pytest.mark.parametrize("seconds", [2e-9, 5e-8, 1e-7, 3e-7])
def test_a_wait_is_never_over_at_the_moment_at_which_it_began(
    clock: Clock, wait: Callable[[float], object], seconds: float
) -> None:
    """An event loop whose clock did not move would ask again for ever: the date is too coarse to tell."""
    with fast_forward(clock):
        began = time.monotonic()
        wait(seconds)
        assert time.monotonic() - began >= seconds


WAITS: dict[str, Callable[[], object]] = {
    "Lock": lambda: _held(threading.Lock()).acquire(timeout=600),
    "Lock, by position": lambda: _held(threading.Lock()).acquire(True, 600),
    "RLock": lambda: _held_elsewhere().acquire(timeout=600),
    "Semaphore": lambda: threading.Semaphore(0).acquire(timeout=600),
    "lock of processes": lambda: multiprocessing.get_context("spawn").Semaphore(0).acquire(True, 600),
    "SimpleQueue": lambda: _get(queue.SimpleQueue()),
    "sigtimedwait": lambda: signal.sigtimedwait([signal.SIGUSR2], 600),
    "socket pair": lambda: _late(_receive),
    "accept": lambda: _late(_accept),
}


def _late(wait: Callable[[], object]) -> object:
    try:
        return wait()
    except TimeoutError:
        return False


def _receive() -> object:
    one, other = socket.socketpair()
    with one, other:
        one.settimeout(600)
        return one.recv(1)


def _accept() -> object:
    with socket.create_server(("127.0.0.1", 0)) as service:
        service.settimeout(600)
        return service.accept()


def _get(waited: queue.SimpleQueue[object]) -> object:
    try:
        return waited.get(timeout=600)
    except queue.Empty:
        return False


@pytest.mark.parametrize("what", WAITS)
def test_a_wait_that_ends_in_vain_lasts_as_long_as_it_was_to(clock: Clock, what: str) -> None:
    before = clock.now()
    with fast_forward(clock):
        assert not WAITS[what]()
    assert clock.now() == pytest.approx(before + 600, abs=0.01)


def test_a_lock_that_is_let_go_is_had_at_that_moment(clock: Clock) -> None:
    lock, waited = _held(threading.Lock()), queue.SimpleQueue[str]()

    def work() -> None:
        time.sleep(100)
        lock.release()
        time.sleep(100)
        waited.put("done")

    before = clock.now()
    with fast_forward(clock):
        worker = threading.Thread(target=work)
        worker.start()
        assert lock.acquire(timeout=600)
        had = time.time() - before
        assert waited.get(timeout=600) == "done"
        got = time.time() - before
        worker.join()
    assert [had, got] == pytest.approx([100, 200], abs=0.01)


def test_what_is_there_is_had_at_once_and_a_full_stop_is_not_waited_for(clock: Clock) -> None:
    waited: queue.SimpleQueue[str] = queue.SimpleQueue()
    waited.put("there")
    with fast_forward(clock):
        assert waited.get(timeout=600) == "there"
        with pytest.raises(queue.Empty):
            waited.get_nowait()
        assert threading.Lock().acquire(timeout=600)
        assert not _held(threading.Lock()).acquire(timeout=0)
        with pytest.raises(ValueError, match="timeout"):
            threading.Lock().acquire(False, 1)
    assert clock.now() == 1_800_000_000.0


def test_a_pause_ends_with_the_alarm_whoever_else_could_take_it(clock: Clock) -> None:
    rung = []
    # Threads that hold no signal back: the system may give one of these what is sent to the process.
    ended = threading.Event()
    others = [threading.Thread(target=ended.wait) for _ in range(8)]
    for other in others:
        other.start()
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(time.time()))
    try:
        with fast_forward(clock):
            for _ in range(50):
                signal.alarm(300)
                signal.pause()
            signal.alarm(300)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
            assert signal.sigwait([signal.SIGALRM]) == signal.SIGALRM
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    finally:
        signal.signal(signal.SIGALRM, before)
        ended.set()
        for other in others:
            other.join()
    assert rung == [pytest.approx(1_800_000_000 + 300 * (n + 1), abs=0.01) for n in range(50)]
    assert clock.now() == pytest.approx(1_800_015_300.0, abs=0.01)
