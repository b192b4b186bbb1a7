"""One job by hand: completed, failed, held and released, whatever its scenario had in mind."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer
from kling_mock.errors import ClockError, JobError
from kling_mock.jobs.course import COURSES, ended, held, released
from kling_mock.timeline import FINAL_STATUSES, STATUSES, JobStatus, ProgressBy, Timeline

from .support import ask, create, poll

STEPS = st.lists(
    st.tuples(st.sampled_from(STATUSES[:2]), st.sampled_from([0.0, 0.1, 1, 7.3, 50])), max_size=4
)


@given(STEPS, st.sampled_from(STATUSES), st.floats(0, 100), st.lists(st.floats(0, 1), max_size=5))
def test_the_past_stays_whatever_becomes_of_a_job(
    steps: list[tuple[JobStatus, float]], last: JobStatus, progress: float, parts: list[float]
) -> None:
    before = Timeline(tuple(steps), last)
    for course in COURSES.values():
        after = course(before, progress)
        for earlier in (progress * part for part in parts if progress * part < progress):
            assert after.status_at(earlier) == before.status_at(earlier)


@given(STEPS, st.sampled_from(STATUSES), st.floats(0, 100), st.floats(0, 100), st.floats(0, 200))
def test_a_job_that_is_released_goes_on_as_if_it_had_not_been_held(
    steps: list[tuple[JobStatus, float]], last: JobStatus, progress: float, pause: float, later: float
) -> None:
    timeline = Timeline(tuple(steps), last)
    if progress >= timeline.length:
        return
    still = held(timeline, progress)
    assert held(still, progress) == still and still.status_at(progress + pause) == timeline.status_at(
        progress
    )
    again = released(still, progress + pause)
    edges = [sum(span for _, span in steps[:place]) for place in range(len(steps) + 1)]
    if all(abs(progress + later - edge) > 1e-6 for edge in edges):
        assert again.status_at(progress + pause + later) == timeline.status_at(progress + later)
    assert again.length == pytest.approx(timeline.length + pause)


@given(STEPS, st.sampled_from(STATUSES), st.floats(0, 100), st.sampled_from(FINAL_STATUSES))
def test_what_is_ended_shows_it_at_once(
    steps: list[tuple[JobStatus, float]], last: JobStatus, progress: float, end: JobStatus
) -> None:
    assert end in FINAL_STATUSES
    timeline = ended(held(Timeline(tuple(steps), last), progress), progress, end)
    assert timeline.status_at(progress) == timeline.status_at(progress + 1e9) == end


@pytest.mark.parametrize("store", [None, "sqlite"])
@pytest.mark.parametrize("by", ["time", "polls"])
def test_a_job_is_held_released_failed_and_completed(
    store: str | None, by: ProgressBy, tmp_path: Path
) -> None:
    address: dict[str, Any] = {"store": f"sqlite:{tmp_path}/mock.db"} if store else {}
    pace: dict[str, Any] = {"polls": (1, 1)} if by == "polls" else {"queued": 5, "generating": 5, "speed": 0}
    with ExitStack() as stack:
        # Where the store is shared, another server is asked than the one that is told.
        servers = [stack.enter_context(MockServer(seed=1, **address, **pace)) for _ in address or [0]]
        if address:
            servers.append(stack.enter_context(MockServer(seed=1, **address, **pace)))
        told, asked = servers[0], servers[-1]

        def status(job_id: str) -> str:
            if by == "time":
                told.clock.advance(6)
            return str(poll(asked, job_id).json["status"])

        one, other, third = (create(asked).json["id"] for _ in range(3))
        jobs = {job.id: job for job in told.jobs}
        jobs[one].hold()
        jobs[third].hold()
        assert [status(one) for _ in range(3)] == ["queued"] * 3
        with pytest.raises(ClockError):
            told.clock.advance(until="completed", job_id=one)
        jobs[one].release()
        told.clock.advance(until="completed", job_id=one)
        assert "url" in poll(asked, one).json["video"]
        jobs[third].complete()
        assert status(third) == jobs[third].status == "completed"
        with pytest.raises(JobError, match="completed"):
            jobs[one].fail()
        if by == "polls":
            assert jobs[other].status == "queued"
            jobs[other].fail()
            assert poll(asked, other).json["error"]["message"]
            assert [charge.billed for charge in asked.charges] == [True, False, True]
        assert ask(told, "GET", "/_mock/charges?limit=0", key=None).json["billed"] == sum(
            charge.billed for charge in asked.charges
        )


@pytest.mark.parametrize("store", [None, "sqlite"])
def test_a_job_ended_by_hand_makes_room_and_a_held_one_does_not(store: str | None, tmp_path: Path) -> None:
    address: dict[str, Any] = {"store": f"sqlite:{tmp_path}/mock.db"} if store else {}
    with MockServer(max_jobs=2, queued=5, generating=5, speed=0, **address) as server:
        first, second = (create(server).json["id"] for _ in range(2))
        server.jobs[1].fail()
        server.jobs[0].hold()
        server.clock.advance(60)
        third = create(server).json["id"]
        assert [job.id for job in server.jobs] == [first, third]
        server.clock.advance(60)
        create(server)
        assert server.jobs[0].id == first
        assert second not in [job.id for job in server.jobs]
        assert create(server).status == 429


def test_the_control_api_does_it_and_says_what_is_wrong(server: MockServer) -> None:
    start = server.space.bus.number
    job_id = create(server).json["id"]

    def told(action: object, of: str = job_id) -> tuple[int, str]:
        reply = ask(server, "POST", f"/_mock/jobs/{of}", {"action": action}, key=None)
        return reply.status, reply.json.get("message", reply.json.get("status"))

    assert told("hold") == (200, "queued")
    status, message = told("explode")
    assert status == 400 and "release" in message
    assert told(7)[0] == 400
    assert told("complete", "none")[0] == 404
    assert told("complete") == (200, "completed")
    assert told("complete")[0] == 400
    told_of = [event.data for event in server.space.bus._kept if event.number > start]
    assert told_of.count({"job_id": job_id}) == 2
