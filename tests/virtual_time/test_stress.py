"""Virtual time under stress: each step of a random program ends as and when a model of waiting says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.running import needs_linux, needs_node

from .drawing import SUITES, draw
from .model import Unclear, right_ends
from .stress import stress

SUITE = pytest.mark.parametrize(
    "suite", [pytest.param(suite, marks=needs_node) if suite == "node" else suite for suite in SUITES]
)


def program(*actors: list[list[Any]]) -> dict[str, Any]:
    return {"actors": [{"kind": "thread", "steps": steps} for steps in actors], "lengths": [2.0]}


def test_the_model_knows_who_waits_for_whom() -> None:
    taker = [["get", "0", 0, 10.0], ["get", "0", 0, 1.0], ["ask", "0", 0, 5.0], ["ask", "0", 0, 1.0]]
    giver = [["lock", "0", 0, None], ["sleep", "0", 3.0], ["put", "0", 0], ["unlock", "0", 0]]
    other = [["sleep", "0", 1.0], ["lock", "0", 0, 1.0], ["lock", "0", 0, None], ["wait", "0", 0, 0.5]]
    assert right_ends(program(taker, giver, other)) == [
        [("done", 3.0), ("late", 4.0), ("done", 6.0), ("late", 7.0)],
        [("done", 0.0), ("done", 3.0), ("done", 3.0), ("done", 3.0)],
        [("done", 1.0), ("late", 2.0), ("done", 3.0), ("late", 3.5)],
    ]


@pytest.mark.parametrize(
    "actors",
    [
        ([["get", "0", 0, None]],),
        ([["get", "0", 0, 1.0]], [["sleep", "0", 1.001], ["put", "0", 0]]),
        ([["lock", "0", 0, 1.0]], [["lock", "0", 0, 1.0]]),
        ([["ask", "0", 0, 2.0]],),
    ],
    ids=["no end", "at the limit", "two at once", "the answer at the limit"],
)
def test_the_model_knows_nothing_of_what_may_end_in_two_ways(actors: tuple[list[list[Any]], ...]) -> None:
    with pytest.raises(Unclear):
        right_ends(program(*actors))


@SUITE
def test_a_seed_is_always_the_same_program(suite: str) -> None:
    assert draw(suite, 7) == draw(suite, 7) != draw(suite, 8)


@needs_linux
@pytest.mark.slow
@pytest.mark.parametrize("suite", ["threads", "processes"])
def test_some_programs_end_when_they_should(suite: str) -> None:
    done = stress(suite, 2, seed=11)
    assert not done.wrong, done.wrong


@needs_linux
@pytest.mark.long
@pytest.mark.parametrize("busy", [0, 2])
@SUITE
def test_many_programs_end_when_they_should(suite: str, busy: int) -> None:
    programs = {"threads": 400, "processes": 80, "node": 20}[suite]
    done = stress(suite, programs, seed=1_000_000 * (1 + busy), busy=busy)
    assert not done.wrong, done.wrong
