"""Who is accused, and of what: correct clients with habits of their own are not; money counts everywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from kling_mock.catalog import load_catalog
from kling_mock.contract_tests.driving.clients import CallableClient
from kling_mock.contract_tests.generation.payloads import invalid_cases
from kling_mock.contract_tests.properties import PROPERTIES
from kling_mock.contract_tests.properties.poll_rate import busy_loop
from kling_mock.contract_tests.properties.silent_fixes import mended, negative_trial
from kling_mock.contract_tests.reporting.formatting import command_line
from kling_mock.contract_tests.running.events import Finished, Result
from kling_mock.contract_tests.running.falsifier import Limits
from kling_mock.contract_tests.running.models import Outcome
from kling_mock.contract_tests.running.session import Plan, verify
from kling_mock.exchanges.exchange import Exchange
from kling_mock.trace_rules import RULES, Level
from tests.clients.broken.polling import GivesUpOrdinaryJobs, IgnoresRetryAfter
from tests.clients.broken.reading import KnowsEveryKey
from tests.clients.broken.sent import StripsTexts
from tests.clients.broken.typed import State
from tests.clients.reference import Client
from tests.clients.wire import BadReply, KlingError, Reply
from tests.clients.zoo import IMAGE, MASKS, TEXT
from tests.support import mostly_long, recorded

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


@pytest.mark.slow
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
    result = Result(RULES["B1"], TEXT, "failed", found_by="E4")
    started: Any = type(
        "", (), {"seed": 0, "level": "required", "target": ("mine:generate",), "server": None}
    )
    assert "--property B1 --property E4 " in command_line(started, result)


@pytest.mark.slow
def test_two_jobs_that_were_asked_for_are_no_second_create() -> None:
    assert broken(Client, ["B1", "B2", "B10", "C6"], model=IMAGE) == {}


class TakesItsPayloadApart(Client):
    """Takes the model out of the dictionary that it is handed, and sends all of it."""

    def generate(self, payload: Payload) -> str:
        model = payload.pop("model", None)
        whole = {**payload} if model is None else {"model": model, **payload}
        payload.clear()
        return super().generate(whole)


@pytest.mark.long
@pytest.mark.slow
def test_a_client_may_take_apart_the_payload_that_it_is_handed() -> None:
    # That the dictionary is the caller's own is advice.
    assert set(broken(TakesItsPayloadApart, ["A*", "B10", "C9"], model=IMAGE, examples=5)) == {"A13"}


class LeavesNullsOut(Client):
    """Takes None for what is not set."""

    def body(self, payload: Payload) -> bytes:
        return super().body({name: value for name, value in payload.items() if value is not None})


@pytest.mark.slow
@pytest.mark.parametrize("model", mostly_long([TEXT, IMAGE, MASKS], 3))
def test_none_may_stand_for_what_is_not_set(model: str) -> None:
    assert broken(LeavesNullsOut, ["A2", "A11"], model=model) == {}


@pytest.mark.slow
def test_tidied_texts_are_no_invalid_input_that_was_mended() -> None:
    assert list(broken(StripsTexts, ["A2", "A11"], model=IMAGE)) == ["A2"]


@pytest.mark.parametrize(
    ("sent", "given", "field", "says"),
    [
        ({"n": 1}, {"n": 1.5}, "n", "n was given as 1.5 and sent as 1"),
        ({"n": 1.5, "a": "x"}, {"n": 1.5, "a": " x"}, "n", None),
        ({}, {"n": None}, "n", None),
        ({}, {"n": ""}, "n", 'n was given as "" and left out'),
        ({"n": 5}, {}, "n", "n was sent as 5"),
        ({}, {}, "n", None),
        ({"m": [{}, {"x": 10}]}, {"m": [{}, {"x": 11}]}, "m[1].x", "m[1].x was given as 11 and sent as 10"),
        ({"m": [{}]}, {"m": [{}, {"x": 11}]}, "m[1].x", "m[1].x was given as 11 and left out"),
        ({"a": 1}, {"a": 2}, "", "a was given as 2 and sent as 1"),
    ],
)
def test_only_what_is_broken_is_looked_at_for_mending(
    sent: Payload, given: Payload, field: str, says: str | None
) -> None:
    assert mended(sent, given, field) == says


def test_the_note_of_an_invalid_input_is_json() -> None:
    notes = [negative_trial(IMAGE, case).note for case in invalid_cases(IMAGE)]
    assert "model is null, which is not valid (type)" in notes
    assert "image_url is required and missing" in notes
    assert not any("None" in note or "(missing)" in note for note in notes)


class WaitsUpTo20(Client):
    """Waits for as long as it is asked to, but never longer than 20 s."""

    poll_wait_limit = 20.0


class WaitsHalf(Client):
    """Waits for half of what it is asked for."""

    def backoff(self, faults: int, asked: float | None) -> float:
        return super().backoff(faults, None if asked is None else asked / 2)


class WaitsUpTo5(Client):
    """Has a cap that is no better than not waiting."""

    poll_interval = 3.0
    poll_wait_limit = 5.0


@pytest.mark.long
@pytest.mark.slow
def test_a_wait_may_have_a_cap_and_must_be_a_wait() -> None:
    assert broken(WaitsUpTo20, ["C8"]) == {}
    assert broken(Client, ["C8"]) == {}
    for client in (WaitsHalf, WaitsUpTo5, IgnoresRetryAfter):
        assert list(broken(client, ["C8"])) == ["C8"], client


class StandsThree(Client):
    """Gives a job up at the fourth fault in a row."""

    def backoff(self, faults: int, asked: float | None) -> float:
        if faults > 3:
            raise BadReply("four polls in a row went wrong")
        return super().backoff(faults, asked)


class StandsTwo(StandsThree):
    """Gives a job up at the third fault in a row."""

    def backoff(self, faults: int, asked: float | None) -> float:
        return super().backoff(faults + 1, asked)


@pytest.mark.slow
def test_three_faults_in_a_row_are_enough_to_stand() -> None:
    assert broken(StandsThree, ["C9"], examples=100) == {}
    example = broken(StandsTwo, ["C9"], examples=100)["C9"].counterexample
    assert example is not None
    assert example.says.startswith("3 polls went wrong in passing (")


def test_a_budget_is_held_against_the_documented_time() -> None:
    assert PROPERTIES["C16"].level is Level.REQUIRED
    assert broken(GivesUpOrdinaryJobs, ["C4", "C5", "C14"]) == {}
    example = broken(GivesUpOrdinaryJobs, ["C16"])["C16"].counterexample
    assert example is not None
    whole = load_catalog().facts(TEXT).seconds_for(None)
    assert f"take {whole:.0f} s by its documentation" in example.says


def polled(moment: float, fault: str | None = None) -> Exchange:
    return recorded(at=moment, fault=fault, status=500 if fault else 200)


def test_polls_without_a_pause_are_a_busy_loop_wherever_they_come() -> None:
    calm = [polled(10.0 * place) for place in range(100)]
    hasty = [polled(1_000.0 + 0.01 * place, "status") for place in range(21)]
    assert busy_loop(calm) is None
    assert busy_loop(calm + hasty[:9]) is None
    failure = busy_loop(calm + hasty)
    assert failure is not None
    assert failure.says == "21 polls came, one every 10 ms, after some were answered 500"


class WantsAPrompt(Client):
    """Refuses to pay for a video without words, whatever the contract says of its prompt."""

    def generate(self, payload: Payload) -> str:
        if not payload.get("prompt"):
            raise ValueError("a prompt is required")
        return super().generate(payload)


@pytest.mark.slow
@pytest.mark.parametrize("model", mostly_long([TEXT, IMAGE, MASKS], 3))
def test_a_client_that_refuses_an_empty_prompt_is_checked_like_any_other(model: str) -> None:
    wanted = ["A2", "A7", "B1", "B2", "C1", "C9", "D5"]
    found = broken(WantsAPrompt, wanted, model=model, examples=4)
    # What the contract allows, the client should: that, and nothing else, is said of it.
    assert set(found) <= {"A2"}, {id: result.counterexample for id, result in found.items()}


@pytest.mark.parametrize(
    ("outcome", "misread"),
    [
        (
            Outcome("raised", error="pydantic_core._pydantic_core.ValidationError", text="1 error for Job"),
            True,
        ),
        (Outcome("raised", error="sdk.ValidationError", text="no status called x", deliberate=True), False),
        (Outcome("raised", error="ValidationError", text="Value error, the status x is new"), False),
        (Outcome("raised", error="ValueError", text="'x' is not a valid JobStatus"), True),
        (Outcome("raised", error="ValueError", text="'x' is not a valid JobStatus", deliberate=True), False),
        (
            Outcome("exited", error="ValueError", text="'x' is not a valid Job", deliberate=True, status=1),
            True,
        ),
        (Outcome("raised", error="ValueError", text="the status 'x' is not a valid one"), False),
        (Outcome("raised", error="sdk.UnknownStatus", text="'x' is not a valid JobStatus"), False),
        (Outcome("returned", "https://example.com/v.mp4"), False),
    ],
)
def test_the_words_of_a_type_are_told_from_a_clients_own(outcome: Outcome, misread: bool) -> None:
    assert outcome.misread is misread


def test_who_knows_every_key_is_not_said_to_lose_characters() -> None:
    """Answers in other scripts have a key more than those of the documentation."""
    assert set(broken(KnowsEveryKey, ["D4", "E5"])) == {"D4"}


class SaysThatAStatusIsNew(Client):
    """Reads the status into an enumeration, and has an error of its own where it is another."""

    def status_of(self, job: Payload) -> Any:
        try:
            return State(job["status"]).value if "status" in job else None
        except ValueError as error:
            raise KlingError(f"the job {job['id']} has a status that is new: {job['status']}") from error


def test_a_client_that_says_that_a_status_is_new_is_right() -> None:
    assert broken(SaysThatAStatusIsNew, ["C3"]) == {}
