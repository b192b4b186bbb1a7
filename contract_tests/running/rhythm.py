"""The rhythm of a client: when it polls, and behaviour that is stretched to it, so that it is seen."""

from __future__ import annotations

import dataclasses
import itertools
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kling_mock.scenarios import Scenario
from kling_mock.timeline import PENDING_STATUSES, PLAIN_PLAN, PendingStatus, Step, is_final

from .models import Run

__all__ = ["UNKNOWN", "Rhythm", "measuring", "rhythm_of", "tells_its_rhythm"]

MARGINS = (1.5, 1.2)
"""Intervals for which a status shows: more than one, against jitter; and where that makes a job long."""
LONG = 240.0
"""Seconds that a job had better not take: a client may give up then."""
TELLING = 8
"""Polls of a plain job that tell the rhythm of a client; who polls less often is measured."""
MEASURED = {"queued": 100.0, "generating": 200.0}
"""Virtual seconds of the job by which a client is measured, where it does not poll less often still."""
INTERVALS = 4
"""Intervals that each status of that job shows at least."""
STEADY = 1.6
"""The longest interval of a status in shortest ones, where it is taken to be the same each time."""
SPARE = 0.9
"""The part of the time that a client is known to wait that a stretched job may take."""


@dataclass(frozen=True)
class Rhythm:
    """When a client polled a job that took long, in seconds after the create's answer.

    `steady` is the interval of each status in which it is always the same; the last poll of `moments` is how
    long the client has been seen to wait for a job. `own` are the spans of steps that say nothing.
    """

    moments: tuple[float, ...] = ()
    steady: Mapping[PendingStatus, float] = field(default_factory=dict)
    own: Mapping[PendingStatus, float] = field(default_factory=dict)

    def fitted(self, scenario: Scenario) -> Scenario:
        """The scenario with steps that this client would miss made long enough for it to see each.

        A step with a span of its own keeps it. Unchanged where nothing is missed, where nothing is known of
        the client, and where it would take longer than the client has been seen to wait.
        """
        if not self.moments or not _needs_time(scenario):
            return scenario
        *steps, last = scenario.course or PLAIN_PLAN
        longest = SPARE * self.moments[-1]
        for margin, most in zip(MARGINS, (min(LONG, longest), longest), strict=True):
            fitted: list[Step] = []
            start = 0.0
            for step in steps:
                fitted.append(self._fitted(step, start, margin))
                start += self._length(fitted[-1])
            if fitted == steps:
                break
            if start <= most:
                return scenario.replace(plan=(*fitted, last), stretch=None, end=None)
        return scenario

    def _fitted(self, step: Step, start: float, margin: float) -> Step:
        if step.span is not None or step.scale == 0 or step.status not in PENDING_STATUSES:
            return step
        wanted = math.ceil(margin * self._gap(step.status, start))
        if wanted <= self._length(step):
            return step
        return dataclasses.replace(step, span=wanted, polls=step.polls or 1, scale=1.0)

    def _length(self, step: Step) -> float:
        span = step.span
        if span is None:
            span = self.own.get(step.status, 0.0) if step.status in PENDING_STATUSES else 0.0
        return float(span) * step.scale if span and step.scale else 0.0

    def _gap(self, status: PendingStatus, moment: float) -> float:
        """The seconds between the polls around a moment; after the last one it is the last gap."""
        gaps = _gaps((0.0, *self.moments))
        here = gaps[min(bisect_right(self.moments, moment), len(gaps) - 1)]
        return max(here, self.steady.get(status, 0.0))


def _needs_time(scenario: Scenario) -> bool:
    """False where the first polls show all that a scenario is about, however long the job takes."""
    if is_final(scenario.create_status):
        return False
    if scenario.plan or scenario.words or scenario.shapes or scenario.ids or not scenario.faults:
        return True
    later = (fault for fault in scenario.faults if fault.after or fault.times is None)
    return any(fault.at in ("poll", "any") for fault in later)


UNKNOWN = Rhythm()
"""Of a client of which nothing is known: behaviour stays as it is."""


def rhythm_of(run: Run, own: Mapping[PendingStatus, float]) -> Rhythm:
    """The rhythm that a run shows; `own` are the server's spans of steps that say nothing."""
    start, steady = _answered(run), {}
    for status in PENDING_STATUSES:
        # From the answer that told the status on: what came before was another one's interval.
        gaps = _gaps([exchange.at for exchange in run.polls if exchange.state == status])
        if len(gaps) > 1 and max(gaps) <= STEADY * min(gaps):
            steady[status] = max(gaps)
    moments = [exchange.at - start for exchange in run.polls]
    if len(moments) == 1:
        # It ended there, so that nobody knows: as if it had gone on so.
        moments = [moments[0] * place for place in range(1, TELLING + 1)]
    return Rhythm(tuple(moments), steady, own)


def _answered(run: Run) -> float:
    """When the create was answered."""
    return next((exchange.ended_at or exchange.at for exchange in run.creates), run.started)


def _gaps(moments: Sequence[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise(moments)]


def tells_its_rhythm(run: Run) -> bool:
    """Whether a plain job has shown a client's rhythm already: it polls often, and saw each status."""
    pending = [exchange.state for exchange in run.polls if exchange.state in PENDING_STATUSES]
    return len(pending) >= TELLING and set(pending) == set(PENDING_STATUSES)


def measuring(run: Run) -> Scenario:
    """A job to measure a client by, long enough for one that has polled a plain job as in `run`."""
    longest = max(_gaps([_answered(run), *(exchange.at for exchange in run.polls)]), default=0.0)
    spans = {status: max(span, INTERVALS * longest) for status, span in MEASURED.items()}
    plan = (*(Step(status, spans[status]) for status in PENDING_STATUSES), Step("completed"))
    return Scenario("generated", f"The job takes {sum(spans.values()):.0f} s.", plan=plan)
