"""Waiting in virtual time: who waits until when, and when time may jump."""

from __future__ import annotations

import gc
import math
import sys
import threading
from collections.abc import Callable, Collection
from types import FrameType

from .. import timing
from .external_io import ExternalIO
from .originals import allocate_lock, get_ident, monotonic
from .proc import RUNNABLE, work_of_thread
from .reasons import Reason
from .time_source import TimeSource

__all__ = ["Ready", "Scheduler", "Wait"]

Ready = Callable[[float], bool]
"""Looks, for at most so many real seconds, whether what is waited for has come; once true, always true."""

_AT_FIRST = 3
"""Denied jumps of one wait until which it asks at once again: a server soon comes to rest."""
_OFTEN = 20
"""Denied jumps of one wait after which it asks less often."""


class Wait:
    """One wait: its thread, its deadline, and the number of the last round in which it looked in vain."""

    __slots__ = ("deadline", "denied", "external", "holds", "looked", "thread")

    def __init__(self, deadline: float) -> None:
        self.thread = get_ident()
        self.deadline = deadline
        self.looked = 0
        self.denied = 0
        self.external: Collection[int] = ()
        """Descriptors that lead to the real world, through which something may come."""
        self.holds: Callable[[], bool] | None = None
        """Tells whether this wait is for something in the real world that may still come."""


