"""Event loops: asyncio's follow by their selector; others are helped over `asyncio.sleep`."""

from __future__ import annotations

import heapq
import sys
import weakref
from typing import Any

from .. import timing
from .originals import monotonic
from .patches import Patches
from .session import Session, session_of_thread

__all__ = ["bring_loop_along", "patch_loops", "remember_loop", "set_back_loops"]

_loops: weakref.WeakSet[Any] = weakref.WeakSet()


def remember_loop(session: Session) -> None:
    """Note the loop that runs in this thread: its timers are set by virtual time."""
    loop = bring_loop_along(session)
    if loop is not None and "freezegun.api" in sys.modules:
        _let_go_on(loop, session)


def bring_loop_along(session: Session) -> Any:
    """Note the loop that runs in this thread, None without one; what was set before waits as long as ever."""
    events = sys.modules.get("asyncio.events")
    loop = None if events is None else events._get_running_loop()
    if loop is not None and loop not in _loops:
        _loops.add(loop)
        if session.ahead and hasattr(loop, "_scheduled"):
            now = session.elapsed()
            _move_timers(loop, now - session.ahead, now)
    return loop


def _let_go_on(loop: Any, session: Session) -> None:
    """Give a loop whose clock freezegun has stopped one that goes on: its timers would never be due."""
    stopped, now = type(loop).time(loop), session.elapsed()
    if abs(stopped - now) < timing.CLOCK_MOVED or not hasattr(loop, "_scheduled"):
        return
    loop.time = session.elapsed
    _move_timers(loop, stopped, now)


def _move_timers(loop: Any, before: float, now: float) -> None:
    """Let timers that were set by another clock, which shows `before`, be due as late by that of `now`."""
    for handle in loop._scheduled:
        # They are nearer to what that one shows.
        if abs(handle._when - before) < abs(handle._when - now):
            handle._when += now - before
    heapq.heapify(loop._scheduled)


def set_back_loops(session: Session) -> None:
    """Let timers that are left when virtual time ends fire as if it had never run ahead."""
    for loop in list(_loops):
        own = vars(loop).pop("time", None) is not None
        lead = session.elapsed() - loop.time() if own else session.lead()
        for handle in list(getattr(loop, "_scheduled", ())):
            handle._when -= lead
    _loops.clear()


def patch_loops(patches: Patches) -> None:
    """Replace `asyncio.sleep` for loops that wait in C (uvloop), which nothing else reaches."""
    import asyncio

    original = asyncio.sleep

    async def sleep(delay: float, result: Any = None) -> Any:
        session = session_of_thread()
        loop = asyncio.get_running_loop()
        if session is None or delay <= 0 or isinstance(loop, asyncio.BaseEventLoop):
            return await original(delay, result)
        token, deadline, started = object(), session.due_in(delay), monotonic()
        wait = session.scheduler.join(token, deadline)
        try:
            while session.now() < deadline:
                last = session.scheduler.round
                await original(timing.LOOK_AGAIN)
                wait.looked = last
                session.scheduler.step(token, started)
        finally:
            session.scheduler.leave(token)
        return result

    patches.replace(asyncio.tasks, "sleep", sleep)
    patches.set(asyncio, "sleep", sleep)
