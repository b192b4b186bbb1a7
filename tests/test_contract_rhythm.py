"""The rhythm of a client: behaviour is stretched to it, and no further than the client waits."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_mock.contract_tests.driving.engine import GENERATING, QUEUED, SPANS
from kling_mock.contract_tests.generation.payloads import smallest_payload
from kling_mock.contract_tests.generation.scenario_strategies import PLAIN, plans
from kling_mock.contract_tests.running.models import Outcome, Run, Trial
from kling_mock.contract_tests.running.rhythm import UNKNOWN, Rhythm, measuring, rhythm_of, tells_its_rhythm
from kling_mock.scenarios import CATALOGUE, Scenario
from kling_mock.timeline import PLAIN_PLAN, Step, resolve_timeline
from tests.clients.zoo import TEXT
from tests.support import recorded

quick = settings(max_examples=100, database=None, deadline=None)


def moments(gaps: Sequence[float]) -> tuple[float, ...]:
    return tuple(itertools.accumulate(gaps))


def seen(scenario: Scenario, polls: Sequence[float]) -> list[str]:
    """The statuses that polls at these moments are told, each once where it shows in a row."""
    timeline = resolve_timeline(scenario.course, queued=QUEUED, generating=GENERATING)
    told = [timeline.status_at(moment) for moment in polls]
    return [status for status, _ in itertools.groupby(told)]


def going_on(polls: Sequence[float]) -> list[float]:
    """The polls with as many more of the last interval as any job here takes."""
    last = polls[-1] - (polls[-2] if len(polls) > 1 else 0.0)
    return [*polls, *(polls[-1] + last * place for place in range(1, 40))]


intervals = st.floats(0.5, 45.0)
constant = intervals.map(lambda gap: [gap] * int(500 / gap))
jittered = intervals.flatmap(
    lambda gap: st.lists(st.floats(0.9, 1.1), min_size=int(500 / gap), max_size=int(500 / gap)).map(
        lambda parts: [gap * part for part in parts]
    )
)
growing = st.builds(
    lambda first, factor, most: [min(first * factor**place, most) for place in range(60)],
    st.floats(0.5, 4.0),
    st.floats(1.2, 2.0),
    st.floats(5.0, 40.0),
)


@pytest.mark.slow
@quick
@given(st.one_of(constant, jittered, growing))
def test_a_job_that_falls_back_is_seen_falling_back_at_any_pace(gaps: list[float]) -> None:
    polls = moments(gaps)
    fitted = Rhythm(polls, {}, SPANS).fitted(CATALOGUE["backwards"])
    wanted = ["queued", "generating", "queued", "generating", "completed"]
    assert seen(fitted, going_on(polls)) == wanted


@quick
@given(st.floats(10.0, 30.0), st.floats(1.0, 5.0))
def test_each_status_may_have_an_interval_of_its_own(slow: float, fast: float) -> None:
    measured = moments([slow] * 10 + [fast] * 40)
    fitted = Rhythm(measured, {"queued": slow, "generating": fast}, SPANS).fitted(CATALOGUE["backwards"])
    timeline = resolve_timeline(fitted.course, queued=QUEUED, generating=GENERATING)
    moment, told = 0.0, ["queued"]
    while told[-1] != "completed":
        moment += slow if told[-1] == "queued" else fast
        told.append(timeline.status_at(moment))
    assert [status for status, _ in itertools.groupby(told[1:])] == [
        "queued",
        "generating",
        "queued",
        "generating",
        "completed",
    ]


@quick
@given(st.one_of(plans(), st.sampled_from(list(CATALOGUE.values()))), constant)
def test_stretching_changes_nothing_but_how_long_statuses_show(scenario: Scenario, gaps: list[float]) -> None:
    fitted = Rhythm(moments(gaps), {}, SPANS).fitted(scenario)
    if fitted is scenario:
        return
    before, after = scenario.course or PLAIN_PLAN, fitted.course or PLAIN_PLAN
    assert [step.status for step in before] == [step.status for step in after]
    assert fitted.replace(plan=None, end=None) == scenario.replace(plan=None, end=None, stretch=None)
    for own, stretched in zip(before, after, strict=True):
        assert stretched == own or (own.span is None and (stretched.span or 0) > 0)
    spans = [step.span for step in after[:-1]]
    assert sum(span or 0 for span in spans) <= moments(gaps)[-1]


def test_who_polls_often_gets_what_the_scenario_says() -> None:
    often = Rhythm(moments([1.0] * 60), {}, SPANS)
    assert often.fitted(PLAIN) is PLAIN
    assert UNKNOWN.fitted(CATALOGUE["backwards"]) is CATALOGUE["backwards"]


def test_a_client_is_not_made_to_wait_longer_than_it_does() -> None:
    impatient = Rhythm((60.0, 120.0), {}, SPANS)
    assert impatient.fitted(CATALOGUE["backwards"]) is CATALOGUE["backwards"]


@pytest.mark.parametrize("name", ["poll-server-error", "completed-in-create", "failed-in-create", "gzip"])
def test_only_what_takes_time_to_show_is_stretched(name: str) -> None:
    seldom = Rhythm(moments([30.0] * 20), {}, SPANS)
    scenario = CATALOGUE[name]
    assert (seldom.fitted(scenario) is scenario) == (name != "gzip")


def run_of(*polls: tuple[float, str]) -> Run:
    """A run with a create at 0 and these polls."""
    trace = [recorded("POST", kind="create", at=0.0, ended_at=0.0, status=200, state="queued")]
    trace += [recorded(kind="poll", at=at, ended_at=at, status=200, state=state) for at, state in polls]
    return Run(Trial(TEXT, smallest_payload(TEXT), PLAIN), trace, [Outcome("returned")])


def test_the_rhythm_is_read_from_the_polls() -> None:
    run = run_of((10, "queued"), (20, "queued"), (30, "queued"), (35, "generating"), (60, "completed"))
    rhythm = rhythm_of(run, SPANS)
    assert rhythm.moments == (10, 20, 30, 35, 60)
    assert rhythm.steady == {"queued": 10}
    assert not tells_its_rhythm(run)
    assert tells_its_rhythm(run_of((1, "queued"), *((float(at), "generating") for at in range(2, 20))))


def test_one_poll_stands_for_those_that_would_have_come() -> None:
    assert rhythm_of(run_of((30, "queued")), SPANS).moments[:3] == (30, 60, 90)


def test_a_client_is_measured_by_a_job_as_long_as_it_takes_to_poll_a_few_times() -> None:
    plan = measuring(run_of((90, "completed"))).plan
    assert plan == (Step("queued", 360.0), Step("generating", 360.0), Step("completed"))
