"""The store in this process's memory: bounded, and gone when the process ends."""

from __future__ import annotations

import math
from _thread import allocate_lock
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from functools import partial
from heapq import heappop, heappush
from itertools import chain, islice, takewhile

from ..jobs.charges import Charge, ChargeTotals, Completion, spent_before
from ..jobs.course import Course
from ..jobs.plan import Job, JobCounters, JobPlan
from ..scenarios import Fault, Scenario
from ..scenarios.fault import Place
from ..scenarios.selection import Ask, CreateFaults, ScenarioSelector
from ..scenarios.strike import Hits, strike
from ..timeline import FINAL_STATUSES
from .base import UNBOUNDED, AddResult, ChosenScenarios, JobBounds, StoreCounts, TakenPoll, Told

__all__ = ["MOST_ASKED", "MemoryStore"]

MOST_ASKED = 100
"""How many texts that polls of one job ask by have their counts kept; the oldest one goes."""


class _Entry:
    """A job in this store: its plan, and counters that only the store's verbs change."""

    __slots__ = (
        "answered",
        "asked_hits",
        "by_polls",
        "expires_at",
        "hits",
        "place",
        "plan",
        "polls",
        "skipped",
    )

    def __init__(self, plan: JobPlan) -> None:
        self.plan = plan
        self.by_polls = plan.timeline.by == "polls"
        self.place = 0
        """In the line of those that rest."""
        self.polls = 0
        self.answered = 0
        self.skipped = 0.0
        self.expires_at: float | None = None
        self.hits: Hits | None = None
        self.asked_hits: dict[str, Hits] | None = None

    def counters(self) -> JobCounters:
        return JobCounters(self.polls, self.answered, self.skipped, self.expires_at)

    def hits_of(self, asked: str | None) -> Hits:
        """The count of faults met, of the job's own scenario or of one that was asked for."""
        if asked is None:
            if self.hits is None:
                self.hits = {}
            return self.hits
        if self.asked_hits is None:
            self.asked_hits = {}
        hits = self.asked_hits.get(asked)
        if hits is None:
            if len(self.asked_hits) >= MOST_ASKED:
                del self.asked_hits[next(iter(self.asked_hits))]
            hits = self.asked_hits[asked] = {}
        return hits


_Rest = tuple[float, int, str]
"""The virtual moment at which a job comes to rest, its place in line among those of this moment, its id."""


