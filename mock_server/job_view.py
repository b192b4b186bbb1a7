"""A job as a test looks at it: every attribute is as of now."""

from __future__ import annotations

from typing import Any

from .jobs.charges import Charge
from .jobs.plan import Job
from .store import at_once
from .workspace import Workspace

__all__ = ["JobView"]


class JobView:
    """One job of a running server; a job that made room for others stays as it was last seen."""

    def __init__(self, job: Job, space: Workspace) -> None:
        self._last = job
        self._space = space
        self._resets = space.store.resets

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.model} {self.status}>"

    @property
    def _job(self) -> Job:
        found = at_once(self._space.store.find_job(self.id))
        # An id may come back: for another job, after a reset or with another seed.
        same = self._space.store.resets == self._resets
        if found is not None and same and found.plan.made_at == self._last.plan.made_at:
            self._last = found
        return self._last

    @property
    def _now(self) -> float:
        return self._space.clock.now()

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
        return self._job.status(self._now)

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
        return self._now - self._last.plan.made_at

    @property
    def charge(self) -> Charge:
        """What it would have cost."""
        return self._job.plan.charge

    def as_dict(self) -> dict[str, Any]:
        """The job as the control API shows it."""
        return self._job.as_dict(self._now)

    def complete(self) -> None:
        """Complete it now, whatever its scenario says. Raises `JobError` where it has ended already."""
        self._space.direct(self.id, "complete")

    def fail(self) -> None:
        """Let it end in an error now."""
        self._space.direct(self.id, "fail")

    def hold(self) -> None:
        """Let it stand where it is until it is released, completed or failed."""
        self._space.direct(self.id, "hold")

    def release(self) -> None:
        """Let it go on where it was held."""
        self._space.direct(self.id, "release")
