"""When the steps of a program are right to end: a small model, which knows nothing of the product."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

__all__ = ["CLOSE", "End", "Unclear", "right_ends"]

End = tuple[str, float]
"""How a step ended, and after how many seconds since the program's start."""
CLOSE = 0.02
"""Seconds within which two moments are too close for an order between them."""


class Unclear(Exception):
    """More than one outcome of the program would be right, or it would never end."""


@dataclass
class _Wait:
    """An actor that waits for a thing, until then."""

    actor: int
    until: float
    over: bool = False


@dataclass
class _Thing:
    """A queue, an event or a lock."""

    tokens: int = 0
    waits: list[_Wait] = field(default_factory=list)
    missed: float = -math.inf
    """When a wait for it last ran out."""
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    holder: int | None = None


class _Model:
    def __init__(self, program: dict[str, Any]) -> None:
        self._steps = [actor["steps"] for actor in program["actors"]]
        self._lengths: list[float] = program["lengths"]
        self._at = [0] * len(self._steps)
        self.ends: list[list[End]] = [[] for _ in self._steps]
        self._things: dict[tuple[str, int], _Thing] = {}
        self._ahead: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._now = 0.0

    def run(self) -> None:
        for actor in range(len(self._steps)):
            self._go_on(actor)
        while self._ahead:
            self._now, _, action = heapq.heappop(self._ahead)
            action()
        if any(len(ends) < len(steps) for ends, steps in zip(self.ends, self._steps, strict=True)):
            raise Unclear("it never ends")

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._ahead, (self._now + seconds, next(self._number), action))

    def _done(self, actor: int, how: str = "done") -> None:
        self.ends[actor].append((how, self._now))
        self._at[actor] += 1
        # Later, but at the same moment: whoever caused this is not done with its own step.
        self._later(0, lambda: self._go_on(actor))

    def _go_on(self, actor: int) -> None:
        if self._at[actor] < len(self._steps[actor]):
            kind, *rest = self._steps[actor][self._at[actor]]
            getattr(self, "_" + kind)(actor, *rest)

    def _thing(self, kind: str, number: int) -> _Thing:
        return self._things.setdefault((kind, number), _Thing())

    def _sleep(self, actor: int, way: str, seconds: float) -> None:
        self._later(seconds, lambda: self._done(actor))

    def _outside(self, actor: int, way: str, milliseconds: int) -> None:
        """What is done in real time takes none."""
        self._done(actor)

    def _ask(self, actor: int, way: str, job: int, limit: float) -> None:
        length = self._lengths[job]
        if abs(length - limit) < CLOSE:
            raise Unclear("the answer comes at the time limit")
        late = limit < length
        self._later(min(length, limit), lambda: self._done(actor, "late" if late else "done"))

    def _wait_for(self, thing: _Thing, actor: int, limit: float | None) -> None:
        wait = _Wait(actor, math.inf if limit is None else self._now + limit)
        thing.waits.append(wait)

        def give_up() -> None:
            if not wait.over:
                wait.over, thing.missed = True, self._now
                thing.waits.remove(wait)
                self._done(actor, "late")

        if limit is not None:
            self._later(limit, give_up)

    def _satisfy(self, thing: _Thing) -> int:
        wait = thing.waits.pop(0)
        if wait.until - self._now < CLOSE:
            raise Unclear("it comes at the time limit")
        wait.over = True
        return wait.actor

    def _come(self, thing: _Thing) -> None:
        if self._now - thing.missed < CLOSE:
            raise Unclear("it comes just after somebody has given up")

    def _put(self, actor: int, way: str, queue: int) -> None:
        thing = self._thing("queue", queue)
        self._come(thing)
        self._done(actor)
        if thing.waits:
            self._done(self._satisfy(thing))
        else:
            thing.tokens += 1

    def _get(self, actor: int, way: str, queue: int, limit: float | None) -> None:
        thing = self._thing("queue", queue)
        if thing.tokens:
            thing.tokens -= 1
            self._done(actor)
        else:
            self._wait_for(thing, actor, limit)

    def _set(self, actor: int, way: str, event: int) -> None:
        thing = self._thing("event", event)
        if not thing.tokens:
            self._come(thing)
        thing.tokens = 1
        self._done(actor)
        while thing.waits:
            self._done(self._satisfy(thing))

    def _wait(self, actor: int, way: str, event: int, limit: float | None) -> None:
        thing = self._thing("event", event)
        if thing.tokens:
            self._done(actor)
        else:
            self._wait_for(thing, actor, limit)

    def _lock(self, actor: int, way: str, lock: int, limit: float | None) -> None:
        thing = self._thing("lock", lock)
        if any(other != actor and self._now - at < CLOSE for at, other in thing.arrivals):
            raise Unclear("two come for a lock at once")
        thing.arrivals.append((self._now, actor))
        if thing.holder is None:
            thing.holder = actor
            self._done(actor)
        else:
            self._wait_for(thing, actor, limit)

    def _unlock(self, actor: int, way: str, lock: int) -> None:
        """Nothing for whoever did not get the lock."""
        thing = self._thing("lock", lock)
        self._done(actor)
        if thing.holder != actor:
            return
        self._come(thing)
        if len(thing.waits) > 1:
            raise Unclear("two wait for a lock")
        thing.holder = self._satisfy(thing) if thing.waits else None
        if thing.holder is not None:
            thing.arrivals.append((self._now, thing.holder))
            self._done(thing.holder)


def right_ends(program: dict[str, Any]) -> list[list[End]]:
    """How and when each step of each actor ends; raises `Unclear` where that is not one answer."""
    model = _Model(program)
    model.run()
    return model.ends
