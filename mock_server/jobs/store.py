"""The jobs that were made: one id space, bounded memory, and what each would have cost."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..catalog import Variant
from ..clock import Clock
from ..scenarios import Scenario
from .timeline import FINAL_STATUSES, JobStatus, Timeline

__all__ = ["CREDITS_PER_USD", "Charge", "Job", "JobStore", "JobView"]

MOST_ASKED = 100
"""How many texts that polls of one job ask by have their counts kept."""
CREDITS_PER_USD = 2_000_000


@dataclass(frozen=True, slots=True)
class Charge:
    """What one job would have cost; `credits` and `usd` are None where no price is documented."""

    job_id: str
    model: str
    credits: int | None
    billed: bool
    """Whether the provider would keep the money: a job that ends in an error costs nothing."""

    def as_dict(self) -> dict[str, Any]:
        """The charge as the control API shows it."""
        return {
            "job": self.job_id,
            "model": self.model,
            "credits": self.credits,
            "usd": self.usd,
            "billed": self.billed,
        }

    @property
    def usd(self) -> float | None:
        """The price in US dollars: 2,000,000 credits are one."""
        return None if self.credits is None else self.credits / CREDITS_PER_USD


@dataclass(slots=True, eq=False)
class Job:
    """One generation: what was asked, when, and the plan that decides every answer about it."""

    id: str
    variant: Variant
    scenario: Scenario
    timeline: Timeline
    made_at: float
    """Virtual seconds since the epoch."""
    credits: int | None
    clip: str
    """The name of the clip that its video is."""
    image_url: str = ""
    polls: int = 0
    """Polls that came."""
    answered: int = 0
    """Polls that were told the status; only they move a timeline that goes by polls."""
    skipped: float = 0.0
    """Polls that `advance(until=…)` went past, where progress is by polls."""
    hits: dict[int, int] | None = None
    """How often each fault of the scenario has been met, by its index."""
    asked_hits: dict[str, dict[int, int]] | None = None
    """The same for scenarios that polls asked for in a header."""
    expires_at: float | None = None
    """The virtual moment at which its video's URL stops working; None until somebody was told the URL."""
    encoded: tuple[str, bytes, bool, bytes] | None = field(default=None, repr=False)
    """The last plain answer, (status, host, secure, body), so that a poll need not build it again."""

    def progress(self, now: float) -> float:
        """How far the job has come on its timeline: virtual seconds, or polls answered."""
        if self.timeline.by == "polls":
            return self.answered + self.skipped
        return now - self.made_at

    def status(self, now: float) -> JobStatus:
        """The job's status at a virtual moment, for a poll that comes now."""
        return self.timeline.status_at(self.progress(now))

    def finished(self, now: float) -> bool:
        """Whether the job has come to rest in completed or error."""
        return self.status(now) in FINAL_STATUSES

    def set_expiry(self, now: float, lifetime: float) -> None:
        """Fix when the URL of its video stops working, once: what its first teller says holds.

        It counts from when the job was completed: `now`, the moment it is told, where progress is by polls.
        """
        if self.expires_at is None:
            self.expires_at = self.expiry(now, lifetime)

    def expiry(self, now: float, lifetime: float) -> float:
        """When the URL of its video stops working, as far as is known at `now`."""
        if self.expires_at is not None:
            return self.expires_at
        if self.timeline.by == "polls":
            return now + lifetime
        return self.made_at + self.timeline.start_of("completed") + lifetime

    def hits_of(self, scenario: str | None) -> dict[int, int]:
        """The count of faults met, of the job's own scenario or of one that a poll asked for."""
        if scenario is None:
            if self.hits is None:
                self.hits = {}
            return self.hits
        if self.asked_hits is None or len(self.asked_hits) > MOST_ASKED:
            self.asked_hits = {}
        return self.asked_hits.setdefault(scenario, {})

    @property
    def charge(self) -> Charge:
        """What this job would have cost."""
        return Charge(self.id, self.variant.model, self.credits, billed=self.scenario.ends == "completed")

    def as_dict(self, now: float) -> dict[str, Any]:
        """The job as the control API shows it."""
        return {
            "id": self.id,
            "model": self.variant.model,
            "status": self.status(now),
            "scenario": self.scenario.name,
            "made_at": self.made_at,
            "age": now - self.made_at,
            "polls": self.polls,
            "progress": self.progress(now),
            "clip": self.clip,
            "credits": self.credits,
            "timeline": [[status, _finite(span)] for status, span in self.timeline.steps]
            + [[self.timeline.last, None]],
            "by": self.timeline.by,
        }


class JobView:
    """A job as a test looks at it: every attribute is as of now."""

    def __init__(self, job: Job, clock: Clock) -> None:
        self._job = job
        self._clock = clock

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.model} {self.status}>"

    @property
    def id(self) -> str:
        """The generation id."""
        return self._job.id

    @property
    def model(self) -> str:
        """The variant's model id."""
        return self._job.variant.model

    @property
    def status(self) -> str:
        """queued, generating, completed or error."""
        return self._job.status(self._clock.now())

    @property
    def scenario(self) -> str:
        """The name of the scenario that it follows."""
        return self._job.scenario.name

    @property
    def polls(self) -> int:
        """How many polls asked for it."""
        return self._job.polls

    @property
    def age(self) -> float:
        """Virtual seconds since it was made."""
        return self._clock.now() - self._job.made_at

    @property
    def charge(self) -> Charge:
        """What it would have cost."""
        return self._job.charge

    def as_dict(self) -> dict[str, Any]:
        """The job as the control API shows it."""
        return self._job.as_dict(self._clock.now())


class JobStore:
    """Jobs by id, at most `limit` of them: a new one pushes out the oldest that has finished."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.made = 0
        self.dropped = 0
        # Not a plain dictionary: one that only ever loses its first entry searches ever longer for it.
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self.past_charges: deque[Charge] = deque()
        """What the jobs cost that made room for others; as many as there may be jobs."""

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._jobs.values()))

    def get(self, job_id: str) -> Job | None:
        """The job of this id, or None."""
        return self._jobs.get(job_id)

    def room(self, now: float) -> bool:
        """Make room for one more by dropping the oldest finished job; False where none has finished."""
        if len(self._jobs) < self.limit:
            return True
        for job in self._jobs.values():
            if job.finished(now):
                del self._jobs[job.id]
                self.dropped += 1
                self.past_charges.append(job.charge)
                if len(self.past_charges) > self.limit:
                    self.past_charges.popleft()
                return True
        return False

    def add(self, job: Job) -> None:
        """Keep a job."""
        self._jobs[job.id] = job
        self.made += 1

    def clear(self) -> None:
        """Forget all jobs."""
        self._jobs.clear()
        self.past_charges.clear()
        self.made = self.dropped = 0


def _finite(span: float) -> float | None:
    return span if span < float("inf") else None
