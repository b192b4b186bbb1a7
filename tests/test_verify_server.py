"""`verify --server`: a client checked against a server that runs already."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from kling_mock import MockServer
from kling_mock.cli import main
from kling_mock.contract_tests.driving.clients import CallableClient, Client
from kling_mock.contract_tests.driving.commands import CommandClient
from kling_mock.contract_tests.running.checks import Plan
from kling_mock.contract_tests.running.events import Result
from kling_mock.contract_tests.running.falsifier import Limits
from kling_mock.contract_tests.running.session import verify

from .clients import far
from .support import MODEL


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[MockServer]:
    # Whatever it was started with: a run says how its own workspace goes.
    with MockServer(
        queued=60, generating=60, scenario="failed", speed=0, api_key="k-1", strict=True
    ) as server:
        yield server


def results(server: MockServer, client: Client, *ids: str) -> dict[str, Result]:
    found = {}
    plan = Plan(models=[MODEL], properties=ids, limits=Limits(1, 60.0), server=server.url)

    def see(event: object) -> None:
        result = getattr(event, "result", None)
        if isinstance(result, Result):
            found[result.id] = result

    assert verify(client, plan, see).summary.problem == ""
    return found


def test_what_a_client_keeps_and_breaks_is_seen_from_afar(elsewhere: MockServer) -> None:
    found = results(elsewhere, CallableClient(far.generate), "A1", "A6", "B4", "C11", "D2", "D6")
    assert {id: result.result for id, result in found.items()} == {
        "A1": "passed",
        "A6": "passed",
        "B4": "passed",
        "C11": "passed",
        "D2": "failed",
        "D6": "passed",
    }
    example = found["D2"].counterexample
    assert example is not None and [one.kind for one in example.run.trace] == ["create", "poll"]
    assert example.run.jobs == [example.run.trace[0].job_id] and example.run.charged == 1
    assert not elsewhere.common.workspaces.named() and not elsewhere.exchanges
    assert CallableClient(far.generate).virtual_time


def test_what_cannot_be_tried_says_why(elsewhere: MockServer) -> None:
    found = results(elsewhere, CallableClient(far.generate), "A7", "C4", "D7", "E5", "A1")
    assert found.pop("A1").result == "passed"
    assert {result.result for result in found.values()} == {"skipped"}
    reasons = {id: result.reason for id, result in found.items()}
    assert "keys" in reasons["A7"] == reasons["D7"] and "virtual time" in reasons["C4"]
    assert "a proxy before the server" in reasons["E5"]


def test_a_program_is_driven_too(elsewhere: MockServer) -> None:
    source = (
        "import json, os, sys; from tests.clients.far import generate; "
        "print(generate(json.load(sys.stdin), base_url=os.environ['KLING_BASE_URL'], "
        "api_key=os.environ['KLING_API_KEY']))"
    )
    found = results(elsewhere, CommandClient([sys.executable, "-c", source]), "A5", "F2")
    assert {result.result for result in found.values()} == {"passed"}


def test_a_server_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--server", "http://127.0.0.1:9", "tests.clients.far:generate"]) == 2
    assert "--server: The server at http://127.0.0.1:9 does not answer" in capsys.readouterr().err
