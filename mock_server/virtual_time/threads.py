"""Waits of threads for each other: conditions, events, queues, futures and joins with a timeout."""

from __future__ import annotations

import sys
import threading
from typing import Any

from .originals import allocate_lock, condition_wait, thread_join
from .patches import Patches
from .session import session_of_caller, session_of_thread

__all__ = ["patch_threads"]


def _wait(self: threading.Condition, timeout: float | None = None) -> bool:
    session = session_of_caller(through=True)
    if session is None or timeout is None or timeout <= 0:
        return condition_wait(self, timeout)
    inner = self  # a Condition keeps its waiters in the same way since Python 3.2
    if not inner._is_owned():  # type: ignore[attr-defined]
        raise RuntimeError("cannot wait on un-acquired lock")
    waiter = allocate_lock()
    waiter.acquire()
    inner._waiters.append(waiter)  # type: ignore[attr-defined]
    saved = inner._release_save()  # type: ignore[attr-defined]
    came = False

    def ready(pause: float) -> bool:
        # The lock can be had once only: that it was had must be remembered.
        nonlocal came
        came = came or (waiter.acquire(True, pause) if pause > 0 else waiter.acquire(False))
        return came

    try:
        return session.scheduler.until(session.due_in(timeout), ready)
    finally:
        inner._acquire_restore(saved)  # type: ignore[attr-defined]
        if not came:
            try:
                inner._waiters.remove(waiter)  # type: ignore[attr-defined]
            except ValueError:
                pass


def _join(self: threading.Thread, timeout: float | None = None) -> None:
    session = session_of_caller(through=True)
    if session is None or timeout is None or timeout <= 0:
        return thread_join(self, timeout)
    thread_join(self, 0)  # refuses what cannot be joined, as ever

    def ready(pause: float) -> bool:
        thread_join(self, pause)
        return not self.is_alive()

    session.scheduler.until(session.due_in(timeout), ready)
    return None


def _process_wait(self: Any, timeout: float | None = None) -> bool:
    """Do as `multiprocessing.synchronize.Condition.wait` does, with a wait in virtual time."""
    session = session_of_thread()
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__") == "multiprocessing.synchronize":
        frame = frame.f_back
    caller = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    if session is None or caller in session.real_packages or timeout is None or timeout <= 0:
        return bool(_process_waits[0](self, timeout))
    if not self._lock._semlock._is_mine():
        raise AssertionError("must acquire() condition before using wait()")
    self._sleeping_count.release()
    depth = self._lock._semlock._count()
    for _ in range(depth):
        self._lock.release()
    came = False

    def ready(pause: float) -> bool:
        nonlocal came
        came = came or (
            self._wait_semaphore.acquire(True, pause) if pause > 0 else self._wait_semaphore.acquire(False)
        )
        return came

    try:
        return session.scheduler.until(session.due_in(timeout), ready)
    finally:
        self._woken_count.release()
        for _ in range(depth):
            self._lock.acquire()


_process_waits: list[Any] = []


def patch_processes(patches: Patches) -> None:
    """Replace the wait that events and conditions between processes stand on, where they are in use."""
    synchronize: Any = sys.modules.get("multiprocessing.synchronize")
    if synchronize is None:
        return
    _process_waits[:] = [synchronize.Condition.wait]
    patches.set(synchronize.Condition, "wait", _process_wait)


def patch_threads(patches: Patches) -> None:
    """Replace the waits that everything in `threading`, `queue` and `concurrent.futures` stands on."""
    patches.set(threading.Condition, "wait", _wait)
    patches.set(threading.Thread, "join", _join)
