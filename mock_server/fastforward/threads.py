"""Waits of threads for each other: conditions, events, queues, futures and joins with a timeout."""

from __future__ import annotations

import threading

from .originals import allocate_lock, condition_wait, thread_join
from .patches import Patches
from .session import of_caller

__all__ = ["patch_threads"]


def _wait(self: threading.Condition, timeout: float | None = None) -> bool:
    session = of_caller(through=True)
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
        return session.waiting.until(session.now() + timeout, ready)
    finally:
        inner._acquire_restore(saved)  # type: ignore[attr-defined]
        if not came:
            try:
                inner._waiters.remove(waiter)  # type: ignore[attr-defined]
            except ValueError:
                pass


def _join(self: threading.Thread, timeout: float | None = None) -> None:
    session = of_caller(through=True)
    if session is None or timeout is None or timeout <= 0:
        return thread_join(self, timeout)
    thread_join(self, 0)  # refuses what cannot be joined, as ever

    def ready(pause: float) -> bool:
        thread_join(self, pause)
        return not self.is_alive()

    session.waiting.until(session.now() + timeout, ready)
    return None


def patch_threads(patches: Patches) -> None:
    """Replace the waits that everything in `threading`, `queue` and `concurrent.futures` stands on."""
    patches.set(threading.Condition, "wait", _wait)
    patches.set(threading.Thread, "join", _join)
