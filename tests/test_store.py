"""The promises of a store, held against a plain model: every store passes through here."""

from __future__ import annotations

import asyncio
import math
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kling_mock.jobs.charges import ChargeTotals, Completion
from kling_mock.jobs.plan import Job, JobCounters, JobPlan
from kling_mock.scenarios import Fault, Scenario
from kling_mock.scenarios.fault import Place
from kling_mock.scenarios.selection import CreateFaults
from kling_mock.store import (
    UNBOUNDED,
    AddResult,
    JobBounds,
    MemoryStore,
    Store,
    StoreCounts,
    Told,
    at_once,
)
from kling_mock.store.memory import MOST_ASKED
from kling_mock.store.redis_server import RedisBackend
from kling_mock.store.shared import SharedStore
from kling_mock.store.sqlite import SqliteBackend
from kling_mock.timeline import JobStatus, ProgressBy, Timeline

from .redis_process import PROGRAM, needs_redis, running_redis
from .support import mostly_long

PLAIN = Scenario("plain")
FAILED = Scenario("failed", plan=("queued", "error"))
STRIKING = Scenario("striking", faults=(Fault("poll", "status", times=2), Fault("video", "status", times=1)))
LIFETIME = 100.0

StoreMaker = Callable[[int, Scenario], Store]
"""Makes an empty store for so many jobs, with a default scenario."""


def memory(limit: int, default: Scenario = PLAIN) -> Store:
    return MemoryStore(limit, default)


def sqlite(limit: int, default: Scenario = PLAIN) -> Store:
    return SharedStore(SqliteBackend(":memory:").records("a"), limit, default)


@pytest.fixture(scope="module", autouse=True)
def _redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One Redis for all of them, where there is one."""
    if PROGRAM is None:
        yield
        return
    with running_redis(tmp_path_factory.mktemp("redis")) as redis:
        BACKENDS.append(RedisBackend(redis.url()))
        yield
        BACKENDS.pop().close()


BACKENDS: list[RedisBackend] = []
NAMES = count(1)


def redis(limit: int, default: Scenario = PLAIN) -> Store:
    return SharedStore(BACKENDS[0].records(f"store-{next(NAMES)}"), limit, default)


STORES = [
    pytest.param(memory, id="memory"),
    pytest.param(sqlite, id="sqlite"),
    pytest.param(redis, id="redis", marks=needs_redis),
]
every_store = pytest.mark.parametrize("make", STORES)


def run(verb: Any) -> Any:
    """The result of a verb, whether its store suspends or not."""
    try:
        return at_once(verb)
    except RuntimeError:
        return asyncio.run(verb)


def plan_of(
    job_id: str,
    *,
    at: float = 0.0,
    by: ProgressBy = "polls",
    spans: tuple[float, ...] = (1, 1),
    last: JobStatus = "completed",
    scenario: Scenario = PLAIN,
    credits: int | None = None,
) -> JobPlan:
    names: tuple[JobStatus, ...] = ("queued", "generating", "queued", "generating")
    timeline = Timeline(tuple(zip(names, spans, strict=False)), last, by)
    return JobPlan(job_id, "model", scenario, timeline, at, credits, "clip.mp4")


# The model


@dataclass
class Kept:
    """A job of the model."""

    plan: JobPlan
    counters: JobCounters = field(default_factory=JobCounters)
    rest: tuple[float, int] | None = None
    """When it came (or comes) to rest, and which one it was to do so."""
    hits: dict[tuple[str | None, str], int] = field(default_factory=dict)


class Model:
    """What a store promises, said in the plainest way."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.clear()

    def clear(self) -> None:
        self.jobs: dict[str, Kept] = {}
        self.past: list[Kept] = []
        self.made: list[JobPlan] = []
        self.numbers = 0
        self.turns = 0

    def turn(self) -> int:
        self.turns += 1
        return self.turns

    def resting(self, now: float) -> list[Kept]:
        """The jobs that rest by now, the one that came to rest first at the front."""
        found = [(job.rest, job) for job in self.jobs.values() if job.rest and job.rest[0] <= now]
        return [job for _, job in sorted(found, key=lambda pair: pair[0])]

    def has_room(self, now: float) -> bool:
        return len(self.jobs) < self.limit or bool(self.resting(now))

    def unfinished(self, now: float) -> int:
        return len(self.jobs) - len(self.resting(now))

    def completed(self, now: float) -> list[tuple[float, int, JobPlan]]:
        """The jobs that have cost something by now, newest first, those that made room included."""
        rested = [*self.past, *self.resting(now)]
        kept = [(*job.rest, job.plan) for job in rested if job.rest and job.plan.charge.spent]
        return [found for found in kept if found[0] <= now][::-1]

    def add(self, plan: JobPlan, bounds: JobBounds) -> AddResult:
        if plan.id in self.jobs:
            return AddResult.TAKEN
        if self.unfinished(plan.made_at) >= bounds.unfinished:
            return AddResult.BUSY
        spent = self.totals().credits
        if spent >= bounds.credits or spent + (plan.credits or 0) > bounds.credits:
            return AddResult.DRY
        if len(self.jobs) >= self.limit:
            resting = self.resting(plan.made_at)
            if not resting:
                return AddResult.FULL
            self.past.append(self.jobs.pop(resting[0].plan.id))
        job = self.jobs[plan.id] = Kept(plan)
        self.made.append(plan)
        if plan.timeline.last in ("completed", "error"):
            if plan.timeline.by == "time":
                job.rest = (plan.made_at + plan.timeline.length, self.turn())
            elif plan.timeline.length == 0:
                job.rest = (plan.made_at, self.turn())
        return AddResult.ADDED

    def rest_by_polls(self, job: Kept, now: float) -> None:
        plan = job.plan
        done = plan.timeline.last in ("completed", "error") and plan.timeline.by == "polls"
        if job.rest is None and done and plan.progress(job.counters, now) >= plan.timeline.length:
            job.rest = (now, self.turn())

    def expire(self, job: Kept, now: float) -> None:
        if job.counters.expires_at is None:
            expires_at = job.plan.expiry(job.counters, now, LIFETIME)
            job.counters = job.counters._replace(expires_at=expires_at)

    def totals(self) -> ChargeTotals:
        billed = [plan for plan in self.made if plan.timeline.last == "completed"]
        priced = [plan.credits for plan in billed if plan.credits is not None]
        return ChargeTotals(len(self.made), len(billed), len(priced), sum(priced))


