"""Waiting in virtual time: who waits until when, and when time may jump."""

from __future__ import annotations

import gc
import math
import sys
import threading
from collections.abc import Callable, Collection
from types import FrameType

from .originals import allocate_lock, get_ident, monotonic
from .source import TimeSource

__all__ = ["Ready", "Waiting"]

Ready = Callable[[float], bool]
"""Looks, for at most so many real seconds, whether what is waited for has happened."""

_STILL = 0.002
"""Real seconds after which a thread that has not moved counts as blocked."""
_STUBBORN = 30.0
"""Real seconds after which threads that never rest no longer hold time up."""


class Waiting:
    """The virtual waits of one process.

    Time jumps only when nothing else can happen first: every other thread waits too (or is blocked), the
    server is at rest, and what is waited for has still not come. Then it jumps to the earliest moment at
    which anybody is due: a waiter here, or an exchange asleep on the server.
    """

    def __init__(self, source: TimeSource, real_threads: Collection[int], patience: float = 0.0) -> None:
        self._source = source
        self._real_threads = real_threads
        self._patience = patience
        self._stepping = allocate_lock()
        self._deadlines: dict[object, tuple[int, float]] = {}
        self.count = 0
        """How many waits there have been."""

    def until(self, deadline: float, ready: Ready, *, socket: bool = False) -> bool:
        """Wait for `ready` at most until the virtual `deadline`, and say whether it came.

        Data wins: what is ready when the deadline passes counts as come in time.
        """
        token = object()
        self._deadlines[token] = (get_ident(), deadline)
        self.count += 1
        started = monotonic()
        try:
            pause = 0.0
            while not ready(pause):
                if self._source.now() >= deadline:
                    return ready(0.0)
                if socket and monotonic() - started < self._patience:
                    pause = 0.01
                else:
                    pause = self.step(started, ready)
            return True
        finally:
            del self._deadlines[token]

    def step(self, started: float, ready: Ready = lambda pause: False) -> float:
        """Jump if time may, and say how many real seconds to wait before the next look."""
        # One thread at a time: what it was told of the server holds until nobody else has moved the clock.
        if not self._stepping.acquire(False):
            return 0.001
        try:
            return self._step(started, ready)
        finally:
            self._stepping.release()

    def _step(self, started: float, ready: Ready) -> float:
        if monotonic() - started < _STUBBORN and not self._others_blocked():
            return 0.001
        horizon = self._source.horizon()
        if horizon is None:
            return 0.001
        target = min([horizon, *[deadline for _, deadline in list(self._deadlines.values())]])
        if target == math.inf:
            return 0.05
        if not ready(0.0):
            self._source.advance_to(target)
        return 0.0

    def join(self, token: object, deadline: float) -> None:
        """Have `token`, a task of this thread's event loop, count as one that waits until `deadline`."""
        self._deadlines[token] = (get_ident(), deadline)

    def leave(self, token: object) -> None:
        """The task no longer waits."""
        self._deadlines.pop(token, None)

    def _others_blocked(self) -> bool:
        waiting = {thread for thread, _ in list(self._deadlines.values())}
        waiting.add(get_ident())
        now = monotonic()
        blocked = True
        for thread, frame in _current_frames().items():
            if thread in waiting or thread in self._real_threads:
                continue
            work = _work_of(thread)
            look, before = (id(frame), frame.f_lasti, work), _looks.get(thread)
            if work is RUNNABLE or before is None or before[0] != look:
                _looks[thread] = (look, now)
                blocked = False
            elif now - before[1] < _STILL:
                blocked = False
        return blocked


def _current_frames() -> dict[int, FrameType]:
    """The frames of all threads; without a collection of garbage meanwhile.

    Python holds its list of threads locked while it makes the answer: a finaliser that lets another thread
    run, which then starts or ends one, would never come back (seen with Python 3.11).
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return sys._current_frames()
    finally:
        if collecting:
            gc.enable()


RUNNABLE = object()

_looks: dict[int, tuple[tuple[object, ...], float]] = {}
"""How each other thread was found last, and since when: kept, so that idle threads are known to be."""


def _work_of(thread: int) -> object:
    """How much a thread has worked, `RUNNABLE` while it does; None where the system does not tell."""
    known = threading._active.get(thread)  # type: ignore[attr-defined]
    number = getattr(known, "native_id", None)
    if number is None:
        return None
    try:
        with open(f"/proc/self/task/{number}/stat", "rb") as file:
            # A thread that waits for a processor has not moved either, but it will.
            if file.read().rpartition(b") ")[2].startswith(b"R"):
                return RUNNABLE
        with open(f"/proc/self/task/{number}/schedstat", "rb") as file:
            return file.read()
    except OSError:
        return None
