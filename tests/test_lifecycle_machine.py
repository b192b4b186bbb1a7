"""Many jobs of every variant on every path at once: each answer is valid, coherent and never backwards."""

from __future__ import annotations

from typing import Any

import jsonschema
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
from kling_mock.catalog import Variant, load_catalog
from kling_mock.exchanges.video_urls import video_urls

from .support import FAMILIES, PATHS, ask, body_for, poll

CATALOG = load_catalog()
JUDGES = {v.model: jsonschema.Draft202012Validator(CATALOG.poll_schema(v.model)) for v in CATALOG.variants}
CREATE_JUDGES = {
    (v.model, legacy): jsonschema.Draft202012Validator(CATALOG.answer_schema(v.model, legacy=legacy))
    for v in CATALOG.variants
    for legacy in {False, v.legacy}
}
ORDER = {"queued": 0, "generating": 1, "completed": 2, "error": 2}
SAME = {"succeeded": "completed"}
"""Words of some models for a status of all."""
SCENARIOS = {
    "completed": "completed",
    "failed": "error",
    "stuck-queued": None,
    "stuck-generating": None,
    "slow": "completed",
    "skips-generating": "completed",
    "completed-in-create": "completed",
    "failed-in-create": "error",
    "nulls": "completed",
    "absent": "completed",
    "no-usage": "completed",
    "file-details": "completed",
    "id-awkward": "completed",
    "id-leading-dash+failed": "error",
    "id-uuid-model": "completed",
    "poll-server-error;times=2+failed": "error",
    "poll-reset": "completed",
    "chunked+extra-fields": "completed",
    "gzip": "completed",
}
POLL_PATHS = [*PATHS, *(f"/v2/generate/video/{family}/generation" for family in FAMILIES[1:])]


class Followed:
    """What a test knows of a job: its id, how it must end, and the last status that it showed."""

    def __init__(self, job_id: str, variant: Variant, ends: str | None) -> None:
        self.id = job_id
        self.variant = variant
        self.ends = ends
        self.status = "queued"
        self.polls = 0

    def check(self, body: dict[str, Any]) -> None:
        """Hold an answer against the contract, and against what was answered before."""
        assert body["id"] == self.id
        status = SAME.get(body["status"], body["status"])
        assert ORDER[status] >= ORDER[self.status], (self.status, status)
        if ORDER[self.status] == 2:
            assert status == self.status, "a final status changed"
        video: Any = body.get("video")
        error: Any = body.get("error")
        if status == "completed":
            assert [url[:4] for url in video_urls(body)] == ["http"] and error is None
        elif status == "error":
            assert error["message"] and video is None
        else:
            assert video is None and error is None
        if ORDER[status] == 2:
            assert status == self.ends
        self.status = status


