"""What a recording of the mock's holds beside its exchanges: how they came about, for later judges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..errors import KlingMockError
from ..exchanges.exchange import Exchange
from ..scenarios import Scenario, scenario_as_json, scenario_from_json
from ..scenarios.arming import ALL_WAYS, Armed
from ..trace_rules import INVARIANTS, Trace
from ..trace_rules.reposts import wishes
from ..trace_rules.trace import final

__all__ = ["as_beside", "waits", "with_beside"]

MOST_WAITED_FOR = 1_000
"""Unfinished jobs, the last ones, of which it is written how long they are to be waited for."""


def as_beside(trace: Trace) -> dict[str, Any]:
    """What is known of a trace and not in its exchanges, as JSON."""
    return {
        "one": trace.one,
        "over": trace.over,
        "steps": sorted(trace.steps),
        "armed": [scenario_as_json(armed.scenario) for armed in trace.armed],
        "ways": [armed.how for armed in trace.armed],
        "unused": [scenario_as_json(scenario) for scenario in trace.unused],
        "ignored": sorted(trace.ignored),
        "speed": trace.speed,
        "followed": trace.followed,
        "patience": {create.shown(create.job_id or ""): seconds for create, seconds in waits(trace)},
    }


def with_beside(trace: Trace, beside: Mapping[str, Any]) -> Trace:
    """The trace with what was written beside it; of a recording that somebody else made, as it is."""
    if not beside:
        return trace
    steps = frozenset(step for step in _list(beside.get("steps")) if isinstance(step, int))
    patience, speed = beside.get("patience"), beside.get("speed")
    waits = _times(patience) if isinstance(patience, dict) else {}
    ids = {invariant.id for invariant in INVARIANTS}
    return replace(
        trace,
        one=beside.get("one") is True or (len(wishes(trace)) == 1 and not steps),
        over=beside.get("over") is True and trace.whole,
        steps=steps,
        armed=_armed(beside),
        unused=_scenarios(beside.get("unused")),
        ignored=[id for id in _list(beside.get("ignored")) if id in ids],
        speed=_times({"speed": speed}).get("speed", 1.0),
        followed=beside.get("followed") is True,
        patience=waits.get,
    )


def waits(trace: Trace) -> Iterator[tuple[Exchange, float]]:
    """The creates of unfinished jobs, the last ones, with the seconds for which each is to be waited for."""
    found = 0
    for create in reversed(trace.creates):
        job_id = create.job_id
        if job_id is None or any(map(final, trace.polls.get(job_id, ()))):
            continue
        seconds = trace.patience(job_id)
        if seconds is not None:
            found += 1
            yield create, seconds
        if found >= MOST_WAITED_FOR:
            break


def _armed(beside: Mapping[str, Any]) -> list[Armed]:
    """The scenarios that somebody chose, and how; a recording of an older server does not say how."""
    rows = list(_list(beside.get("armed")))
    ways = list(_list(beside.get("ways")))[: len(rows)]
    ways += ["next"] * (len(rows) - len(ways))
    return [
        Armed(scenario, how if how in ALL_WAYS else "next")
        for row, how in zip(rows, ways, strict=True)
        for scenario in _scenarios([row])
    ]


def _scenarios(rows: Any) -> list[Scenario]:
    found = []
    for row in _list(rows):
        try:
            found.append(scenario_from_json(row))
        except KlingMockError:
            continue
    return found


def _list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()


def _times(values: Mapping[str, Any]) -> dict[str, float]:
    """Those of the values that are numbers as a recording of the mock's has them."""
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    }
