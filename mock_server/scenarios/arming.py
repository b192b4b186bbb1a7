"""What a test did beside its client: scenarios it chose, rules it leaves out, steps between the requests."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple

from .scenario import Scenario

__all__ = ["ALL_WAYS", "Armed", "Arming", "How"]

How = Literal["start", "configure", "use", "next"]
ALL_WAYS: tuple[How, ...] = ("start", "configure", "use", "next")
MOST_KEPT = 10_000
"""Chosen scenarios, and steps, that are kept; the oldest go."""


class Armed(NamedTuple):
    """A scenario that somebody chose for what was to come."""

    scenario: Scenario
    how: How
    """By an option of the start, `configure`, `use`, or `next`."""


class Arming:
    """The scenarios chosen since the start or the last reset, and when a test did something of its own.

    A moment is the number of exchanges that there had been.
    """

    def __init__(self) -> None:
        self._armed: dict[tuple[str, How], Armed] = {}
        self._steps: dict[int, None] = {}
        self._ignored: frozenset[str] = frozenset()

    @property
    def ignored(self) -> frozenset[str]:
        """Ids of rules that say nothing of this test, which breaks them on purpose."""
        return self._ignored

    @property
    def armed(self) -> tuple[Armed, ...]:
        """The scenarios, one of each name, the first one first."""
        return tuple(self._armed.values())

    @property
    def steps(self) -> frozenset[int]:
        """The moments at which a test chose a scenario, moved the clock or looked at what had happened."""
        return frozenset(self._steps)

    def arm(self, scenario: Scenario, how: How, at: int = 0) -> None:
        """Note a scenario that was chosen, after `at` exchanges."""
        self.restore(Armed(scenario, how))
        if how != "start":
            self.step(at)

    def restore(self, armed: Armed) -> None:
        """Note it, without a step."""
        self._armed[armed.scenario.name, armed.how] = armed
        if len(self._armed) > MOST_KEPT:
            del self._armed[next(iter(self._armed))]

    def step(self, at: int) -> None:
        """Note that a test did something of its own, after `at` exchanges."""
        self._steps[at] = None
        if len(self._steps) > MOST_KEPT:
            del self._steps[next(iter(self._steps))]

    def ignore(self, ids: Collection[str]) -> None:
        """Leave rules out, and not those that were left out before."""
        self._ignored = frozenset(ids)

    def clear(self) -> None:
        """Forget all but what was chosen at the start."""
        self._armed = {key: armed for key, armed in self._armed.items() if armed.how == "start"}
        self._steps = {}
        self._ignored = frozenset()
