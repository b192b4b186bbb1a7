"""`signal.alarm`, `setitimer` and the waits for signals, which come when virtual time has reached them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from typing import Any

from .originals import get_ident
from .patches import Patches
from .session import Session, session_of_caller

__all__ = ["patch_alarms"]

_awaited: dict[int, frozenset[int]] = {}
"""The signals that threads take from the system's queue, by thread."""


def patch_alarms(patches: Patches) -> None:
    """Replace what sets the timer of real time; the system's own is set as well, for who waits outside."""
    import signal

    if hasattr(signal, "setitimer"):
        _Alarm(signal).apply(patches)
        if hasattr(signal, "sigtimedwait"):
            _SignalWaits(signal).apply(patches)


class _Alarm:
    """The timer of real time: `alarm`, `setitimer` and `getitimer`."""

    def __init__(self, signals: Any) -> None:
        self._signals = signals
        self._real_alarm, self._real_set = signals.alarm, signals.setitimer
        self._real_get = signals.getitimer

    def apply(self, patches: Patches) -> None:
        """Replace the functions of `signal`."""

        def alarm(seconds: int, /) -> int:
            session = session_of_caller()
            if session is None:
                return int(self._real_alarm(seconds))
            return math.ceil(self._set(session, seconds, 0.0)[0])

        def setitimer(which: int, seconds: float, interval: float = 0.0, /) -> Any:
            session = session_of_caller()
            if session is None or which != self._signals.ITIMER_REAL or seconds < 0 or interval < 0:
                return self._real_set(which, seconds, interval)
            return self._set(session, seconds, interval)

        def getitimer(which: int, /) -> Any:
            session = session_of_caller()
            if session is None or which != self._signals.ITIMER_REAL:
                return self._real_get(which)
            return self._rest(session)

        for function in (alarm, setitimer, getitimer):
            patches.replace(self._signals, function.__name__, function)

    def _set(self, session: Session, seconds: float, interval: float) -> tuple[float, float]:
        """Set the timer, and return what it showed before."""
        before, timer = self._rest(session), self._signals.ITIMER_REAL

        def ring() -> None:
            # All is set for the next time before the handler runs, which may raise.
            session.scheduler.set_alarm(session.due_in(interval) if interval else math.inf, interval, ring)
            self._real_set(timer, interval, interval)
            self._ring()

        self._real_set(timer, seconds, interval)
        session.scheduler.set_alarm(session.due_in(seconds) if seconds else math.inf, interval, ring)
        return before

    def _ring(self) -> None:
        """Send the signal: to the thread that waits for it, since any that does not could take it before."""
        number = self._signals.SIGALRM
        for thread, signals in list(_awaited.items()):
            if number in signals:
                self._signals.pthread_kill(thread, number)
                return
        os.kill(os.getpid(), number)

    def _rest(self, session: Session) -> tuple[float, float]:
        """How far off the next signal is, and how often it comes again."""
        due, interval = session.scheduler.alarm
        real_rest, real_interval = self._real_get(self._signals.ITIMER_REAL)
        if not real_rest or due == math.inf:
            return real_rest, real_interval
        return max(due - session.now(), 1e-6), interval


class _SignalWaits:
    """What waits for a signal: each is taken from the system's queue, as it comes in real or virtual time."""

    def __init__(self, signals: Any) -> None:
        self._signals = signals
        self._real_pause, self._real_take = signals.pause, signals.sigtimedwait
        self._real_wait, self._real_info = signals.sigwait, signals.sigwaitinfo

    def apply(self, patches: Patches) -> None:
        """Replace the functions of `signal`."""
        # Functions and not methods: modules that import them by name get them, and back.
        for name in ("pause", "sigwait", "sigwaitinfo", "sigtimedwait"):
            patches.replace(self._signals, name, getattr(self, name)())

    def _take(self, session: Session, signals: Iterable[int], deadline: float) -> Any:
        """The next of these signals, None where none has come when the time is up."""
        awaited = list(signals)
        found: list[Any] = []

        def ready(pause: float) -> bool:
            if not found:
                got = self._real_take(awaited, pause)
                if got is not None:
                    found.append(got)
            return bool(found)

        _awaited[get_ident()] = frozenset(awaited)
        try:
            session.scheduler.until(deadline, ready)
        finally:
            del _awaited[get_ident()]
        return found[0] if found else None

    def _take_handled(self, session: Session, mask: Iterable[int]) -> int:
        """The next signal that does something here; those of `mask` were held back before."""
        signals = self._signals
        awaited = signals.valid_signals() - set(mask)
        while True:
            number: int = self._take(session, awaited, math.inf).si_signo
            handler = signals.getsignal(number)
            harmless = handler == signals.SIG_DFL and number in _harmless()
            if handler not in (signals.SIG_IGN, None) and not harmless:
                return number

    def pause(self) -> Callable[[], None]:
        """`signal.pause`."""
        signals = self._signals

        def pause() -> None:
            session = session_of_caller()
            if session is None:
                self._real_pause()
                return
            before = signals.pthread_sigmask(signals.SIG_BLOCK, signals.valid_signals())
            try:
                # Held back until here: it comes as soon as nothing is held back any more.
                signals.raise_signal(self._take_handled(session, before))
            finally:
                signals.pthread_sigmask(signals.SIG_SETMASK, before)

        return pause

    def sigwait(self) -> Callable[..., Any]:
        """`signal.sigwait`."""

        def sigwait(sigset: Iterable[int], /) -> Any:
            session = session_of_caller()
            if session is None:
                return self._real_wait(sigset)
            return self._signals.Signals(self._take(session, sigset, math.inf).si_signo)

        return sigwait

    def sigwaitinfo(self) -> Callable[..., Any]:
        """`signal.sigwaitinfo`."""

        def sigwaitinfo(sigset: Iterable[int], /) -> Any:
            session = session_of_caller()
            return self._real_info(sigset) if session is None else self._take(session, sigset, math.inf)

        return sigwaitinfo

    def sigtimedwait(self) -> Callable[..., Any]:
        """`signal.sigtimedwait`."""

        def sigtimedwait(sigset: Iterable[int], timeout: float, /) -> Any:
            session = session_of_caller()
            if session is None or timeout <= 0:
                return self._real_take(sigset, timeout)
            return self._take(session, sigset, session.due_in(timeout))

        return sigtimedwait


def _harmless() -> set[int]:
    """Signals that do nothing where nobody handles them."""
    import signal

    return {signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGCONT}
