"""Which scenario a create gets: the bound on what is counted, the queue, and another start."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import Fault, MockServer, Scenario
from kling_mock.errors import UnknownScenario
from kling_mock.scenarios.selection import MOST_COUNTED, CreateFaults, ScenarioSelector

from .support import create

PLAIN = Scenario("plain")
OTHER = Scenario("other", shapes=frozenset({"nulls"}))
ONCE = Scenario("once", faults=(Fault("create", "status", times=1),))


def take(
    selector: ScenarioSelector,
    asked: tuple[str, Scenario] | None = None,
    *,
    elapsed: float = 0.0,
    redirected: bool = False,
) -> CreateFaults:
    return selector.take(lambda: asked, elapsed, lambda: 0, redirected=redirected)


def met(selector: ScenarioSelector, text: str) -> bool:
    """Whether a create that asks by this text meets the fault that strikes once."""
    return bool(take(selector, (text, ONCE)).faults)


def test_texts_are_counted_up_to_a_bound_and_the_oldest_goes() -> None:
    assert MOST_COUNTED == 1000
    selector = ScenarioSelector(PLAIN)
    assert all(met(selector, str(number)) for number in range(MOST_COUNTED))
    # All of them are remembered, and asking again forgets none.
    assert not any(met(selector, str(number)) for number in range(MOST_COUNTED))
    assert met(selector, "one more")
    assert not met(selector, "1") and met(selector, "0")


def test_counts_are_those_of_one_text() -> None:
    selector = ScenarioSelector(ONCE)
    assert take(selector).faults and not take(selector).faults
    assert met(selector, "a") and met(selector, "b") and not met(selector, "a")
    selector.forget_counts()
    assert met(selector, "a") and not take(selector).faults
    selector.reset()
    assert take(selector).faults and met(selector, "a")


def test_what_asks_is_not_called_while_the_queue_has_one_and_its_error_counts_nothing() -> None:
    def unknown() -> Any:
        raise UnknownScenario("x", ["y"])

    selector = ScenarioSelector(ONCE)
    selector.next(OTHER)
    assert selector.take(unknown, 0.0, lambda: 0, redirected=False).scenario == OTHER
    with pytest.raises(UnknownScenario):
        selector.take(unknown, 0.0, lambda: 0, redirected=False)
    assert take(selector).faults


@given(st.lists(st.sampled_from(["plain", "other", "once", "twice"]), max_size=6))
def test_each_of_the_queue_does_what_it_has_to_do_in_order(names: list[str]) -> None:
    twice = Scenario("twice", faults=(Fault("create", "status", times=2),))
    known = {one.name: one for one in (PLAIN, OTHER, ONCE, twice)}
    selector = ScenarioSelector(Scenario("default"))
    for name in names:
        selector.next(known[name])
    expected = [name for name in names for _ in range(2 if name == "twice" else 1)]
    seen = [take(selector) for _ in expected]
    assert [one.scenario.name for one in seen] == expected
    assert [one.scenario.name for one in seen if one.dequeued] == names
    assert selector.queue == [] and take(selector).scenario.name == "default"
    assert not take(selector).dequeued


def test_a_queued_fault_without_end_strikes_once() -> None:
    selector = ScenarioSelector(PLAIN)
    selector.next(Scenario("down", faults=(Fault("create", "status"),)))
    assert [bool(take(selector).faults) for _ in range(3)] == [True, False, False]


def test_a_queued_scenario_that_also_shapes_the_job_stays_until_there_is_one() -> None:
    selector = ScenarioSelector(PLAIN)
    selector.next(Scenario("both", faults=(Fault("create", "status", times=1),), plan=("error",)))
    first, second, third = (take(selector) for _ in range(3))
    assert (first.job_made, first.dequeued, bool(first.faults)) == (False, False, True)
    assert (second.job_made, second.dequeued, second.scenario.name) == (True, True, "both")
    assert third.scenario == PLAIN


def test_a_queued_scenario_waits_for_its_window_and_goes_when_it_is_past() -> None:
    windowed = Scenario("windowed", faults=(Fault("create", "status", times=1, since=10, until=20),))
    selector = ScenarioSelector(PLAIN)
    selector.next(windowed)
    before = take(selector, elapsed=5)
    assert not before.faults and before.job_made and not before.dequeued
    within = take(selector, elapsed=15)
    assert within.faults and within.dequeued
    selector.next(windowed)
    assert not take(selector, elapsed=5).dequeued
    past = take(selector, elapsed=20)
    assert not past.faults and past.dequeued and selector.queue == []


def test_a_create_that_follows_a_redirect_is_not_redirected_again() -> None:
    selector = ScenarioSelector(Scenario("moved", faults=(Fault("create", "redirect"),)))
    assert not take(selector).job_made
    assert take(selector, redirected=True).job_made


@pytest.mark.parametrize("said", [False, True])
def test_another_start_takes_the_place_of_a_default_that_nobody_chose(said: bool) -> None:
    selector = ScenarioSelector(PLAIN)
    selector.begin_with(OTHER, said=said)
    assert selector.default == OTHER
    selector.use(ONCE)
    selector.begin_with(PLAIN, said=said)
    assert selector.default == (PLAIN if said else ONCE)
    selector.reset()
    assert selector.default == PLAIN


def test_the_same_start_said_again_counts_anew() -> None:
    selector = ScenarioSelector(ONCE)
    assert take(selector).faults
    selector.begin_with(ONCE, said=False)
    assert not take(selector).faults
    selector.begin_with(ONCE, said=True)
    assert take(selector).faults


def test_a_full_store_keeps_the_queue_and_counts_nothing() -> None:
    with MockServer(max_jobs=1, polls=(1, 1), log_format="none") as server:
        create(server)
        server.next("failed")
        server.use("server-error;times=1")
        assert [create(server).status for _ in range(3)] == [429] * 3
        assert [scenario.name for scenario in server.space.queue] == ["failed"]
        server.clock.advance(until="completed")
        assert create(server).status == 200 and server.jobs[0].scenario == "failed"
        server.clock.advance(until="finished")
        assert [create(server).status for _ in range(2)] == [500, 200]


def test_a_refused_body_keeps_the_queue(server: MockServer) -> None:
    server.next("failed")
    assert create(server, cfg_scale=9, duration=77).status == 400
    assert [scenario.name for scenario in server.space.queue] == ["failed"]