class StoreMachine(RuleBasedStateMachine):
    """Does the same to a store and to the model, and compares all that can be seen of them."""

    def __init__(self, make: StoreMaker) -> None:
        super().__init__()
        self.model = Model(limit=3)
        self.store = make(3, PLAIN)
        self.now = 0.0

    def known(self, number: int) -> Kept:
        jobs = list(self.model.jobs.values())
        return jobs[number % len(jobs)]

    def has_jobs(self) -> bool:
        return bool(self.model.jobs)

    @rule(seconds=st.integers(0, 5))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(
        name=st.sampled_from("abcdefgh"),
        by=st.sampled_from(["time", "polls"]),
        spans=st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0]), max_size=3).map(tuple),
        last=st.sampled_from(["completed", "completed", "error", "generating"]),
        scenario=st.sampled_from([PLAIN, FAILED]),
        credits=st.sampled_from([None, 0, 7]),
        bounds=st.sampled_from([UNBOUNDED, UNBOUNDED, UNBOUNDED, JobBounds(2), JobBounds(credits=20)]),
    )
    def add(self, name: str, bounds: JobBounds, **options: Any) -> None:
        plan = plan_of(name, at=self.now, **options)
        assert run(self.store.add_job(plan, None, bounds)) is self.model.add(plan, bounds)

    @rule()
    def count_an_id(self) -> None:
        self.model.numbers += 1
        assert run(self.store.next_number()) == self.model.numbers

    @rule(name=st.sampled_from("abcdefgh"))
    def a_poll_comes(self, name: str) -> None:
        job = self.model.jobs.get(name)
        if job is not None:
            job.counters = job.counters._replace(polls=job.counters.polls + 1)
        assert run(self.store.take_poll(name, 0.0, 0.0, plain=False)) == (job and (job.plan, None))

    @precondition(has_jobs)
    @rule(number=st.integers(0, 9))
    def a_poll_is_told(self, number: int) -> None:
        job = self.known(number)
        status = job.plan.status(job.counters, self.now)
        if status == "completed":
            self.model.expire(job, self.now)
        expected = Told(status, job.counters.expires_at)
        job.counters = job.counters._replace(answered=job.counters.answered + 1)
        self.model.rest_by_polls(job, self.now)
        assert run(self.store.tell_status(job.plan.id, self.now, LIFETIME)) == expected

    @precondition(has_jobs)
    @rule(number=st.integers(0, 9))
    def a_create_is_told(self, number: int) -> None:
        job = self.known(number)
        self.model.expire(job, self.now)
        assert run(self.store.tell_created(job.plan.id, self.now, LIFETIME)) == job.counters.expires_at

    @precondition(has_jobs)
    @rule(
        skips=st.lists(st.tuples(st.integers(0, 9), st.sampled_from([-1.0, 0.0, 0.1, 1.0, 2.5])), max_size=3)
    )
    def polls_are_skipped(self, skips: list[tuple[int, float]]) -> None:
        found = [(self.known(number), moved) for number, moved in skips]
        run(self.store.skip_polls([(job.plan.id, moved) for job, moved in found], self.now, LIFETIME))
        for job, moved in found:
            job.counters = job.counters._replace(skipped=job.counters.skipped + max(0.0, moved))
            self.model.rest_by_polls(job, self.now)
            if job.plan.status(job.counters, self.now) == "completed":
                self.model.expire(job, self.now)

    @precondition(has_jobs)
    @rule(number=st.integers(0, 9))
    def polls_of_no_job_are_skipped(self, number: int) -> None:
        job_id = self.known(number).plan.id
        with pytest.raises(LookupError):
            run(self.store.skip_polls([(job_id, 1.0), ("none", 1.0)], self.now, LIFETIME))

    @precondition(has_jobs)
    @rule(
        number=st.integers(0, 9),
        asked=st.sampled_from([None, "x", "y"]),
        place=st.sampled_from(["poll", "video"]),
        count=st.booleans(),
    )
    def it_strikes(self, number: int, asked: str | None, place: Place, count: bool) -> None:
        job = self.known(number)
        seen = job.hits.get((asked, place), 0)
        fault = STRIKING.faults[0 if place == "poll" else 1]
        if count:
            job.hits[asked, place] = seen + 1
        assert fault.times is not None
        expected = [fault] if seen < fault.times else []
        found = run(self.store.strike(job.plan.id, asked, STRIKING, place, 0.0, count=count))
        assert found == expected

    @rule()
    def reset(self) -> None:
        run(self.store.reset())
        self.model.clear()

    @invariant()
    def all_that_is_seen_is_the_same(self) -> None:
        model, store = self.model, self.store
        kept = [Job(job.plan, job.counters) for job in model.jobs.values()]
        assert run(store.jobs()) == kept
        plans = [*(old.plan for old in model.past[-model.limit :]), *(job.plan for job in kept)]
        charges = [plan.charge for plan in plans]
        assert run(store.charges()) == charges
        for last in (0, 1, 2, 5):
            assert run(store.jobs(last)) == kept[len(kept) - min(last, len(kept)) :]
            assert run(store.charges(last)) == charges[len(charges) - min(last, len(charges)) :]
        assert run(store.totals()) == model.totals()
        assert run(store.counts()) == StoreCounts(len(kept), len(model.made), len(model.made) - len(kept))
        assert run(store.has_room(self.now)) is model.has_room(self.now)
        assert run(store.unfinished(self.now)) == model.unfinished(self.now)
        self.the_ledger_is_the_same()
        for name in "abcdefgh":
            job = model.jobs.get(name)
            assert run(store.find_job(name)) == (job and Job(job.plan, job.counters))

    def the_ledger_is_the_same(self) -> None:
        store, now = self.store, self.now
        everything = self.model.completed(now)
        # Of jobs that nobody knows any more only the sum is known.
        forgotten = len(self.model.past) - self.model.limit
        for moment in (now, now - 2) if forgotten <= 0 else (now,):
            past = [plan.charge.spent for at, _, plan in everything if at <= moment]
            assert run(store.spent(moment)) == sum(past)
        gone = {id(old.plan) for old in self.model.past[: max(0, forgotten)]}
        expected = [(at, plan.charge) for at, _, plan in everything if id(plan) not in gone]
        found: list[Completion] = run(store.completed((now, 2**63)))
        assert [(at, charge) for at, _, charge in found] == expected
        # Page by page it is the same, and from a moment on a part of it.
        pages: list[Any] = []
        before = (now, 2**63)
        while page := run(store.completed(before, last=1)):
            pages += page
            before = page[0][:2]
        assert pages == found
        assert run(store.completed((now, 2**63), now - 1)) == [one for one in found if one.at >= now - 1]


