"""Where virtual time comes from: a clock that can be moved, and a word on whether it may move now."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Protocol

from .processes import Processes, children

__all__ = ["ClockSource", "MovableClock", "TimeSource"]


class MovableClock(Protocol):
    """What fast-forward needs of a clock; `kling_mock.clock.Clock` is one."""

    def now(self) -> float: ...

    def advance(self, seconds: float) -> float: ...

    def next_wake(self) -> float | None: ...


class TimeSource(Protocol):
    """A clock as the waiting side sees it."""

    def now(self) -> float:
        """Virtual seconds since the epoch."""

    def horizon(self, due: float) -> float | None:
        """How far time may jump for a process whose first wait is due then.

        Infinite where nothing is scheduled, None while the server or another process works.
        """

    def advance_to(self, moment: float) -> None:
        """Jump to `moment`; nothing happens where it has passed."""

    def awake(self) -> None:
        """Hear that a wait has ended before it was due."""

    def local(self, host: str, port: int) -> bool:
        """Whether a socket connected to this address waits for the mock, and not for the real world."""


class ClockSource:
    """Time taken from a clock in the same process.

    `quiet` says whether the server is at rest: every exchange it has open is asleep on the clock. Without it
    a waiting socket is given `patience` real seconds before time jumps. `ports` are the mock's own; without
    them every loopback port counts as the mock's.
    """

    def __init__(
        self,
        clock: MovableClock,
        *,
        quiet: Callable[[], bool] | None = None,
        ports: Callable[[], frozenset[int]] | None = None,
    ) -> None:
        self.clock = clock
        self._quiet = quiet
        self._ports = ports
        self._processes = Processes(children(os.getpid()))
        self.patience = 0.0 if quiet is not None else 0.25

    def now(self) -> float:
        """Virtual seconds since the epoch."""
        return self.clock.now()

    def frozen(self) -> bool:
        """Whether the clock stands still between jumps."""
        return getattr(self.clock, "speed", 1.0) == 0

    def horizon(self, due: float) -> float | None:
        """The next moment at which the server does something by itself, None while it is doing something.

        It is None as well while a process that was started since works.
        """
        if self._processes.working() or (self._quiet is not None and not self._quiet()):
            return None
        wake = self.clock.next_wake()
        if wake is None:
            return math.inf
        return wake if wake > self.clock.now() else None

    def advance_to(self, moment: float) -> None:
        """Move the clock on to `moment`, where that is ahead."""
        seconds = moment - self.clock.now()
        if seconds > 0:
            # A microsecond more: a sum of floats must not land just before the moment that is waited for.
            self.clock.advance(seconds + 1e-6)

    def awake(self) -> None:
        """Nobody else lives by this clock."""

    def local(self, host: str, port: int) -> bool:
        """Whether an address is the mock's."""
        if not (host.startswith("127.") or host in ("::1", "::ffff:127.0.0.1")):
            return False
        return self._ports is None or port in self._ports()
