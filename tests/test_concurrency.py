"""A limit on unfinished jobs: `--max-concurrent`, and the faults that go by their number."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from kling_mock import Fault, MockServer, Scenario, SettingsError

from .support import check_error, create, poll


def test_no_more_jobs_are_unfinished_at_once_than_may_be() -> None:
    with MockServer(max_concurrent=2, queued=1, generating=1, speed=0, log_format="none") as server:
        for round_ in range(1, 4):
            assert [create(server).status for _ in range(3)] == [200, 200, 429]
            assert len(server.jobs) == 2 * round_
            server.clock.advance(until="completed")
        server.configure(max_concurrent=1)
        assert [create(server).status for _ in range(2)] == [200, 429]


def test_the_refusal_is_the_documented_one_and_the_journal_says_why() -> None:
    with MockServer(max_concurrent=1, polls=(1, 1), log_format="none") as server:
        create(server)
        reply = create(server)
        assert check_error(reply, 429)["message"] == "Too Many Requests"
        assert "retry-after" not in reply.headers
        (problem,) = server.exchanges[-1].violations
        assert "--max-concurrent" in problem.expected
        assert len(server.charges) == 1


@pytest.mark.parametrize(
    ("scenario", "polls"), [("failed", 3), ("failed-in-create", 0), ("completed-in-create", 0)]
)
def test_a_job_that_came_to_rest_in_any_way_makes_room(scenario: str, polls: int) -> None:
    with MockServer(max_concurrent=1, polls=(1, 1), scenario=scenario, log_format="none") as server:
        for _ in range(2):
            job_id = create(server).json["id"]
            for _ in range(polls):
                poll(server, job_id)
        assert len(server.jobs) == 2


def test_a_refused_create_leaves_the_queue_of_scenarios_alone() -> None:
    with MockServer(max_concurrent=1, polls=(0, 1), log_format="none") as server:
        job_id = create(server).json["id"]
        server.next("failed")
        assert create(server).status == 429
        for _ in range(2):
            poll(server, job_id)
        assert create(server).status == 200 and server.jobs[-1].scenario == "failed"


def test_creates_at_once_do_not_slip_past_the_limit() -> None:
    with MockServer(max_concurrent=3, scenario="stuck-queued", log_format="none") as server:
        found: list[int] = []
        threads = [threading.Thread(target=lambda: found.append(create(server).status)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Counter(found) == {200: 3, 429: 9}


@pytest.mark.parametrize("unfinished", [1, 2, 3])
def test_a_fault_strikes_while_so_many_jobs_are_unfinished(server: MockServer, unfinished: int) -> None:
    server.use(f"concurrency-limited;unfinished={unfinished}")
    assert [create(server).status for _ in range(unfinished + 2)] == [200] * unfinished + [429] * 2


def test_a_queued_limit_is_for_the_next_create_alone(server: MockServer) -> None:
    server.next("concurrency-limited")
    assert [create(server).status for _ in range(3)] == [200] * 3
    server.next("concurrency-limited")
    assert [create(server).status for _ in range(2)] == [429, 200]


def test_a_limit_on_unfinished_jobs_hides_no_other_fault() -> None:
    limited = Fault("create", "status", status=429, unfinished=1)
    other = Scenario("other", faults=(Fault("create", "status", status=503),))
    assert len((Scenario("limited", faults=(limited,)) | other).faults) == 2
    with pytest.raises(SettingsError, match="unfinished: expected at a create only"):
        Fault("poll", "status", unfinished=1)
    with pytest.raises(SettingsError, match="max_concurrent: expected 1 to"):
        MockServer(max_concurrent=0)
