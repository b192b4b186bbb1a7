"""What a store promises: a dozen verbs, each of them atomic."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeVar

from ..jobs.charges import Charge, ChargeTotals
from ..jobs.plan import Job, JobPlan
from ..scenarios import Fault, Scenario
from ..scenarios.fault import Place
from ..scenarios.selection import Ask, CreateFaults
from ..timeline import JobStatus

__all__ = ["AddResult", "ChosenScenarios", "Store", "StoreCounts", "Suspended", "Told", "at_once"]

T = TypeVar("T")


class AddResult(Enum):
    """How an attempt to keep a new job ended."""

    ADDED = "added"
    TAKEN = "taken"
    """Another job has its id: try the next number."""
    FULL = "full"
    """The store is full of unfinished jobs."""
    OUTDATED = "outdated"
    """All was forgotten since the request for it began."""


class Told(NamedTuple):
    """What a poll is told of a job: its status, and when its video expires, None where nobody knows yet."""

    status: JobStatus
    expires_at: float | None


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

    Every verb is atomic: of two that come at once, one sees all that the other did. The plan of a job never
    changes; its counters change in the store alone. A store in memory never suspends, so that `at_once` can
    run a verb; others may.
    """

    limit: int
    """How many jobs are kept at most."""
    resets: int
    """How often all was forgotten: what began before that is of no interest after it."""

    async def take_scenario(self, ask: Ask, elapsed: float, *, redirected: bool) -> CreateFaults:
        """Choose the scenario of one create and count the faults that strike it."""
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

    async def next_number(self) -> int:
        """The number of the next id, counted from 1; none is given twice."""
        ...

    async def add_job(self, plan: JobPlan, resets: int | None = None) -> AddResult:
        """Keep a job; the one that finished first goes where the store is full.

        `resets` is how often all had been forgotten when the request for it began.
        """
        ...

    async def find_job(self, job_id: str) -> Job | None:
        """The job of this id, as it is."""
        ...

    async def count_poll(self, job_id: str) -> JobPlan | None:
        """Count a poll that came for this job, and give its plan."""
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

    async def jobs(self, last: int | None = None, before: str | None = None) -> list[Job]:
        """The jobs that are kept, oldest first; the `last` ones, those `before` one, where that is given."""
        ...

    async def charges(self, last: int | None = None, before: str | None = None) -> list[Charge]:
        """A charge per job, also of jobs that made room, as many as there may be jobs; parts as of jobs."""
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
