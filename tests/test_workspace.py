"""Workspaces: each has jobs, journal, ids, scenarios, options and a clock of its own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from kling_mock import Clock, Settings, SettingsError
from kling_mock.app import MockApp
from kling_mock.common import Common
from kling_mock.events import Event, EventKind
from kling_mock.jobs.charges import ChargeTotals
from kling_mock.store import StoreCounts, at_once
from kling_mock.workspace import KEPT_ANSWERS, Workspace

from .support import PATHS, body_for


def settings(**options: Any) -> Settings:
    return Settings(**{"seed": 1, "speed": 0.0, "polls": (1, 1), **options})


class Two:
    """Two workspaces of one server, and an application that answers for the one that is chosen."""

    def __init__(self, **options: Any) -> None:
        self.common = Common(settings(**options))
        self.one = self.common.default
        self.two = self.common.workspaces.find("two")
        self.app = MockApp(self.common)
        self.headers = [(b"authorization", b"Bearer k"), (b"content-type", b"application/json")]

    def ask(self, space: Workspace, method: str, query: str = "", body: bytes = b"") -> Any:
        path = f"/@{space.name}{PATHS[0]}" if space.name else PATHS[0]
        answer = self.app._at_once(method, path, query.encode(), self.headers, "http", body)
        assert isinstance(answer, bytes)
        return json.loads(answer.partition(b"\r\n\r\n")[2])

    def create(self, space: Workspace) -> Any:
        return self.ask(space, "POST", body=json.dumps(body_for()).encode())

    def poll(self, space: Workspace, job_id: str) -> Any:
        return self.ask(space, "GET", f"generation_id={job_id}")


def kept(space: Workspace) -> tuple[int, int, int]:
    """How many jobs, exchanges and creations a workspace holds."""
    counts: StoreCounts = at_once(space.store.counts())
    return counts.kept, len(space.journal), counts.made


def test_jobs_and_exchanges_of_one_are_unknown_to_the_other() -> None:
    two = Two()
    job_id = two.create(two.one)["id"]
    assert two.poll(two.one, job_id)["status"] == "queued"
    refused = two.poll(two.two, job_id)
    assert refused["statusCode"] == 404
    assert kept(two.one) == (1, 2, 1) and kept(two.two) == (0, 1, 0)
    assert two.two.journal.count == 1 and next(iter(two.two.journal)).number == 1
    assert at_once(two.two.store.totals()) == ChargeTotals()
    two.one.reset()
    assert kept(two.one) == (0, 0, 0) and kept(two.two) == (0, 1, 0)


def test_polls_of_one_move_no_job_of_the_other() -> None:
    two = Two()
    ids = [two.create(space)["id"] for space in (two.one, two.two)]
    assert [two.poll(two.one, ids[0])["status"] for _ in range(3)] == ["queued", "generating", "completed"]
    assert two.poll(two.two, ids[1])["status"] == "queued"


def test_ids_are_a_function_of_seed_workspace_and_number() -> None:
    first, again = Two(), Two()
    ids = [
        [two.create(space)["id"] for space in (two.one, two.one, two.two, two.two)] for two in (first, again)
    ]
    assert ids[0] == ids[1] and len(set(ids[0])) == 4
    requests = {space.ids.request_id() for space in (first.one, first.two)}
    assert len(requests) == 2
    # What happens in the other one changes no id.
    third = Two()
    for _ in range(3):
        third.create(third.two)
    assert third.create(third.one)["id"] == ids[0][0]


def test_ids_are_issued_anew() -> None:
    two = Two()
    first = two.create(two.one)["id"]
    two.one.reset()
    assert two.create(two.one)["id"] == first
    two.one.reset()
    two.one.issue_ids(2)
    other = two.create(two.one)["id"]
    two.one.reset()
    two.one.issue_ids(2, of="a test")
    of_a_test = two.create(two.one)["id"]
    assert len({first, other, of_a_test}) == 3
    # A seed that begins again meets ids that are taken, and goes on behind them.
    two.one.issue_ids(2, of="a test")
    assert two.create(two.one)["id"] not in (first, other, of_a_test)
    assert kept(two.one)[0] == 2


def test_an_id_that_is_issued_again_is_not_answered_for_the_job_that_had_it() -> None:
    two = Two(max_jobs=1)
    space = two.one
    job_id = two.create(space)["id"]
    two.poll(space, job_id)
    space.clock.advance(until="completed")
    two.create(space)
    space.use("unknown-status")
    space.clock.advance(until="completed")
    space.issue_ids(1)
    assert two.create(space)["id"] == job_id
    at_once(space.store.use_scenario(space.names.resolve("waiting-active")))
    assert two.poll(space, job_id)["status"] == "queued" and two.poll(space, job_id)["status"] == "processing"


def test_without_a_seed_each_reset_issues_others() -> None:
    two = Two(seed=None)
    ids = set()
    for _ in range(3):
        ids.add(two.create(two.one)["id"])
        two.one.reset()
    assert len(ids) == 3


def test_scenarios_and_options_are_those_of_one() -> None:
    two = Two()
    two.one.next("rate-limited")
    two.one.use("failed")
    two.one.configure(strict=True, max_exchanges=1, max_jobs=1)
    assert two.two.queue == [] and two.two.scenario.name == "completed"
    assert not two.two.settings.strict and not two.common.settings.strict
    assert (two.two.journal.limit, two.two.store.limit) == (2_000, 100_000)
    assert "id" in two.create(two.two)
    assert two.create(two.one)["statusCode"] == 429
    assert "id" in two.create(two.one)
    assert two.create(two.one)["message"].startswith("Too Many Requests: this mock holds 1 unfinished")
    assert len(two.one.journal) == 1
    two.one.reset()
    assert two.one.settings is two.common.settings and two.one.scenario.name == "completed"
    assert (two.one.journal.limit, two.one.store.limit) == (2_000, 100_000)


def test_clocks_and_events_are_those_of_one() -> None:
    two = Two()
    seen: list[tuple[str, EventKind]] = []
    two.one.bus.subscribe(lambda event: seen.append(("one", event.kind)))
    two.two.bus.subscribe(lambda event: seen.append(("two", event.kind)))
    before = [space.clock.now() for space in (two.one, two.two)]
    two.one.clock.advance(100)
    assert [space.clock.now() for space in (two.one, two.two)] == [before[0] + 100, before[1]]
    two.create(two.two)
    two.two.reset()
    assert seen == [("one", "clock"), ("two", "job-made"), ("two", "exchange"), ("two", "reset")]
    assert two.one.bus.number == 1 and two.two.bus.number == 3


def test_a_reset_ends_the_held_answers_of_its_own_workspace() -> None:
    two = Two()

    async def never() -> Any:
        await asyncio.Event().wait()

    async def test() -> None:
        holds = [asyncio.ensure_future(space.holds.hold(60, never)) for space in (two.one, two.two)]
        while two.common.traffic.held < 2:
            await asyncio.sleep(0)
        two.two.reset()
        assert await holds[1] is False
        for _ in range(10):
            await asyncio.sleep(0)
        assert not holds[0].done() and two.common.traffic.held == 1
        two.one.clock.advance(61)
        assert await holds[0] is True
        assert two.common.traffic.held == 0 and two.common.traffic.quiet()

    asyncio.run(test())


def test_kept_answers_are_those_of_one_and_bounded() -> None:
    two = Two()
    job_id = two.create(two.one)["id"]
    two.poll(two.one, job_id)
    assert list(two.one.kept_answers) == [job_id] and not two.two.kept_answers
    for number in range(KEPT_ANSWERS + 1):
        two.two.keep_answer(str(number), (("queued", b"", False, ""), b"", b"", None, None))
    assert KEPT_ANSWERS == 1024 == len(two.two.kept_answers)
    assert "0" not in two.two.kept_answers and "1" in two.two.kept_answers
    two.two.reset()
    assert not two.two.kept_answers and two.one.kept_answers


# Options while it runs


@pytest.mark.parametrize(("option", "value"), [("host", "0.0.0.0"), ("port", 1)])
def test_what_is_bound_already_is_not_configured(option: str, value: Any) -> None:
    space = Two().one
    before = space.settings
    with pytest.raises(SettingsError, match=f"{option}: expected before the server starts"):
        space.configure(**{option: value, "strict": True})
    assert space.settings is before
    # What it has already is no change.
    space.configure(**{option: getattr(before, option)})


@pytest.mark.parametrize("options", [{"nosuch": 1}, {"max_jobs": 0}, {"queued": "x"}, {"scenario": "nosuch"}])
def test_a_refused_option_changes_nothing_and_is_no_event(options: dict[str, Any]) -> None:
    space = Two().one
    seen: list[Event] = []
    before = space.settings
    space.bus.subscribe(seen.append)
    with pytest.raises(Exception, match=r"nosuch|max_jobs|queued"):
        space.configure(strict=True, **options)
    assert space.settings is before and space.scenario.name == "completed" and not seen


def test_configure_changes_what_it_names_and_tells_it() -> None:
    space = Two().one
    seen: list[Event] = []
    space.bus.subscribe(seen.append)
    space.configure(scenario="failed", speed=3)
    assert space.scenario.name == "failed" and space.clock.speed == 3
    assert [(event.kind, event.data) for event in seen if event.kind != "clock"] == [
        ("settings", {"scenario": "failed", "speed": 3}),
        ("scenario", {"scenario": "failed", "next": []}),
    ]
    space.reset()
    assert space.scenario.name == "completed" and space.clock.speed == 0


def test_begin_with_keeps_what_use_chose() -> None:
    space = Two().one
    space.use("nulls")
    space.configure(queued="5s")
    assert space.scenario.name == "nulls"
    space.configure(scenario="failed")
    assert space.scenario.name == "failed"
    space.use("nulls")
    space.reset()
    assert space.scenario.name == "completed"


def test_a_seed_that_is_configured_begins_with_its_first_id() -> None:
    two = Two()
    two.one.configure(seed=5)
    fresh = Two(seed=5)
    assert two.create(two.one)["id"] == fresh.create(fresh.one)["id"]
    assert two.one.ids.seed == 5 and two.two.ids.seed == 1


def test_a_reset_forgets_and_goes_on_in_time() -> None:
    two = Two()
    space = two.one
    two.create(space)
    space.clock.advance(50)
    before = space.clock.now()
    space.clock.speed = 9
    space.reset()
    assert kept(space) == (0, 0, 0) and space.store.resets == 1
    assert space.clock.now() >= before and space.clock.speed == 0
    assert space.started_at == space.clock.now()
    assert two.create(space)["status"] == "queued" and next(iter(space.journal)).number == 1


def test_a_moment_that_never_comes_moves_nothing() -> None:
    two = Two()
    space = two.one
    job_id = two.create(space)["id"]
    space.use("stuck-queued")
    two.create(space)
    before = space.clock.now()
    with pytest.raises(ValueError, match="never shows 'completed'"):
        space.clock.advance(until="completed")
    assert space.clock.now() == before
    assert two.poll(space, job_id)["status"] == "queued"


def test_a_moment_beyond_all_dates_moves_nothing() -> None:
    two = Two()
    space = two.one
    job_id = two.create(space)["id"]
    space.configure(polls=None, queued=1e12, generating=1)
    two.create(space)
    with pytest.raises(ValueError, match="year 9999"):
        space.clock.advance(until="completed")
    assert two.poll(space, job_id)["status"] == "queued"


def test_dates_are_those_of_its_clock() -> None:
    space = Two().one
    space.clock = Clock(speed=0, start=0.0)
    assert space.date() == b"Thu, 01 Jan 1970 00:00:00 GMT"
    assert space.date(86_400.5) == b"Fri, 02 Jan 1970 00:00:00 GMT"
    space.clock.advance(59)
    assert space.date() == b"Thu, 01 Jan 1970 00:00:59 GMT"


def test_two_servers_share_nothing() -> None:
    one, two = Two(), Two()
    one.one.use("failed")
    one.create(one.one)
    one.one.clock.advance(5)
    assert kept(two.one) == (0, 0, 0) and two.common.traffic.received == 0
    assert two.one.scenario.name == "completed" and two.one.bus.number == 0
    assert one.common.workspaces.values() == [one.one, one.two]