@pytest.mark.slow
@pytest.mark.parametrize("times", mostly_long([1, 4], 2))
@every_store
def test_a_store_does_what_its_model_does(make: StoreMaker, times: int) -> None:
    machine: Any = partial(StoreMachine, make)
    examples = times * (15 if make is memory else 7)
    options = settings(max_examples=examples, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(machine, settings=options)


# What the model leaves out


@every_store
def test_an_empty_store(make: StoreMaker) -> None:
    store = make(1, PLAIN)
    assert store.limit == 1 and run(store.counts()) == StoreCounts(0, 0, 0)
    assert run(store.totals()) == ChargeTotals() and run(store.charges()) == run(store.jobs()) == []
    assert run(store.find_job("x")) is run(store.take_poll("x", 0, 0, plain=True)) is None
    assert run(store.next_number()) == 1


@pytest.mark.slow
@every_store
@settings(deadline=None)
@given(limit=st.integers(1, 6), count=st.integers(0, 20))
def test_past_charges_are_as_many_as_there_may_be_jobs(make: StoreMaker, limit: int, count: int) -> None:
    store = make(limit, PLAIN)
    for number in range(count):
        plan = plan_of(str(number), at=number, by="time", spans=(0,), credits=1)
        assert run(store.add_job(plan)) is AddResult.ADDED
    charges = [charge.job_id for charge in run(store.charges())]
    assert charges == [str(number) for number in range(count)][-2 * limit :]
    assert run(store.totals()) == ChargeTotals(count, count, count, count)


@every_store
def test_jobs_that_rest_at_one_moment_go_in_the_order_in_which_they_came_to_rest(make: StoreMaker) -> None:
    store = make(11, PLAIN)
    names = [f"job {number}" for number in range(11)]
    for name in names:
        run(store.add_job(plan_of(name, spans=(1,))))
    turned = names[::-1]
    for name in turned:
        run(store.tell_status(name, 5.0, LIFETIME))
    for gone, name in enumerate(turned, start=1):
        assert run(store.add_job(plan_of(f"new {gone}", at=5.0, spans=(1,)))) is AddResult.ADDED
        assert run(store.find_job(name)) is None
        assert all(run(store.find_job(left)) for left in turned[gone:])


@pytest.mark.slow
@every_store
@settings(deadline=None, max_examples=30)
@given(steps=st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.7, 1.1]), min_size=1, max_size=30))
def test_a_job_rests_once_however_odd_its_steps_are(make: StoreMaker, steps: list[float]) -> None:
    store = make(1, PLAIN)
    run(store.add_job(plan_of("a", spans=(1.3,))))
    progress = 0.0
    for number, step in enumerate(steps):
        run(store.skip_polls([("a", step)], 1.0, LIFETIME))
        progress += step
        job = run(store.find_job("a"))
        assert run(store.has_room(1.0)) is (job.status(1.0) == "completed"), number
    if run(store.has_room(1.0)):
        assert run(store.add_job(plan_of("b", at=1.0, spans=(math.inf,)))) is AddResult.ADDED
        # Nothing is left in line of the job that went.
        assert not run(store.has_room(1e9))
        assert run(store.add_job(plan_of("c", at=1e9))) is AddResult.FULL


