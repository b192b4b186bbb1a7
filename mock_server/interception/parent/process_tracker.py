"""The processes of one run: which of them still has something to do before time may jump."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Collection, Iterator
from typing import Any

from ...clock import Clock
from ...virtual_time.proc_stat import RUNNABLE, work_of
from ...virtual_time.processes import STUBBORN, Processes, visible

__all__ = ["Family", "Member"]

GRACE = 0.25
"""Real seconds after which one of which the system tells nothing counts as blocked: since it was heard of."""

BETWEEN = 0.5
"""Real seconds between two looks at most, for what happened between them to be known."""


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
        self._processes = Processes(strangers)
        self._members: set[Member] = set()
        self.sockets: set[Any] = set()
        """Over which they speak: a process whose words were not read yet cannot be known to wait."""
        self.held: dict[str, float] = {}
        """Real seconds for which each program, by its name, held time up by working."""
        self._holding: tuple[float, list[int]] = 0.0, []

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
            beside = asking is not None and member.pid == asking.pid
            if member.until is None and (beside or not visible()) and _stirs(member, real):
                return True
        if not visible():
            return False
        own = asking.pid if asking is not None else 0
        working = self._processes.working(resting - (running - {own}))
        self._count(real, working)
        return bool(working)

    def _count(self, real: float, working: list[int]) -> None:
        """Note for how long time has been held up since the last look, where that was a moment ago."""
        before, holding = self._holding
        if real - before < BETWEEN:
            for name in {_name_of(pid) for pid in holding if pid in working}:
                self.held[name] = self.held.get(name, 0.0) + real - before
        self._holding = real, working


def _name_of(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:
            return file.read().decode("utf-8", "replace").strip()
    except OSError:
        return str(pid)


def _stirs(member: Member, real: float) -> bool:
    """Whether one that cannot be looked at alone may still be at work: a thread beside the one that asks."""
    since = real - member.heard
    if since < GRACE:
        return True
    folder = f"/proc/{member.pid}/task"
    try:
        return since < STUBBORN and any(
            work_of(f"{folder}/{task}") is RUNNABLE for task in os.listdir(folder)
        )
    except OSError:
        return False
