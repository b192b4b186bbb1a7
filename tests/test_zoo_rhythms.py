"""Bugs of clients that poll seldom: each is caught by the property that names it, at any interval."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import pytest

from kling_mock.contract_tests.driving.clients import CallableClient
from kling_mock.contract_tests.driving.engine import Engine
from kling_mock.contract_tests.properties import PROPERTIES
from kling_mock.contract_tests.running.checks import Checks, Plan
from kling_mock.contract_tests.running.events import Result
from kling_mock.contract_tests.running.falsifier import Limits
from tests.clients.reference import Client
from tests.clients.rhythms import RHYTHMS, paced
from tests.clients.seldom import BUGS
from tests.clients.zoo import TEXT, zoo
from tests.support import mostly_long

QUICK = ("5", "30")
OF_THE_ZOO = ("C5", "C14", "D1", "D2", "D3", "D6", "E1", "E2", "E4")
"""Properties whose bugs are taken from the other zoo as well: there each client has an interval of 10 s."""
# The first breach is enough here: that it is made small is what tests/test_zoo.py looks at.
LIMITS = Limits(max_examples=6, seconds=math.inf, shrinking=(0, 0))


def bugs() -> dict[str, tuple[str, type[Client]]]:
    """Property and client by name."""
    found = {client.__name__: (property, client) for property, client in BUGS}
    for exhibit in zoo().values():
        if exhibit.property in OF_THE_ZOO and not exhibit.command:
            module, _, name = exhibit.target.partition(":")
            found[exhibit.name] = exhibit.property, getattr(sys.modules[module], name.partition(".")[0])
    return found


ALL = bugs()


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(CallableClient(Client.run)) as engine:
        yield engine


def tried(engine: Engine, client: type[Client], *ids: str) -> list[Result]:
    """How a client fares with some properties, in an engine that others have used before."""
    engine.client = CallableClient(client.run)
    engine.forget()
    plan = Plan(models=[TEXT], level="strict", limits=LIMITS, seed=4)
    checks = Checks(engine, plan, [PROPERTIES[id] for id in ids], TEXT)
    return [checks.check(PROPERTIES[id]) for id in ids]


def missed(engine: Engine, name: str, rhythms: tuple[str, ...]) -> list[str]:
    """The rhythms in which a bug is not found."""
    property, client = ALL[name]
    results = {rhythm: tried(engine, paced(client, rhythm), property)[0] for rhythm in rhythms}
    return [f"{rhythm}: {it.result} {it.reason}" for rhythm, it in results.items() if it.result != "failed"]


# A client that has to be stopped leaves its sockets to the collector of garbage.
leaves_sockets = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)


@pytest.mark.slow
@leaves_sockets
@pytest.mark.parametrize("name", mostly_long(ALL, 8))
def test_a_bug_is_caught_in_a_client_that_polls_seldom(name: str, engine: Engine) -> None:
    assert missed(engine, name, QUICK) == []


@pytest.mark.long
@pytest.mark.slow
@leaves_sockets
@pytest.mark.parametrize("name", ALL)
def test_a_bug_is_caught_in_every_other_rhythm(name: str, engine: Engine) -> None:
    assert missed(engine, name, tuple(rhythm for rhythm in RHYTHMS if rhythm not in QUICK)) == []


def test_the_zoo_of_rhythms_is_large() -> None:
    assert len(ALL) >= 60
    assert len({property for property, _ in ALL.values()}) >= 20
    assert RHYTHMS == ("1", "5", "10", "15", "30", "exponential")
