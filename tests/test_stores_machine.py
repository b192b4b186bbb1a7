"""Clients, workers and restarts in any order: whatever answers, there is one truth about each job."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kling_mock import MockServer
from kling_mock.server import ServedWorkspace

from .redis_process import PROGRAM, needs_redis, running_redis
from .support import PATHS, create, poll

pytestmark = pytest.mark.slow

SPACES = ("", "a")
"""The workspace of a server itself, and a named one."""
MOST_WORKERS = 3
ENDS = {"completed": "completed", "failed": "error"}
"""The scenarios that are armed, with the status in which their jobs end."""
WORKER, SPACE = st.integers(0, MOST_WORKERS - 1), st.sampled_from(SPACES)

Address = Callable[[], str]


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Address]:
    """Gives the address of an empty store, another one each time."""
    if request.param == "sqlite":
        numbers = itertools.count()
        yield lambda: f"sqlite:{tmp_path}/{next(numbers)}.db"
        return
    assert PROGRAM is not None or not os.environ.get("CI")
    with running_redis(tmp_path) as redis:

        def emptied() -> str:
            redis.ask("FLUSHALL")
            return redis.url()

        yield emptied


class Job:
    """A job as its client knows it."""

    def __init__(self, job_id: str, space: str, ends: str) -> None:
        self.id, self.space = job_id, space
        self.told = iter(["queued", "generating"])
        self.ends = ends

    def next_status(self) -> str:
        """What the next poll is told, whoever answers it: progress is by polls, one of each."""
        return next(self.told, self.ends)


class Fleet(RuleBasedStateMachine):
    """Workers on one store, which come and go, and clients that ask any of them."""

    jobs: Bundle[Job] = Bundle("jobs")

    def __init__(self, address: Address) -> None:
        super().__init__()
        self.address = address()
        self.workers: list[MockServer] = []
        self.made: dict[str, list[str]] = {space: [] for space in SPACES}
        self.armed: dict[str, list[str]] = {space: [] for space in SPACES}

    @initialize()
    def the_first_worker_starts(self) -> None:
        self.start_worker()

    def start_worker(self) -> None:
        server = MockServer(store=self.address, polls=(1, 1), seed=1, log_format="none")
        server.start()
        self.workers.append(server)

    def worker(self, number: int) -> MockServer:
        return self.workers[number % len(self.workers)]

    @precondition(lambda self: len(self.workers) < MOST_WORKERS)
    @rule()
    def a_worker_starts(self) -> None:
        self.start_worker()

    @rule(number=WORKER)
    def a_worker_ends_and_the_last_one_is_started_again(self, number: int) -> None:
        self.workers.remove(ended := self.worker(number))
        ended.stop()
        if not self.workers:
            self.start_worker()

    @rule(number=WORKER, space=SPACE, scenario=st.sampled_from(sorted(ENDS)))
    def a_scenario_is_armed(self, number: int, space: str, scenario: str) -> None:
        facade(self.worker(number), space).next(scenario)
        self.armed[space].append(scenario)

    @rule(target=jobs, number=WORKER, space=SPACE)
    def a_job_is_made(self, number: int, space: str) -> Job:
        reply = create(self.worker(number), path_of(space))
        assert reply.status == 200, reply.body
        job_id = str(reply.json["id"])
        self.made[space].append(job_id)
        scenario = self.armed[space].pop(0) if self.armed[space] else "completed"
        return Job(job_id, space, ENDS[scenario])

    @rule(space=SPACE)
    def jobs_are_made_at_once_by_all_workers(self, space: str) -> None:
        found: list[str] = []

        def make(server: MockServer) -> None:
            found.extend(str(create(server, path_of(space)).json["id"]) for _ in range(2))

        threads = [threading.Thread(target=make, args=(server,)) for server in self.workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 2 * len(self.workers)
        self.made[space] += found
        del self.armed[space][: len(found)]

    @rule(job=jobs, number=WORKER)
    def a_job_is_polled(self, job: Job, number: int) -> None:
        reply = poll(self.worker(number), job.id, path_of(job.space))
        expected = job.next_status()
        assert (reply.status, reply.json["status"]) == (200, expected)
        assert ("video" in reply.json, bool(reply.json.get("error"))) == (
            expected == "completed",
            expected == "error",
        )

    @rule(job=jobs, number=WORKER)
    def a_job_is_unknown_to_the_other_workspace(self, job: Job, number: int) -> None:
        (other,) = {*SPACES} - {job.space}
        assert poll(self.worker(number), job.id, path_of(other)).status == 404

    @invariant()
    def each_job_is_charged_once_and_each_choice_used_once(self) -> None:
        for server in self.workers:
            for space in SPACES:
                seen = facade(server, space)
                assert sorted(charge.job_id for charge in seen.charges) == sorted(self.made[space])
                assert [scenario.name for scenario in seen.space.queue] == self.armed[space]

    @invariant()
    def no_id_is_issued_twice(self) -> None:
        made = [job_id for ids in self.made.values() for job_id in ids]
        assert len({*made}) == len(made)

    def teardown(self) -> None:
        for server in self.workers:
            server.stop()


def facade(server: MockServer, space: str) -> MockServer | ServedWorkspace:
    """What a test asks about a workspace."""
    return server.workspace(space) if space else server


def path_of(space: str) -> str:
    """The path of creates and polls of a workspace."""
    return f"/@{space}{PATHS[0]}" if space else PATHS[0]


def test_no_order_of_clients_workers_and_restarts_shows_two_truths(address: Address) -> None:
    run_state_machine_as_test(
        lambda: Fleet(address),  # type: ignore[arg-type]
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
