"""Random programs, drawn from a seed: actors that sleep, wait for each other and ask the mock."""

from __future__ import annotations

import random
from typing import Any

from .model import Unclear, right_ends

__all__ = ["LENGTHS", "SUITES", "draw"]

LENGTHS = [0.0, 0.4, 1.3, 2.9, 6.1, 13.7, 31.2, 66.6, 149.5]
"""Seconds that the mock takes for a poll of each job."""
MOST_ACTORS = 6
MOST_STEPS = 6

SUITES = {
    "threads": {"thread": 3, "task": 3},
    "processes": {"thread": 2, "task": 2, "process": 3},
    "node": {"task": 3, "worker": 2, "process": 1},
}
"""What actors a suite has, and how often: threads and tasks in one process; more processes; Node."""


class _Drawer:
    def __init__(self, suite: str, seed: str) -> None:
        self._random = random.Random(seed)
        kinds = SUITES[suite]
        number = self._random.randint(2, MOST_ACTORS)
        self._kinds = self._random.choices(list(kinds), list(kinds.values()), k=number)
        self._node = suite == "node"

    def program(self) -> dict[str, Any]:
        actors = [{"kind": kind, "steps": self._steps(index, kind)} for index, kind in enumerate(self._kinds)]
        return {"actors": actors, "lengths": LENGTHS}

    def _seconds(self) -> float:
        """From a millisecond to ten minutes: short and long ones alike."""
        return round(10 ** self._random.uniform(-3, 2.8), 3)

    def _limit(self) -> float | None:
        return None if self._random.random() < 0.2 else self._seconds()

    def _way(self) -> str:
        """Some number that the actor takes its way to do a step by."""
        return str(self._random.randrange(1000))

    def _steps(self, actor: int, kind: str) -> list[list[Any]]:
        steps: list[list[Any]] = []
        for _ in range(self._random.randint(1, MOST_STEPS)):
            steps += self._step(actor, kind)
        return steps

    def _step(self, actor: int, kind: str) -> list[list[Any]]:
        draw, way = self._random, self._way()
        what = draw.choices(
            ["sleep", "ask", "put", "get", "set", "wait", "lock", "outside"], [5, 3, 3, 3, 1, 2, 3, 1]
        )[0]
        if what == "sleep":
            return [["sleep", way, self._seconds()]]
        if what == "ask":
            return [["ask", way, draw.randrange(len(LENGTHS)), max(0.05, self._seconds())]]
        if what == "put":
            # A queue belongs to the actor that takes from it.
            return [["put", way, draw.randrange(len(self._kinds))]]
        if what == "get":
            return [["get", way, actor, self._limit()]]
        if what == "set":
            return [["set", way, draw.randrange(2)]]
        if what == "wait":
            return [["wait", way, draw.randrange(2), self._limit()]]
        if what == "outside":
            return [["outside", way, draw.randrange(30)]]
        # Tasks have locks of their own, and so have threads and processes; Node has none between threads.
        if self._node and kind != "task":
            return [["sleep", way, self._seconds()]]
        lock = draw.randrange(2) + (10 if kind == "task" else 0)
        held = [["lock", way, lock, self._limit()], ["sleep", self._way(), self._seconds()]]
        return [*held, ["unlock", way, lock], ["sleep", self._way(), self._seconds()]]


def draw(suite: str, seed: int) -> dict[str, Any]:
    """The program of a suite and a seed, with the right `ends` of its steps."""
    number = 0
    while True:
        program = _Drawer(suite, f"{suite} {seed} {number}").program()
        try:
            program["ends"] = right_ends(program)
        except Unclear:
            number += 1
            continue
        return {"suite": suite, "seed": seed} | program
