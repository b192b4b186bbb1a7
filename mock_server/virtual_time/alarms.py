"""`signal.alarm`, `setitimer` and the waits for signals, which come when virtual time has reached them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
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
    if hasattr(signal, "sigtimedwait"):
        _patch_waits(patches)


def _patch_waits(patches: Patches) -> None:
    """Replace what waits for a signal: each is taken from the system's queue."""
    import signal

    real_pause, real_take, real_wait = signal.pause, signal.sigtimedwait, signal.sigwait

    def take(session: Session, signals: Iterable[int], deadline: float) -> Any:
        awaited = list(signals)
        found: list[Any] = []

        def ready(pause: float) -> bool:
            if not found:
                got = real_take(awaited, pause)
                if got is not None:
                    found.append(got)
            return bool(found)

        session.scheduler.until(deadline, ready)
        return found[0] if found else None

    def pause() -> None:
        session = session_of_caller()
        if session is None:
            return real_pause()
        ignored = (signal.SIG_IGN, None)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            awaited = signal.valid_signals() - before
            while True:
                number = take(session, awaited, math.inf).si_signo
                handler = signal.getsignal(number)
                if handler in ignored or (handler == signal.SIG_DFL and number in _harmless()):
                    continue
                break
            # Held back until here: it comes as soon as nothing is held back any more.
            signal.raise_signal(number)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return None

    def sigwait(sigset: Iterable[int], /) -> Any:
        session = session_of_caller()
        if session is None:
            return real_wait(sigset)
        return signal.Signals(take(session, sigset, math.inf).si_signo)

    def sigwaitinfo(sigset: Iterable[int], /) -> Any:
        session = session_of_caller()
        return real_info(sigset) if session is None else take(session, sigset, math.inf)

    def sigtimedwait(sigset: Iterable[int], timeout: float, /) -> Any:
        session = session_of_caller()
        if session is None or timeout <= 0:
            return real_take(sigset, timeout)
        return take(session, sigset, session.now() + timeout)

    real_info = signal.sigwaitinfo
    for function in (pause, sigwait, sigwaitinfo, sigtimedwait):
        patches.replace(signal, function.__name__, function)


def _harmless() -> set[int]:
    """Signals that do nothing where nobody handles them."""
    import signal

    return {signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGCONT}
