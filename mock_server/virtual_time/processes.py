"""Processes below one: which of them work, as far as the system tells."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

from .originals import monotonic
from .proc_stat import RUNNABLE, work_of

__all__ = ["STILL", "STUBBORN", "Processes", "children", "visible"]

STILL = 0.006
"""Real seconds after which a process that has not moved counts as blocked."""
STUBBORN = 30.0
"""Real seconds after which a process that works and works no longer holds up the others."""


class Processes:
    """Looks at processes below this one: how long one has been still shows from look to look."""

    def __init__(self, strangers: Collection[int] = ()) -> None:
        """`strangers` are processes below this one that have nothing to do with it."""
        self._strangers = frozenset(strangers)
        self._looks: dict[int, tuple[object, float, float]] = {}
        """How each process was found last, since when so, and since when it has been working."""

    def working(self, known: Collection[int] = ()) -> list[int]:
        """Those that work, except `known` ones and those that have done nothing else for very long."""
        if not _any_child():
            return []
        real = monotonic()
        below = [pid for pid in self._below() if pid not in known]
        self._looks = {pid: look for pid, look in self._looks.items() if pid in below}
        return [pid for pid in below if self._works(pid, real)]

    def _below(self) -> Iterator[int]:
        ahead = [pid for pid in children(os.getpid()) if pid not in self._strangers]
        while ahead:
            pid = ahead.pop()
            yield pid
            ahead += children(pid)

    def _works(self, pid: int, real: float) -> bool:
        folder = f"/proc/{pid}/task"
        try:
            look: object = tuple(work_of(f"{folder}/{task}") for task in os.listdir(folder))
        except OSError:
            return False
        before, since, working = self._looks.get(pid, (None, real, real))
        if look == before and not (isinstance(look, tuple) and RUNNABLE in look):
            if real - since >= STILL:
                self._looks[pid] = (look, since, real)
                return False
        else:
            since = real
        self._looks[pid] = (look, since, working)
        return real - working < STUBBORN


def _any_child() -> bool:
    """Whether there is any process to look at: told at once, unlike what it does."""
    if not hasattr(os, "waitid"):
        return visible()
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except OSError:
        return False
    return True


def visible() -> bool:
    """Whether this system tells what its processes do."""
    return os.path.isdir("/proc/self/task")


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += map(int, file.read().split())
    except (OSError, ValueError):
        pass
    return found
