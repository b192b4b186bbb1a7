"""Descriptors that lead to the real world: how long an answer through one is waited for."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterable

from .. import timing
from ..hostnames import is_loopback
from .originals import get_ident, monotonic

__all__ = ["ExternalIO"]


class _Connection:
    """One open descriptor: what happened on it last, and how long something was waited for since then."""

    __slots__ = ("asked", "far", "looked", "number", "waited")

    def __init__(self, descriptor: int, number: int) -> None:
        self.number = number
        self.asked, self.far = _nature(descriptor)
        self.waited, self.looked = 0.0, monotonic()

    def happens(self, *, asked: bool) -> None:
        """Note that something was sent, or came."""
        self.asked = asked
        self.waited, self.looked = 0.0, monotonic()

    def look(self, now: float) -> float:
        """The real seconds that were waited for what happens next, as far as somebody looked in time."""
        self.waited += min(now - self.looked, timing.LATE_LOOK)
        self.looked = now
        return self.waited


def _nature(descriptor: int) -> tuple[bool, bool]:
    """Tell whether an answer is awaited from a new descriptor, and whether from another machine."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False, False
        with socket.socket(fileno=os.dup(descriptor)) as double:
            peer = double.getpeername()
    except OSError:
        return False, False
    # A pair without names is one end of the program's own, as an event loop's is.
    host = str(peer[0]) if isinstance(peer, tuple) else ""
    return bool(peer), bool(host) and not is_loopback(host)


class ExternalIO:
    """Descriptors that lead to the real world, and the threads that wait for nothing but one of them.

    An answer is awaited in real time from when something was sent, or the connection was made, and for a
    moment after something came; then the connection counts as idle.
    """

    def __init__(self) -> None:
        self._lines: dict[int, _Connection] = {}
        self._blocked: dict[int, int] = {}

    def sent(self, descriptor: int) -> None:
        """Note that something was sent: an answer is awaited from now on."""
        line = self._lines.get(descriptor)
        if line is not None:
            line.happens(asked=True)

    def came(self, descriptor: int) -> None:
        """Note that something came."""
        line = self._lines.get(descriptor)
        if line is not None:
            line.happens(asked=False)

    def awaited(self, descriptors: Iterable[int]) -> bool:
        """Tell whether something may still come through one of these in real time."""
        now = monotonic() if descriptors else 0.0
        return any([self._awaited(descriptor, now) for descriptor in descriptors])

    def _awaited(self, descriptor: int, now: float) -> bool:
        try:
            number = os.fstat(descriptor).st_ino
        except OSError:
            return False
        line = self._lines.get(descriptor)
        if line is None or line.number != number:
            line = self._lines[descriptor] = _Connection(descriptor, number)
        waited = line.look(now)
        if line.asked:
            return waited < (timing.ANSWER_FAR if line.far else timing.ANSWER_HERE)
        return waited < (timing.MORE_FAR if line.far else timing.MORE_HERE)

    def begin(self, descriptor: int) -> None:
        """Note that this thread waits for one descriptor from now on."""
        self._blocked[get_ident()] = descriptor

    def end(self) -> None:
        """Note that this thread waits no more."""
        self._blocked.pop(get_ident(), None)

    def holds(self, thread: int) -> bool:
        """Tell whether a thread waits for an answer that may still come."""
        descriptor = self._blocked.get(thread)
        return descriptor is not None and self.awaited((descriptor,))
