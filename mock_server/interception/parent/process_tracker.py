"""The processes of one run: which of them still has something to do before time may jump."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from ... import timing
from ...clock import Clock
from ...virtual_time import proc
from ...virtual_time.processes import ProcessWatcher
from ...virtual_time.reasons import Reason
from .told_threads import ToldThreads

__all__ = ["HookedProcess", "ProcessTracker"]


class HookedProcess:
    """One hooked process, or a thread of it that asks for itself."""

    __slots__ = (
        "asking",
        "busy",
        "did",
        "dues",
        "heard",
        "passed",
        "pid",
        "speaks",
        "stands",
        "thread",
        "until",
    )

    def __init__(self, pid: int, thread: int | None = None, *, speaks: bool = False) -> None:
        self.pid = pid
        self.thread = thread
        self.speaks = speaks
        """Whether it says something soon after each of its waits: where it does not, it has yet to run."""
        self.stands = False
        """Whether it has said that it stands still, and can say nothing."""
        self.until: float | None = None
        """The virtual moment until which it waits; None while it runs."""
        self.busy: Reason | None = None
        """Why it lets no time jump beside that wait; None where it does."""
        self.did = 0
        self.dues: Sequence[float] = ()
        """The moments at which its other waits end, as far as it has told them: also while it runs."""
        self.passed: tuple[object, float] | None = None
        """What it had done when its wait was over, and when that was seen; None once it has been heard of."""
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
        self._threads = ToldThreads()
        self._woken: dict[int, float] = {}
        """Processes that had said that they wait and run again, and since when."""
        self.sockets: set[Any] = set()
        """The hooks' connections: a process whose words were not read yet cannot be known to wait."""
        self.held: dict[tuple[str, Reason], float] = {}
        """Real seconds for which each program, by its name, held time up for each reason."""
        self._holding: tuple[float, dict[int, Reason]] = 0.0, {}
        self._still: dict[int, object] = {}
        """What those looked like that were seen to rest at the last look."""
        self._changes = 0
        self._anchor = clock.anchor

    @property
    def changes(self) -> int:
        """A number that is another one whenever a process has said something new, or the clock was moved."""
        anchor = self._clock.anchor
        if anchor != self._anchor:
            self._anchor = anchor
            self._changes += 1
        return self._changes

    def add(self, pid: int, thread: int | None = None, *, speaks: bool = False) -> HookedProcess:
        """Take in a process that has just made itself known, or a thread of one that asks for itself."""
        self._threads.speaks((pid, thread))
        process = HookedProcess(pid, thread, speaks=speaks)
        self._hooked.add(process)
        self._changes += 1
        return process

    def remove(self, process: HookedProcess) -> None:
        """Forget a process that has ended."""
        self._hooked.discard(process)
        self._threads.falls_silent((process.pid, process.thread), process)
        self._changes += 1

    def expect(
        self, process: HookedProcess, thread: int, *, gone: bool = False, online: bool = False
    ) -> None:
        """Note that a thread of a process starts, and will make itself known; or that it has gone.

        `online` says that it has begun: one that at first stands still for a child process cannot say so.
        """
        key = process.pid, thread
        self._changes += 1
        if gone:
            self._threads.is_gone(key)
        else:
            speaks = any((one.pid, one.thread) == key for one in self._hooked)
            self._threads.begins(key, process, online=online, speaks=speaks)

    def note_wait(
        self,
        process: HookedProcess,
        until: float | None,
        *,
        busy: Reason | None = None,
        dues: Sequence[float] | None = None,
        did: int = 0,
    ) -> None:
        """Note until which virtual moment a process waits; None where something else woke it.

        `dues` are when its other waits end; what it has told of them before holds without. `did` is another
        number where it has done something since it said the same.
        """
        if (until, busy, did) != (process.until, process.busy, process.did):
            self._changes += 1
        process.did, process.stands = did, False
        process.until, process.busy, process.heard = until, busy, time.monotonic()
        process.passed = None
        if dues is not None:
            process.dues = dues

    def note_due(self, process: HookedProcess, moment: float) -> None:
        """Note that a process still waits, until that moment where it has not said until when; no change.

        Who asks for a jump need not have asked for a horizon since its last wait was over.
        """
        if process.until is None:
            process.until, process.heard, process.passed = moment, time.monotonic(), None

    def moved(self) -> None:
        """Note whose waits the clock's last move has ended: they are to run, and do not know it yet."""
        now, real = self._clock.now(), time.monotonic()
        for process in self._hooked:
            if process.until is not None and process.until <= now:
                self.note_wait(process, None)
                process.passed = proc.work_of_process(process.pid), real

    def next_due(self, asking: HookedProcess | None = None) -> float:
        """The next virtual moment at which any other process is due, infinite where none is."""
        now = self._clock.now()
        return min((until for until in self._waits(asking) if until > now), default=math.inf)

    def _waits(self, asking: HookedProcess | None) -> Iterator[float]:
        for process in self._hooked:
            if process is not asking:
                if process.until is not None:
                    yield process.until
                yield from process.dues

    def waiting(self) -> frozenset[int]:
        """The processes that have said that they wait, each of their threads that asks for itself too."""
        running = {process.pid for process in self._hooked if process.until is None}
        return frozenset(process.pid for process in self._hooked if process.pid not in running)

    def busy(
        self, asking: HookedProcess | None = None, unread: Callable[[], bool] | None = None
    ) -> Reason | None:
        """Tell why time may not jump: what any other process has to do now, None where none has anything.

        With `unread`, which tells whether something that a process has said was not read yet, that is so
        of one moment: one by one, a process that has been looked at may be woken by the next.
        """
        real = time.monotonic()
        moving = unread is not None
        holding = self._hooked_that_hold(asking, real) or self._others_that_work(asking, real, moving)
        if not holding and unread is not None:
            holding = self._changed_since(unread)
        self._count(real, holding)
        return next(iter(holding.values()), None)

    def _hooked_that_hold(self, asking: HookedProcess | None, real: float) -> dict[int, Reason]:
        """Those that hold time up by their own words, or by what was said of them."""
        now, visible = self._clock.now(), proc.is_visible()
        holding: dict[int, Reason] = {}
        for process in self._hooked:
            if process.until is not None and process.until <= now:
                self.note_wait(process, None)
            if process is asking:
                continue
            beside = asking is not None and process.pid == asking.pid
            if process.asking:
                holding[process.pid] = Reason.ASKING
            elif _has_yet_to_run(process, real):
                holding[process.pid] = Reason.WOKEN
            elif process.busy is not None and real - process.heard < timing.ENDLESS_WORK:
                holding[process.pid] = process.busy
            elif process.until is None and (
                (process.speaks and not process.stands and real - process.heard < timing.HOOK_SPEAKS)
                or ((beside or not visible) and _may_work(process.pid, real - process.heard))
            ):
                holding[process.pid] = Reason.PROCESS
        for pid, teller, why in self._threads.holding(real):
            # Who stands still hears of no end either.
            if not (why is Reason.WORK and isinstance(teller, HookedProcess) and teller.stands):
                holding[pid] = why
        return holding

    def _others_that_work(self, asking: HookedProcess | None, real: float, moving: bool) -> dict[int, Reason]:
        """Those that the system says to be at work, whatever they have said.

        The one that asks is among them once time is `moving`: its event loop, or another of its threads, may
        have got something to do since it asked.
        """
        self._still = {}
        if not proc.is_visible():
            return {}
        own = asking.pid if asking is not None else 0
        others = [process for process in self._hooked if process is not asking]
        running = {process.pid for process in others if process.until is None}
        resting = {process.pid for process in others if process.until is not None} | ({own} - {0})
        alone = {own} if not moving and all(process.pid != own for process in others) else set()
        holding = dict.fromkeys(self._watcher.working(resting - (running - {own})), Reason.PROCESS)
        looks = {pid: proc.work_of_process(pid) for pid in resting - alone}
        # One that computes without an end, whatever it says, holds time up for so long and no longer.
        self._woken = {pid: self._woken.get(pid, real) for pid in looks if _works(looks[pid])}
        for pid, since in self._woken.items():
            if real - since < timing.ENDLESS_WORK:
                holding.setdefault(pid, Reason.WOKEN)
        self._still = {pid: look for pid, look in looks.items() if pid not in self._woken}
        self._still |= self._watcher.still
        return holding

    def _changed_since(self, unread: Callable[[], bool]) -> dict[int, Reason]:
        """Those that have worked, or said something, since they were seen to rest."""
        if self._still and unread():
            return {0: Reason.ASKING}
        return {pid: Reason.WOKEN for pid, look in self._still.items() if proc.work_of_process(pid) != look}

    def _count(self, real: float, holding: dict[int, Reason]) -> None:
        """Note for how long time has been held up since the last look, where that was a moment ago."""
        (before, last), self._holding = self._holding, (real, holding)
        if real - before < timing.COUNTED_GAP:
            both = {pid: why for pid, why in holding.items() if last.get(pid) == why and why in _WORK}
            for key in {(proc.name_of(pid), why) for pid, why in both.items()}:
                self.held[key] = self.held.get(key, 0.0) + real - before


_WORK = (Reason.PROCESS, Reason.WORK, Reason.OUTSIDE, Reason.STARTING)
"""What may take long; the other reasons pass."""


def _works(look: tuple[object, ...] | None) -> bool:
    """Tell whether a process that has said that it waits runs again: something has come that it waited for.

    The system wakes it as soon as that is there, long before it gets to say so.
    """
    return proc.RUNNABLE in (look or ())


def _has_yet_to_run(process: HookedProcess, real: float) -> bool:
    """Tell whether a process whose wait is over has not run since: it looks at the clock now and then."""
    if process.passed is None:
        return False
    look, since = process.passed
    if real - since < timing.PROCESS_UNSEEN and proc.work_of_process(process.pid) == look:
        return True
    process.passed = None
    return False


def _may_work(pid: int, since: float) -> bool:
    """Tell whether one that cannot be looked at alone, a thread of a process, may work.

    `since` are the real seconds since it was last heard of.
    """
    if since < timing.PROCESS_UNSEEN:
        return True
    return since < timing.ENDLESS_WORK and _works(proc.work_of_process(pid))
