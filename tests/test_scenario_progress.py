"""Times and counts of polls: a plan says both, and none is taken for the other."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer, Scenario, SettingsError, Step
from kling_mock.configuration import load_config
from kling_mock.scenarios import CATALOGUE
from kling_mock.timeline import STATUSES, check_progress, resolve_timeline

from .support import check_error, create, poll

TIMED = Scenario("timed", plan=["queued", Step("generating", "30s"), "completed"])
COUNTED = Scenario("counted", plan=["queued", Step("generating", polls=3), "completed"])
BOTH = Scenario("both", plan=["queued", Step("generating", "30s", 3), "completed"])
OWN = {"timed": TIMED, "counted": COUNTED, "both": BOTH}
SAYS = "the scenario 'timed' does not fit: plan: 'generating' lasts 30 seconds, but this server counts polls"


def refused(call: Any, *arguments: Any, **options: Any) -> str:
    """The message of the error that a call makes, in lower case."""
    with pytest.raises(SettingsError) as caught:
        call(*arguments, **options)
    return str(caught.value).lower()


def test_a_time_is_no_count_of_polls() -> None:
    with MockServer(polls=(1, 1), scenarios=OWN) as server:
        for scenario in (TIMED, "timed", "timed+gzip"):
            assert SAYS.partition("'timed'")[2] in refused(server.use, scenario)
            assert "but this server counts polls" in refused(server.next, scenario)
        for more in (
            {"headers": {"X-Mock-Scenario": "timed"}},
            {"key": "mock-timed"},
            {"prompt": "[mock:timed]"},
        ):
            check_error(create(server, **more), 400, "this server counts polls")
        assert not server.jobs and server.scenario.name == "completed"
    assert refused(MockServer, polls=(1, 1), scenario=TIMED).startswith(SAYS)


def test_a_count_of_polls_is_no_time() -> None:
    with MockServer(scenarios=OWN) as server:
        assert "lasts 3 polls, but this server goes by the clock" in refused(server.use, "counted")
        check_error(create(server, key="mock-counted"), 400, "say beside it how long, such as span = '30s'")
        assert not server.jobs


@pytest.mark.parametrize("scenario", ["counted", "both"])
def test_a_count_is_one_of_polls(scenario: str) -> None:
    with MockServer(polls=(1, 1), scenarios=OWN, scenario=scenario) as server:
        job_id = create(server).json["id"]
        seen = [poll(server, job_id).json["status"] for _ in range(5)]
    assert seen == ["queued", "generating", "generating", "generating", "completed"]


@pytest.mark.parametrize("scenario", ["timed", "both"])
def test_a_time_is_one_of_the_clock(scenario: str) -> None:
    with MockServer(queued=10, speed=0, scenarios=OWN, scenario=scenario) as server:
        job_id = create(server).json["id"]
        seen = []
        for time in ("9s", "2s", "28s", "2s"):
            server.clock.advance(time)
            seen.append(poll(server, job_id).json["status"])
    assert seen == ["queued", "generating", "generating", "completed"]


def test_what_goes_on_is_checked_when_the_server_changes_what_it_goes_by() -> None:
    with MockServer(scenarios=OWN) as server:
        server.next("timed")
        assert SAYS in refused(server.configure, polls=(1, 1))
        assert server.settings.polls is None
        create(server)
        server.use("timed")
        assert SAYS in refused(server.configure, polls=(1, 1))
        server.use("both")
        server.configure(polls=(1, 1))
        create(server, headers={"X-Mock-Scenario": "counted"})
        server.configure(polls=None)
        check_error(create(server, headers={"X-Mock-Scenario": "counted"}), 400, "goes by the clock")
        assert [job.scenario for job in server.jobs] == ["timed", "counted"]


@pytest.mark.parametrize("span", ["30s", 30, 0.5, "500ms"])
def test_a_span_is_a_time_however_it_is_written(tmp_path: Path, span: str | float) -> None:
    path = tmp_path / "mock.toml"
    path.write_text(f"[scenarios.x]\nplan = [{{status = 'queued', span = {span!r}}}, 'completed']\n")
    own = load_config(path)["scenarios"]
    assert "counts polls" in refused(MockServer, polls=(1, 1), scenario="x", scenarios=own)
    MockServer(scenario="x", scenarios=own)


STEPS = st.builds(
    Step,
    st.sampled_from(STATUSES),
    st.none() | st.sampled_from([0.0, 1.0, 30.0, math.inf]),
    st.none() | st.integers(0, 3),
)


@given(st.lists(STEPS, min_size=1, max_size=4).map(tuple), st.sampled_from(["time", "polls"]))
def test_a_plan_either_fits_or_is_refused(plan: tuple[Step, ...], by: Any) -> None:
    other = "time" if by == "polls" else "polls"
    says = {"time": "span", "polls": "polls"}
    try:
        timeline = resolve_timeline(plan, queued=5, generating=7, by=by)
    except SettingsError:
        with pytest.raises(SettingsError):
            check_progress(plan, by)
        assert any(getattr(step, says[other]) and getattr(step, says[by]) is None for step in plan[:-1])
        return
    for step, (status, length) in zip(plan, timeline.steps, strict=False):
        assert status == step.status
        own = getattr(step, says[by])
        if own is not None:
            assert length == own
        elif by == "polls" and step.span in (0.0, math.inf):
            assert length == step.span
        else:
            assert length == (0 if by == "time" and step.polls == 0 else 5 if status == "queued" else 7)


@pytest.mark.parametrize("scenario", CATALOGUE.values(), ids=CATALOGUE)
def test_the_catalogue_fits_either_server(scenario: Scenario) -> None:
    scenario.check_progress("time")
    scenario.check_progress("polls")


def test_no_time_stays_none_however_often() -> None:
    plan = (Step("queued", "forever", scale=0.0), Step("generating", 0, scale=5.0), Step("completed"))
    timeline = resolve_timeline(plan, queued=1, generating=1)
    assert [span for _, span in timeline.steps] == [0.0, 0.0]
