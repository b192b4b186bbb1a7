"""The processes of one run: which of them still has something to do before time may jump."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator
from typing import Any

from ... import timing
from ...clock import Clock
from ...virtual_time import proc
from ...virtual_time.processes import ProcessWatcher

__all__ = ["HookedProcess", "ProcessTracker"]


class HookedProcess:
    """One hooked process, or a thread of it that asks for itself."""

    __slots__ = ("asking", "busy", "heard", "pid", "thread", "until")

    def __init__(self, pid: int, thread: int | None = None) -> None:
        self.pid = pid
        self.thread = thread
        self.until: float | None = None
        """The virtual moment until which it waits; None while it runs."""
        self.busy = False
        """True where it works beside that wait, or awaits something that the mock knows nothing of."""
        self.asking = 0
        """Questions that were not answered yet: what has come for it since, it cannot see before."""
        self.heard = time.monotonic()


class ProcessTracker:
    """Everything that runs below this process, in one virtual time.

    Hooked processes say until when they wait. All others, and those that have been woken, are looked at: a
    program that is just starting must not be overtaken by the sleep of another one.
    """

    def __init__(self, clock: Clock, *, unrelated: Collection[int] = ()) -> None:
        """`unrelated` are processes below this one that have nothing to do with the run."""
        self._clock = clock
        self._watcher = ProcessWatcher(unrelated)
        self._hooked: set[HookedProcess] = set()
        self._expected: dict[tuple[int, int | None], float] = {}
        """Threads that have been started and have not made themselves known, and since when."""
        self._woken: dict[int, float] = {}
        """Processes that had said that they wait and run again, and since when."""
        self.sockets: set[Any] = set()
        """The hooks' connections: a process whose words were not read yet cannot be known to wait."""
        self.held: dict[str, float] = {}
        """Real seconds for which each program, by its name, held time up by working."""
        self._holding: tuple[float, list[int]] = 0.0, []

    def add(self, pid: int, thread: int | None = None) -> HookedProcess:
        """Take in a process that has just made itself known, or a thread of one that asks for itself."""
        self._expected.pop((pid, thread), None)
        process = HookedProcess(pid, thread)
        self._hooked.add(process)
        return process

    def remove(self, process: HookedProcess) -> None:
        """Forget a process that has ended."""
        self._hooked.discard(process)

    def expect(self, process: HookedProcess, thread: int, *, gone: bool) -> None:
        """Note that a thread of a process starts, and will make itself known; or that it has gone."""
        key = process.pid, thread
        self._expected.pop(key, None)
        if not gone and not any((one.pid, one.thread) == key for one in self._hooked):
            self._expected[key] = time.monotonic()

    def note_wait(self, process: HookedProcess, until: float | None, *, busy: bool = False) -> None:
        """Note until which virtual moment a process waits; None where something else woke it."""
        process.until, process.busy, process.heard = until, busy, time.monotonic()

    def next_due(self, asking: HookedProcess | None = None) -> float:
        """The next virtual moment at which any other process is due, infinite where none is."""
        now = self._clock.now()
        return min((until for until in self._waits(asking) if until > now), default=math.inf)

    def _waits(self, asking: HookedProcess | None) -> Iterator[float]:
        for process in self._hooked:
            if process is not asking and process.until is not None:
                yield process.until

    def busy(self, asking: HookedProcess | None = None) -> bool:
        """Tell whether any other process has something to do now."""
        now, real = self._clock.now(), time.monotonic()
        resting = {asking.pid} if asking is not None else set()
        running: set[int] = set()
        visible = proc.is_visible()
        for process in self._hooked:
            if process.until is not None and process.until <= now:
                self.note_wait(process, None)
            if process is asking:
                continue
            if process.asking or (process.busy and real - process.heard < timing.ENDLESS_WORK):
                return True
            (resting if process.until is not None else running).add(process.pid)
            beside = asking is not None and process.pid == asking.pid
            if process.until is None and (beside or not visible) and _may_work(process, real):
                return True
        if any(real - since < timing.ENDLESS_WORK for since in self._expected.values()):
            return True
        if not visible:
            return False
        own = asking.pid if asking is not None else 0
        alone = {own} if sum(process.pid == own for process in self._hooked) < 2 else set()
        working = self._watcher.working(resting - (running - {own}))
        self._count(real, working)
        # One that computes without an end, whatever it says, holds time up for so long and no longer.
        self._woken = {pid: self._woken.get(pid, real) for pid in resting - alone if _is_woken(pid)}
        woken = any(real - since < timing.ENDLESS_WORK for since in self._woken.values())
        return bool(working) or woken

    def _count(self, real: float, working: list[int]) -> None:
        """Note for how long time has been held up since the last look, where that was a moment ago."""
        before, holding = self._holding
        if real - before < timing.COUNTED_GAP:
            for name in {proc.name_of(pid) for pid in holding if pid in working}:
                self.held[name] = self.held.get(name, 0.0) + real - before
        self._holding = real, working


def _is_woken(pid: int) -> bool:
    """Tell whether a process that has said that it waits runs again: something has come that it waited for.

    The system wakes it as soon as that is there, long before it gets to say so.
    """
    return proc.RUNNABLE in (proc.work_of_process(pid) or ())


def _may_work(process: HookedProcess, real: float) -> bool:
    """Tell whether one that cannot be looked at alone may work: a thread beside the one that asks."""
    since = real - process.heard
    if since < timing.PROCESS_UNSEEN:
        return True
    return since < timing.ENDLESS_WORK and proc.RUNNABLE in (proc.work_of_process(process.pid) or ())
