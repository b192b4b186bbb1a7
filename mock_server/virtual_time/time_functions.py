"""Functions that read time or sleep, as virtual time has them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .originals import select as _real_select
from .originals import sleep as _real_sleep
from .patches import Patches
from .session import session_of_caller

__all__ = ["patch_time_functions"]


def _pause(pause: float) -> bool:
    """Pause, and say that nothing has come: a sleeper waits for nothing."""
    if pause > 0:
        try:
            _real_sleep(pause)
        except OSError:
            # libfaketime reckons the end of a sleep by two clocks of which it has moved one.
            _real_select([], [], [], pause)
    return False


def _sleep(seconds: float, /) -> None:
    session = session_of_caller()
    if session is None or not isinstance(seconds, (int, float)) or not 0 < seconds < 1e10:
        return _real_sleep(seconds)
    session.scheduler.until(session.due_in(seconds), _pause)
    return None


def _wall(original: Callable[[], Any], unit: float) -> Callable[[], Any]:
    """A reading of the time of day in `unit`s of a second."""

    def reading() -> Any:
        session = session_of_caller()
        if session is None:
            return original()
        return session.wall() if unit == 1 else int(session.wall() * unit)

    return reading


def _interval(original: Callable[[], Any], unit: float) -> Callable[[], Any]:
    """A reading of a clock that only measures: what it showed at the start, and how far time has gone since.

    The real clock is not asked again: two readings of it, one for each part of a sum, could be apart by any
    pause of this thread, and such a clock would run backwards.
    """
    begun = original()

    def reading() -> Any:
        session = session_of_caller()
        if session is None:
            return original()
        return begun + (session.gone() if unit == 1 else int(session.gone() * unit))

    return reading


def _broken_down(original: Callable[..., Any]) -> Callable[..., Any]:
    """`localtime` and its like: now, where no moment is given."""

    def reading(seconds: float | None = None, /) -> Any:
        session = session_of_caller()
        return original(session.wall() if seconds is None and session is not None else seconds)

    return reading


def _any_clock(original: Callable[[int], Any], unit: float) -> Callable[[int], Any]:
    """`clock_gettime`: clocks that count what a process has used stay as they are."""
    wall = time.CLOCK_REALTIME
    names = ("CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW", "CLOCK_BOOTTIME")
    begun = {clock: original(clock) for name in names if (clock := getattr(time, name, None)) is not None}

    def reading(clock: int, /) -> Any:
        session = session_of_caller()
        if session is None or (clock != wall and clock not in begun):
            return original(clock)
        if clock == wall:
            return session.wall() if unit == 1 else int(session.wall() * unit)
        return begun[clock] + (session.gone() if unit == 1 else int(session.gone() * unit))

    return reading


def _strftime(layout: str, *moment: Any) -> str:
    session = session_of_caller()
    if session is None or moment:
        return _real_strftime(layout, *moment)
    return _real_strftime(layout, _real_localtime(session.wall()))


_real_strftime = time.strftime
_real_localtime = time.localtime


def _sets_date(name: str) -> bool:
    return getattr(getattr(time, name), "__module__", None) == "freezegun.api"


def patch_time_functions(patches: Patches) -> None:
    """Replace what `time` offers to read the time and to sleep.

    Where freezegun has set the date already, its functions stay, as they do where it comes later.
    """
    patches.replace(time, "sleep", _sleep)
    for name, unit in (("time", 1), ("time_ns", 1e9)):
        if not _sets_date(name):
            patches.replace(time, name, _wall(getattr(time, name), unit))
    for name in ("monotonic", "perf_counter"):
        patches.replace(time, name, _interval(getattr(time, name), 1))
        patches.replace(time, name + "_ns", _interval(getattr(time, name + "_ns"), 1e9))
    for name in ("localtime", "gmtime", "ctime"):
        if not _sets_date(name):
            patches.replace(time, name, _broken_down(getattr(time, name)))
    if not _sets_date("strftime"):
        patches.replace(time, "strftime", _strftime)
    if hasattr(time, "clock_gettime"):
        patches.replace(time, "clock_gettime", _any_clock(time.clock_gettime, 1))
        patches.replace(time, "clock_gettime_ns", _any_clock(time.clock_gettime_ns, 1e9))
