"""Waiting for what a page shows."""

from __future__ import annotations

from itertools import count
from typing import Any

__all__ = ["at_rest", "holds"]

LOOKS = 1000
BETWEEN = 20
"""Milliseconds."""


def holds(page: Any, expression: str) -> None:
    """Wait until an expression holds in the page, asked from outside, as its policy demands."""
    for look in count():
        if page.evaluate(expression):
            return
        assert look < LOOKS, expression
        page.wait_for_timeout(BETWEEN)


def at_rest(page: Any, element: Any) -> Any:
    """Where an element stands, once it has stood there for five looks: what is above it has been drawn."""
    places: list[Any] = []
    for _ in range(LOOKS):
        places = [*places, element.bounding_box()][-5:]
        if len(places) == 5 and all(place == places[0] for place in places):
            return places[0]
        page.wait_for_timeout(BETWEEN)
    raise AssertionError(f"it moves on and on: {places}")
