"""Another course for a job that is under way: the past of its timeline stays, what was to come changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import groupby

from ..timeline import FinalStatus, JobStatus, Timeline

__all__ = ["COURSES", "Course", "ended", "held", "released"]

Course = Callable[[Timeline, float], Timeline]
"""What a timeline becomes for a job that has come so far on it."""

_Steps = list[tuple[JobStatus, float]]


def _divided(timeline: Timeline, progress: float) -> tuple[_Steps, _Steps]:
    """The steps before a point of progress, and those from there on, the present one first."""
    past: _Steps = []
    left = progress
    for place, (status, span) in enumerate(timeline.steps):
        if left < span:
            return [*past, (status, left)], [(status, span - left), *timeline.steps[place + 1 :]]
        past.append((status, span))
        left -= span
    return [*past, (timeline.last, left)], []


def ended(timeline: Timeline, progress: float, last: FinalStatus) -> Timeline:
    """The same so far, and this end now."""
    past, _ = _divided(timeline, progress)
    return Timeline(tuple(past), last, timeline.by)


def held(timeline: Timeline, progress: float) -> Timeline:
    """The same so far, and then the present status until it is `released`."""
    if _is_held(timeline, progress):
        return timeline
    past, rest = _divided(timeline, progress)
    # What shows its last status stands still already.
    return Timeline((*past, (rest[0][0], math.inf), *rest), timeline.last, timeline.by) if rest else timeline


def released(timeline: Timeline, progress: float) -> Timeline:
    """The same so far, and from now on what was to come before it was `held`."""
    if not _is_held(timeline, progress):
        return timeline
    past, (_, *rest) = _divided(timeline, progress)
    merged = [
        (status, sum(span for _, span in steps))
        for status, steps in groupby([*past, *rest], key=lambda step: step[0])
    ]
    return Timeline(tuple(merged), timeline.last, timeline.by)


def _is_held(timeline: Timeline, progress: float) -> bool:
    """Whether it stands still here although something comes behind: the sign of `held`."""
    _, rest = _divided(timeline, progress)
    return len(rest) > 1 and math.isinf(rest[0][1]) and rest[1][0] == rest[0][0]


COURSES: dict[str, Course] = {
    "complete": lambda timeline, progress: ended(timeline, progress, "completed"),
    "fail": lambda timeline, progress: ended(timeline, progress, "error"),
    "hold": held,
    "release": released,
}
"""What can be done to a job by hand, by the word for it."""
