"""The moment at which jobs come to a status: what `advance(until=…)` moves the clock to."""

from __future__ import annotations

import math

from .clock import LATEST
from .errors import ClockError
from .jobs.plan import Job
from .store import Store, at_once
from .timeline import FINAL_STATUSES, FINISHED, STATUSES

__all__ = ["moment_of"]


def moment_of(
    store: Store, now: float, status: str, job_id: str | None, video_lifetime: float
) -> tuple[float, list[str]]:
    """The virtual moment at which one job, or the last of all unfinished ones, next shows a status.

    A job that shows it right now need not wait; `finished` is completed or error, whichever comes.
    Jobs that go by polls are moved there at once: their ids are the second part. Raises `ClockError` where it
    never comes.
    """
    wanted = FINAL_STATUSES if status == FINISHED else [one for one in STATUSES if one == status]
    if not wanted:
        known = ", ".join((*STATUSES, FINISHED))
        raise ClockError(f"until: expected one of {known}, received {status!r}.")
    moment = now
    behind: list[tuple[str, float]] = []
    for job in _waited_for(store, job_id, now):
        plan = job.plan
        progress = plan.progress(job.counters, now)
        start = min(plan.timeline.start_of(one, progress) for one in wanted)
        if math.isinf(start):
            raise ClockError(_never(job, status))
        if plan.timeline.by == "polls":
            behind.append((plan.id, start - progress))
        else:
            moment = max(moment, plan.made_at + start)
    if moment > LATEST:
        raise ClockError(f"The clock ends with the year 9999, before the jobs show {status!r}.")
    # Only now, when none of them stands in the way: either all jobs move or none does.
    if behind:
        at_once(store.skip_polls(behind, moment, video_lifetime))
    return moment, [moved for moved, _ in behind]


def _waited_for(store: Store, job_id: str | None, now: float) -> list[Job]:
    if job_id is None:
        return [job for job in at_once(store.jobs()) if not job.finished(now)]
    job = at_once(store.find_job(job_id))
    if job is None:
        raise ClockError(f"There is no job {job_id!r} to wait for.")
    return [job]


def _never(job: Job, status: str) -> str:
    steps = [*(name for name, _ in job.plan.timeline.steps), job.plan.timeline.last]
    return (
        f"The job {job.plan.id} ({job.plan.scenario.name}) never shows {status!r} from now on; "
        f"its plan is {' → '.join(steps)}."
    )
