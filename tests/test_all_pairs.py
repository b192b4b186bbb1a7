"""All pairs of behaviours: what comes together, counted independently; what a failing one shrinks to."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from kling_mock.catalog import load_catalog
from kling_mock.contract_tests.driving.clients import CallableClient
from kling_mock.contract_tests.generation.behaviours import BEHAVIOURS, Behaviour, behaviours
from kling_mock.contract_tests.properties import PROPERTIES, Context
from kling_mock.contract_tests.running.falsifier import Limits
from kling_mock.contract_tests.running.models import Trial
from kling_mock.contract_tests.running.session import Plan, verify
from kling_mock.scenarios import Scenario
from tests.clients.broken.together import ForgetsToQuote
from tests.clients.reference import Client
from tests.clients.wire import Refused, Reply

FAMILIES = sorted({one.file.partition("-")[0] for one in load_catalog().variants if one.vendor == "kling"})
FAILING = ("error", "error as text", "error null", "no URL")


def allowed(row: Mapping[str, str]) -> bool:
    """Whether a behaviour makes sense, said once more and in other words than in the kit."""
    struck, over = row["fault"] != "plain", row["create"] in ("completed", "error")
    if struck != (row["place"] != "plain"):
        return False
    polls = 0 if over else {"at once": 1, "skips generating": 2}.get(row["way"], 3)
    needed = {"plain": 0, "poll 1": 1, "poll 2": 2, "polls 1 and 2": 2, "poll 3": 3}[row["place"]]
    if row["place"] == "polls 1 and 2" and polls == 2:
        needed = 1
    if needed > polls or (over and row["way"] != "plain"):
        return False
    video = row["way"] not in FAILING and row["create"] != "error"
    if row["shape"] in ("file-details", "signed-url") and not video:
        return False
    return not (over and row["shape"] == "poll-usage")


def pairs(rows: Iterator[Mapping[str, str]]) -> set[tuple[tuple[str, str], ...]]:
    return {pair for row in rows for pair in itertools.combinations(row.items(), 2)}


def every_row() -> Iterator[dict[str, str]]:
    """Rows that hold each pair of values that is allowed: two values freely, the others as they may be."""
    factors = BEHAVIOURS.factors
    for one, other in itertools.combinations(factors, 2):
        free = [name for name in ("fault", "place", "way", "create", "shape") if name not in (one, other)]
        for values in itertools.product(factors[one], factors[other]):
            for rest in itertools.product(*(factors[name] for name in free)):
                row = dict.fromkeys(factors, "plain") | dict(zip(free, rest, strict=True))
                row |= {one: values[0], other: values[1]}
                if allowed(row):
                    yield row
                    break


@pytest.mark.slow
def test_the_pairs_of_behaviours_are_those_that_make_sense() -> None:
    known = {
        tuple((list(BEHAVIOURS.factors)[f], list(BEHAVIOURS.factors.values())[f][v]) for f, v in pick)
        for pick in BEHAVIOURS.picks(2)
    }
    counted = {tuple(pair) for pair in pairs(every_row())}
    assert known <= counted
    # A row of two free values holds others as well: all of them are pairs that the kit knows.
    assert counted <= known


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_trials_of_a_model_of_each_family_hold_every_pair(family: str) -> None:
    model = next(one.model for one in load_catalog().variants if one.file.partition("-")[0] == family)
    trials = list(PROPERTIES["G1"].first(Context(model, CallableClient(Client.run))))
    shown = [trial.expect.named for trial in trials]
    assert pairs(iter(shown)) == pairs(every_row())
    assert {trial.model for trial in trials} == {model} == {trial.payload["model"] for trial in trials}
    # What the server is told is what the row says.
    assert all(agree(trial.expect.named, trial.scenario) for trial in trials)


def agree(row: Mapping[str, str], scenario: Scenario) -> bool:
    polls = [fault for fault in scenario.faults if fault.at == "poll"]
    travels = [fault for fault in scenario.faults if fault.at == "any"]
    return (
        (scenario.ids or "plain") == row["id"]
        and bool(polls) == (row["fault"] != "plain")
        and bool(travels) == (row["transport"] != "plain")
        and (row["shape"] == "plain" or row["shape"] in scenario.shapes)
        and (scenario.ends == "error") == (row["way"] in FAILING[:3] or row["create"] == "error")
        and ("without-url" in scenario.shapes) == (row["way"] == "no URL")
    )


@pytest.mark.slow
def test_triples_are_covered_nearly_all() -> None:
    rows = [behaviour.row for behaviour in behaviours(3)]
    met = {pick for row in rows for pick in itertools.combinations(enumerate(row), 3)}
    known = set(BEHAVIOURS.picks(3))
    assert len(met & known) >= 0.95 * len(known)
    assert all(BEHAVIOURS.allows(row) for row in rows)


def checked(client: type[Client], *properties: str, **options: Any) -> Any:
    plan = Plan(properties=properties, limits=Limits(seconds=math.inf), **options)
    finished = verify(CallableClient(client.run), plan)
    assert finished.summary.problem == ""
    return finished


@pytest.mark.slow
def test_the_figure_of_a_run_is_that_of_an_independent_count() -> None:
    finished = checked(Client, "G1")
    figure = finished.coverage["pairs"]
    seen = pairs(every_row())
    assert figure == {"shown": len(seen), "of": len(seen), "missing": []}
    assert finished.results[0].result == "passed"


class Wants200(Client):
    """Takes 201 for a refusal."""

    def check_created(self, reply: Reply) -> None:
        if reply.status == 201:
            raise Refused("201")
        super().check_created(reply)


@pytest.mark.slow
def test_a_failing_behaviour_shrinks_to_the_two_values_that_matter() -> None:
    (result,) = checked(ForgetsToQuote, "G1").results
    assert result.result == "failed"
    behaviour = result.counterexample.trial.expect
    assert isinstance(behaviour, Behaviour)
    assert set(behaviour.odd) == {"fault", "id"} and behaviour.named["place"] == "poll 1"
    assert len(result.counterexample.trial.scenario.faults) == 1
    assert behaviour.odd["id"] == "awkward"


@pytest.mark.slow
def test_what_breaks_by_one_value_alone_is_shown_where_it_belongs() -> None:
    finished = checked(Wants200, "B7", "G1")
    assert {result.id: result.result for result in finished.results} == {"B7": "failed", "G1": "passed"}
    # What it hides is not counted as met.
    assert finished.coverage["pairs"]["shown"] < finished.coverage["pairs"]["of"]


def test_behaviours_are_told_apart_by_their_trials() -> None:
    trials: list[Trial] = list(
        PROPERTIES["G1"].first(Context("kling-video/v1/standard/image-to-video", CallableClient(Client.run)))
    )
    assert len({trial.key for trial in trials}) == len(trials)
