"""`signal.alarm` and `setitimer`: signals that come when virtual time has reached them."""

from __future__ import annotations

import math
import os
from typing import Any

from .patches import Patches
from .session import Session, session_of_caller

__all__ = ["patch_alarms"]


def patch_alarms(patches: Patches) -> None:
    """Replace what sets the timer of real time; the system's own is set as well, for who waits outside."""
    import signal

    if not hasattr(signal, "setitimer"):
        return
    real_alarm, real_set, real_get = signal.alarm, signal.setitimer, signal.getitimer

    def set_alarm(session: Session, seconds: float, interval: float) -> tuple[float, float]:
        before = rest(session)

        def ring() -> None:
            # All is set for the next time before the handler runs, which may raise.
            session.scheduler.set_alarm(session.now() + interval if interval else math.inf, interval, ring)
            real_set(signal.ITIMER_REAL, interval, interval)
            os.kill(os.getpid(), signal.SIGALRM)

        real_set(signal.ITIMER_REAL, seconds, interval)
        session.scheduler.set_alarm(session.now() + seconds if seconds else math.inf, interval, ring)
        return before

    def rest(session: Session) -> tuple[float, float]:
        due, interval = session.scheduler.alarm
        real_rest, real_interval = real_get(signal.ITIMER_REAL)
        if not real_rest or due == math.inf:
            return real_rest, real_interval
        return max(due - session.now(), 1e-6), interval

    def alarm(seconds: int, /) -> int:
        session = session_of_caller()
        if session is None:
            return real_alarm(seconds)
        return math.ceil(set_alarm(session, seconds, 0.0)[0])

    def setitimer(which: int, seconds: float, interval: float = 0.0, /) -> Any:
        session = session_of_caller()
        if session is None or which != signal.ITIMER_REAL or seconds < 0 or interval < 0:
            return real_set(which, seconds, interval)
        return set_alarm(session, seconds, interval)

    def getitimer(which: int, /) -> Any:
        session = session_of_caller()
        if session is None or which != signal.ITIMER_REAL:
            return real_get(which)
        return rest(session)

    for function in (alarm, setitimer, getitimer):
        patches.replace(signal, function.__name__, function)