class Jobs(RuleBasedStateMachine):
    """Creates, polls, clock moves and downloads in any order."""

    jobs: Bundle[Followed] = Bundle("jobs")
    server: MockServer

    @initialize(by_polls=st.booleans())
    def start(self, by_polls: bool) -> None:
        self.by_polls = by_polls
        self.server = SERVERS[by_polls]
        self.server.reset()
        self.followed: list[Followed] = []

    @rule(
        target=jobs,
        variant=st.sampled_from(CATALOG.variants),
        path=st.sampled_from([*PATHS[:3], ""]),
        scenario=st.sampled_from(sorted(SCENARIOS)),
        how=st.sampled_from(["header", "next", "key"]),
    )
    def create(self, variant: Variant, path: str, scenario: str, how: str) -> Followed:
        # The older path of its family, where it has one.
        older = CATALOG.vendor(variant).older_path if not path else ""
        path = path or older or PATHS[0]
        legacy = bool(older) and variant.legacy
        body = body_for(variant.model, legacy=legacy)
        headers = {"X-Mock-Scenario": scenario} if how == "header" else {}
        if how == "next":
            self.server.next(scenario)
        key = f"mock-{scenario}" if how == "key" else "test-key"
        reply = ask(self.server, "POST", path, body, headers, key=key)
        expected = CATALOG.created_status(variant.model, legacy=True) if legacy else 201 if older else 200
        assert reply.status == expected, reply.body
        if "gzip" not in reply.headers.get("content-encoding", ""):
            CREATE_JUDGES[variant.model, legacy].validate(reply.json)
        job = Followed(reply.json["id"], variant, SCENARIOS[scenario])
        job.check(reply.json)
        self.followed.append(job)
        return job

    @rule(job=jobs, path=st.sampled_from(POLL_PATHS))
    def poll(self, job: Followed, path: str) -> None:
        try:
            reply = poll(self.server, job.id, path)
        except ConnectionError:
            return  # poll-reset: tells nothing
        if reply.status == 500:
            return  # poll-server-error
        assert reply.status == 200, reply.body
        JUDGES[job.variant.model].validate(reply.json)
        job.check(reply.json)

    @rule(job=jobs)
    def download(self, job: Followed) -> None:
        if job.status == "completed":
            reply = poll(self.server, job.id)
            if reply.status == 200:
                clip = ask(self.server, "HEAD", video_urls(reply.json)[0].partition(str(self.server.port))[2])
                assert (
                    clip.headers["content-type"] == "video/mp4" and int(clip.headers["content-length"]) > 1000
                )

    @rule(seconds=st.floats(0, 100) | st.sampled_from([10.0, 50.0, 60.0, 9.999999, 600.0]))
    def advance(self, seconds: float) -> None:
        self.server.clock.advance(seconds)

    @rule(job=jobs)
    def advance_to_the_end(self, job: Followed) -> None:
        if job.ends is not None:
            self.server.clock.advance(until=job.ends, job_id=job.id)
            seen = {view.id: view.status for view in self.server.jobs}
            assert seen[job.id] == job.ends

    @rule()
    def poll_all(self) -> None:
        for number, job in enumerate(self.followed):
            self.poll(job, POLL_PATHS[number % len(POLL_PATHS)])

    def teardown(self) -> None:
        """In the end each job comes to rest where its scenario says."""
        for _ in range(24 if self.by_polls else 7):
            self.server.clock.advance(100)
            self.poll_all()
        for job in self.followed:
            assert (job.status if ORDER[job.status] == 2 else None) == job.ends

    @precondition(lambda self: hasattr(self, "followed"))
    @invariant()
    def no_job_is_lost(self) -> None:
        assert len(self.server.jobs) == len(self.server.charges) == len(self.followed)
        assert len({job.id for job in self.server.jobs}) == len(self.followed)


SERVERS: dict[bool, MockServer] = {}


def test_every_answer_is_valid_coherent_and_never_backwards(server: MockServer, timed: MockServer) -> None:
    SERVERS.update({True: server, False: timed})
    run_state_machine_as_test(
        Jobs,
        settings=settings(
            max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_every_variant_goes_its_whole_way(timed: MockServer) -> None:
    jobs = []
    for number, variant in enumerate(CATALOG.variants):
        legacy = number % 2 == 1 and variant.legacy
        reply = ask(
            timed, "POST", variant.older_path if legacy else PATHS[0], body_for(variant.model, legacy=legacy)
        )
        CREATE_JUDGES[variant.model, legacy].validate(reply.json)
        jobs.append(Followed(reply.json["id"], variant, "completed"))
        jobs[-1].check(reply.json)
    for seconds, status in (
        (0, "queued"),
        (9.9, "queued"),
        (0.2, "generating"),
        (49, "generating"),
        (1, "completed"),
    ):
        timed.clock.advance(seconds)
        for job in jobs:
            reply = poll(timed, job.id, PATHS[1])
            JUDGES[job.variant.model].validate(reply.json)
            job.check(reply.json)
            assert job.status == status
