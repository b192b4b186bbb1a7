"""Strategies of trials, as the properties share them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kling_mock.scenarios import CATALOGUE, Scenario

from ..generation.contract_view import ContractView, current_view
from ..generation.disorder import in_no_order
from ..generation.payloads import bodies_of, boundary_payloads, smallest_payload, valid_payloads, worded
from ..generation.scenario_strategies import PLAIN
from ..generation.schema_model import Array, Number, Shape, Text
from ..generation.value_tables import is_free_text
from ..running.models import Trial
from .base import Context, First

__all__ = [
    "LONG",
    "MANY",
    "any_payload",
    "behaving",
    "boundaries",
    "brief_bodies",
    "brief_pairs",
    "brief_payloads",
    "delicate",
    "each",
    "every",
    "fixed",
    "stuck_trial",
]

MANY = 8_000
"""Requests after which a client that polls for ever is believed."""
LONG = 6 * 3_600.0
"""Virtual seconds that no budget exceeds: the longest documented generation takes a quarter of an hour."""
_BRIEF = 1_500
"""Characters of a payload that stands beside a behaviour: what goes wrong there is not its size."""
_ENOUGH = 30
"""Scenarios of a strategy that are tried one by one."""


def any_payload(context: Context) -> st.SearchStrategy[Trial]:
    """Any valid payload, on a server that does nothing odd."""
    return valid_payloads(context.model).map(lambda payload: Trial(context.model, payload, PLAIN))


def boundaries(context: Context) -> Iterator[Trial]:
    """Every boundary of the model's schema once, the smallest body first."""
    for case in boundary_payloads(context.model):
        yield Trial(context.model, case.payload, PLAIN)


def delicate(context: Context) -> Iterator[Trial]:
    """Values that somebody tidies up who means well: texts with blanks, long fractions, lists in no order."""
    bodies = bodies_of(context.model)
    smallest = bodies.smallest()
    for name, field in bodies.shape.fields.items():
        value = _delicate(field)
        body = {**smallest, name: value}
        if value is not None and bodies.accepts(body) and bodies.rules.kept(body):
            yield Trial(context.model, body, PLAIN)


def _delicate(field: Shape) -> Any:
    if isinstance(field, Array):
        return in_no_order(field)
    if isinstance(field, Text) and is_free_text(field):
        return "  a cat, and blanks around it \n"
    if isinstance(field, Number) and not field.integer:
        low, high = field.low or 0.0, 1.0 if field.high is None else field.high
        return round(low + (high - low) * 0.123456, 8)
    return None


def brief_payloads(model: str) -> tuple[Any, ...]:
    """Short payloads of a model's boundaries, as the client can be asked for them, the smallest first."""
    return _brief_of(model, current_view())


@functools.lru_cache(maxsize=64)
def _brief_of(model: str, view: ContractView) -> tuple[Any, ...]:
    bodies = [worded(model, case.payload) for case in boundary_payloads(model)]
    return tuple(body for body in bodies if len(repr(body)) <= _BRIEF) or (bodies[0],)


def brief_bodies(model: str) -> st.SearchStrategy[Any]:
    """Short payloads, the smallest first."""
    return st.sampled_from(brief_payloads(model))


def brief_pairs(model: str) -> st.SearchStrategy[tuple[Any, Any]]:
    """Two short payloads that differ."""
    bodies = brief_payloads(model)
    others = [body for body in bodies if body != bodies[0]]
    return st.sampled_from(others).map(lambda other: (bodies[0], other))


def behaving(
    scenarios: Callable[[], st.SearchStrategy[Scenario]], **options: Any
) -> Callable[[Context], st.SearchStrategy[Trial]]:
    """Trials of a short payload against a server that behaves as one of the scenarios.

    A program, which takes its time to start, gets the smallest: what is the same behaviour to it is one run.
    """

    def trials(context: Context) -> st.SearchStrategy[Trial]:
        program = context.client.kind == "command"
        return st.builds(
            lambda payload, scenario: Trial(context.model, payload, scenario, **options),
            st.just(brief_payloads(context.model)[0]) if program else brief_bodies(context.model),
            scenarios(),
        )

    return trials


def each(*scenarios: Scenario, **options: Any) -> First:
    """The smallest payload against each of a few scenarios: none of them is left to chance."""

    def trials(context: Context) -> Iterator[Trial]:
        for scenario in scenarios:
            yield Trial(context.model, brief_payloads(context.model)[0], scenario, **options)

    return trials


def every(scenarios: Callable[[], st.SearchStrategy[Scenario]], **options: Any) -> First:
    """As `each`, for all the scenarios that a strategy of a few can make."""
    return lambda context: each(*_drawn(scenarios), **options)(context)


@functools.cache
def _drawn(scenarios: Callable[[], st.SearchStrategy[Scenario]]) -> tuple[Scenario, ...]:
    """The scenarios that a strategy makes, until it has made all of them or enough."""
    found: list[Scenario] = []

    @settings(max_examples=_ENOUGH, database=None, deadline=None, derandomize=True, phases=[Phase.generate])
    @given(scenarios())
    def collect(scenario: Scenario) -> None:
        if scenario not in found:
            found.append(scenario)

    collect()
    return tuple(found)


def fixed(*scenarios: Scenario, **options: Any) -> Callable[[Context], st.SearchStrategy[Trial]]:
    """Trials of a short payload against one of a few scenarios."""
    return behaving(lambda: st.sampled_from(scenarios), **options)


def stuck_trial(
    context: Context, payload: object = None, scenario: Scenario = CATALOGUE["stuck-generating"]
) -> Trial:
    """A trial in which the job never ends; without a payload the smallest."""
    body = smallest_payload(context.model) if payload is None else payload
    return Trial(context.model, body, scenario, requests=MANY, seconds=LONG)
