"""A workspace's jobs in records that several processes share and that outlive them."""

from __future__ import annotations

from collections.abc import Sequence

from ..jobs.charges import Completion
from ..jobs.course import Course
from ..jobs.plan import Job, JobPlan
from ..scenarios import Fault, Scenario
from ..scenarios.fault import Place
from ..scenarios.strike import Hits, strike
from ..timeline import FINAL_STATUSES
from .base import UNBOUNDED, AddResult, JobBounds, TakenPoll, Told
from .coding import (
    Progress,
    Sums,
    decode_plan,
    encode_completion,
    encode_plan,
)
from .memory import MOST_ASKED
from .records import Conflict, Ranked, Records, Transaction
from .shared_scenarios import SharedScenarios

__all__ = ["SharedStore"]

MOST_PLANS = 10_000
"""Plans that are kept read, until one of them is changed."""


class SharedStore(SharedScenarios):
    """The verbs of a store, each a transaction of its own; those of a request are one `together`."""

    def __init__(self, records: Records, limit: int, default: Scenario, name: str = "") -> None:
        super().__init__(records, default)
        self.name = name
        self.limit = limit
        self.resets = 0
        self._added: list[str] = []
        """Jobs that were added in the transaction under way."""

    def write(self, tx: Transaction) -> None:
        """Write what was changed of values that are read."""
        self._live.write(tx)

    def end(self) -> None:
        """Forget values that others may change from now on."""
        self._live.forget()
        self._added.clear()

    def forget(self) -> None:
        """Forget what was read: it may have been changed here, and was not kept."""
        self._choice = None
        self._live.forget()
        for job_id in self._added:
            # Another server may give this id to a job of its own.
            self._plans.pop(job_id, None)
        self._added.clear()

    async def restart_numbers(self) -> None:
        """Count ids from 1 again, for a seed that was set anew."""

        def restart(tx: Transaction) -> None:
            self._live.sums(tx).number = 0
            self._live.sums_changed()

        self.do(restart)

    async def has_room(self, now: float) -> bool:
        """Whether one more job can be kept, be it in the place of one that has come to rest."""

        def room(tx: Transaction) -> bool:
            if self._live.sums(tx).kept < self.limit:
                return True
            first = tx.first("resting", 1)
            return bool(first) and first[0].score <= now

        return self.do(room, writes=False)

    async def next_number(self) -> int:
        """The number of the next id, counted from 1."""

        def count(tx: Transaction) -> int:
            sums = self._live.sums(tx)
            sums.number += 1
            self._live.sums_changed()
            return sums.number

        return self.do(count)

    async def unfinished(self, now: float) -> int:
        """How many jobs have not come to rest."""
        return self.do(lambda tx: self._unfinished(tx, now), writes=False)

    async def add_job(
        self, plan: JobPlan, resets: int | None = None, bounds: JobBounds = UNBOUNDED
    ) -> AddResult:
        """Keep a job; the one that finished first goes where the store is full."""
        if resets is not None and resets != self.resets:
            return AddResult.OUTDATED
        return self.do(lambda tx: self._add(tx, plan, bounds))

    def _add(self, tx: Transaction, plan: JobPlan, bounds: JobBounds) -> AddResult:
        if not tx.absent(f"{plan.id}:p"):
            return AddResult.TAKEN
        sums = self._live.sums(tx)
        if bounds is not UNBOUNDED:
            if self._unfinished(tx, plan.made_at) >= bounds.unfinished:
                return AddResult.BUSY
            if not bounds.covers(sums.credits, plan.credits):
                return AddResult.DRY
        if sums.kept >= self.limit and not self._make_room(tx, sums, plan.made_at):
            return AddResult.FULL
        sums.add(plan)
        self._live.sums_changed()
        self._keep_plan(plan)
        self._added.append(plan.id)
        tx.set(f"{plan.id}:p", encode_plan(plan, sums.line))
        tx.rank("order", sums.line, _member(plan.id))
        timeline = plan.timeline
        if timeline.last in FINAL_STATUSES and (timeline.by == "time" or timeline.length <= 0):
            self._line_up(tx, sums, plan, plan.made_at + timeline.length)
        return AddResult.ADDED

    def _line_up(self, tx: Transaction, sums: Sums, plan: JobPlan, moment: float) -> None:
        """Let a job go when its turn comes: of those that rest at one moment the first one first."""
        sums.line += 1
        self._live.sums_changed()
        tx.rank("resting", moment, b"%016d %b" % (sums.line, _member(plan.id)))

    def _make_room(self, tx: Transaction, sums: Sums, now: float) -> bool:
        """Drop the jobs that came to rest first; False where too few of them rest yet."""
        need = sums.kept - self.limit + 1
        resting = [one for one in tx.first("resting", need) if one.score <= now]
        if len(resting) < need:
            return False
        for one in resting:
            sums.kept -= 1
            sums.dropped += 1
            sums.spent += self._drop(tx, one, sums.dropped)
        for old in tx.first("past", need):
            if sums.dropped - old.score >= self.limit:
                tx.unrank("past", *old)
        return True

    def _drop(self, tx: Transaction, resting: Ranked, number: int) -> int:
        """Drop a job, the `number`th one, and give what it cost."""
        place, _, member = resting.member.partition(b" ")
        job_id = member.decode("utf-8", "surrogatepass")
        text = tx.get(f"{job_id}:p")
        if text is None:
            raise Conflict
        plan, line = decode_plan(text)
        for name in (f"{job_id}:c", f"{job_id}:p"):
            tx.set(name, None)
        self._live.drop(job_id)
        tx.unrank("resting", *resting)
        tx.unrank("order", line, member)
        tx.rank("past", number, encode_completion(Completion(resting.score, int(place), plan.charge)))
        self._plans.pop(job_id, None)
        return plan.charge.spent

    def _plan(self, tx: Transaction, job_id: str) -> JobPlan | None:
        plan = self._plans.get(job_id)
        if plan is None:
            text = tx.get(f"{job_id}:p")
            if text is None:
                return None
            plan = decode_plan(text)[0]
            self._keep_plan(plan)
        return plan

    def _keep_plan(self, plan: JobPlan) -> None:
        if len(self._plans) >= MOST_PLANS:
            self._plans.clear()
        self._plans[plan.id] = plan

    def _job(self, tx: Transaction, job_id: str) -> tuple[JobPlan, Progress] | None:
        progress = self._live.progress(tx, job_id)
        plan = self._plan(tx, job_id) if progress is not None else None
        if plan is None or progress is None:
            self._plans.pop(job_id, None)
            return None
        return plan, progress

    def _known(self, tx: Transaction, job_id: str) -> tuple[JobPlan, Progress]:
        found = self._job(tx, job_id)
        if found is None:
            raise KeyError(job_id)
        return found

    async def find_job(self, job_id: str) -> Job | None:
        """The job of this id, as it is."""
        found = self.do(lambda tx: self._job(tx, job_id), writes=False)
        return None if found is None else Job(found[0], found[1].counters())

    async def take_poll(self, job_id: str, now: float, lifetime: float, *, plain: bool) -> TakenPoll | None:
        """Count a poll that came for this job, and give its plan; tell a plain one where the job stands."""

        def take(tx: Transaction) -> TakenPoll | None:
            found = self._job(tx, job_id)
            if found is None:
                return None
            plan, progress = found
            progress.polls += 1
            self._live.progress_changed(job_id, progress)
            told = (
                self._tell(tx, plan, progress, now, lifetime) if plain and not plan.scenario.faults else None
            )
            return plan, told

        return self.do(take)

    async def tell_status(self, job_id: str, now: float, lifetime: float) -> Told:
        """Move a job by one poll, and fix when its video expires where this poll is told of it first."""

        def tell(tx: Transaction) -> Told:
            plan, progress = self._known(tx, job_id)
            self._live.progress_changed(job_id, progress)
            return self._tell(tx, plan, progress, now, lifetime)

        return self.do(tell)

    def _tell(self, tx: Transaction, plan: JobPlan, progress: Progress, now: float, lifetime: float) -> Told:
        moment = progress.at = max(now, progress.at)
        come = plan.progress(progress.counters(), moment)
        status = plan.timeline.status_at(come)
        if status == "completed" and progress.expires_at is None:
            progress.expires_at = plan.expiry(progress.counters(), moment, lifetime)
        progress.answered += 1
        if plan.timeline.by == "polls":
            self._note_rest(tx, plan, progress, come, moment)
        return Told(status, progress.expires_at)

    async def tell_created(self, job_id: str, now: float, lifetime: float) -> float:
        """Fix when the video of a job expires whose create is told of it, and give that moment."""

        def tell(tx: Transaction) -> float:
            plan, progress = self._known(tx, job_id)
            if progress.expires_at is None:
                progress.expires_at = plan.expiry(progress.counters(), now, lifetime)
                self._live.progress_changed(job_id, progress)
            return progress.expires_at

        return self.do(tell)

    def _note_rest(
        self, tx: Transaction, plan: JobPlan, progress: Progress, before: float, now: float
    ) -> None:
        """Remember a job that came to rest with its last polls, `before` which it had come so far."""
        timeline = plan.timeline
        rests = timeline.by == "polls" and timeline.last in FINAL_STATUSES
        if rests and before < timeline.length <= progress.answered + progress.skipped:
            self._line_up(tx, self._live.sums(tx), plan, now)

    async def strike(
        self, job_id: str, asked: str | None, scenario: Scenario, place: Place, elapsed: float, *, count: bool
    ) -> list[Fault]:
        """The faults that strike a poll or a download; counted per job and `asked` text if `count` is set."""

        def struck(tx: Transaction) -> list[Fault]:
            _, progress = self._known(tx, job_id)
            if not count:
                hits = progress.hits if asked is None else progress.asked_hits.get(asked, {})
                return strike(scenario, place, dict(hits), elapsed)
            hits = progress.hits if asked is None else _asked_hits(progress, asked)
            self._live.progress_changed(job_id, progress)
            return strike(scenario, place, hits, elapsed)

        return self.do(struck)

    async def skip_polls(self, polls: Sequence[tuple[str, float]], now: float, lifetime: float) -> None:
        """Move jobs by so many polls each, without a poll: all of them or none."""

        def skip(tx: Transaction) -> None:
            for job_id, number in polls:
                plan, progress = self._known(tx, job_id)
                before = progress.answered + progress.skipped
                progress.skipped += max(0.0, number)
                self._note_rest(tx, plan, progress, before, now)
                counters = progress.counters()
                if progress.expires_at is None and plan.status(counters, now) == "completed":
                    progress.expires_at = plan.expiry(counters, now, lifetime)
                self._live.progress_changed(job_id, progress)

        self.do(skip)

    async def change_course(self, job_id: str, course: Course, now: float) -> Job | None:
        """Give a job another course, unless it has come to its end, and say how it is then.

        Other servers keep plans that they have read: they have to be told to forget them.
        """

        def change(tx: Transaction) -> Job | None:
            found = self._job(tx, job_id)
            if found is None:
                return None
            plan, progress = found
            counters = progress.counters()
            if Job(plan, counters).finished(now):
                return Job(plan, counters)
            changed = plan.on_course(course, counters, now)
            self._replan(tx, changed, changed.rests_at(counters, now))
            return Job(changed, counters)

        return self.do(change)

    def _replan(self, tx: Transaction, plan: JobPlan, rests_at: float | None) -> None:
        """Keep another plan of a job, and stand it in line where it belongs now."""
        text = tx.get(f"{plan.id}:p")
        if text is None:
            raise Conflict
        before, line = decode_plan(text)
        tx.set(f"{plan.id}:p", encode_plan(plan, line))
        for one in self.records.ranked("resting"):
            if one.member.partition(b" ")[2] == _member(plan.id):
                tx.unrank("resting", *one)
        sums = self._live.sums(tx)
        sums.charge(before, -1)
        sums.charge(plan)
        self._live.sums_changed()
        if rests_at is not None:
            self._line_up(tx, sums, plan, rests_at)
        self._plans.pop(plan.id, None)

    def forget_plans(self) -> None:
        """Read plans again: one may have changed, and what comes after a reset may have ids of before."""
        self._plans.clear()

    async def reset(self) -> None:
        """Forget all jobs, counts and queued scenarios."""

        def forget(tx: Transaction) -> None:
            selector = self._selector(tx)
            control, version = tx.get("control"), tx.get("v")
            tx.clear()
            self._live.forget()
            tx.set("control", control)
            tx.set("v", version)
            selector.reset()
            self._keep_selector(tx, selector)

        self.do(forget)
        self.resets += 1
        self.forget_plans()


def _member(job_id: str) -> bytes:
    return job_id.encode("utf-8", "surrogatepass")


def _asked_hits(progress: Progress, asked: str) -> Hits:
    """The count of faults met by polls that ask for a scenario by this text; the oldest one goes."""
    hits = progress.asked_hits.get(asked)
    if hits is None:
        if len(progress.asked_hits) >= MOST_ASKED:
            del progress.asked_hits[next(iter(progress.asked_hits))]
        hits = progress.asked_hits[asked] = {}
    return hits
