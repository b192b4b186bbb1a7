"""Locks and queues written in C: waits with a timeout pass in virtual time, others are the system's own."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from .originals import allocate_lock
from .patches import Patches
from .session import session_of_caller

__all__ = ["patch_locks", "patch_process_locks", "patch_simple_queue"]


def patch_locks(patches: Patches) -> None:
    """Replace `acquire` of locks; `with` does without it, and waits for as long as it takes."""
    for kind in (type(allocate_lock()), type(threading.RLock())):
        if _is_in_c(vars(kind).get("acquire")):
            patches.set_in_c(kind, "acquire", _acquiring(kind.acquire))


def patch_process_locks(patches: Patches) -> None:
    """Replace it for locks and semaphores between processes, where they are in use."""
    module: Any = sys.modules.get("_multiprocessing")
    if hasattr(module, "SemLock"):
        patches.set_in_c(module.SemLock, "acquire", _acquiring(module.SemLock.acquire, parameter="block"))


def _is_in_c(method: object) -> bool:
    return isinstance(method, type(str.join))


def patch_simple_queue(patches: Patches) -> None:
    """Replace `get` of `queue.SimpleQueue`, which waits in C."""
    import queue

    kind: Any = queue.SimpleQueue
    real = kind.get
    if not _is_in_c(real):
        return  # written in Python: it waits for a semaphore

    def get(self: Any, block: bool = True, timeout: float | None = None) -> Any:
        session = session_of_caller(through=True) if block and timeout is not None and timeout > 0 else None
        if session is None or timeout is None:
            return real(self, block, timeout)
        found: list[Any] = []

        def ready(pause: float) -> bool:
            if not found:
                try:
                    found.append(real(self, pause > 0, pause if pause > 0 else None))
                except queue.Empty:
                    return False
            return True

        if not session.scheduler.until(session.due_in(timeout), ready):
            raise queue.Empty
        return found[0]

    patches.set_in_c(kind, "get", get)


def _acquiring(real: Callable[..., Any], parameter: str = "blocking") -> Callable[..., Any]:
    """A lock's `acquire`, which takes `timeout` and another `parameter`."""

    def acquire(self: Any, *given: Any, **named: Any) -> Any:
        timeout = given[1] if len(given) > 1 else named.get("timeout")
        blocking = given[0] if given else named.get(parameter, True)
        if not blocking or not isinstance(timeout, (int, float)) or timeout <= 0:
            return real(self, *given, **named)
        session = session_of_caller(through=True)
        if session is None:
            return real(self, *given, **named)
        came = False

        def ready(pause: float) -> bool:
            # The lock can be had once only: that it was had must be remembered.
            nonlocal came
            came = came or bool(real(self, True, pause) if pause > 0 else real(self, False))
            return came

        return session.scheduler.until(session.due_in(timeout), ready)

    return acquire
