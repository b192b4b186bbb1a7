"""Where a job stands: a pure function of its timeline and of how far it has come."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from mock_server.errors import SettingsError

__all__ = ["FINAL_STATUSES", "PENDING_STATUSES", "STATUSES", "Step", "Timeline", "resolve_timeline"]

PENDING_STATUSES = ("queued", "generating")
FINAL_STATUSES = ("completed", "error")
STATUSES = PENDING_STATUSES + FINAL_STATUSES


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
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise SettingsError(f"{name}: expected a number of 0 or more, received {value!r}.")


@dataclass(frozen=True, slots=True)
class Timeline:
    """Statuses with their spans, in seconds (`by="time"`) or polls (`by="polls"`), then a last one."""

    steps: tuple[tuple[str, float], ...]
    last: str
    by: str = "time"

    def status_at(self, progress: float) -> str:
        """The status after `progress` seconds, or the one that a poll gets after `progress` earlier polls."""
        for status, span in self.steps:
            if progress < span:
                return status
            progress -= span
        return self.last

    def start_of(self, status: str) -> float:
        """The progress at which a status first shows; infinite where it never does."""
        total = 0.0
        for name, span in self.steps:
            if name == status and span > 0:
                return total
            total += span
        return total if status == self.last else math.inf

    @property
    def length(self) -> float:
        """The progress at which the last status begins."""
        return sum(span for _, span in self.steps)


@lru_cache(maxsize=1024)
def resolve_timeline(
    plan: tuple[Step, ...] | None, *, queued: float, generating: float, by: str = "time"
) -> Timeline:
    """A plan with the server's own spans filled in; no plan is queued, generating, completed.

    Most jobs share theirs, so the last ones made are kept.
    """
    if plan is None:
        return Timeline((("queued", queued), ("generating", generating)), "completed", by)
    own = {"queued": queued, "generating": generating}
    spans = tuple(
        (step.status, (own.get(step.status, generating) if step.span is None else step.span) * step.scale)
        for step in plan[:-1]
    )
    return Timeline(spans, plan[-1].status, by)