@every_store
def test_an_expiry_is_fixed_when_it_is_told_first_and_counts_from_the_completion(make: StoreMaker) -> None:
    store = make(2, PLAIN)
    run(store.add_job(plan_of("time", at=10.0, by="time", spans=(5.0,))))
    run(store.add_job(plan_of("polls", at=10.0, spans=())))
    assert run(store.tell_status("time", 14.0, 60.0)).expires_at is None
    assert run(store.tell_status("time", 20.0, 60.0)).expires_at == 75.0
    assert run(store.tell_status("time", 30.0, 90.0)).expires_at == 75.0
    assert run(store.tell_status("polls", 20.0, 60.0)).expires_at == 80.0
    assert run(store.tell_created("polls", 50.0, 60.0)) == 80.0


@every_store
def test_texts_that_polls_ask_by_are_counted_up_to_a_bound(make: StoreMaker) -> None:
    assert MOST_ASKED == 100
    store = make(1, PLAIN)
    run(store.add_job(plan_of("a")))
    once = Scenario("once", faults=(Fault("poll", "status", times=1),))

    def strikes(asked: str | None) -> bool:
        return bool(run(store.strike("a", asked, once, "poll", 0.0, count=True)))

    assert strikes(None) and all(strikes(f"text {number}") for number in range(MOST_ASKED))
    # All of them are remembered, and asking again forgets none.
    assert not any(strikes(f"text {number}") for number in range(MOST_ASKED))
    # One more takes the place of the oldest; the job's own count is not among them.
    assert strikes("one more") and not strikes("text 1") and not strikes(None)
    assert strikes("text 0")


