"""Where a job stands: pure, and never backwards."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer
from kling_mock.errors import ClockError, SettingsError
from kling_mock.timeline import STATUSES, JobStatus, Step, Timeline, resolve_timeline

from .support import create, poll

SPANS = st.one_of(st.just(0.0), st.floats(0, 1e6), st.just(math.inf))
TIMELINES = st.builds(
    Timeline,
    st.lists(st.tuples(st.sampled_from(STATUSES), SPANS), max_size=5).map(tuple),
    st.sampled_from(STATUSES),
    st.sampled_from(["time", "polls"]),
)
PLAIN = st.builds(
    lambda queued, generating: resolve_timeline(None, queued=queued, generating=generating),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
)


@given(PLAIN, st.lists(st.floats(-10, 3e6), min_size=2).map(sorted))
def test_the_plain_timeline_never_goes_backwards(timeline: Timeline, moments: list[float]) -> None:
    seen = [STATUSES.index(timeline.status_at(moment)) for moment in moments]
    assert seen == sorted(seen)


@given(TIMELINES, st.floats(0, 1e7))
def test_a_status_is_a_pure_function_of_progress(timeline: Timeline, progress: float) -> None:
    assert timeline.status_at(progress) == timeline.status_at(progress)
    assert timeline.status_at(progress) in {status for status, _ in timeline.steps} | {timeline.last}


@given(TIMELINES)
def test_a_status_shows_from_its_start_on_and_not_before(timeline: Timeline) -> None:
    for status in STATUSES:
        start = timeline.start_of(status)
        if math.isinf(start):
            assert all(timeline.status_at(moment) != status for moment in (0, 1, 1e5, 1e9) if moment < start)
        else:
            # Sums of floats: the moment of the clock lands a microsecond beyond.
            assert timeline.status_at(start + 1e-6) == status or any(
                0 < span < 1e-5 for _, span in timeline.steps
            )


@given(TIMELINES, st.floats(0, 1e7))
def test_a_status_shows_next_at_its_next_start(timeline: Timeline, progress: float) -> None:
    for status in STATUSES:
        start = timeline.start_of(status, progress)
        assert start >= max(progress, timeline.start_of(status))
        if timeline.status_at(progress) == status:
            assert start == progress


def test_a_status_that_comes_twice_has_two_starts() -> None:
    statuses: tuple[JobStatus, ...] = ("queued", "generating", "queued", "generating", "completed")
    plan = tuple(map(Step, statuses))
    timeline = resolve_timeline(plan, queued=10, generating=20)
    assert [timeline.start_of("queued", progress) for progress in (0, 9, 10, 29, 31)] == [0, 9, 30, 30, 31]
    assert [timeline.start_of("generating", progress) for progress in (0, 10, 30, 45)] == [10, 10, 40, 45]
    assert timeline.start_of("generating", 60) == timeline.start_of("error") == math.inf
    assert timeline.start_of("completed", 70) == 70


@pytest.mark.parametrize("pace", [{"queued": 10, "generating": 10}, {"polls": (10, 10)}])
def test_time_is_advanced_to_the_next_time_that_a_status_shows(pace: Any) -> None:
    with MockServer(scenario="backwards", speed=0, **pace) as server:
        job_id = create(server).json["id"]
        server.clock.advance(until="generating")
        assert poll(server, job_id).json["status"] == "generating"
        server.clock.advance(until="queued")
        assert poll(server, job_id).json["status"] == "queued"
        before = server.jobs[0].as_dict()["progress"]
        server.clock.advance(until="queued")
        assert server.jobs[0].as_dict()["progress"] == pytest.approx(before, abs=1e-4)
        server.clock.advance(until="generating")
        assert poll(server, job_id).json["status"] == "generating"
        with pytest.raises(ClockError, match="never shows 'queued' from now on"):
            server.clock.advance(until="queued")


@pytest.mark.parametrize("by", ["time", "polls"])
def test_time_is_advanced_to_the_end_whichever_it_is(by: str) -> None:
    with MockServer(speed=0, polls=(2, 2) if by == "polls" else None) as server:
        ids = []
        for scenario in ("completed", "failed"):
            server.use(scenario)
            ids.append(create(server).json["id"])
        server.clock.advance(until="finished")
        assert [poll(server, job_id).json["status"] for job_id in ids] == ["completed", "error"]
        server.use("stuck-queued")
        create(server)
        with pytest.raises(ClockError, match="never shows 'finished'"):
            server.clock.advance(until="finished")
        with pytest.raises(ClockError, match=r"until: expected one of .*, finished, received 'finishd'"):
            server.clock.advance(until="finishd")
        wrong: Any = []
        with pytest.raises(ClockError, match=r"until: expected one of .*, finished, received \[\]"):
            server.clock.advance(until=wrong)


@given(st.integers(0, 50), st.integers(0, 50))
def test_polls_are_counted_one_by_one(queued: int, generating: int) -> None:
    timeline = resolve_timeline(None, queued=queued, generating=generating, by="polls")
    shown = [timeline.status_at(poll) for poll in range(queued + generating + 3)]
    assert shown == ["queued"] * queued + ["generating"] * generating + ["completed"] * 3
    assert timeline.length == queued + generating


def test_a_plan_takes_the_servers_spans_scales_them_or_has_its_own() -> None:
    plan = (Step("queued", scale=10), Step("generating", span=7), Step("queued"), Step("error"))
    timeline = resolve_timeline(plan, queued=2, generating=3)
    assert timeline == Timeline((("queued", 20), ("generating", 7), ("queued", 2)), "error")


@pytest.mark.parametrize("by", ["time", "polls"])
def test_the_last_status_stays(by: str) -> None:
    timeline = resolve_timeline((Step("error"),), queued=1, generating=1, by=by)
    assert timeline.status_at(0) == timeline.status_at(1e12) == "error"


@pytest.mark.parametrize(
    "wrong", [{"span": -5}, {"scale": -1}, {"span": "-3s"}, {"scale": float("nan")}, {"span": 10**400}]
)
def test_a_step_that_takes_less_than_no_time_is_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(SettingsError, match=f"{name}: expected a .*, received"):
        Step("queued", **wrong)
