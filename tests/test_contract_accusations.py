"""Who is accused, and of what: correct clients with habits of their own are not; money counts everywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mock_server.contract_tests.checking import Limits
from mock_server.contract_tests.clients import CallableClient
from mock_server.contract_tests.events import Finished, Result
from mock_server.contract_tests.reporting.telling import command_line
from mock_server.contract_tests.verification import Plan, verify
from tests.clients.reference import Client
from tests.clients.wire import BadReply, Reply
from tests.clients.zoo import IMAGE, TEXT

Payload = dict[str, Any]


def checked(client: type[Client], properties: Sequence[str], **options: Any) -> Finished:
    """How a client fares with these properties."""
    plan = Plan(
        models=[options.pop("model", TEXT)],
        properties=properties,
        limits=Limits(max_examples=options.pop("examples", 20), seconds=math.inf),
        **options,
    )
    finished = verify(CallableClient(client.run), plan)
    assert finished.summary.problem == ""
    return finished


def broken(client: type[Client], properties: Sequence[str], **options: Any) -> dict[str, Result]:
    """The properties that a client breaks."""
    results = checked(client, properties, **options).results
    return {result.id: result for result in results if result.result == "failed"}


class WantsItsType(Client):
    """Starts over where a poll's JSON says text/plain, of which no case of B1 knows."""

    def state(self, reply: Reply) -> Payload | None:
        if reply.headers.get("content-type", "").startswith("text/plain"):
            raise BadReply("expected application/json")
        return super().state(reply)

    def generate(self, payload: Payload) -> str:
        try:
            return super().generate(payload)
        except BadReply:
            return super().generate(payload)


def test_a_job_made_twice_in_the_case_of_another_property_breaks_one_create_too() -> None:
    assert broken(WantsItsType, ["B1"]) == {}
    finished = checked(WantsItsType, ["B1", "B7", "E4"])
    assert [result.id for result in finished.results] == ["B1", "B7", "E4"]
    result = finished.results[0]
    assert (result.result, result.found_by, finished.summary.status) == ("failed", "E4", 1)
    assert result.counterexample is not None
    assert result.counterexample.run.charged == 2
    assert result.counterexample.says.endswith("as E4 was tried")


def test_the_command_that_shows_it_again_tries_both_properties() -> None:
    result = Result("B1", "one-create-per-job", "R", TEXT, "failed", found_by="E4")
    started: Any = type("", (), {"seed": 0, "level": "required", "target": ("mine:generate",)})
    assert "--property B1 --property E4 " in command_line(started, result)


def test_two_jobs_that_were_asked_for_are_no_second_create() -> None:
    assert broken(Client, ["B1", "B2", "B10", "C6"], model=IMAGE) == {}
