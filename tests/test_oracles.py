"""What judgements of runs stand on: how long a client must wait for its video."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kling_mock.contract_tests.properties.oracles import gave_up_early
from kling_mock.contract_tests.running.models import Outcome


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
