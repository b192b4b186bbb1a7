"""Breaches: values that break exactly one constraint of a shape, each with the constraint's name.

The server takes numeric strings for numbers and ignores unknown fields, as the API does, so neither is a
negative: the wrong type of a number is a word, a list, an object, a boolean or null.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .boundary_values import Path, smallest
from .media_samples import BROKEN_LINKS, link_samples
from .schema_model import Anything, Array, Boolean, Choice, Null, Number, Object, Shape, Text, Union, fits

__all__ = ["MISSING", "Missing", "NegativeValue", "negative_values"]


class Missing(enum.Enum):
    """Stands for the value of a field that is not there."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "(missing)"


MISSING = Missing.MISSING


@dataclass(frozen=True, slots=True)
class NegativeValue:
    """One broken constraint: where, which, by what value, and the whole value that it makes."""

    path: Path
    constraint: str
    value: Any
    whole: Any


_BROKEN: dict[str, tuple[str, ...]] = {
    "uri": BROKEN_LINKS,
    "uuid": ("not-a-uuid", "b906d239-565b-4012-9234-24618928314"),
    "date-time": ("yesterday", "2026-08-21", "2026-13-01T00:00:00Z", "2026-08-21T12:00:00"),
}
"""Strings that are not of a format, the plainest first."""
_WRONG: dict[str, tuple[Any, ...]] = {
    "null": ("word", 7, True, {}, []),
    "boolean": ("perhaps", 7, {}, [], None),
    "integer": ("many", 1.5, True, {}, [], None),
    "number": ("many", True, {}, [], None),
    "string": (7, True, {}, [], None),
    "array": ("word", 7, True, {}, None),
    "object": ("word", 7, True, [], None),
}


def negative_values(shape: Shape) -> Iterator[NegativeValue]:
    """Every constraint of a shape broken alone: just outside first, then values of other types."""
    match shape:
        case Anything():
            return
        case Null() | Boolean():
            yield from _wrong_types(type(shape).__name__.lower())
        case Choice():
            yield from _choice(shape)
        case Number():
            yield from _number(shape)
        case Text():
            yield from _text(shape)
        case Array():
            yield from _array(shape)
        case Object():
            yield from _object(shape)
        case Union():
            yield from _union(shape)


def _of_itself(constraint: str, value: Any) -> NegativeValue:
    return NegativeValue((), constraint, value, value)


def _wrong_types(*types: str) -> Iterator[NegativeValue]:
    for value in _WRONG[types[0]]:
        yield _of_itself("type", value)


def _choice(shape: Choice) -> Iterator[NegativeValue]:
    for value in _outside(shape.values):
        if not fits(shape, value):
            yield _of_itself(shape.keyword, value)
    wrong = "type" if shape.types else shape.keyword
    kind = min(shape.types, default="string")
    for value in _WRONG[kind]:
        if not fits(shape, value):
            yield _of_itself(wrong, value)


def _outside(values: tuple[Any, ...]) -> Iterator[Any]:
    """Values of the right type that are not in the list: one between two of them, one beyond, one akin."""
    figures = sorted(value for value in values if isinstance(value, int) and not isinstance(value, bool))
    if figures:
        between = [low + (high - low) // 2 for low, high in itertools.pairwise(figures) if high > low + 1]
        yield from (*between[:1], figures[-1] + 1, figures[0] - 1)
    words = [value for value in values if isinstance(value, str)]
    if words:
        yield from (words[0] + "-x", words[-1].swapcase(), "")


def _number(shape: Number) -> Iterator[NegativeValue]:
    steps = (1, 100) if shape.integer else (0.0001, 0.1, 1)
    for bound, opened, name, sign in (
        (shape.low, shape.low_open, "Minimum", -1),
        (shape.high, shape.high_open, "Maximum", 1),
    ):
        if bound is None:
            continue
        if opened:
            yield _of_itself("exclusive" + name, bound)
        for step in steps:
            value = round(bound + sign * step, 10)
            yield _of_itself("exclusive" + name if opened else name.lower(), value)
    for value in _WRONG["integer" if shape.integer else "number"]:
        # A fraction keeps the bounds: its type alone is wrong.
        yield _of_itself("type", _fraction(shape) if isinstance(value, float) else value)


def _fraction(shape: Number) -> float:
    low, high = shape.low, shape.high
    if low is not None and low > 1:
        return low + 0.5
    return high - 0.5 if high is not None and high < 2 else 1.5


def _text(shape: Text) -> Iterator[NegativeValue]:
    if shape.most is not None and shape.format in (None, "uri"):
        # A link that is too long is still a link: only its length is at fault.
        start = link_samples(shape.role)["link"][0] if shape.format == "uri" else ""
        yield _of_itself("maxLength", start + "a" * max(1, shape.most + 1 - len(start)))
    if shape.least > 0 and shape.format is None:
        yield _of_itself("minLength", "a" * (shape.least - 1))
    if shape.format is not None:
        for value in _BROKEN[shape.format]:
            if shape.least <= len(value) and (shape.most is None or len(value) <= shape.most):
                yield _of_itself("format", value)
    yield from _wrong_types("string")


def _array(shape: Array) -> Iterator[NegativeValue]:
    if shape.least > 0:
        yield _of_itself("minItems", smallest(shape)[: shape.least - 1])
    if shape.most is not None:
        plain = shape.items if shape.limit is None else shape.limit.other
        over = [*smallest(shape), *(smallest(plain) for _ in range(shape.most + 1 - shape.least))]
        yield _of_itself("maxItems", over)
    yield from _wrong_types("array")
    around = smallest(shape)[1:]
    for negative in negative_values(shape.items):
        yield NegativeValue(
            (0, *negative.path), negative.constraint, negative.value, [negative.whole, *around]
        )


def _object(shape: Object) -> Iterator[NegativeValue]:
    plain = smallest(shape)
    for name, field in shape.fields.items():
        if name in shape.required:
            yield NegativeValue(
                (name,), "required", MISSING, {key: plain[key] for key in plain if key != name}
            )
        for negative in negative_values(field):
            whole = {**plain, name: negative.whole}
            yield NegativeValue((name, *negative.path), negative.constraint, negative.value, whole)
    yield from _wrong_types("object")


def _union(shape: Union) -> Iterator[NegativeValue]:
    """Values that break one branch and fit no other; a value of no branch's type breaks the union itself."""
    for branch in shape.branches:
        for negative in negative_values(branch):
            if fits(shape, negative.whole):
                continue
            if negative.path or negative.constraint not in ("type", "enum", "const"):
                yield negative
            elif not _same_type_elsewhere(shape, branch, negative.value):
                yield _of_itself(shape.keyword, negative.value)
    if shape.keyword == "oneOf":
        for branch in shape.branches:
            value = smallest(branch)
            if not fits(shape, value):
                yield _of_itself("oneOf", value)


def _same_type_elsewhere(shape: Union, branch: Shape, value: Any) -> bool:
    """True where another branch takes values of this type, so that more than the type is at fault."""
    return any(_takes(other, value) for other in shape.branches if other is not branch)


def _takes(shape: Shape, value: Any) -> bool:
    match shape:
        case Union(branches=branches):
            return any(_takes(branch, value) for branch in branches)
        case Array():
            return isinstance(value, list)
        case Object():
            return isinstance(value, dict)
        case Text():
            return isinstance(value, str)
    return fits(shape, value)
