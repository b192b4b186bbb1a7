"""The poll: where a job stands, on one clock, however polls interleave."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kling_mock import MockServer

from .support import PATHS, ask, create, poll, until


def test_a_pending_job_has_nothing_but_its_status(server: MockServer) -> None:
    job_id = create(server).json["id"]
    assert poll(server, job_id).json == {"id": job_id, "status": "queued"}
    assert poll(server, job_id).json == {"id": job_id, "status": "generating"}
    assert set(poll(server, job_id).json) == {"id", "status", "video"}


def test_polling_changes_nothing_where_time_decides(timed: MockServer) -> None:
    job_id = create(timed).json["id"]
    assert {poll(timed, job_id).json["status"] for _ in range(20)} == {"queued"}
    timed.clock.advance(10)
    assert {poll(timed, job_id).json["status"] for _ in range(20)} == {"generating"}
    timed.clock.advance(50)
    assert {poll(timed, job_id).json["status"] for _ in range(20)} == {"completed"}


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(order=st.lists(st.integers(0, 2), max_size=20))
def test_jobs_that_are_polled_alternately_do_not_share_a_state(server: MockServer, order: list[int]) -> None:
    server.reset()
    ids = [create(server).json["id"] for _ in range(3)]
    expected = ["queued", "generating"]
    counts = [0, 0, 0]
    for which in order:
        status = poll(server, ids[which]).json["status"]
        assert status == (expected + ["completed"] * 20)[counts[which]]
        counts[which] += 1


@pytest.mark.parametrize("character", "+&=#%/:;?é ")
def test_an_id_is_decoded_once(server: MockServer, character: str) -> None:
    asked = f"a{character}b%2F"
    poll(server, asked)
    assert server.exchanges[-1].job_id == asked


def test_an_answer_that_comes_again_is_that_of_its_own_moment(timed: MockServer) -> None:
    # Each of them twice, on a clock that stands still: the same answer is not made again.
    job_id = create(timed).json["id"]
    timed.clock.advance("60s")
    plain, same = poll(timed, job_id), poll(timed, job_id)
    assert poll(timed, job_id).body == plain.body == same.body and same.headers == plain.headers
    ids = [poll(timed, job_id, headers={"X-Client-Request-Id": name}) for name in ("a", "b")]
    assert [answer.headers["x-client-request-id"] for answer in ids] == ["a", "b"]
    assert "x-client-request-id" not in poll(timed, job_id).headers
    for fault in ("wrong-content-type", "byte-order-mark"):
        faulty = poll(timed, job_id, headers={"X-Mock-Scenario": f"poll:{fault}"})
        assert (faulty.body, faulty.headers["content-type"]) != (plain.body, plain.headers["content-type"])
    again = poll(timed, job_id)
    assert (again.body, again.headers) == (plain.body, plain.headers)
    timed.clock.advance("1s")
    assert poll(timed, job_id).headers["date"] != plain.headers["date"]
    heads = [exchange.answer_headers for exchange in timed.exchanges if exchange.kind == "poll"]
    assert heads[0] == heads[1] == heads[-2] != heads[-1]


def test_other_parameters_are_ignored(server: MockServer) -> None:
    job_id = create(server).json["id"]
    assert ask(server, "GET", f"{PATHS[0]}?a=1&generation_id={quote(job_id)}&b=").status == 200


def test_the_url_has_the_name_that_the_client_used(server: MockServer) -> None:
    server.use("completed-in-create")
    job_id = create(server).json["id"]
    for host in ("mock.test:8080", "localhost", "[::1]:5"):
        url = poll(server, job_id, headers={"Host": host}).json["video"]["url"]
        assert url.startswith(f"http://{host}/media/")


@pytest.mark.parametrize("host", ['evil"', "a/b", "a b", "x<y>", "user@host", "é"])
def test_a_host_that_is_none_does_not_get_into_the_url(server: MockServer, host: str) -> None:
    server.use("completed-in-create")
    job_id = create(server).json["id"]
    url = poll(server, job_id, headers={"Host": host}).json["video"]["url"]
    assert url.startswith(server.url + "/media/")


def test_realistic_times_are_those_of_the_model() -> None:
    with MockServer(realistic=True, speed=0) as server:
        slow = create(server, model="kling-video/v1/standard/image-to-video").json["id"]
        server.clock.advance(240)
        assert poll(server, slow).json["status"] == "generating"
        server.clock.advance(20)
        assert poll(server, slow).json["status"] == "completed"


def test_a_documented_time_is_queued_for_its_first_twenty_fifth() -> None:
    with MockServer(realistic=True, speed=0) as server:
        job = create(server, model="kling-video/v1/standard/image-to-video").json["id"]
        server.clock.advance(until="generating")
        queued = server.jobs[0].age
        server.clock.advance(until="completed")
        assert poll(server, job).json["status"] == "completed"
        assert queued == pytest.approx(server.jobs[0].age / 25)


def test_speed_makes_virtual_time_run() -> None:
    with MockServer(queued="1h", generating="1h", speed=1e6) as server:
        job_id = create(server).json["id"]
        until(lambda: poll(server, job_id).json["status"] == "completed")
        assert server.jobs[0].age >= 7200
