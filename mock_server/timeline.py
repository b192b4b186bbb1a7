"""Where a job stands: a pure function of its timeline and of how far it has come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, get_args

from .errors import SettingsError
from .field_kinds import Count, Kept, Number, Seconds, Word
from .fields import about, check_fields, said
from .units import MOST_KEPT

__all__ = [
    "FINAL_STATUSES",
    "FINISHED",
    "PENDING_STATUSES",
    "PLAIN_PLAN",
    "STATUSES",
    "FinalStatus",
    "JobStatus",
    "PendingStatus",
    "ProgressBy",
    "Step",
    "Timeline",
    "check_progress",
    "is_final",
    "resolve_timeline",
]

PendingStatus = Literal["queued", "generating"]
FinalStatus = Literal["completed", "error"]
JobStatus = Literal[PendingStatus, FinalStatus]
ProgressBy = Literal["time", "polls"]
"""What moves a job on: virtual seconds, or the polls that ask for it."""

PENDING_STATUSES: tuple[PendingStatus, ...] = get_args(PendingStatus)
FINAL_STATUSES: tuple[FinalStatus, ...] = get_args(FinalStatus)
STATUSES: tuple[JobStatus, ...] = PENDING_STATUSES + FINAL_STATUSES
FINISHED = "finished"
"""Either of the final statuses, where one waits for a job's end."""


def is_final(status: JobStatus | None) -> bool:
    """Whether a job that shows this status changes no more."""
    return status in FINAL_STATUSES


@dataclass(frozen=True, slots=True)
class Step:
    """One status of a plan, and how long it shows: as long as the server's own unless it says otherwise.

    `span` is a time, for servers by the clock; `polls` is a count, for servers that count polls. A plan for
    both kinds of server says both. `scale` multiplies either, and the server's own.
    """

    status: JobStatus = field(metadata=about(Word(STATUSES), "the status that shows"))
    span: Kept[float | str | None, float | None] = said(
        None, Seconds(endless=True), "how long it shows, in seconds or with a unit, or forever"
    )
    polls: int | None = said(
        None, Count(0, MOST_KEPT, "a count of polls"), "how many polls see it, where polls are counted"
    )
    scale: float = said(1.0, Number(), "how many times as long as otherwise it shows")

    def __post_init__(self) -> None:
        check_fields(self)


PLAIN_PLAN = (Step("queued"), Step("generating"), Step("completed"))
"""What a job goes through that nothing was said about."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Statuses with their spans, in seconds (`by="time"`) or polls (`by="polls"`), then a last one."""

    steps: tuple[tuple[JobStatus, float], ...]
    last: JobStatus
    by: ProgressBy = "time"
    length: float = field(init=False, default=0.0, compare=False, repr=False)
    """The progress at which the last status begins."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", sum(span for _, span in self.steps))

    def status_at(self, progress: float) -> JobStatus:
        """The status after `progress` seconds, or the one that a poll gets after `progress` earlier polls."""
        for status, span in self.steps:
            if progress < span:
                return status
            progress -= span
        return self.last

    def start_of(self, status: JobStatus, progress: float = 0.0) -> float:
        """The progress at which a status shows next, counted from `progress`; infinite where it never does.

        It is `progress` itself where the status shows right there.
        """
        if progress and self.status_at(progress) == status:
            return progress
        start = 0.0
        for name, span in self.steps:
            if name == status and span > 0 and progress <= start:
                return start
            start += span
        return max(start, progress) if status == self.last else math.inf


def check_progress(plan: Sequence[Step], by: ProgressBy) -> None:
    """Refuse a plan that says how long a step shows in the other unit than the server's.

    No time at all and `forever` mean the same in both. Raises `SettingsError`.
    """
    for step in plan[:-1]:
        if by == "polls" and step.polls is None and step.span not in (None, 0.0, math.inf):
            says = f"{step.status!r} lasts {step.span:g} seconds, but this server counts polls"
            raise SettingsError(f"{says}; say beside it how many, such as polls = 3.", option="plan")
        if by == "time" and step.span is None and step.polls:
            says = f"{step.status!r} lasts {step.polls} polls, but this server goes by the clock"
            raise SettingsError(f"{says}; say beside it how long, such as span = '30s'.", option="plan")


@lru_cache(maxsize=1024)
def resolve_timeline(
    plan: tuple[Step, ...] | None, queued: float, generating: float, by: ProgressBy = "time"
) -> Timeline:
    """A plan with the server's own spans filled in; no plan is queued, generating, completed.

    Most jobs share theirs, so the last ones made are kept. Raises `SettingsError` for a plan that says how
    long a step shows in the other unit than the server's.
    """
    steps = PLAIN_PLAN if plan is None else plan
    check_progress(steps, by)
    spans = tuple(
        (step.status, _length(step, queued if step.status == "queued" else generating, by))
        for step in steps[:-1]
    )
    return Timeline(spans, steps[-1].status, by)


def _length(step: Step, own: float, by: ProgressBy) -> float:
    # What the other kind of server goes by is left where it fits: none at all, or for ever.
    ways = (step.polls, step.span) if by == "polls" else (step.span, step.polls)
    length = next((float(way) for way in ways if way is not None), own)
    # No time at all stays none, however often: infinity times zero is not a number.
    return length * step.scale if length and step.scale else 0.0
