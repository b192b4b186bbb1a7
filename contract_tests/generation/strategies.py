"""From shapes to Hypothesis strategies that reach the boundaries early and shrink to the smallest value.

Long lists repeat a few drawn items, so that six masks of 77 points cost hardly more than one of two.
"""

from __future__ import annotations

import functools
from typing import Any

from hypothesis import strategies as st

from .schema_model import Anything, Array, Boolean, Choice, Null, Number, Object, Shape, Text, Union, fits
from .value_tables import LONG, PHRASES, is_free_text, lengths, numbers, plain_text, stretched

__all__ = ["strategy_of"]

_DRAWN_ITEMS = 3
"""Distinct items of a list of more than eight."""

_CHARACTERS = st.characters(codec="utf-8")


def strategy_of(shape: Shape) -> st.SearchStrategy[Any]:
    """A strategy of all the values that fit a shape."""
    match shape:
        case Anything():
            return st.none()
        case Null():
            return st.none()
        case Boolean():
            return st.booleans()
        case Choice(values=values):
            return st.sampled_from(values)
        case Number():
            return _numbers(shape)
        case Text():
            return _texts(shape)
        case Array():
            return _arrays(shape)
        case Object():
            return _objects(shape)
        case Union():
            return st.one_of(*(_branch(shape, number) for number in range(len(shape.branches))))


def _branch(union: Union, number: int) -> st.SearchStrategy[Any]:
    values = strategy_of(union.branches[number])
    if union.keyword != "oneOf":
        return values
    return values.filter(functools.partial(fits, union))


def _numbers(shape: Number) -> st.SearchStrategy[Any]:
    table = st.sampled_from(numbers(shape))
    if not shape.integer or shape.low is None or shape.high is None or shape.high - shape.low <= 200:
        return table
    inner = st.integers(int(shape.low) + shape.low_open, int(shape.high) - shape.high_open)
    return st.one_of(table, inner)


def _texts(shape: Text) -> st.SearchStrategy[str]:
    if not is_free_text(shape):
        return st.sampled_from(plain_text(shape))
    longest = LONG if shape.most is None else shape.most
    pieces = st.sampled_from(PHRASES)
    fit = functools.partial(stretched, least=shape.least, most=shape.most)
    return st.one_of(
        st.just(fit("")),
        pieces.map(fit),
        st.text(_CHARACTERS, max_size=24).map(fit),
        st.lists(pieces, min_size=2, max_size=4).map(" ".join).map(fit),
        pieces.map(lambda piece: stretched(piece, longest, longest)),
    )


def _arrays(shape: Array) -> st.SearchStrategy[list[Any]]:
    sizes = st.sampled_from(lengths(shape.least, shape.most))
    limit = shape.limit
    items = strategy_of(shape.items if limit is None else limit.other)
    special = None if limit is None else strategy_of(limit.matching)

    @st.composite
    def draw_array(draw: st.DrawFn) -> list[Any]:
        size = draw(sizes)
        first: list[Any] = []
        if special is not None and limit is not None:
            most = min(size, limit.least + 2 if limit.most is None else limit.most)
            first = [draw(special) for _ in range(draw(st.integers(limit.least, max(limit.least, most))))]
        rest = size - len(first)
        distinct = rest if rest <= 8 else _DRAWN_ITEMS
        drawn = [draw(items) for _ in range(distinct)]
        return first + [drawn[place % distinct] for place in range(rest)]

    return draw_array()


def _objects(shape: Object) -> st.SearchStrategy[dict[str, Any]]:
    fields = [(name, name in shape.required, strategy_of(field)) for name, field in shape.fields.items()]
    # A field is there when its coin of 0 to 3 is above the threshold: nearly all of them in one body, few in
    # the next. The coin is drawn whatever the threshold, so that taking a field away is one small step.
    thresholds = st.sampled_from([1, 0, 2])
    coins = st.integers(0, 3)

    @st.composite
    def draw_object(draw: st.DrawFn) -> dict[str, Any]:
        threshold = draw(thresholds) if optional else 0
        body = {}
        for name, needed, values in fields:
            if needed or draw(coins) > threshold:
                body[name] = draw(values)
        return body

    optional = any(not needed for _, needed, _ in fields)
    return draw_object()
