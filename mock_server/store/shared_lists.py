"""What is told of many jobs of a workspace in records: lists of them, their charges and sums."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice

from ..jobs.charges import Charge, ChargeTotals, Completion, spent_before
from ..jobs.plan import Job, JobPlan
from .base import StoreCounts
from .coding import Progress, Sums, decode_completion, decode_plan
from .live import Live
from .records import Records, Transaction
from .transactions import Transactions

__all__ = ["SharedLists"]

MANY = 500
"""Plans that are read in one go."""


class SharedLists(Transactions):
    """The verbs of a store that read many jobs."""

    def __init__(self, records: Records) -> None:
        super().__init__(records)
        self._plans: dict[str, JobPlan] = {}
        self._live = Live()

    async def jobs(self, last: int | None = None, before: str | None = None) -> list[Job]:
        """The jobs that are kept, oldest first; the `last` ones, those `before` one, where that is given."""
        ids = self._ids(last, before)
        texts = self.records.many([f"{job_id}:{kind}" for job_id in ids or () for kind in "pc"])
        found = []
        for job_id, plan, progress in zip(ids or (), texts[::2], texts[1::2], strict=True):
            if plan is not None:
                known = self._plans.get(job_id) or decode_plan(plan)[0]
                found.append(Job(known, Progress(progress).counters()))
        return found

    def _ids(self, last: int | None, before: str | None) -> list[str] | None:
        """The ids of the jobs that are kept, oldest first; None where `before` is none of them."""
        below: float | None = None
        if before is not None:
            text = self.records.many([f"{before}:p"])[0]
            if text is None:
                return None
            below = decode_plan(text)[1]
        return [
            one.member.decode("utf-8", "surrogatepass") for one in self.records.ranked("order", last, below)
        ]

    async def charges(self, last: int | None = None, before: str | None = None) -> list[Charge]:
        """A charge per job, also of jobs that made room, as many as there may be jobs; parts as of jobs."""
        past = [decode_completion(one.member).charge for one in self.records.ranked("past")][::-1]
        ids = self._ids(last, before)
        if ids is None:
            place = next((place for place, one in enumerate(past) if one.job_id == before), len(past))
            return list(islice(past, place + 1, None if last is None else place + 1 + last))[::-1]
        plans = self.records.many([f"{job_id}:p" for job_id in ids])
        kept = [decode_plan(plan)[0].charge for plan in plans if plan is not None][::-1]
        return list(islice([*kept, *past], last))[::-1]

    async def completed(
        self, before: tuple[float, int], since: float = -math.inf, last: int | None = None
    ) -> list[Completion]:
        """The charges of jobs that completed before a place in line and not before `since`, newest first."""
        return spent_before(before, self._completions(before[0]), since, last)

    async def spent(self, until: float) -> int:
        """The credits that jobs have cost which completed by a moment, those that made room included."""
        past = [decode_completion(one.member) for one in self.records.ranked("past")]
        later = sum(rest.charge.spent for rest in past if rest.at > until)
        kept = self._kept_completions(until)
        return self._sums().spent - later + sum(rest.charge.spent for rest in kept)

    def _completions(self, now: float) -> Iterator[Completion]:
        """The charges of jobs that have come to rest by now, those that made room last."""
        yield from self._kept_completions(now)
        for one in self.records.ranked("past")[::-1]:
            yield decode_completion(one.member)

    def _kept_completions(self, now: float) -> Iterator[Completion]:
        resting = [one for one in self.records.ranked("resting")[::-1] if one.score <= now]
        for start in range(0, len(resting), MANY):
            some = resting[start : start + MANY]
            places = [one.member.partition(b" ") for one in some]
            ids = [member.decode("utf-8", "surrogatepass") for _, _, member in places]
            plans = self.records.many([f"{job_id}:p" for job_id in ids])
            for one, (place, _, _), plan in zip(some, places, plans, strict=True):
                if plan is not None:
                    yield Completion(one.score, int(place), decode_plan(plan)[0].charge)

    def _unfinished(self, tx: Transaction, now: float) -> int:
        # Whoever changes the line of those that rest changes the sums as well.
        return self._live.sums(tx).kept - tx.count_ranked("resting", now)

    async def totals(self) -> ChargeTotals:
        """The sums of all charges since the start or the last reset."""
        sums = self._sums()
        return ChargeTotals(sums.made, sums.billed, sums.priced, sums.credits)

    async def counts(self) -> StoreCounts:
        """How many jobs there are and were."""
        sums = self._sums()
        return StoreCounts(sums.kept, sums.made, sums.dropped)

    def _sums(self) -> Sums:
        return self.do(self._live.sums, writes=False)
