"""The processes of one run: which of them still has something to do before time may jump."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Collection, Iterator

from mock_server.clock import Clock
from mock_server.fastforward.work import RUNNABLE, work_of

__all__ = ["Family", "Member"]

STILL = 0.006
"""Real seconds after which a process that has not moved counts as blocked."""
GRACE = 0.25
"""The same for one of which the system tells nothing: since it was last heard of."""
STUBBORN = 2.0
"""Real seconds after which a process that works and works no longer holds up the others."""


class Member:
    """One hooked process, or a thread of it that asks for itself."""

    __slots__ = ("heard", "pid", "until")

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.until: float | None = None
        """The virtual moment until which it waits; None while it runs."""
        self.heard = time.monotonic()


class Family:
    """Everything that runs below this process, in one virtual time.

    Hooked processes say until when they wait. Of all others, and of those that have been woken, it is looked
    at whether they work: a program that is just starting must not be overtaken by the sleep of another one.
    """

    def __init__(self, clock: Clock, *, strangers: Collection[int] = ()) -> None:
        """`strangers` are processes below this one that have nothing to do with the run."""
        self._clock = clock
        self._strangers = frozenset(strangers)
        self._members: set[Member] = set()
        self._looks: dict[int, tuple[object, float, float]] = {}
        """How each process was found last, since when so, and since when it has been working."""

    def join(self, pid: int) -> Member:
        """Take in a process that has just made itself known."""
        member = Member(pid)
        self._members.add(member)
        return member

    def leave(self, member: Member) -> None:
        """Forget a process that has ended."""
        self._members.discard(member)

    def tell(self, member: Member, until: float | None) -> None:
        """Note until which virtual moment a process waits; None where something else woke it."""
        member.until, member.heard = until, time.monotonic()

    def due(self, asking: Member | None = None) -> float:
        """The next virtual moment at which any other process is due."""
        now = self._clock.now()
        return min((until for until in self._waits(asking) if until > now), default=math.inf)

    def _waits(self, asking: Member | None) -> Iterator[float]:
        for member in self._members:
            if member is not asking and member.until is not None:
                yield member.until

    def busy(self, asking: Member | None = None) -> bool:
        """Whether any other process has something to do now."""
        now, real = self._clock.now(), time.monotonic()
        resting = {asking.pid} if asking is not None else set()
        running: set[int] = set()
        for member in self._members:
            if member.until is not None and member.until <= now:
                self.tell(member, None)
            if member is asking:
                continue
            (resting if member.until is not None else running).add(member.pid)
            unseen = (asking is not None and member.pid == asking.pid) or not _visible()
            if member.until is None and unseen and real - member.heard < GRACE:
                return True
        if not _visible():
            return False
        own = asking.pid if asking is not None else 0
        known = resting - (running - {own})
        # All of them are looked at each time: how long one has been still is known from look to look.
        below = [pid for pid in self._below() if pid not in known]
        self._looks = {pid: look for pid, look in self._looks.items() if pid in below}
        return any([self._works(pid, real) for pid in below])

    def _below(self) -> Iterator[int]:
        """Every process below this one."""
        ahead = [pid for pid in _children(os.getpid()) if pid not in self._strangers]
        while ahead:
            pid = ahead.pop()
            yield pid
            ahead += _children(pid)

    def _works(self, pid: int, real: float) -> bool:
        folder = f"/proc/{pid}/task"
        try:
            look: object = tuple(work_of(f"{folder}/{task}") for task in os.listdir(folder))
        except OSError:
            return False
        before, since, working = self._looks.get(pid, (None, real, real))
        if look == before and not (isinstance(look, tuple) and RUNNABLE in look):
            if real - since >= STILL:
                self._looks[pid] = (look, since, real)
                return False
        else:
            since = real
        self._looks[pid] = (look, since, working)
        return real - working < STUBBORN


def _visible() -> bool:
    return os.path.isdir("/proc/self/task")


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += map(int, file.read().split())
    except (OSError, ValueError):
        pass
    return found
