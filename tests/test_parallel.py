"""Checks in several processes at once say what they say one after the other."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from kling_mock.contract_tests.driving.clients import CallableClient
from kling_mock.contract_tests.running.falsifier import Limits
from kling_mock.contract_tests.running.parallel import in_parallel
from kling_mock.contract_tests.running.session import Plan, verify
from tests.clients.reference import Client
from tests.clients.zoo import TEXT


class SendsACreateAgain(Client):
    """Makes another job where a reply was lost or had no id: B8 has nothing to add to B2."""

    def create(self, payload: dict[str, object]) -> dict[str, object]:
        try:
            return super().create(payload)
        except Exception:
            return super().create(payload)


def verdicts(jobs: int) -> list[tuple[str, str, str]]:
    """What is said of the client by so many processes."""
    limits = Limits(max_examples=2, seconds=math.inf)
    plan = Plan(models=[TEXT], properties=("B2", "B8"), limits=limits, seed=1)
    found = verify(CallableClient(SendsACreateAgain.run), plan, runner=in_parallel(jobs)).results
    return sorted((one.id, one.result, one.reason) for one in found)


def several_blame_the_same() -> None:
    alone = verdicts(1)
    assert verdicts(3) == alone
    assert [result for _, result, _ in alone] == ["failed", "skipped"], alone


@pytest.mark.slow
def test_one_cause_is_shown_once_however_many_check() -> None:
    # In a process without threads of a test: it is forked.
    words = "import tests.test_parallel as it; it.several_blame_the_same()"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
