"""Lists in no order, with an item that comes twice: who sorts one, or takes it for a set, sends another."""

from __future__ import annotations

from typing import Any

from .schema_model import Array, Choice, Number, Object, Shape, Text
from .value_tables import is_free_text, names_a_link

__all__ = ["in_no_order"]

_ORDER = (1, 0, 2, 1)
"""Which of three items stands where."""


def in_no_order(shape: Array) -> list[Any] | None:
    """A list of items that differ, neither up nor down, the last as the first; None where there is none."""
    size = max(shape.least, min(len(_ORDER), len(_ORDER) if shape.most is None else shape.most))
    if size < 2 or shape.limit is not None:
        return None
    items = [_one(shape.items, place) for place in range(3)]
    return [items[_ORDER[place % len(_ORDER)]] for place in range(size)]


def _one(shape: Shape, place: int) -> Any:
    """One of three values that differ where that can be."""
    match shape:
        case Number(low=low, high=high, integer=integer):
            most = 1.0 if high is None or high > 1 else high
            start = low if low is not None and low > 0 else 0
            return place + int(start) if integer else start + (most - start) * (place + 1) / 4
        case Choice(values=values):
            return values[place % len(values)]
        case Text(role=role) if names_a_link(role) or shape.format == "uri":
            return f"https://example.com/{'abc'[place]}.png"
        case Text() if is_free_text(shape):
            return ("a cat", "a dog", "a bird")[place]
        case Array():
            return in_no_order(shape)
        case Object(fields=fields, required=required):
            return {name: _one(field, place) for name, field in fields.items() if name in required}
    return None
