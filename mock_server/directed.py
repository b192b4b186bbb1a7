"""What is done to one job by hand: it is completed, failed, held where it stands, or let go on."""

from __future__ import annotations

from .errors import JobError
from .jobs.course import COURSES
from .jobs.plan import Job
from .store import Store, at_once

__all__ = ["directed"]


def directed(store: Store, job_id: str, word: str, now: float) -> Job:
    """Give a job another course by a word of `COURSES`, and say how it is then."""
    course = COURSES.get(word)
    if course is None:
        raise JobError(f"action: expected one of {', '.join(COURSES)}, received {word[:100]!r}.")
    before = at_once(store.find_job(job_id))
    if before is None:
        raise JobError(f"There is no job {job_id!r}.")
    if before.finished(now):
        raise JobError(f"The job {job_id!r} has come to its end: it shows {before.status(now)!r}.")
    job = at_once(store.change_course(job_id, course, now))
    return before if job is None else job
