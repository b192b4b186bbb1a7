"""C7: polls without a pause are told by any clock that would show one, and a pause is never overlooked."""

from __future__ import annotations

from itertools import accumulate

import pytest

from kling_mock.trace_rules import Breach, Trace, check_trace

from .support import recorded

TOOK = 0.001


def told(gaps: list[float], *, speed: float = 1.0, followed: bool = False) -> list[Breach]:
    """What is said of polls with these virtual seconds between an answer and the next one."""
    starts = accumulate((gap + TOOK for gap in gaps), initial=0.0)
    polls = [
        recorded(kind="poll", job_id="a", known_id=True, number=number, at=at, ended_at=at + TOOK, status=200)
        for number, at in enumerate(starts, 1)
    ]
    trace = Trace(polls, speed=speed, followed=followed)
    return [breach for breach in check_trace(trace) if breach.id == "C7"]


@pytest.mark.parametrize(
    ("gaps", "speed", "followed"),
    [
        ([0.001] * 60, 1, False),
        ([5.0, *[0.001] * 60, 5.0], 1, False),
        ([0.001] * 30 + [0.2] + [0.001] * 30, 1, False),
        ([10.0] * 30 + [0.002] * 60, 1, False),
        ([0.3] * 60, 50, False),
        ([0.0] * 60, 0, True),
    ],
)
def test_a_storm_is_told_as_advice(gaps: list[float], speed: float, followed: bool) -> None:
    (breach,) = told(gaps, speed=speed, followed=followed)
    assert breach.level == "A" and "polled" in breach.says
    first, last = breach.exchanges
    assert 49 <= last - first <= 61


@pytest.mark.parametrize(
    ("gaps", "speed", "followed"),
    [
        ([0.001] * 40, 1, False),
        ([1.0] * 200, 1, True),
        ([0.1] * 200, 1, False),
        ([1.0, *[0.001] * 10] * 30, 1, False),
        ([1.1] * 200, 50, False),
        ([0.0] * 200, 0, False),
        ([0.0] * 200, 1, False),
        ([-0.0005] * 200, 1, False),
    ],
)
def test_nothing_is_said_where_a_pause_was_made_or_shows_on_no_clock(
    gaps: list[float], speed: float, followed: bool
) -> None:
    assert told(gaps, speed=speed, followed=followed) == []
