"""Scenarios as values: nobody changes them, and they are compared, hashed, copied and pickled."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from kling_mock import Fault, MockServer, Scenario, SettingsError, find_scenario
from kling_mock.scenarios import CATALOGUE
from kling_mock.timeline import JobStatus, Step

from .support import create
from .test_scenarios import SCENARIOS

RESET = Fault("poll", "reset")


def test_the_catalogue_cannot_be_changed_through_a_scenario() -> None:
    words: Any = find_scenario("waiting-active").words
    changes: list[Callable[[], Any]] = [
        lambda: words.__setitem__("queued", "zzz"),
        lambda: words.__delitem__("queued"),
        lambda: words.__ior__({"queued": "zzz"}),
        lambda: words.update(queued="zzz"),
        lambda: words.pop("queued"),
        lambda: words.clear(),
    ]
    for change in changes:
        with pytest.raises((TypeError, AttributeError)):
            change()
    given: dict[JobStatus, str] = {"queued": "zzz"}
    own = Scenario("x", words=given)
    given["queued"] = "other"
    assert own.words == {"queued": "zzz"}
    assert CATALOGUE["waiting-active"].words == {"queued": "waiting", "generating": "active"}


@given(SCENARIOS)
def test_a_scenario_is_hashed_copied_and_pickled(scenario: Scenario) -> None:
    copies = (copy.copy(scenario), copy.deepcopy(scenario), pickle.loads(pickle.dumps(scenario)))
    assert {scenario, *copies} == {scenario}
    assert dataclasses.asdict(scenario)["words"] == scenario.words
    with pytest.raises(TypeError):
        pickle.loads(pickle.dumps(scenario)).words["queued"] = "x"


def test_lists_are_taken_for_tuples_and_sets() -> None:
    own: Any = {"plan": ["queued", Step("error", 3)], "shapes": ["nulls", "absent"], "faults": [RESET]}
    assert Scenario("x", **own) == Scenario(
        "x",
        plan=(Step("queued"), Step("error", 3)),
        shapes=frozenset({"nulls", "absent"}),
        faults=(RESET,),
    )
    with MockServer(scenario=Scenario("x", **own)) as server:
        assert create(server).json["status"] == "queued"


def test_an_unknown_part_of_a_scenario_is_named() -> None:
    with pytest.raises(SettingsError, match="'shapes'"):
        Scenario("x").replace(shape=frozenset())
