"""What a store promises: a dozen verbs, each of them atomic."""

from __future__ import annotations

import math
from collections.abc import Coroutine, Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeVar

from ..jobs.charges import Charge, ChargeTotals, Completion
from ..jobs.course import Course
from ..jobs.plan import Job, JobPlan
from ..scenarios import Fault, Scenario
from ..scenarios.fault import Place
from ..scenarios.selection import Ask, CreateFaults
from ..timeline import JobStatus

__all__ = [
    "UNBOUNDED",
    "AddResult",
    "ChosenScenarios",
    "JobBounds",
    "Store",
    "StoreCounts",
    "Suspended",
    "TakenPoll",
    "Told",
    "at_once",
]

T = TypeVar("T")


class AddResult(Enum):
    """How an attempt to keep a new job ended."""

    ADDED = "added"
    TAKEN = "taken"
    """Another job has its id: try the next number."""
    FULL = "full"
    """The store is full of unfinished jobs."""
    BUSY = "busy"
    """As many jobs are unfinished as may be at once."""
    DRY = "dry"
    """The account does not cover its price."""
    OUTDATED = "outdated"
    """All was forgotten since the request for it began."""


class JobBounds(NamedTuple):
    """What a new job has to fit within, beside the limit of the store."""

    unfinished: float = math.inf
    """How many jobs there may be at once that have not come to rest."""
    credits: float = math.inf
    """What all jobs together may cost."""

    def covers(self, spent: int, price: int | None) -> bool:
        """Whether one more job fits; one without a price does as long as anything is left."""
        return spent < self.credits and spent + (price or 0) <= self.credits


UNBOUNDED = JobBounds()


class Told(NamedTuple):
    """What a poll is told of a job: its status, and when its video expires, None where nobody knows yet."""

    status: JobStatus
    expires_at: float | None


TakenPoll = tuple[JobPlan, Told | None]
"""The plan of the job that a poll is for; what it is told, where that is known."""


class StoreCounts(NamedTuple):
    """How many jobs a store holds, has been given, and has dropped to make room."""

    kept: int
    made: int
    dropped: int


class ChosenScenarios(NamedTuple):
    """The scenario of a create that asks for none, and those of the next creates, first one first."""

    default: Scenario
    queue: list[Scenario]
    begun: bool = False
    """Whether a create has met the first one of the queue already."""


class Store(Protocol):
    """The jobs of one workspace with all that is counted of them, and its choice of scenarios.

    Every verb is atomic: of two that come at once, one sees all that the other did. The plan of a job
    changes by `change_course` alone, its counters in the store alone. A store in memory never suspends,
    so that `at_once` can run a verb; others may.
    """

    limit: int
    """How many jobs are kept at most."""
    resets: int
    """How often all was forgotten: what began before that is of no interest after it."""

    async def take_scenario(self, ask: Ask, elapsed: float, now: float, *, redirected: bool) -> CreateFaults:
        """Choose the scenario of one create, which comes `now`, and count the faults that strike it."""
        ...

    async def scenarios(self) -> ChosenScenarios:
        """The default scenario and the queue."""
        ...

    async def use_scenario(self, scenario: Scenario) -> None:
        """Make it the default from now on."""
        ...

    async def queue_scenario(self, scenario: Scenario) -> None:
        """Put it in the queue of the next creates."""
        ...

    async def begin_with(self, default: Scenario, *, said: bool, renamed: bool) -> None:
        """Have another default at the start, and now where it was `said` or nothing else was chosen since.

        `renamed` says that names mean other scenarios now: what is counted by name begins anew.
        """
        ...

    async def restart_numbers(self) -> None:
        """Count ids from 1 again, for a seed that was set anew."""
        ...

    async def has_room(self, now: float) -> bool:
        """Whether one more job can be kept, be it in the place of one that has come to rest."""
        ...

    async def unfinished(self, now: float) -> int:
        """How many jobs have not come to rest."""
        ...

    async def next_number(self) -> int:
        """The number of the next id, counted from 1; none is given twice."""
        ...

    async def add_job(
        self, plan: JobPlan, resets: int | None = None, bounds: JobBounds = UNBOUNDED
    ) -> AddResult:
        """Keep a job within these bounds; the one that finished first goes where the store is full.

        `resets` is how often all had been forgotten when the request for it began.
        """
        ...

    async def find_job(self, job_id: str) -> Job | None:
        """The job of this id, as it is."""
        ...

    async def take_poll(self, job_id: str, now: float, lifetime: float, *, plain: bool) -> TakenPoll | None:
        """Count a poll that came for this job, and give its plan; None where there is no such job.

        A `plain` one, to a job whose scenario has no faults, is told at once, as `tell_status` does it.
        """
        ...

    async def tell_status(self, job_id: str, now: float, lifetime: float) -> Told:
        """Move a job by one poll, and fix when its video expires where this poll is told of it first."""
        ...

    async def tell_created(self, job_id: str, now: float, lifetime: float) -> float:
        """Fix when the video of a job expires whose create is told of it, and give that moment."""
        ...

    async def strike(
        self, job_id: str, asked: str | None, scenario: Scenario, place: Place, elapsed: float, *, count: bool
    ) -> list[Fault]:
        """The faults that strike a poll or a download; counted per job and `asked` text if `count` is set."""
        ...

    async def skip_polls(self, polls: Sequence[tuple[str, float]], now: float, lifetime: float) -> None:
        """Move jobs by so many polls each, without a poll: all of them or none."""
        ...

    async def change_course(self, job_id: str, course: Course, now: float) -> Job | None:
        """Give a job another course, unless it has come to its end, and say how it is then."""
        ...

    async def jobs(self, last: int | None = None, before: str | None = None) -> list[Job]:
        """The jobs that are kept, oldest first; the `last` ones, those `before` one, where that is given."""
        ...

    async def charges(self, last: int | None = None, before: str | None = None) -> list[Charge]:
        """A charge per job, also of jobs that made room, as many as there may be jobs; parts as of jobs."""
        ...

    async def completed(
        self, before: tuple[float, int], since: float = -math.inf, last: int | None = None
    ) -> list[Completion]:
        """The charges of jobs that completed before a place in line and not before `since`, newest first.

        Only of those that cost something; of jobs that made room as many as `charges` has.
        """
        ...

    async def spent(self, until: float) -> int:
        """The credits that jobs have cost which completed by a moment, those that made room included."""
        ...

    async def totals(self) -> ChargeTotals:
        """The sums of all charges since the start or the last reset."""
        ...

    async def counts(self) -> StoreCounts:
        """How many jobs there are and were."""
        ...

    async def reset(self) -> None:
        """Forget all jobs, counts and queued scenarios."""
        ...


class Suspended(RuntimeError):
    """A coroutine that was to run at once has to wait for something."""


def at_once(verb: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, such as a verb of a store in memory, from any thread."""
    try:
        verb.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    verb.close()
    raise Suspended("This store answers in its event loop only.")
