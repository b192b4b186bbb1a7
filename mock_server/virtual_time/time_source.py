"""Where virtual time comes from: a clock that can be read, and moved where that is allowed now."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from .. import timing
from ..hostnames import is_loopback
from .proc import children
from .processes import ProcessWatcher
from .reasons import Reason

__all__ = ["ClockSource", "MovableClock", "TimeSource"]


class MovableClock(Protocol):
    """A clock that `fast_forward` can follow and move; `kling_mock.clock.Clock` is one."""

    def now(self) -> float: ...

    def advance(self, seconds: float) -> float: ...

    def next_wake(self) -> float | None: ...


class TimeSource(Protocol):
    """A clock as the waiting side asks it, in this process or in another one."""

    def now(self) -> float:
        """Virtual seconds since the epoch."""

    def horizon(self, dues: Sequence[float]) -> float | Reason:
        """The moment to which time may jump for a process whose waits are due then, the first one first.

        Infinite where nothing is scheduled; else the reason why it may not jump now.
        """

    def seen(self) -> object:
        """What is another one after a horizon where something has come about elsewhere since the last."""

    def busy(self, due: float, why: Reason) -> None:
        """Note why this process itself lets no time jump beside its waits; the first of them is due then."""

    def advance_to(self, moment: float) -> None:
        """Jump to `moment`; nothing happens where it has passed."""

    def awake(self) -> None:
        """Note that a wait has ended before it was due."""

    def begins(self, deadline: float) -> None:
        """Note that a wait until then begins, maybe while another thread asks for a jump beyond it."""

    def local(self, host: str, port: int) -> bool:
        """Tell whether a socket connected to this address waits for the mock, and not for the real world."""


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
        self._processes = ProcessWatcher(children())
        self.patience = 0.0 if quiet is not None else timing.BLIND_SOCKET_WAIT

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Let a clock of the mock's know that a program lives by it until the end of the block."""
        clock: Any = self.clock
        if not hasattr(clock, "followed"):
            yield
            return
        clock.followed = True
        try:
            yield
        finally:
            clock.followed = False

    def now(self) -> float:
        """Virtual seconds since the epoch."""
        return self.clock.now()

    def frozen(self) -> bool:
        """Tell whether the clock stands still between jumps."""
        return getattr(self.clock, "speed", 1.0) == 0

    def horizon(self, dues: Sequence[float]) -> float | Reason:
        """The next moment at which the server does something by itself, or why time may not jump there.

        A process that was started since and works is a reason as well.
        """
        if self._processes.working():
            return Reason.PROCESS
        if self._quiet is not None and not self._quiet():
            return Reason.SERVER
        wake = self.clock.next_wake()
        if wake is None:
            return math.inf
        return wake if wake > self.clock.now() else Reason.SERVER

    def seen(self) -> object:
        """What is another one once somebody has moved the clock."""
        return getattr(self.clock, "anchor", None)

    def advance_to(self, moment: float) -> None:
        """Move the clock on to `moment`, where that is ahead."""
        seconds = moment - self.clock.now()
        if seconds > 0:
            # A microsecond more: a sum of floats must not land just before the moment that is waited for.
            self.clock.advance(seconds + 1e-6)

    def busy(self, due: float, why: Reason) -> None:
        """Do nothing: nobody else lives by this clock."""

    def awake(self) -> None:
        """Do nothing: nobody else lives by this clock."""

    def begins(self, deadline: float) -> None:
        """Do nothing: a jump is made as soon as it is asked for."""

    def local(self, host: str, port: int) -> bool:
        """Tell whether an address is the mock's."""
        return is_loopback(host) and (self._ports is None or port in self._ports())
