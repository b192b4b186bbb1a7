"""The real world on the other side of a descriptor: how long an answer of it is waited for."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterable

from .originals import get_ident, monotonic

__all__ = ["Outside"]

ASKED = 1.0
"""Real seconds that a service on this machine gets to answer what was sent to it."""
ASKED_FAR = 30.0
"""The same for one on another machine."""
HEARD = 0.05
"""Real seconds for which a pipe, or a service that has answered, may have more to say."""
HEARD_FAR = 1.0
"""The same for a service on another machine."""


class _Line:
    """One open descriptor: what happened on it last."""

    __slots__ = ("asked", "at", "far", "number")

    def __init__(self, descriptor: int, number: int) -> None:
        self.number = number
        self.at = monotonic()
        self.asked, self.far = _nature(descriptor)


def _nature(descriptor: int) -> tuple[bool, bool]:
    """Whether a new descriptor is one that an answer is awaited from, and whether that comes from afar."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False, False
        with socket.socket(fileno=os.dup(descriptor)) as double:
            peer = double.getpeername()
    except OSError:
        return False, False
    # A pair without names is one end of the program's own, as an event loop's is.
    host = str(peer[0]) if isinstance(peer, tuple) else ""
    return bool(peer), bool(host) and not host.startswith("127.") and host not in ("::1", "::ffff:127.0.0.1")


class Outside:
    """Descriptors that lead to the real world, and the threads that wait for nothing but one of them.

    An answer is awaited in real time from when something was sent, or the connection was made, and for a
    moment after something came; then the connection counts as idle.
    """

    def __init__(self) -> None:
        self._lines: dict[int, _Line] = {}
        self._blocked: dict[int, int] = {}

    def sent(self, descriptor: int) -> None:
        """Something was sent: an answer is awaited from now on."""
        line = self._lines.get(descriptor)
        if line is not None:
            line.at, line.asked = monotonic(), True

    def came(self, descriptor: int) -> None:
        """Something came."""
        line = self._lines.get(descriptor)
        if line is not None:
            line.at, line.asked = monotonic(), False

    def awaited(self, descriptors: Iterable[int]) -> bool:
        """Whether something may still come through one of these in real time."""
        now = monotonic()
        return any([self._awaited(descriptor, now) for descriptor in descriptors])

    def _awaited(self, descriptor: int, now: float) -> bool:
        try:
            number = os.fstat(descriptor).st_ino
        except OSError:
            return False
        line = self._lines.get(descriptor)
        if line is None or line.number != number:
            line = self._lines[descriptor] = _Line(descriptor, number)
        if line.asked:
            return now - line.at < (ASKED_FAR if line.far else ASKED)
        return now - line.at < (HEARD_FAR if line.far else HEARD)

    def begin(self, descriptor: int) -> None:
        """This thread waits for one descriptor from now on."""
        self._blocked[get_ident()] = descriptor

    def end(self) -> None:
        """This thread waits no more."""
        self._blocked.pop(get_ident(), None)

    def holds(self, thread: int) -> bool:
        """Whether a thread waits for an answer that may still come."""
        descriptor = self._blocked.get(thread)
        return descriptor is not None and self.awaited((descriptor,))