class Scheduler:
    """The virtual waits of one process, and the decision that time may jump.

    Time jumps only when nothing else can happen first: every other thread waits too (or is blocked), the
    server is at rest, and what is waited for has still not come. Then it jumps to the earliest moment at
    which anybody is due: a waiter here, or an exchange asleep on the server.

    Several waiters agree on it: the one that finds everything at rest opens a round, each of the others has
    to look in vain once more, and only if no wait began or ended meanwhile does time jump.
    """

    def __init__(
        self,
        source: TimeSource,
        real_threads: Collection[int],
        external_io: ExternalIO | None = None,
        patience: float = 0.0,
    ) -> None:
        self._source = source
        self._real_threads = real_threads
        self._external_io = external_io or ExternalIO()
        self._patience = patience
        self._stepping = allocate_lock()
        self._waits: dict[object, Wait] = {}
        self._change = object()
        """Another object whenever a wait begins or ends."""
        self._agreed: object = None
        """The change since which everything is at rest, and what had come about elsewhere; None without."""
        self.round = 0
        """The number of the last round: who looks in vain notes the number from before the look."""
        self.count = 0
        """The number of waits so far."""
        self.ended = False
        """True once nobody moves this time any more: waits are over then, but for those without an end for
        sockets: the mock closes its own."""
        self.why: Reason | None = None
        """Why time could not jump at the last look."""
        self.held: dict[Reason, float] = {}
        """The real seconds for which each reason has held time up."""
        self._since = monotonic()
        self.alarm = math.inf, 0.0
        """When the process is to get a signal, and how often again."""
        self._ring: Callable[[], None] = lambda: None

    def until(
        self,
        deadline: float,
        ready: Ready,
        *,
        socket: bool = False,
        external: Collection[int] = (),
        holds: Callable[[], bool] | None = None,
    ) -> bool:
        """Wait for `ready` at most until the virtual `deadline`, and say whether it came.

        Data wins: what is ready when the deadline passes counts as come in time. What may still come through
        one of the `external` descriptors, which lead to the real world, is waited for in real time. While
        `holds` is true this process does not let time jump; another one may, up to what is waited for here.
        """
        if self.alarm[0] == math.inf and ready(0.0):
            # It is there already: nobody has to know of a wait that was none.
            self.count += 1
            return True
        token = object()
        wait = self.join(token, deadline)
        wait.external, wait.holds = external, holds
        started, stepped = monotonic(), False
        try:
            # A server that was just asked soon answers: to be told that it works would take longer.
            pause = timing.LOOK_SOON if socket else 0.0
            while True:
                now, current = self._source.now(), self.round
                if now >= self.alarm[0]:
                    self._ring()
                if ready(pause):
                    if stepped:
                        # From now on nobody here jumps: `awake` may have to wait for its turn.
                        self._change = object()
                        self._source.awake()
                    return True
                if now >= deadline or (self.ended and (deadline < math.inf or not (socket or external))):
                    return False
                if socket and monotonic() - started < self._patience:
                    pause = timing.LOOK_OUTSIDE
                else:
                    wait.looked, stepped = current, True
                    pause = self.step(token, started, ready)
        finally:
            self.leave(token)

    def step(self, token: object, started: float, ready: Ready = lambda pause: False) -> float:
        """Jump if time may, and say how many real seconds to wait before the next look."""
        # One thread at a time: what it was told of the server holds until nobody else has moved the clock.
        while self._stepping.acquire(False):
            try:
                due, pause = self._step(token, started, ready)
            finally:
                self._stepping.release()
            # Who began to wait meanwhile could not say so: nobody elsewhere may jump over that moment.
            if due <= self._dues()[0]:
                return pause
        return timing.LOOK_AGAIN

    def _dues(self) -> list[float]:
        """The moments at which this process has something to do, the first one first."""
        return sorted({self.alarm[0], *[wait.deadline for wait in list(self._waits.values())]})

    def _step(self, token: object, started: float, ready: Ready) -> tuple[float, float]:
        """Do so, and say what was told of when this process is due first."""
        change, waits, dues = self._change, dict(self._waits), self._dues()
        stubborn = monotonic() - started >= timing.ENDLESS_WORK
        # Nobody is asked while something may still come from outside, which others have to know.
        awaited = any([self._external_io.awaited(wait.external) for wait in waits.values()])
        own = Reason.OUTSIDE if awaited else None if stubborn else self._work_beside(waits)
        if own is not None:
            self._source.busy(dues[0], own)
        horizon = own or self._source.horizon(dues)
        self._note(horizon if isinstance(horizon, Reason) else None)
        if isinstance(horizon, Reason):
            self._agreed = None
            return dues[0], timing.LOOK_OUTSIDE if awaited else self._denied(waits[token])
        return dues[0], self._jump(token, ready, min(horizon, dues[0]), waits, change, stubborn=stubborn)

    def _denied(self, wait: Wait) -> float:
        """The pause after a denial: many processes that ask and ask would keep each other from resting."""
        wait.denied += 1
        if wait.denied <= _AT_FIRST:
            return timing.LOOK_SOON
        return timing.LOOK_AGAIN if wait.denied < _OFTEN else timing.LOOK_RARELY

    def _jump(
        self,
        token: object,
        ready: Ready,
        target: float,
        waits: dict[object, Wait],
        change: object,
        *,
        stubborn: bool,
    ) -> float:
        """Jump where everybody in this process agrees; elsewhere everything has been found at rest."""
        if not stubborn and any([wait.holds() for wait in waits.values() if wait.holds is not None]):
            self._note(Reason.CHILD)
            return timing.LOOK_AGAIN
        if target == math.inf:
            return timing.LOOK_IDLE
        if not stubborn:
            # What somebody elsewhere did before it rested may be there for a thread that does not wait here.
            why = Reason.LOOKING if not self._all_looked(token, waits, change) else self._work_beside(waits)
            if why is not None:
                self._note(why)
                return timing.LOOK_AGAIN
        if not ready(0.0) and change is self._change:
            self._source.advance_to(target)
            self._agreed = None
            # Refused where another process was faster: it has something to do first.
            return 0.0 if self._source.now() >= target else timing.LOOK_AGAIN
        return 0.0

    def _note(self, why: Reason | None) -> None:
        """Note why time may not jump now, and for how long it could not for the reason from before."""
        now = monotonic()
        if self.why is not None:
            self.held[self.why] = self.held.get(self.why, 0.0) + now - self._since
        self.why, self._since = why, now

    def _all_looked(self, token: object, waits: dict[object, Wait], change: object) -> bool:
        """Tell whether every other waiter has looked since everything was first found at rest."""
        if len(waits) == 1:
            return True
        # What others looked at before time moved they have to look at once more: somebody was due meanwhile.
        agreed = change, self._source.seen()
        if self._agreed != agreed:
            self._agreed = agreed
            self.round += 1
        thread = waits[token].thread
        return all(wait.thread == thread or wait.looked == self.round for wait in waits.values())

    def join(self, token: object, deadline: float) -> Wait:
        """Begin a wait of this thread, or of a task of its event loop, until the virtual `deadline`."""
        wait = self._waits[token] = Wait(deadline)
        self._change = object()
        self.count += 1
        self._source.begins(deadline)
        return wait

    def leave(self, token: object) -> None:
        """End a wait."""
        self._change = object()
        del self._waits[token]
        if not self._waits:
            self._note(None)

    def set_alarm(self, due: float, interval: float, ring: Callable[[], None]) -> None:
        """Call `ring` once virtual time has reached `due`."""
        self.alarm, self._ring = (due, interval), ring

    def forked(self) -> None:
        """Forget the threads that a new process does not have, and the lock that one of them may hold."""
        thread = get_ident()
        self._stepping = allocate_lock()
        self._waits = {token: wait for token, wait in self._waits.items() if wait.thread == thread}
        self._agreed = None
        self.alarm = math.inf, 0.0

    def _work_beside(self, waits: dict[object, Wait]) -> Reason | None:
        """Tell why the other threads of this process let no time jump, None where all are blocked."""
        # A thread that has been started and does not run yet is in no list of frames.
        if getattr(threading, "_limbo", None):
            return Reason.STARTING
        waiting = {wait.thread for wait in waits.values()}
        waiting.add(get_ident())
        now, still = monotonic(), sys.getswitchinterval() * timing.THREAD_BLOCKED
        why: Reason | None = None
        for thread, frame in _current_frames().items():
            if thread in waiting or thread in self._real_threads:
                continue
            if self._external_io.holds(thread):
                why = Reason.OUTSIDE
            work = _work_of(thread)
            look, before = (id(frame), frame.f_lasti, work), _looks.get(thread)
            if work is RUNNABLE or before is None or before[0] != look:
                _looks[thread] = (look, now)
                why = why or Reason.WORK
            # Who waits for the interpreter stirs once per switch interval; who does not is blocked.
            elif now - before[1] < (timing.SUBPROCESS_WAIT if _awaits_process(frame) else still):
                why = why or Reason.WORK
        return why


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


def _awaits_process(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__") == "subprocess"


_looks: dict[int, tuple[tuple[object, ...], float]] = {}
"""The last look at each other thread, and since when it is so: kept, so that idle threads are known to be."""


def _work_of(thread: int) -> object:
    number = getattr(threading._active.get(thread), "native_id", None)  # type: ignore[attr-defined]
    return None if number is None else work_of_thread(number)
