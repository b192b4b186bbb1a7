"""Which faults of a scenario strike a request, counted: the one loop for creates, polls and downloads."""

from __future__ import annotations

from operator import attrgetter

from .fault import Fault, Place
from .scenario import Scenario

__all__ = ["Hits", "strike"]

Hits = dict[int, int]
"""How often each fault of a scenario has been met, by its index."""

_turn = attrgetter("turn")


def strike(scenario: Scenario, place: Place, hits: Hits, elapsed: float) -> list[Fault]:
    """The faults that strike a request now, the one that takes the answer's place first; counts it in `hits`.

    A fault that takes the answer's place hides the later ones from this request, so that two of them
    come one after the other. A request outside of a fault's bounds on the clock does not count for it.
    """
    found: list[Fault] = []
    replaced = False
    for index, fault in scenario.at(place):
        if (replaced and not fault.modifies) or not fault.is_open(elapsed):
            continue
        seen = hits.get(index, 0)
        hits[index] = seen + 1
        if fault.strikes(seen, elapsed):
            found.append(fault)
            replaced = replaced or not fault.modifies
    if len(found) > 1:
        found.sort(key=_turn)
    return found
