"""The contract kit on clients whose bugs are known: each broken one is caught by the property that names its
bug, with the smallest counterexample; the reference clients are never accused.
"""

from __future__ import annotations

import pytest

from mock_server.contract_tests.events import Result
from mock_server.contract_tests.properties import PROPERTIES
from tests.clients.catching import caught, described, recorded
from tests.clients.zoo import IMAGE, MASKS, TEXT, zoo

ZOO = zoo()
PROGRAMS = {name: exhibit for name, exhibit in ZOO.items() if exhibit.command}
CALLABLES = {name: exhibit for name, exhibit in ZOO.items() if not exhibit.command}

MODELS = (
    TEXT,
    IMAGE,
    MASKS,
    "kling-video/v1/standard/image-to-video",
    "klingai/video-v3-pro-text-to-video",
)


def only(results: tuple[Result, ...]) -> Result:
    (result,) = results
    return result


@pytest.mark.parametrize("name", CALLABLES)
def test_a_broken_client_is_caught_by_the_property_that_names_its_bug(name: str) -> None:
    exhibit = ZOO[name]
    finished = caught(exhibit)
    assert finished.summary.problem == ""
    result = only(finished.results)
    assert (result.id, result.result) == (exhibit.property, "failed"), exhibit.bug
    assert result.counterexample is not None
    assert described(result.counterexample.case) == recorded()[name]
    assert finished.summary.status == (0 if PROPERTIES[exhibit.property].level == "A" else 1)


def test_every_property_that_can_fail_a_run_has_a_client_that_breaks_it() -> None:
    held = {exhibit.property for exhibit in ZOO.values()}
    assert {one.id for one in PROPERTIES.values() if one.level != "A"} <= held


def test_the_zoo_holds_what_real_clients_do_wrong() -> None:
    assert len(ZOO) >= 45
    assert set(recorded()) == set(CALLABLES)
    assert all(exhibit.bug.endswith(".") for exhibit in ZOO.values())
