"""The processes below this one: which of them work, as far as the system tells."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

from .. import timing
from . import proc
from .originals import monotonic

__all__ = ["ProcessWatcher"]


class ProcessWatcher:
    """Looks at processes below this one: how long one has been still shows from look to look."""

    def __init__(self, unrelated: Collection[int] = ()) -> None:
        """`unrelated` are processes below this one that have nothing to do with it."""
        self._unrelated = frozenset(unrelated)
        self._looks: dict[int, tuple[object, float, float]] = {}
        """The last look at each process: its state, since when it is so, and since when it works."""
        self.still: dict[int, tuple[object, ...]] = {}
        """What those that did not work looked like when `working` was called last."""
        self._started: int | None = None
        """What was started last in this system."""
        self._since = 0.0
        """The moment at which that was first seen."""
        self._kept: tuple[int, ...] | None = None
        """All processes below, where none can have come since they were listed."""

    def working(self, known: Collection[int] = ()) -> list[int]:
        """Those that work, except `known` ones and those that have done nothing else for very long."""
        self.still = {}
        if not _any_child():
            return []
        real = monotonic()
        everyone = self._everyone(real)
        below = [pid for pid in everyone if pid not in known]
        self._looks = {pid: look for pid, look in self._looks.items() if pid in below}
        working = [pid for pid in below if self._works(pid, real)]
        if not working and self._started is not None and real - self._since >= timing.PROCESS_BLOCKED:
            # Who starts another one works, until that one is in the list.
            self._kept = everyone
        return working

    def _everyone(self, real: float) -> tuple[int, ...]:
        """All processes below: to list them takes long, and is left out while nothing is started."""
        # Asked first: what is started from here on shows at the next look.
        started = proc.last_started()
        if started is None or started != self._started:
            self._started, self._since, self._kept = started, real, None
        return tuple(self._below()) if self._kept is None else self._kept

    def _below(self) -> Iterator[int]:
        ahead = [pid for pid in proc.children() if pid not in self._unrelated]
        while ahead:
            pid = ahead.pop()
            yield pid
            ahead += proc.children(pid)

    def _works(self, pid: int, real: float) -> bool:
        look = proc.work_of_process(pid)
        if look is None:
            return False
        before, since, working = self._looks.get(pid, (None, real, real))
        if look == before and proc.RUNNABLE not in look:
            if real - since >= timing.PROCESS_BLOCKED:
                self._looks[pid] = (look, since, real)
                self.still[pid] = look
                return False
        else:
            since = real
        self._looks[pid] = (look, since, working)
        return real - working < timing.ENDLESS_WORK


def _any_child() -> bool:
    """Tell whether there is any process to look at: known at once, unlike what it does."""
    if not hasattr(os, "waitid"):
        return proc.is_visible()
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except OSError:
        return False
    return True
