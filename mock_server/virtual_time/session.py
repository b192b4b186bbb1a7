"""A session of virtual time: its clock, who waits in it, and which threads keep real time meanwhile."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .external_io import ExternalIO
from .originals import get_ident, monotonic
from .scheduler import Scheduler
from .time_source import TimeSource
from .travelling import Travelling

__all__ = [
    "OF_CHILDREN",
    "REAL_PACKAGES",
    "Session",
    "current",
    "keep_real_time",
    "session_of_caller",
    "session_of_thread",
    "set_current",
]

REAL_PACKAGES = frozenset(
    {
        "_pytest",
        "coverage",
        "execnet",
        "hypothesis",
        "kling_mock",
        "multiprocessing",
        "pluggy",
        "pytest",
        "pytest_asyncio",
        "pytest_timeout",
        "subprocess",
        "uvicorn",
        "xdist",
    }
)
"""Packages that measure or wait for the real world: what they call keeps real time in any thread."""

OF_CHILDREN = frozenset({"multiprocessing"})
"""Those among them that wait for processes below this one: they follow where those live by the same time."""

_BETWEEN = frozenset({"threading", "queue", "concurrent", "contextlib"})
"""Packages that wait on behalf of whoever called them."""

SPINNING = 5_000
"""Readings of the time without a wait between them after which a program counts as waiting by reading."""

_real_threads: dict[int, int] = {}
_ahead = 0.0
"""Seconds by which the latest session of this process was ahead of real time at its end."""


@contextmanager
def keep_real_time() -> Iterator[None]:
    """Keep real time in this thread, whatever is fast-forwarded: for threads of the mock itself."""
    thread = get_ident()
    _real_threads[thread] = _real_threads.get(thread, 0) + 1
    try:
        yield
    finally:
        _real_threads[thread] -= 1
        if not _real_threads[thread]:
            del _real_threads[thread]


class Session:
    """Virtual time in this process while it lasts: the replaced functions read and wait through it."""

    def __init__(self, source: TimeSource, *, patience: float, real_packages: frozenset[str]) -> None:
        self.source = source
        self.external_io = ExternalIO()
        self.scheduler = Scheduler(source, _real_threads, self.external_io, patience)
        self.real_packages = real_packages
        self.ahead = _ahead
        """Seconds by which the clocks that measure are ahead at the start: none of them goes back."""
        self.start = source.now() - self.ahead
        self.real_start = monotonic()
        self._frozen = getattr(source, "frozen", lambda: False)
        self.wall_offset = 0.0
        """Seconds by which the time of day is ahead of the mock's clock; what measures intervals is not."""
        self.rest = 0.0
        """Seconds that are to pass after it for the clocks that measure, before the next one begins."""
        self._travelling = Travelling()
        self._reads = 0
        self._waits = 0
        self._spinning_since = 0.0

    def now(self) -> float:
        """Virtual seconds since the epoch."""
        if self._frozen():
            self._creep()
        return self.source.now()

    def due_in(self, seconds: float) -> float:
        """The moment that is so many seconds from now, and never now itself where it is later.

        Seconds since the epoch are exact to a quarter of a microsecond. An event loop that goes by the clocks
        that measure asks for less where another's moment came just before its own; it would ask for ever.
        """
        now = self.now()
        return max(now + seconds, math.nextafter(now, math.inf)) if seconds > 0 else now + seconds

    def wall(self) -> float:
        """The time of day: `now`, unless somebody has set it (`wall_offset`) or travels."""
        date = self._travelling.date(self.lead)
        return self.now() + self.wall_offset if date is None else date

    def gone(self) -> float:
        """Virtual seconds since the start, and what earlier sessions of this process were ahead."""
        return self.now() - self.start

    def elapsed(self) -> float:
        """What the system's monotonic clock showed at the start, and as much as has gone."""
        return self.real_start + self.gone()

    def lead(self) -> float:
        """Seconds by which the clocks that measure are ahead of the real ones."""
        return self.gone() - (monotonic() - self.real_start)

    def end(self) -> None:
        """Let the next session begin where the clocks that measure have come to, and its `rest` later."""
        global _ahead
        _ahead = max(0.0, self.lead() + self.rest)

    def _creep(self) -> None:
        """Let a clock that stands still move with real time for a program that waits by reading it."""
        if self._waits != self.scheduler.count:
            self._waits, self._reads = self.scheduler.count, 0
        self._reads += 1
        if self._reads >= SPINNING:
            now = monotonic()
            if self._reads > SPINNING:
                self.source.advance_to(self.source.now() + now - self._spinning_since)
            self._spinning_since = now

    def forked(self) -> None:
        """Go on in a process that was just forked, with this thread alone."""
        self.scheduler.forked()
        renew: Callable[[], None] = getattr(self.source, "forked", lambda: None)
        renew()


_current: Session | None = None


def _after_fork() -> None:
    if _current is not None:
        _current.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def current() -> Session | None:
    """The session of this process, None without one; threads that keep real time get it too."""
    return _current


def set_current(session: Session | None) -> None:
    """Start a session, or end the running one with None."""
    global _current
    _current = session


def session_of_thread() -> Session | None:
    """The session that this thread lives in, None in a thread that keeps real time."""
    if _current is None or get_ident() in _real_threads:
        return None
    return _current


def session_of_caller(*, through: bool = False) -> Session | None:
    """The session that the caller of a replaced function lives in, None for code that keeps real time.

    With `through`, calls by `threading`, `queue` and the like count as made by their own caller.
    """
    session = session_of_thread()
    if session is None:
        return None
    frame = sys._getframe(2)
    package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    while through and package in _BETWEEN and frame.f_back is not None:
        frame = frame.f_back
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    return None if package in session.real_packages else session
