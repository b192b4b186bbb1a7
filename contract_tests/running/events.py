"""The events of a verification; reports are made of nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from kling_mock.trace_rules.register import Level, OfRule, Rule

from .models import Run, Trial

__all__ = [
    "Checked",
    "Checking",
    "Counterexample",
    "Event",
    "Example",
    "Finished",
    "Result",
    "ResultKey",
    "ResultKind",
    "Started",
    "Summary",
    "status_of",
]


@dataclass(frozen=True)
class Counterexample:
    """The smallest trial found that breaks a property, and how it went."""

    trial: Trial
    run: Run
    says: str
    exchange: int | None
    seed: int


ResultKind = Literal["passed", "failed", "skipped", "xfailed", "xpassed", "error"]
ResultKey = tuple[str, str]
"""A rule's id and a model: of each pair a verification has one result."""


@dataclass
class Result(OfRule):
    """The result of one property with one model.

    `reason` says why it was skipped, which known failure it is, or what went wrong.
    """

    rule: Rule
    model: str
    result: ResultKind
    reason: str = ""
    examples: int = 0
    met: int = 0
    """Examples in which the client met what the rule is about."""
    late: bool = False
    """True where the time limit ended it before all examples were tried."""
    seconds: float = 0.0
    """Real seconds."""
    counterexample: Counterexample | None = None
    not_asked: tuple[str, ...] = ()
    """How the client refused inputs that it has no way to express."""
    found_by: str = ""
    """The other property whose trial broke this one, where it was found so."""

    @property
    def key(self) -> ResultKey:
        """The pair that tells it from the other results of a verification."""
        return self.rule.id, self.model

    @property
    def advisory(self) -> bool:
        """True where the rule is advice, so that breaking it fails nothing."""
        return self.rule.level is Level.ADVISORY

    @property
    def counts(self) -> bool:
        """True where it makes the verification fail."""
        return not self.advisory and self.result in ("failed", "xpassed")

    @property
    def thin(self) -> bool:
        """True where it was cut short: kept as far as it was tried, but less was tried than was asked for."""
        return self.late and self.result == "passed"


@dataclass
class Summary:
    """The number of results of each kind, and the exit status that they make."""

    counts: dict[str, int] = field(default_factory=dict)
    status: int = 0
    seconds: float = 0.0
    runs: int = 0
    not_asked: list[str] = field(default_factory=list)
    """What of the contract the client was not asked for, because it has no way to express it."""
    problem: str = ""
    """The reason why the client could not be checked, or not to the end; empty where it could."""
    note: str = ""
    """What is to be known beside the results."""
    over_budget: str = ""
    """The run of the client that would have cost more than the budget, with its jobs."""
    interrupted: bool = False
    """True where its user ended it."""


def status_of(results: Iterable[Result], summary: Summary) -> int:
    """The exit status that results make: 0 kept, 1 broken, 2 not to be run, 3 cut short, 130 interrupted."""
    if summary.problem:
        return 130 if summary.interrupted else 2
    counting = [result for result in results if not result.advisory]
    if summary.over_budget:
        return 1
    if any(result.counts for result in counting):
        return 1
    return 3 if any(result.thin or result.result == "error" for result in counting) else 0


@dataclass(frozen=True)
class Event:
    """The root of all events."""


@dataclass(frozen=True)
class Started(Event):
    """A verification begins."""

    client: str
    models: tuple[str, ...]
    properties: tuple[str, ...]
    seed: int
    level: str
    target: tuple[str, ...] = ()
    """The words that name the client on the command line."""
    server: str | None = None
    """The server that it meets, where it is one that ran already."""


@dataclass(frozen=True)
class Checking(Event):
    """A property is looked at with a model."""

    id: str
    name: str
    model: str
    number: int
    total: int


@dataclass(frozen=True)
class Example(Event):
    """A client was run on one trial."""

    id: str
    run: Run


@dataclass(frozen=True)
class Checked(Event):
    """A property has been looked at."""

    result: Result
    number: int
    total: int


@dataclass(frozen=True)
class Finished(Event):
    """A verification has ended; `coverage` is what the client was shown."""

    results: tuple[Result, ...]
    summary: Summary
    coverage: dict[str, Any]
