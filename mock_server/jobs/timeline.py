"""Where a job stands: a pure function of its timeline and of how far it has come."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

from ..errors import SettingsError

__all__ = [
    "FINAL_STATUSES",
    "FINISHED",
    "PENDING_STATUSES",
    "PLAIN_PLAN",
    "STATUSES",
    "Step",
    "Timeline",
    "resolve_timeline",
]

PENDING_STATUSES = ("queued", "generating")
FINAL_STATUSES = ("completed", "error")
STATUSES = PENDING_STATUSES + FINAL_STATUSES
LARGEST = 1e300
FINISHED = "finished"
"""Either of the final statuses, where one waits for a job's end."""


@dataclass(frozen=True, slots=True)
class Step:
    """One status of a plan: `span` seconds or polls of it, or `scale` times the server's own where None."""

    status: str
    span: float | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.span is not None:
            _check_length("span", self.span)
        _check_length("scale", self.scale)


def _check_length(name: str, value: object) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # TOML has whole numbers that no float can hold.
    if not is_number or not (0 <= value < LARGEST or value == math.inf):  # type: ignore[operator]
        raise SettingsError(f"{name}: expected a number of 0 or more, received {value!r}.")


PLAIN_PLAN = (Step("queued"), Step("generating"), Step("completed"))
"""What a job goes through that nothing was said about."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Statuses with their spans, in seconds (`by="time"`) or polls (`by="polls"`), then a last one."""

    steps: tuple[tuple[str, float], ...]
    last: str
    by: str = "time"
    length: float = field(init=False, default=0.0, compare=False, repr=False)
    """The progress at which the last status begins."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", sum(span for _, span in self.steps))

    def status_at(self, progress: float) -> str:
        """The status after `progress` seconds, or the one that a poll gets after `progress` earlier polls."""
        for status, span in self.steps:
            if progress < span:
                return status
            progress -= span
        return self.last

    def start_of(self, status: str, progress: float = 0.0) -> float:
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


@lru_cache(maxsize=1024)
def resolve_timeline(
    plan: tuple[Step, ...] | None, *, queued: float, generating: float, by: str = "time"
) -> Timeline:
    """A plan with the server's own spans filled in; no plan is queued, generating, completed.

    Most jobs share theirs, so the last ones made are kept.
    """
    own = {"queued": queued, "generating": generating}
    steps = PLAIN_PLAN if plan is None else plan
    spans = tuple(
        (step.status, (own.get(step.status, generating) if step.span is None else step.span) * step.scale)
        for step in steps[:-1]
    )
    return Timeline(spans, steps[-1].status, by)
