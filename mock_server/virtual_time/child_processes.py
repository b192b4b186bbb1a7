"""Time limits for child processes: `wait` and `communicate` of `subprocess`, and what stands on them."""

from __future__ import annotations

import importlib
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .. import timing
from .originals import monotonic, poll
from .originals import sleep as real_sleep
from .patches import Patches
from .proc import RUNNABLE, work_of_process
from .session import Session, session_of_thread

__all__ = ["holding", "patch_subprocess"]


class _Awaited(threading.local):
    """The child process that this thread waits for with a time limit."""

    process: Any = None
    still: Any = None


_awaited = _Awaited()


class _Stillness:
    """For how long a process has not moved: one that is idle may wait for an answer from elsewhere."""

    def __init__(self, process: Any) -> None:
        self._process = process
        self._since = monotonic()
        self._look: object = None

    def holds(self) -> bool:
        """Tell whether time is to be held up: it moves, or has stood still for a moment only."""
        if self._process.returncode is not None:
            return False
        look = work_of_process(self._process.pid)
        if look != self._look or (look is not None and RUNNABLE in look):
            self._look, self._since = look, monotonic()
        return monotonic() - self._since < timing.SUBPROCESS_WAIT


@contextmanager
def _waiting_for(process: Any) -> Iterator[_Stillness]:
    before = _awaited.process, _awaited.still
    if before[0] is not process:
        _awaited.process, _awaited.still = process, _Stillness(process)
    try:
        yield _awaited.still
    finally:
        _awaited.process, _awaited.still = before


def holding() -> Callable[[], bool] | None:
    """What holds time up while this thread waits for a child process; None where it waits for none."""
    return None if _awaited.still is None else _awaited.still.holds


def _session() -> Session | None:
    """The session of whoever called `subprocess`."""
    session, frame = session_of_thread(), sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__") in (__name__, "subprocess"):
        frame = frame.f_back
    package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    return None if session is None or package in session.real_packages else session


@contextmanager
def _look_at_end(process: Any) -> Iterator[Callable[[float], object]]:
    """A pause that the end of a process ends at once, where the system tells of it."""
    try:
        descriptor = os.pidfd_open(process.pid)
        looker = poll()
        looker.register(descriptor, 1)
    except (AttributeError, OSError, TypeError):
        yield real_sleep
        return
    try:
        yield lambda pause: looker.poll(math.ceil(pause * 1000))
    finally:
        os.close(descriptor)


def patch_subprocess(patches: Patches) -> None:
    """Replace what waits for a child process with a time limit."""
    module: Any = importlib.import_module("subprocess")
    real_wait, real_communicate, real_time = module.Popen._wait, module.Popen.communicate, module._time

    def _wait(self: Any, timeout: float | None) -> Any:
        found = _session() if timeout is not None and timeout > 0 and self.returncode is None else None
        if found is None or timeout is None:
            return real_wait(self, timeout)

        with _waiting_for(self) as still, _look_at_end(self) as pausing:

            def ready(pause: float) -> bool:
                if pause > 0 and self.poll() is None:
                    pausing(pause)
                return self.poll() is not None

            if not found.scheduler.until(found.due_in(timeout), ready, holds=still.holds):
                raise module.TimeoutExpired(self.args, timeout)
        return self.returncode

    def communicate(self: Any, input: Any = None, timeout: float | None = None) -> Any:
        if timeout is None or _session() is None:
            return real_communicate(self, input, timeout)
        with _waiting_for(self):
            return real_communicate(self, input, timeout)

    def _time() -> float:
        # Both ends of a time limit are read here: what is between them counts.
        found = session_of_thread() if _awaited.process is not None else None
        return float(real_time()) if found is None else found.now()

    patches.set(module.Popen, "_wait", _wait)
    patches.set(module.Popen, "communicate", communicate)
    patches.set(module, "_time", _time)
