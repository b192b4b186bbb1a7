"""Strategies of scenarios: they reach what they promise, compose, and shrink to the plain server."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from kling_mock import find_scenario
from kling_mock.contract_tests.generation import scenario_strategies as b
from kling_mock.jobs.ids import ID_STYLES
from kling_mock.scenarios import Scenario
from kling_mock.scenarios.strike import strike
from kling_mock.timeline import FinalStatus, resolve_timeline
from kling_mock.trace_rules import REFUSALS

RICH = "kling-video/v1.6/pro/image-to-video"
generated = settings(
    max_examples=150,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
PLAIN = b.PLAIN


def everything(scenarios: st.SearchStrategy[Scenario], examples: int = 150) -> list[Scenario]:
    found: list[Scenario] = []

    @settings(generated, max_examples=examples, derandomize=True)
    @given(scenarios)
    def collect(scenario: Scenario) -> None:
        found.append(scenario)

    collect()
    return found


def smallest(scenarios: st.SearchStrategy[Any], wish: Callable[[Any], Any] = lambda drawn: True) -> Any:
    return find(scenarios, wish, settings=settings(database=None, max_examples=500), random=random.Random(0))


@pytest.mark.slow
@pytest.mark.parametrize(
    "scenarios",
    [b.known_words(), b.plans(), b.shapes(), b.id_styles(), b.poll_troubles(), b.transports(), b.healthy()],
)
def test_what_may_be_plain_shrinks_to_the_named_scenario_completed(
    scenarios: st.SearchStrategy[Scenario],
) -> None:
    assert smallest(scenarios) == PLAIN


@pytest.mark.parametrize(
    ("scenarios", "named"),
    [
        (b.lost_replies(), "create-lost-reply"),
        (b.bad_create_replies(), "create-without-id"),
        (b.videos_missing(), "completed-without-url"),
    ],
)
def test_what_is_never_plain_shrinks_to_a_named_scenario(
    scenarios: st.SearchStrategy[Scenario], named: str
) -> None:
    # Its plan is the server's own, said or not.
    assert smallest(scenarios) == find_scenario(named).replace(plan=None)


@pytest.mark.long
@pytest.mark.slow
def test_a_pair_shrinks_on_both_sides() -> None:
    payload, scenario = smallest(
        b.situations(RICH), lambda pair: pair[0].get("dynamic_masks") and pair[1].ids
    )
    assert set(payload) == {"model", "image_url", "dynamic_masks"}
    assert len(payload["dynamic_masks"]) == 1
    assert scenario == Scenario("generated", "The id is of style nanoid.", ids="nanoid")


@pytest.mark.long
@pytest.mark.slow
def test_several_parts_leave_one_name_that_is_no_list_of_names() -> None:
    scenario = smallest(
        b.healthy(), lambda scenario: scenario.ids == "digits" and scenario.faults and scenario.words
    )
    assert scenario.name == "generated"
    assert scenario.words == {"generating": "waiting"}
    assert [(fault.kind, fault.after, fault.times) for fault in scenario.faults] in (
        [("status", 0, 1)],
        [("chunked", 0, None)],
    )


@pytest.mark.slow
def test_healthy_behaviour_always_ends_with_a_video() -> None:
    for scenario in everything(b.healthy(), 300):
        assert scenario.ends == "completed"
        assert not scenario.shapes & {"without-url", "null-video"}
        assert not any(
            fault.at == "create" or fault.times is None for fault in scenario.faults if not fault.modifies
        )
        assert set(scenario.words.values()) <= set(b.KNOWN_WORDS)


def test_words_of_both_kinds_are_all_reached() -> None:
    known = {word for scenario in everything(b.known_words()) for word in scenario.words.values()}
    unknown = {word for scenario in everything(b.unknown_words()) for word in scenario.words.values()}
    assert known == set(b.KNOWN_WORDS)
    assert unknown == set(b.UNKNOWN_WORDS)


def test_all_styles_of_ids_are_reached() -> None:
    assert {scenario.ids for scenario in everything(b.id_styles())} == {None, *ID_STYLES}


def test_all_harmless_shapes_are_reached_and_no_two_that_exclude_each_other() -> None:
    found = [scenario.shapes for scenario in everything(b.shapes(), 300)]
    wanted = {
        "nulls",
        "absent",
        "tokens-used",
        "no-usage",
        "poll-usage",
        "extra-fields",
        "file-details",
        "signed-url",
    }
    assert frozenset().union(*found) == wanted
    assert not any({"nulls", "absent"} <= shapes or {"tokens-used", "no-usage"} <= shapes for shapes in found)


@pytest.mark.slow
@pytest.mark.parametrize("end", ["completed", "error"])
def test_plans_go_backwards_skip_and_repeat_and_reach_their_end(end: FinalStatus) -> None:
    ways = set()
    for scenario in everything(b.plans(end=end), 300):
        timeline = resolve_timeline(scenario.plan, queued=1, generating=1)
        assert timeline.status_at(10**6) == end
        ways.add(tuple(step.status for step in scenario.plan or ()))
    assert {(end,), ("queued", end), ("generating", "queued", end), ("queued", "queued", end)} <= ways


def strikes(scenario: Scenario, polls: int) -> list[str | None]:
    """What each of the first polls meets, as the server counts it."""
    hits: dict[int, int] = {}
    met = [strike(scenario, "poll", hits, 0.0) for _ in range(polls)]
    assert all(len(faults) <= 1 for faults in met)
    return [faults[0].kind if faults else None for faults in met]


@pytest.mark.slow
def test_troubles_strike_the_chosen_polls_and_no_two_at_once() -> None:
    for scenario in everything(b.poll_troubles(), 300):
        met = [kind for kind in strikes(scenario, 30) if kind]
        wanted = [fault.kind for fault in scenario.faults for _ in range(fault.times or 0)]
        assert met == wanted


def test_the_summary_of_troubles_says_which_polls_they_are_at() -> None:
    drawn = [
        (1, "poll-reset", 2, (5.0, False)),
        (0, "poll-slow", 1, (5.0, False)),
        (1, "poll-empty", 1, (5.0, False)),
    ]
    scenario = b._troubled(drawn)
    assert scenario.summary == (
        "Polls meet poll-reset at poll 2 and 1 more, poll-slow at poll 4, poll-empty at poll 6."
    )
    assert strikes(scenario, 7) == [None, "reset", "reset", "slow", None, "empty", None]


@pytest.mark.slow
def test_all_troubles_are_reached_with_retry_after_in_both_forms() -> None:
    faults = [fault for scenario in everything(b.poll_troubles(), 300) for fault in scenario.faults]
    assert {fault.kind for fault in faults} == {"status", "html", "empty", "truncated", "reset", "slow"}
    assert {fault.status for fault in faults if fault.kind == "status"} == {429, 500, 503, 504}
    limits = {(fault.status, fault.retry_date) for fault in faults if fault.retry_after is not None}
    assert limits == {(429, False), (429, True), (503, False), (503, True)}
    assert not any(fault.job_made for fault in faults)


def test_refusals_carry_the_message_of_their_status() -> None:
    found = {fault.status: fault for scenario in everything(b.refused_creates()) for fault in scenario.faults}
    assert set(found) == set(REFUSALS)
    assert all(fault.message and fault.at == "create" and not fault.job_made for fault in found.values())


def test_lost_replies_and_bad_replies_have_made_their_job() -> None:
    for scenario in everything(b.lost_replies()) + everything(b.bad_create_replies()):
        assert [fault.job_made for fault in scenario.faults] == [True]


def test_limited_creates_are_answered_in_the_end_with_and_without_a_word_of_when() -> None:
    limited = everything(b.limited_creates())
    assert {scenario.faults[0].retry_after is None for scenario in limited} == {False, True}
    for scenario in limited:
        (fault,) = scenario.faults
        assert (fault.status, fault.at) == (429, "create")
        assert fault.times in (1, 2, 3)
        assert fault.retry_after or not fault.retry_date


def test_lasting_refusals_never_end() -> None:
    found = [fault for scenario in everything(b.lasting_refusals()) for fault in scenario.faults]
    assert {fault.status for fault in found} == {401, 403, 404}
    assert {fault.times for fault in found} == {None}
    assert {fault.after for fault in found} == {0, 1, 2}


def test_failures_have_every_shape_of_error_in_the_poll_and_in_the_create() -> None:
    found = {(scenario.error, scenario.create_status) for scenario in everything(b.failures())}
    errors = ("schema", "detail", "string", "null", "no-message", "other-scripts")
    assert found == {(error, status) for error in errors for status in (None, "error")}
    assert {scenario.ends for scenario in everything(b.failures())} == {"error"}
