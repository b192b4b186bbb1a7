"""The contract kit on clients whose bugs are known: each broken one is caught by the property that names its
bug, with the smallest counterexample; the reference clients are never accused.
"""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Sequence

import pytest

from kling_mock.contract_tests.driving.clients import Client, load_callable
from kling_mock.contract_tests.driving.commands import CommandClient
from kling_mock.contract_tests.properties import PROPERTIES
from kling_mock.contract_tests.running.falsifier import Limits
from kling_mock.contract_tests.running.session import Plan, verify
from kling_mock.trace_rules import Level
from tests.clients.catching import SEED, caught, recorded
from tests.clients.zoo import HERE, IMAGE, MASKS, TEXT, zoo
from tests.support import mostly_long

pytestmark = pytest.mark.slow

ZOO = zoo()
MODELS = (
    IMAGE,
    MASKS,
    "klingai/v2.5-turbo/pro/text-to-video",
    "klingai/video-v3-pro-text-to-video",
)
without_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")


def exhibits() -> list[object]:
    """The names of all broken clients; those in JavaScript need Node."""
    return [
        pytest.param(name, marks=without_node) if exhibit.command[:1] == ("node",) else name
        for name, exhibit in ZOO.items()
    ]


# A client that has to be stopped leaves its sockets to the collector of garbage.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("name", mostly_long(exhibits(), 20))
def test_a_broken_client_is_caught_by_the_property_that_names_its_bug(name: str) -> None:
    exhibit = ZOO[name]
    finished = caught(exhibit)
    assert finished.summary.problem == ""
    (result,) = finished.results
    assert (result.id, result.result) == (exhibit.property, "failed"), exhibit.bug
    assert result.counterexample is not None
    assert "time limit" not in result.reason
    # Which of the smallest trials is found is the affair of Hypothesis; that it is as small is the kit's.
    # Nor is which of two threads comes first: a trial that breaks it by that alone need not be the smallest.
    slack = 1.5 if exhibit.property == "B10" else 1
    assert result.counterexample.trial.weight <= recorded()[name]["weight"] * slack
    assert finished.summary.status == (0 if PROPERTIES[exhibit.property].level is Level.ADVISORY else 1)


def accusations(
    client: Client, models: Sequence[str], examples: int, properties: Sequence[str] = ()
) -> list[str]:
    """What a client is accused of, advice included, by the properties of level strict."""
    plan = Plan(
        models=models,
        properties=properties,
        level="strict",
        limits=Limits(max_examples=examples, seconds=math.inf),
        seed=SEED,
    )
    finished = verify(client, plan)
    assert finished.summary.problem == ""
    assert any(result.result == "passed" for result in finished.results)
    assert not any("time limit" in result.reason for result in finished.results)
    return [
        f"{result.id} {result.model}: {result.counterexample and result.counterexample.says}"
        for result in finished.results
        if result.result not in ("passed", "skipped")
    ]


ALONE = [one.id for one in PROPERTIES.values() if one.id not in ("C1", "G1")]
"""The properties that do not try all pairs of behaviours."""


@pytest.mark.parametrize(
    ("model", "most"), mostly_long([(TEXT, 4), (TEXT, 20), *[(model, 3) for model in MODELS]], 99)
)
def test_the_reference_client_is_never_accused(model: str, most: int) -> None:
    # What comes together is the same for every model: one of them is enough.
    ids = [] if model == TEXT else ALONE
    assert accusations(load_callable("tests.clients.reference:generate"), [model], most, ids) == []


@pytest.mark.long
def test_the_asynchronous_reference_client_is_never_accused() -> None:
    assert accusations(load_callable("tests.clients.reference_async:generate"), [IMAGE], 4, ALONE) == []


def test_the_reference_client_as_a_command_is_never_accused() -> None:
    client = CommandClient([sys.executable, str(HERE / "command.py")])
    assert accusations(client, [TEXT], 1, ["A7", "B2", "C9", "E1", "F?"]) == []


def test_every_property_that_can_fail_a_run_has_a_client_that_breaks_it() -> None:
    held = {exhibit.property for exhibit in ZOO.values()}
    assert {one.id for one in PROPERTIES.values() if one.level is not Level.ADVISORY} <= held


def test_the_zoo_holds_what_real_clients_do_wrong() -> None:
    assert len(ZOO) >= 45
    assert set(recorded()) == set(ZOO)
    assert all(exhibit.bug.endswith(".") for exhibit in ZOO.values())
