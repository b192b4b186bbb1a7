"""Which faults of a scenario strike a request, counted: the one loop for creates, polls and downloads."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from .fault import REWRITING, WITHOUT_JSON, Fault, Place
from .scenario import Scenario

__all__ = ["Hits", "Unfinished", "strike"]

Hits = dict[int, int]
"""How often each fault of a scenario has been met, by its index."""

_turn = attrgetter("turn")


Unfinished = Callable[[], int]
"""Gives how many jobs have not come to rest."""


def strike(
    scenario: Scenario, place: Place, hits: Hits, elapsed: float, unfinished: Unfinished = lambda: 0
) -> list[Fault]:
    """The faults that strike a request now, the one that takes the answer's place first; counts it in `hits`.

    A fault that takes the answer's place hides the later ones from this request, so that two of them
    come one after the other; one that leaves no JSON hides those that rewrite it. A request outside of a
    fault's bounds, on the clock or of unfinished jobs, does not count for it.
    """
    found: list[Fault] = []
    modifying: list[tuple[int, Fault]] = []
    for index, fault in scenario.at(place):
        if fault.modifies:
            modifying.append((index, fault))
        elif not found and _met(fault, index, hits, elapsed, unfinished):
            found.append(fault)
    bare = bool(found) and found[0].kind in WITHOUT_JSON
    for index, fault in modifying:
        if not (bare and fault.kind in REWRITING) and _met(fault, index, hits, elapsed, unfinished):
            found.append(fault)
    if len(found) > 1:
        found.sort(key=_turn)
    return found


def _met(fault: Fault, index: int, hits: Hits, elapsed: float, unfinished: Unfinished) -> bool:
    """Count a request for a fault, where its bounds hold, and say whether it strikes."""
    if not fault.is_open(elapsed):
        return False
    if fault.unfinished is not None and unfinished() < fault.unfinished:
        return False
    seen = hits.get(index, 0)
    hits[index] = seen + 1
    return fault.strikes(seen, elapsed)