@every_store
def test_counts_of_one_job_are_not_those_of_another(make: StoreMaker) -> None:
    store = make(2, PLAIN)
    for name in "ab":
        run(store.add_job(plan_of(name)))
    found = [run(store.strike(name, None, STRIKING, "poll", 0.0, count=True)) for name in "aaabb"]
    assert [len(faults) for faults in found] == [1, 1, 0, 1, 1]


@every_store
def test_a_choice_of_scenarios_is_counted_and_reset(make: StoreMaker) -> None:
    once = Scenario("once", faults=(Fault("create", "status", times=1),))
    store = make(1, once)

    def take(asked: tuple[str, Scenario] | None = None) -> CreateFaults:
        taken: CreateFaults = run(store.take_scenario(lambda: asked, 0.0, 0.0, redirected=False))
        return taken

    assert not take().job_made and take().job_made
    assert not take(("text", once)).job_made and take(("text", once)).job_made
    run(store.reset())
    assert not take().job_made and not take(("text", once)).job_made


@every_store
def test_no_number_is_given_twice_to_threads_that_ask_at_once(make: StoreMaker) -> None:
    store, given_out = make(1, PLAIN), []

    def ask() -> None:
        given_out.extend([run(store.next_number()) for _ in range(200)])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given_out)) == len(given_out) == 800


def test_a_verb_that_suspends_is_not_run_at_once() -> None:
    async def verb() -> int:
        await asyncio.sleep(0)
        return 1

    with pytest.raises(RuntimeError, match="event loop"):
        at_once(verb())


# What a create costs

MANY = 50_000
SLACK = 40
"""Instructions that may differ: what runs for the first time takes a few more or less of them."""


def steps(action: Callable[[], object]) -> int:
    """How many lines of Python run while something is done: a number, not a time."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


def filled(limit: int, count: int, *, by: ProgressBy = "time") -> Store:
    """A store in memory that holds so many jobs of which none is finished."""
    store = memory(limit)
    for number in range(count):
        run(store.add_job(plan_of(str(number), by=by, spans=(1e6,))))
    return store


def create_in(store: Store, now: float) -> AddResult:
    assert run(store.has_room(now)) is True
    number = run(store.next_number())
    result: AddResult = run(store.add_job(plan_of(f"new {number}", at=now, by="time", spans=(1e6,))))
    return result


@pytest.mark.slow
@pytest.mark.parametrize("by", ["time", "polls"])
def test_a_create_with_many_unfinished_jobs_takes_the_steps_of_one_with_none(by: ProgressBy) -> None:
    empty, many = filled(MANY + 10, 0), filled(MANY + 10, MANY, by=by)
    assert 0 < steps(partial(create_in, many, 1.0)) < steps(partial(create_in, empty, 1.0)) + SLACK


@pytest.mark.slow
def test_a_store_full_of_unfinished_jobs_refuses_without_a_look_at_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[JobPlan] = []
    status = JobPlan.status

    def looked_at(plan: JobPlan, *args: Any) -> str:
        looks.append(plan)
        return status(plan, *args)

    monkeypatch.setattr(JobPlan, "status", looked_at)
    small, many = filled(1, 1), filled(MANY, MANY)

    def refused(store: Store) -> None:
        assert run(store.has_room(1.0)) is False
        assert run(store.add_job(plan_of("new", at=1.0))) is AddResult.FULL

    assert 0 < steps(partial(refused, many)) < steps(partial(refused, small)) + SLACK
    assert not looks


@pytest.mark.slow
def test_a_full_store_makes_room_without_a_look_at_the_others() -> None:
    def full(count: int) -> Store:
        store = memory(count)
        for number in range(count):
            run(store.add_job(plan_of(str(number), by="time", spans=(number + 1,))))
        return store

    small, many = full(2), full(MANY)
    assert 0 < steps(partial(create_in, many, 1.5)) < steps(partial(create_in, small, 1.5)) + SLACK
    assert run(many.find_job("0")) is None and run(many.find_job("1")) is not None


@pytest.mark.slow
def test_the_line_of_finished_jobs_does_not_outgrow_the_jobs() -> None:
    store = memory(3)
    for number in range(50):
        run(store.add_job(plan_of(str(number), at=number, spans=())))
        run(store.tell_status(str(number), number, LIFETIME))
        run(store.skip_polls([(str(number), 1.0)], number, LIFETIME))
    assert isinstance(store, MemoryStore)
    assert len(store._resting) + len(store._rested) == len(store._entries) == 3
