"""A job: the plan that decides every answer about it, and what has been counted of it so far."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..scenarios import Scenario
from ..timeline import FINAL_STATUSES, JobStatus, Timeline
from .charges import Charge
from .course import Course

__all__ = ["Job", "JobCounters", "JobPlan"]


class JobCounters(NamedTuple):
    """What is counted of a job; the store changes it, nobody else."""

    polls: int = 0
    """Polls that came."""
    answered: int = 0
    """Polls that were told the status; only they move a timeline that goes by polls."""
    skipped: float = 0.0
    """Polls that `advance(until=…)` went past, where progress is by polls."""
    expires_at: float | None = None
    """The virtual moment at which its video's URL stops working; None until somebody was told the URL."""


class JobPlan(NamedTuple):
    """What was asked and what follows from it; frozen. Times are virtual seconds since the epoch."""

    id: str
    model: str
    scenario: Scenario
    timeline: Timeline
    made_at: float
    credits: int | None
    clip: str
    """The name of the clip that its video is."""
    image_url: str = ""
    """The first picture of its payload, shortened; for errors that repeat it."""
    answers: tuple[str, ...] = ()
    """How the answers of its model differ from those of others (`api.job_json`)."""

    def progress(self, counters: JobCounters, now: float) -> float:
        """How far the job has come on its timeline: virtual seconds, or polls answered."""
        if self.timeline.by == "polls":
            return counters.answered + counters.skipped
        return now - self.made_at

    def status(self, counters: JobCounters, now: float) -> JobStatus:
        """The job's status at a virtual moment, for a poll that comes now."""
        return self.timeline.status_at(self.progress(counters, now))

    def rests_at(self, counters: JobCounters, now: float) -> float | None:
        """When it comes to rest, as far as is known at `now`; None where polls decide, or it never does."""
        timeline = self.timeline
        if timeline.last not in FINAL_STATUSES:
            return None
        if timeline.by == "time":
            return self.made_at + timeline.length
        return now if timeline.length <= counters.answered + counters.skipped else None

    def on_course(self, course: Course, counters: JobCounters, now: float) -> JobPlan:
        """The plan with another course from now on."""
        return self._replace(timeline=course(self.timeline, self.progress(counters, now)))

    def expiry(self, counters: JobCounters, now: float, lifetime: float) -> float:
        """When the URL of its video stops working, as far as is known at `now`.

        It counts from when the job was completed: `now`, the moment it is told, where progress is by polls.
        """
        if counters.expires_at is not None:
            return counters.expires_at
        if self.timeline.by == "polls":
            return now + lifetime
        return self.made_at + self.timeline.start_of("completed") + lifetime

    @property
    def charge(self) -> Charge:
        """What this job would have cost."""
        return Charge(self.id, self.model, self.credits, billed=self.timeline.last == "completed")


class Job(NamedTuple):
    """A plan with its counters as they are at one moment."""

    plan: JobPlan
    counters: JobCounters

    def status(self, now: float) -> JobStatus:
        """The job's status at a virtual moment."""
        return self.plan.status(self.counters, now)

    def finished(self, now: float) -> bool:
        """Whether the job shows completed or error."""
        return self.status(now) in FINAL_STATUSES

    def as_dict(self, now: float) -> dict[str, Any]:
        """The job as the control API shows it."""
        plan, timeline = self.plan, self.plan.timeline
        steps = [[status, span if span < math.inf else None] for status, span in timeline.steps]
        return {
            "id": plan.id,
            "model": plan.model,
            "status": self.status(now),
            "scenario": plan.scenario.name,
            "made_at": plan.made_at,
            "age": now - plan.made_at,
            "polls": self.counters.polls,
            "progress": plan.progress(self.counters, now),
            "clip": plan.clip,
            "credits": plan.credits,
            "plan": [*steps, [timeline.last, None]],
            "by": timeline.by,
        }
