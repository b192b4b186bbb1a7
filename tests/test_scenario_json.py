"""Scenarios as objects of JSON: the same fields as in TOML and in Python, and the way to each part of one."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import Any, get_args

import pytest
from hypothesis import given, settings

from kling_mock import Fault, MockServer, Scenario, SettingsError, Step
from kling_mock.fields import fields_of
from kling_mock.jobs.ids import ID_STYLES
from kling_mock.scenarios import CATALOGUE, scenario_as_json, scenario_from_json
from kling_mock.scenarios.expression import parse_scenario
from kling_mock.scenarios.fault import FAULT_OPTIONS, KINDS, PLACES, FaultKind, FaultPlace
from kling_mock.scenarios.scenario import ERROR_SHAPES, SHAPES, ErrorShape, IdStyle, Shape

from .support import ask, create, poll
from .test_configuration import scenarios

RESET = {"at": "poll", "kind": "reset"}


def through_json(scenario: Scenario) -> Scenario:
    """A scenario on the way to strict JSON and back."""
    return scenario_from_json(json.loads(json.dumps(scenario_as_json(scenario), allow_nan=False)))


@pytest.mark.slow
@given(scenario=scenarios)
@settings(deadline=None)
def test_a_scenario_survives_the_way_to_json_and_back(scenario: Scenario) -> None:
    assert through_json(scenario) == scenario


@pytest.mark.parametrize("scenario", CATALOGUE.values(), ids=CATALOGUE)
def test_the_catalogue_survives_the_way_to_json_and_back(scenario: Scenario) -> None:
    assert through_json(scenario) == scenario


def test_times_without_an_end_are_words() -> None:
    scenario = Scenario("x", plan=[Step("queued", "forever"), "completed"])
    assert scenario_as_json(scenario) == {
        "name": "x",
        "plan": [{"status": "queued", "span": "forever"}, "completed"],
    }
    assert through_json(scenario).course == (Step("queued", math.inf), Step("completed"))
    data = {"name": "x", "faults": [RESET | {"times": "forever", "until": "forever", "since": "1m"}]}
    assert scenario_from_json(data).faults == (Fault("poll", "reset", since=60),)


def test_what_is_null_is_not_said() -> None:
    nothing = {name: None for name in fields_of(Scenario) if name not in ("name", "base")}
    assert scenario_from_json({"name": "x"} | nothing) == Scenario("x")
    assert scenario_from_json({"name": "x", "faults": [RESET | {"status": None}]}).faults[0].status is None


def test_a_base_is_a_scenario_of_the_catalogue_or_of_ones_own() -> None:
    own = {"mine": Scenario("mine", "My own.", ids="digits", faults=(Fault("poll", "empty", times=1),))}
    data = {"name": "x", "base": "mine+gzip", "end": "error", "faults": [RESET], "shapes": ["nulls"]}
    made = scenario_from_json(data, own)
    assert (made.name, made.ids, made.ends, made.shapes) == ("x", "digits", "error", frozenset({"nulls"}))
    assert [fault.kind for fault in made.faults] == ["empty", "gzip", "reset"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (5, "scenario: expected an object with name, received 5."),
        ({}, "scenario: a scenario needs 'name', which is missing."),
        ({"name": 5}, "name: expected a text, received 5."),
        ({"ids": "uid"}, "ids: expected one of nanoid"),
        ({"sumary": "x"}, "sumary: a scenario has no 'sumary'. Did you mean 'summary'?"),
        ({"faults": 5}, "faults: expected a list of faults, received 5."),
        ({"faults": [RESET, 5]}, "faults[1]: expected a fault with at and kind, received 5."),
        ({"faults": [RESET, {"at": "poll"}]}, "faults[1]: a fault needs 'kind', which is missing."),
        ({"faults": [RESET, RESET | {"status": 99}]}, "faults[1].status: expected an HTTP status from 200"),
        ({"faults": [RESET | {"tims": 1}]}, "faults[0].tims: a fault has no 'tims'. Did you mean 'times'"),
        ({"faults": [RESET | {"until": 0}]}, "faults[0].until: expected a time after since"),
        ({"faults": [RESET | {"kind": "slow"}]}, "faults[0].seconds: expected more than 0"),
        ({"faults": [RESET | {"retry_after": "soon"}]}, "faults[0].retry_after: expected a time such as"),
        ({"plan": "queued"}, "plan: expected a list of statuses"),
        ({"plan": ["queued", 5]}, "plan[1]: expected a status or"),
        ({"plan": ["queued", "done"]}, "plan[1]: expected one of queued"),
        ({"plan": ["queued", {"status": "done"}]}, "plan[1].status: expected one of queued"),
        ({"plan": [{"status": "queued", "polls": -1}]}, "plan[0].polls: expected a count of polls"),
        ({"plan": [{"status": "queued", "span": "-3s"}]}, "plan[0].span: expected a finite time"),
        ({"shapes": ["nulls", "null"]}, "shapes[1]: expected one of nulls"),
        ({"words": {"queud": "x"}}, "words.queud: expected one of queued"),
        ({"words": {"queued": 5}}, "words.queued: expected a text for 'queued', received 5."),
        ({"base": 5}, "base: expected names of scenarios such as"),
        ({"base": "gzi"}, "base: There is no scenario 'gzi'. Did you mean 'gzip'"),
        ({"base": "failed+completed"}, "base: The scenarios 'failed' and 'completed' cannot be joined"),
        ({"end": "error", "plan": ["queued"]}, "end: expected none beside a plan that never ends"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(server: MockServer, data: Any, says: str) -> None:
    if isinstance(data, dict) and data:
        data = {"name": "x"} | data
    with pytest.raises(SettingsError) as caught:
        scenario_from_json(data)
    assert str(caught.value).startswith(says)
    if isinstance(data, dict):
        for path in ("/_mock/scenario", "/_mock/scenario/next"):
            reply = ask(server, "POST", path, {"scenario": data})
            assert reply.status == 400 and reply.json["message"].startswith(says)
        judged = ask(server, "POST", "/_mock/scenario/judge", {"scenario": data}).json
        problem = judged["problem"]
        assert f"{problem['path']}: {problem['says']}".startswith(says) and judged["scenario"] is None
    assert server.scenario.name == "completed" and not server.space.queue


def test_a_whole_scenario_is_posted(server: MockServer) -> None:
    scenario = {"name": "bad-day", "end": "error", "faults": [RESET | {"kind": "status", "times": 1}]}
    assert ask(server, "POST", "/_mock/scenario", {"scenario": scenario}).json["scenario"] == "bad-day"
    assert server.scenario == scenario_from_json(scenario)
    job_id = create(server).json["id"]
    assert [poll(server, job_id).status for _ in range(4)] == [500, 200, 200, 200]
    assert poll(server, job_id).json["status"] == "error"
    queued = {"scenario": {"name": "next", "create_code": 201}}
    assert ask(server, "POST", "/_mock/scenario/next", queued).json["next"] == ["next"]
    assert [create(server).status for _ in range(2)] == [201, 200]


@pytest.mark.parametrize("text", ["poll-server-error;times=2", "gzip+nulls", "rate-limited;retry-after=7"])
def test_a_choice_is_judged_and_shown_whole_before_it_is_made(server: MockServer, text: str) -> None:
    judged = ask(server, "POST", "/_mock/scenario/judge", {"scenario": text}).json
    assert judged["problem"] is None
    assert scenario_from_json(judged["scenario"]["scenario"]) == parse_scenario(text)
    assert server.scenario.name == "completed"


@pytest.mark.parametrize("name", FAULT_OPTIONS)
def test_each_option_of_a_fault_is_listed_and_blamed_by_its_name(server: MockServer, name: str) -> None:
    listed = ask(server, "GET", "/_mock/scenarios").json["options"]
    assert set(listed) == set(FAULT_OPTIONS) and listed[name]["description"]
    judged = ask(server, "POST", "/_mock/scenario/judge", {"scenario": f"poll-server-error;{name}=%"}).json
    # A text may be anything.
    assert (judged["problem"] or {"path": name})["path"] == name


def test_a_base_may_be_one_of_the_servers_own() -> None:
    with MockServer(scenarios={"mine": Scenario("mine", ids="digits")}) as server:
        reply = ask(server, "POST", "/_mock/scenario", {"scenario": {"name": "x", "base": "mine"}})
        assert reply.status == 200 and server.scenario.ids == "digits"


@pytest.mark.parametrize("cls", [Scenario, Fault, Step])
def test_every_field_says_what_it_is_about(cls: type[Any]) -> None:
    table = fields_of(cls)
    assert list(table) == [field.name for field in fields(cls)]
    assert all(row.help and not row.help.endswith(".") for row in table.values())


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (FaultKind, KINDS),
        (FaultPlace, PLACES),
        (Shape, SHAPES),
        (ErrorShape, ERROR_SHAPES),
        (IdStyle, ID_STYLES),
    ],
)
def test_the_types_name_the_words_that_there_are(words: Any, known: Any) -> None:
    assert get_args(words) == tuple(known)
