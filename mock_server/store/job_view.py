"""A job as a test looks at it: every attribute is as of now."""

from __future__ import annotations

from typing import Any

from ..clock import Clock
from ..jobs.charges import Charge
from ..jobs.plan import Job
from .base import Store, at_once

__all__ = ["JobView"]


class JobView:
    """One job of a running server; a job that made room for others stays as it was last seen."""

    def __init__(self, job: Job, store: Store, clock: Clock) -> None:
        self._last = job
        self._store = store
        self._clock = clock

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.model} {self.status}>"

    @property
    def _job(self) -> Job:
        found = at_once(self._store.find_job(self.id))
        if found is not None and found.plan is self._last.plan:
            self._last = found
        return self._last

    @property
    def id(self) -> str:
        """The generation id."""
        return self._last.plan.id

    @property
    def model(self) -> str:
        """The variant's model id."""
        return self._last.plan.model

    @property
    def status(self) -> str:
        """queued, generating, completed or error."""
        return self._job.status(self._clock.now())

    @property
    def scenario(self) -> str:
        """The name of the scenario that it follows."""
        return self._last.plan.scenario.name

    @property
    def polls(self) -> int:
        """How many polls asked for it."""
        return self._job.counters.polls

    @property
    def age(self) -> float:
        """Virtual seconds since it was made."""
        return self._clock.now() - self._last.plan.made_at

    @property
    def charge(self) -> Charge:
        """What it would have cost."""
        return self._last.plan.charge

    def as_dict(self) -> dict[str, Any]:
        """The job as the control API shows it."""
        return self._job.as_dict(self._clock.now())