class MemoryStore:
    """Jobs by id, at most `limit` of them: a new one pushes out the one that finished first."""

    def __init__(self, limit: int, default: Scenario) -> None:
        self.limit = limit
        self._selector = ScenarioSelector(default)
        self.resets = 0
        # A test resets from a thread of its own. A plain lock: those of `threading` may go by virtual time.
        self._lock = allocate_lock()
        self._clear()

    def _clear(self) -> None:
        self._number = 0
        self._made = 0
        self._dropped = 0
        # Not a plain dictionary: one that only ever loses its first entry searches ever longer for it.
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._resting: list[_Rest] = []
        """A heap of the jobs that are to come to rest at a moment which is known."""
        self._rested: deque[_Rest] = deque()
        """Those that have, in this order, as far as somebody has asked."""
        self._places = 0
        self._past: deque[Completion] = deque()
        """The charges of jobs that made room, with when they came to rest, and their places in line."""
        self._billed = self._priced = self._credits = self._spent = 0

    async def take_scenario(self, ask: Ask, elapsed: float, now: float, *, redirected: bool) -> CreateFaults:
        """Choose the scenario of one create and count the faults that strike it."""
        return self._selector.take(ask, elapsed, partial(self._unfinished, now), redirected=redirected)

    async def scenarios(self) -> ChosenScenarios:
        """The default scenario and the queue."""
        return ChosenScenarios(self._selector.default, self._selector.queue, self._selector.begun)

    async def use_scenario(self, scenario: Scenario) -> None:
        """Make it the default from now on."""
        self._selector.use(scenario)

    async def queue_scenario(self, scenario: Scenario) -> None:
        """Put it in the queue of the next creates."""
        self._selector.next(scenario)

    async def begin_with(self, default: Scenario, *, said: bool, renamed: bool) -> None:
        """Have another default at the start, and now where it was `said` or nothing else was chosen since."""
        self._selector.begin_with(default, said=said)
        if renamed:
            self._selector.forget_counts()

    async def restart_numbers(self) -> None:
        """Count ids from 1 again, for a seed that was set anew."""
        self._number = 0

    async def has_room(self, now: float) -> bool:
        """Whether one more job can be kept, be it in the place of one that has come to rest."""
        if len(self._entries) < self.limit:
            return True
        rested = self._settled(now)
        return bool(rested) and rested[0][0] <= now

    async def unfinished(self, now: float) -> int:
        """How many jobs have not come to rest."""
        return self._unfinished(now)

    async def next_number(self) -> int:
        """The number of the next id, counted from 1."""
        self._number += 1
        return self._number

    async def add_job(
        self, plan: JobPlan, resets: int | None = None, bounds: JobBounds = UNBOUNDED
    ) -> AddResult:
        """Keep a job; the one that finished first goes where the store is full."""
        with self._lock:
            if resets is not None and resets != self.resets:
                return AddResult.OUTDATED
            return self._add(plan, bounds)

    def _add(self, plan: JobPlan, bounds: JobBounds) -> AddResult:
        entries = self._entries
        if plan.id in entries:
            return AddResult.TAKEN
        if bounds is not UNBOUNDED:
            if self._unfinished(plan.made_at) >= bounds.unfinished:
                return AddResult.BUSY
            if not bounds.covers(self._credits, plan.credits):
                return AddResult.DRY
        while len(entries) >= self.limit:
            if not self._drop_one(plan.made_at):
                return AddResult.FULL
        entries[plan.id] = _Entry(plan)
        self._made += 1
        self._charge(plan)
        timeline = plan.timeline
        if timeline.last in FINAL_STATUSES and (timeline.by == "time" or timeline.length <= 0):
            self._line_up(plan, plan.made_at + timeline.length)
        return AddResult.ADDED

    def _line_up(self, plan: JobPlan, moment: float) -> None:
        """Let a job go when its turn comes, which it does from the moment on at which it rests."""
        self._places += 1
        self._entries[plan.id].place = self._places
        heappush(self._resting, (moment, self._places, plan.id))

    def _settled(self, now: float) -> deque[_Rest]:
        """The jobs that have come to rest by now, and perhaps some that did so later."""
        resting, rested = self._resting, self._rested
        while resting and resting[0][0] <= now:
            rest = heappop(resting)
            entry = self._entries.get(rest[2])
            if entry is None or entry.place != rest[1]:
                # It was given another course since.
                continue
            rested.append(rest)
            plan = entry.plan
            if plan.credits is not None and plan.timeline.last == "completed":
                self._spent += plan.credits
        return rested

    def _unfinished(self, now: float) -> int:
        rested = self._settled(now)
        later = sum(1 for _ in takewhile(lambda rest: rest[0] > now, reversed(rested)))
        return len(self._entries) - len(rested) + later

    def _drop_one(self, now: float) -> bool:
        """Drop the job that came to rest first; False where none rests yet."""
        rested = self._settled(now)
        if not rested or rested[0][0] > now:
            return False
        moment, place, job_id = rested.popleft()
        entry = self._entries.pop(job_id)
        self._dropped += 1
        self._past.append(Completion(moment, place, entry.plan.charge))
        while len(self._past) > self.limit:
            self._past.popleft()
        return True

    def _charge(self, plan: JobPlan, times: int = 1) -> None:
        if plan.timeline.last == "completed":
            self._billed += times
            if plan.credits is not None:
                self._priced += times
                self._credits += plan.credits * times

    async def find_job(self, job_id: str) -> Job | None:
        """The job of this id, as it is."""
        entry = self._entries.get(job_id)
        return None if entry is None else Job(entry.plan, entry.counters())

    async def take_poll(self, job_id: str, now: float, lifetime: float, *, plain: bool) -> TakenPoll | None:
        """Count a poll that came for this job, and give its plan; tell a plain one where the job stands."""
        entry = self._entries.get(job_id)
        if entry is None:
            return None
        entry.polls += 1
        told = self._tell(entry, now, lifetime) if plain and not entry.plan.scenario.faults else None
        return entry.plan, told

    async def tell_status(self, job_id: str, now: float, lifetime: float) -> Told:
        """Move a job by one poll, and fix when its video expires where this poll is told of it first."""
        return self._tell(self._entries[job_id], now, lifetime)

    def _tell(self, entry: _Entry, now: float, lifetime: float) -> Told:
        plan = entry.plan
        progress = entry.answered + entry.skipped if entry.by_polls else now - plan.made_at
        status = plan.timeline.status_at(progress)
        if status == "completed" and entry.expires_at is None:
            entry.expires_at = plan.expiry(entry.counters(), now, lifetime)
        entry.answered += 1
        if entry.by_polls:
            self._note_rest(entry, progress, now)
        # What the class itself does, without a call in between.
        return tuple.__new__(Told, (status, entry.expires_at))

    async def tell_created(self, job_id: str, now: float, lifetime: float) -> float:
        """Fix when the video of a job expires whose create is told of it, and give that moment."""
        entry = self._entries[job_id]
        if entry.expires_at is None:
            entry.expires_at = entry.plan.expiry(entry.counters(), now, lifetime)
        return entry.expires_at

    def _note_rest(self, entry: _Entry, before: float, now: float) -> None:
        """Remember a job that came to rest with its last polls, `before` which it had come so far."""
        timeline = entry.plan.timeline
        rests = entry.by_polls and timeline.last in FINAL_STATUSES
        if rests and before < timeline.length <= entry.answered + entry.skipped:
            self._line_up(entry.plan, now)

    async def strike(
        self, job_id: str, asked: str | None, scenario: Scenario, place: Place, elapsed: float, *, count: bool
    ) -> list[Fault]:
        """The faults that strike a poll or a download; counted per job and `asked` text if `count` is set."""
        hits = self._entries[job_id].hits_of(asked)
        return strike(scenario, place, hits if count else dict(hits), elapsed)

    async def skip_polls(self, polls: Sequence[tuple[str, float]], now: float, lifetime: float) -> None:
        """Move jobs by so many polls each, without a poll: all of them or none."""
        entries = [(self._entries[job_id], number) for job_id, number in polls]
        for entry, number in entries:
            before = entry.answered + entry.skipped
            entry.skipped += max(0.0, number)
            self._note_rest(entry, before, now)
            counters = entry.counters()
            if entry.expires_at is None and entry.plan.status(counters, now) == "completed":
                entry.expires_at = entry.plan.expiry(counters, now, lifetime)

    async def change_course(self, job_id: str, course: Course, now: float) -> Job | None:
        """Give a job another course, unless it has come to its end, and say how it is then."""
        entry = self._entries.get(job_id)
        if entry is None:
            return None
        job = Job(entry.plan, entry.counters())
        if not job.finished(now):
            with self._lock:
                self._charge(entry.plan, -1)
                entry.place = 0
                entry.plan = job.plan.on_course(course, job.counters, now)
                self._charge(entry.plan)
                moment = entry.plan.rests_at(job.counters, now)
                if moment is not None:
                    self._line_up(entry.plan, moment)
        return Job(entry.plan, job.counters)

    async def jobs(self, last: int | None = None, before: str | None = None) -> list[Job]:
        """The jobs that are kept, oldest first; the `last` ones, those `before` one, where that is given."""
        if before is not None and before not in self._entries:
            return []
        ids = self._newest_first(before)
        entries = [self._entries[job_id] for job_id in islice(ids, last)][::-1]
        return [Job(entry.plan, entry.counters()) for entry in entries]

    async def charges(self, last: int | None = None, before: str | None = None) -> list[Charge]:
        """A charge per job, also of jobs that made room, as many as there may be jobs; parts as of jobs."""
        past = (rest.charge for rest in reversed(self._past))
        ids: Iterator[str]
        if before is None or before in self._entries:
            ids = self._newest_first(before)
        else:
            # One that made room: none of those that are kept is older.
            ids = iter(())
            while (charge := next(past, None)) is not None and charge.job_id != before:
                pass
        kept = (self._entries[job_id].plan.charge for job_id in ids)
        return list(islice(chain(kept, past), last))[::-1]

    def _newest_first(self, before: str | None) -> Iterator[str]:
        """The ids of the jobs that are kept, of those before one where that is given."""
        if before is None:
            return reversed(self._entries)
        # At the speed of C, past the links of an ordered dictionary: there may be a million.
        ids = list(dict.keys(self._entries))
        return islice(reversed(ids), len(ids) - ids.index(before), None)

    async def completed(
        self, before: tuple[float, int], since: float = -math.inf, last: int | None = None
    ) -> list[Completion]:
        """The charges of jobs that completed before a place in line and not before `since`, newest first."""
        return spent_before(before, self._completions(before[0]), since, last)

    async def spent(self, until: float) -> int:
        """The credits that jobs have cost which completed by a moment, those that made room included."""
        later = takewhile(lambda rest: rest.at > until, self._completions(until))
        too_much = sum(rest.charge.spent for rest in later)
        return self._spent - too_much

    def _completions(self, now: float) -> Iterator[Completion]:
        """The charges of jobs that have come to rest by now at least, those that made room last."""
        for moment, place, job_id in reversed(self._settled(now)):
            yield Completion(moment, place, self._entries[job_id].plan.charge)
        yield from reversed(self._past)

    async def totals(self) -> ChargeTotals:
        """The sums of all charges since the start or the last reset."""
        return ChargeTotals(self._made, self._billed, self._priced, self._credits)

    async def counts(self) -> StoreCounts:
        """How many jobs there are and were."""
        return StoreCounts(len(self._entries), self._made, self._dropped)

    async def reset(self) -> None:
        """Forget all jobs, counts and queued scenarios."""
        with self._lock:
            self.resets += 1
            self._clear()
        self._selector.reset()
