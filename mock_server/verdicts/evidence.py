"""What a workspace knows of how its exchanges came about, for the checks of a trace."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from ..catalog import load_catalog
from ..errors import UnknownModel
from ..scenarios.arming import ALL_WAYS, How
from ..store import at_once
from ..timeline import FINAL_STATUSES
from ..trace_rules import Trace
from ..workspace import Workspace

__all__ = ["trace_of"]

MOST_POLLS = 20
"""Polls until its end of a job that is an ordinary one, where it goes by polls."""


def trace_of(
    space: Workspace,
    *,
    one: bool,
    over: bool,
    called: str = "test",
    armed: Collection[How] = ALL_WAYS,
    uncalled: Collection[str] = (),
) -> Trace:
    """The trace of a workspace as it is now.

    `one` says that it serves one test or one program, `over` that this has ended; `armed` are the ways of
    choosing a scenario that are this test's own.
    """
    chosen = at_once(space.store.scenarios())
    arming = space.arming
    return Trace(
        tuple(space.journal),
        one=one,
        called=called,
        steps=arming.steps,
        whole=True,
        over=over,
        armed=[each for each in arming.armed if each.how in armed],
        unused=chosen.queue[1:] if chosen.begun else chosen.queue,
        uncalled=tuple(uncalled),
        ignored=arming.ignored,
        speed=space.clock.speed,
        followed=space.clock.followed,
        patience=partial(_patience, space),
    )


def _patience(space: Workspace, job_id: str) -> float | None:
    """The documented seconds of a job; None for one that is made to take longer, or never to end."""
    job = at_once(space.store.find_job(job_id))
    if job is None:
        return None
    plan, timeline = job.plan, job.plan.timeline
    try:
        documented = min(timing.seconds for timing in load_catalog().facts(plan.model).timings)
    except (UnknownModel, ValueError):
        return None
    longest = MOST_POLLS if timeline.by == "polls" else documented
    if timeline.last not in FINAL_STATUSES or plan.scenario.stretch or timeline.length > longest:
        return None
    return documented
