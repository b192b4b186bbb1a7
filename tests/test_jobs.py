"""The jobs: one id space, a limit that drops the oldest finished, and what they cost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_mock import MockServer
from kling_mock.catalog import load_catalog
from kling_mock.errors import ClockError
from kling_mock.jobs.plan import JobPlan
from kling_mock.scenarios import CATALOGUE
from kling_mock.store import AddResult, at_once
from kling_mock.timeline import JobStatus, Timeline

from .support import MODEL, check_error, create, poll


def test_a_dropped_job_is_answered_with_the_reason() -> None:
    with MockServer(max_jobs=2, polls=(0, 0)) as server:
        first, second, third = (create(server).json["id"] for _ in range(3))
        body = check_error(poll(server, first), 404, "Generation not found")
        assert "--max-jobs 2" in body["message"]
        assert poll(server, second).status == poll(server, third).status == 200


def test_a_server_full_of_unfinished_jobs_says_so_and_loses_none() -> None:
    with MockServer(max_jobs=2, scenario="stuck-queued") as server:
        kept = [create(server).json["id"] for _ in range(2)]
        body = check_error(create(server), 429, "Too Many Requests")
        assert "--max-jobs" in body["message"]
        assert [made.id for made in server.jobs] == kept
        assert all(poll(server, job_id).status == 200 for job_id in kept)
        server.reset()
        assert create(server).status == 200


def test_a_full_server_keeps_a_queued_scenario() -> None:
    with MockServer(max_jobs=1, polls=(1, 1)) as server:
        job_id = create(server).json["id"]
        server.next("failed")
        check_error(create(server), 429)
        for _ in range(3):
            poll(server, job_id)
        assert create(server).status == 200
        assert server.jobs[-1].scenario == "failed"


def test_each_job_is_charged_once(server: MockServer) -> None:
    for _ in range(3):
        job_id = create(server).json["id"]
        for _ in range(4):
            poll(server, job_id)
    assert [charge.job_id for charge in server.charges] == [made.id for made in server.jobs]
    assert len(server.charges) == 3


@pytest.mark.parametrize(
    ("scenario", "billed"), [("completed", True), ("failed", False), ("stuck-queued", False)]
)
def test_only_what_completes_is_billed(server: MockServer, scenario: str, billed: bool) -> None:
    server.use(scenario)
    create(server)
    assert [charge.billed for charge in server.charges] == [billed]


def test_a_priced_charge_has_its_dollars(server: MockServer) -> None:
    for variant in load_catalog().variants:
        credits = load_catalog().facts(variant.model).credits_for(5)
        if credits is not None:
            break
    reply = create(server, model=variant.model, duration=5)
    charge = server.charges[0]
    assert charge.credits == reply.json["meta"]["usage"]["credits_used"]
    assert charge.credits is not None
    assert charge.usd == reply.json["meta"]["usage"]["usd_spent"] == charge.credits / 2_000_000
    assert int(reply.headers["x-aimlapi-credits-used"]) == charge.credits
    assert float(reply.headers["x-aimlapi-usd-spent"]) == pytest.approx(charge.usd, abs=1e-6)


def test_a_job_shows_where_it_stands_as_time_goes(timed: MockServer) -> None:
    create(timed)
    (made,) = timed.jobs
    assert (made.status, made.age, made.polls) == ("queued", 0.0, 0)
    timed.clock.advance(until="generating")
    assert made.status == "generating"
    timed.clock.advance(until="completed", job_id=made.id)
    assert made.status == "completed" and 60 <= made.age < 60.1
    assert made.as_dict()["plan"] == [["queued", 10.0], ["generating", 50.0], ["completed", None]]


def test_advance_moves_jobs_that_go_by_polls(server: MockServer) -> None:
    job_id = create(server).json["id"]
    server.clock.advance(until="completed")
    assert poll(server, job_id).json["status"] == "completed"


@settings(max_examples=30, deadline=None)
@given(
    queued=st.floats(0, 1e5), generating=st.floats(0, 1e5), start=st.floats(0, 1e9),
    until=st.sampled_from(["queued", "generating", "completed"]),
)  # fmt: skip
def test_advance_until_lands_in_the_status(
    queued: float, generating: float, start: float, until: JobStatus
) -> None:
    server = MockServer(queued=queued, generating=generating, speed=0)
    server.clock.advance(start)
    timeline = Timeline((("queued", queued), ("generating", generating)), "completed")
    plan = JobPlan("x", MODEL, CATALOGUE["completed"], timeline, server.clock.now(), credits=None, clip="")
    assert at_once(server.space.store.add_job(plan)) is AddResult.ADDED
    if until != "completed" and timeline.start_of(until) == float("inf"):
        return
    server.clock.advance(until=until)
    order = ["queued", "generating", "completed"]
    assert order.index(server.jobs[0].status) >= order.index(until)


@pytest.mark.parametrize(
    ("until", "job_id", "says"),
    [("complete", None, "until"), ("error", None, "never shows"), ("completed", "nobody", "no job")],
)
def test_a_status_that_never_comes_is_an_error(
    timed: MockServer, until: str, job_id: str | None, says: str
) -> None:
    create(timed)
    before = timed.clock.now()
    with pytest.raises(ClockError, match=says):
        timed.clock.advance(until=until, job_id=job_id)
    assert timed.clock.now() == before


def test_either_all_jobs_move_or_none_does(server: MockServer) -> None:
    create(server)
    server.next("stuck-queued")
    create(server)
    with pytest.raises(ClockError, match="stuck-queued"):
        server.clock.advance(until="completed")
    assert [made.status for made in server.jobs] == ["queued", "queued"]
