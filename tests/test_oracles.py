"""What judgements of runs stand on: how long a client must wait for its video."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace
from typing import Any

import pytest

from kling_mock.contract_tests.driving.time_zones import abroad
from kling_mock.contract_tests.generation.scenario_strategies import PLAIN
from kling_mock.contract_tests.properties import PROPERTIES
from kling_mock.contract_tests.properties.oracles import gave_up_early
from kling_mock.contract_tests.running.models import Outcome
from kling_mock.scenarios import CATALOGUE


@pytest.mark.parametrize(
    ("seconds", "error", "fails"),
    [
        (239.0, "TimeoutError", True),
        (240.0, "TimeoutError", True),
        (241.0, "TimeoutError", False),
        (599.0, "TimeoutError", False),
        (599.0, "KeyError", True),
    ],
)
def test_a_client_may_give_up_after_four_minutes_but_not_crash(
    seconds: float, error: str, fails: bool
) -> None:
    outcome = Outcome("raised", error=error, text="no video yet")
    run: Any = SimpleNamespace(
        outcome=outcome, seconds=seconds, delivered=False, trace=[], creates=[], url=None, brief=str
    )
    assert (gave_up_early(run) is not None) == fails


def test_a_run_without_a_job_of_its_own_can_be_judged_too() -> None:
    poll = SimpleNamespace(known_id=False, job_id="of-another", number=1)
    run: Any = SimpleNamespace(
        outcome=Outcome("raised", error="Refused", text="refused"),
        delivered=False,
        **{name: [] for name in ("trace", "creates", "jobs")},
        polls=[poll],
        url=None,
        brief=lambda: "failed",
        trial=SimpleNamespace(scenario=PLAIN),
    )
    failure = PROPERTIES["D10"].holds(run)
    assert failure is not None
    assert failure.says == "the job ends with a video, but the client failed"


@pytest.mark.parametrize("own", [None, "Etc/GMT-3"])
def test_a_client_lives_abroad_only_where_it_is_told_dates(
    own: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if own is None:
        monkeypatch.delenv("TZ", raising=False)
    else:
        monkeypatch.setenv("TZ", own)
    time.tzset()
    here = time.localtime(0).tm_gmtoff
    limited = CATALOGUE["poll-rate-limited"]
    with abroad(limited.with_faults(retry_date=True)):
        assert time.localtime(1_800_000_000).tm_gmtoff == 20_700
    for scenario in (limited, PLAIN):
        with abroad(scenario):
            assert time.localtime(0).tm_gmtoff == here
    assert os.environ.get("TZ") == own
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("kind", "status", "fails"), [("returned", 0, True), ("raised", 130, False)])
def test_an_interrupted_program_does_not_exit_with_0(kind: Any, status: int, fails: bool) -> None:
    run: Any = SimpleNamespace(
        interrupted_at=3, received=3, delivered=False, outcome=Outcome(kind, status=status)
    )
    assert (PROPERTIES["C15"].holds(run) is not None) == fails
