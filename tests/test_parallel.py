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


class NeverGivesUp(Client):
    """Waits for a job for ever: B14, whose calls are such, has nothing to add to C4."""

    poll_budget = math.inf


class SendsACreateAgain(Client):
    """Makes another job where a reply was lost or had no id: B8 has nothing to add to B2."""

    def create(self, payload: dict[str, object]) -> dict[str, object]:
        try:
            return super().create(payload)
        except Exception:
            return super().create(payload)


CASES = {NeverGivesUp: ("B14", "C4"), SendsACreateAgain: ("B2", "B8")}
"""Clients, and properties of which one is to blame for what the other meets."""


def verdicts(client: type[Client], jobs: int) -> list[tuple[str, str, str]]:
    """What is said of a client by so many processes."""
    limits = Limits(max_examples=2, seconds=math.inf)
    plan = Plan(models=[TEXT], properties=CASES[client], limits=limits, seed=1)
    found = verify(CallableClient(client.run), plan, runner=in_parallel(jobs)).results
    return sorted((one.id, one.result, one.reason) for one in found)


def several_blame_the_same(name: str) -> None:
    client = next(one for one in CASES if one.__name__ == name)
    alone = verdicts(client, 1)
    assert verdicts(client, 3) == alone
    assert [result for _, result, _ in alone].count("failed") == 1, alone


@pytest.mark.slow
@pytest.mark.parametrize("name", [client.__name__ for client in CASES])
def test_one_cause_is_shown_once_however_many_check(name: str) -> None:
    # In a process without threads of a test: it is forked.
    words = f"import tests.test_parallel as it; it.several_blame_the_same({name!r})"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
