"""The smallest and the largest value of a shape, and every boundary in between, in a fixed order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .media_samples import link_samples
from .schema_model import Anything, Array, Boolean, Choice, Null, Number, Object, Shape, Text, Union
from .value_tables import (
    LONG,
    PHRASES,
    edges,
    is_free_text,
    length_edges,
    names_a_link,
    numbers,
    plain_text,
    stretched,
)

__all__ = ["Path", "Spot", "boundaries", "largest", "smallest", "weight"]

Path = tuple[str | int, ...]
"""The place of a value: names of fields and places in lists, from the outside in."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One boundary: where it is, what it is called, and the whole value that reaches it."""

    path: Path
    label: str
    whole: Any


def weight(value: Any) -> int:
    """The size of a JSON value: the characters that it takes."""
    return len(json.dumps(value, ensure_ascii=False))


def smallest(shape: Shape) -> Any:
    """The simplest value that fits: required fields only, the shortest lists and texts."""
    match shape:
        case Anything() | Null():
            return None
        case Boolean():
            return False
        case Choice(values=values):
            return values[0]
        case Number():
            return numbers(shape)[0]
        case Text():
            return stretched("", shape.least, None) if is_free_text(shape) else plain_text(shape)[0]
        case Array():
            return _list_of(shape, shape.least, smallest, fewest=True)
        case Object():
            return {name: smallest(field) for name, field in shape.fields.items() if name in shape.required}
        case Union():
            return smallest(shape.branches[0])


def largest(shape: Shape) -> Any:
    """The largest value that fits: every field, the longest lists and texts."""
    match shape:
        case Choice(values=values):
            return max(values, key=weight)
        case Number():
            return max(numbers(shape), key=lambda value: (abs(value), value))
        case Boolean():
            return True
        case Text():
            return _longest(shape)
        case Array():
            size = shape.least + 4 if shape.most is None else shape.most
            return _list_of(shape, size, largest, fewest=False)
        case Object():
            return {name: largest(field) for name, field in shape.fields.items()}
        case Union():
            return max(map(largest, shape.branches), key=weight)
    return smallest(shape)


def _list_of(shape: Array, size: int, make: Any, *, fewest: bool) -> list[Any]:
    limit = shape.limit
    if limit is None:
        return [make(shape.items) for _ in range(size)]
    special = limit.least if fewest else min(size, size if limit.most is None else limit.most)
    return [make(limit.matching if place < special else limit.other) for place in range(size)]


def _longest(shape: Text) -> str:
    if is_free_text(shape):
        most = LONG if shape.most is None else shape.most
        return stretched(PHRASES[1] + ". ", most, most)
    return max(plain_text(shape), key=len)


def boundaries(shape: Shape) -> Iterator[Spot]:
    """Every boundary of a shape: each value of an enum, each end of a range, a length or a text."""
    match shape:
        case Boolean():
            yield Spot((), "false", False)
            yield Spot((), "true", True)
        case Choice(values=values) if len(values) > 1:
            yield from (Spot((), json.dumps(value, ensure_ascii=False), value) for value in values)
        case Number():
            yield from (Spot((), repr(value), value) for value in sorted(edges(shape)))
        case Text():
            yield from _text_boundaries(shape)
        case Array():
            yield from _array_boundaries(shape)
        case Object():
            yield from _object_boundaries(shape)
        case Union():
            for branch in shape.branches:
                yield from boundaries(branch)
        case Null():
            yield Spot((), "null", None)


def _text_boundaries(shape: Text) -> Iterator[Spot]:
    if is_free_text(shape):
        most = LONG if shape.most is None else shape.most
        for size in length_edges(shape.least, most):
            yield Spot((), _counted(size, "character"), stretched("a", size, size))
    elif shape.format == "uri" or names_a_link(shape.role):
        for kind, samples in link_samples(shape.role).items():
            if shape.most is None or len(samples[0]) <= shape.most:
                yield Spot((), kind, samples[0])
    elif shape.most is not None or shape.least:
        for size in length_edges(shape.least, shape.most):
            yield Spot((), _counted(size, "character"), stretched("a", size, size))


def _array_boundaries(shape: Array) -> Iterator[Spot]:
    for size in length_edges(shape.least, shape.most):
        yield Spot((), _counted(size, "item"), _list_of(shape, size, smallest, fewest=True))
    limit = shape.limit
    kinds = (shape.items,) if limit is None else (limit.other, limit.matching)[: 1 if limit.most == 0 else 2]
    size = max(1, shape.least)
    for kind in kinds:
        for spot in boundaries(kind):
            rest = [smallest(kinds[0]) for _ in range(size - 1)]
            yield Spot((0, *spot.path), spot.label, [spot.whole, *rest])


def _object_boundaries(shape: Object) -> Iterator[Spot]:
    plain = smallest(shape)
    if not plain:
        yield Spot((), "empty", {})
    for name, field in shape.fields.items():
        for spot in boundaries(field):
            yield Spot((name, *spot.path), spot.label, {**plain, name: spot.whole})


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
