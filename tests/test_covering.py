"""Covering arrays: every row keeps the constraints, and all that can come together does."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_mock.contract_tests.generation.covering import Constraint, Row, Space

Forbidden = dict[tuple[int, int], set[tuple[int, int]]]
"""Pairs of values that may not come together, by their two factors."""


@st.composite
def spaces(draw: st.DrawFn) -> tuple[list[int], Forbidden]:
    """Sizes of three to five factors, and forbidden pairs that leave the plain row allowed."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=3, max_size=5))
    forbidden: Forbidden = {}
    for one, other in itertools.combinations(range(len(sizes)), 2):
        pairs = [pair for pair in itertools.product(range(sizes[one]), range(sizes[other])) if any(pair)]
        if pairs:
            forbidden[one, other] = draw(st.sets(st.sampled_from(pairs), max_size=4))
    return sizes, forbidden


def space_of(sizes: list[int], forbidden: Forbidden) -> Space:
    factors = {f"f{place}": [str(value) for value in range(size)] for place, size in enumerate(sizes)}
    constraints = [
        Constraint((f"f{one}", f"f{other}"), lambda a, b, pairs=pairs: (int(a), int(b)) not in pairs)
        for (one, other), pairs in forbidden.items()
    ]
    return Space(factors, constraints)


def allowed_rows(sizes: list[int], forbidden: Forbidden) -> list[Row]:
    """Every row that keeps the constraints, by trying all of them."""
    return [
        row
        for row in itertools.product(*map(range, sizes))
        if not any((row[one], row[other]) in pairs for (one, other), pairs in forbidden.items())
    ]


def together(rows: list[Row], strength: int) -> set[tuple[tuple[int, int], ...]]:
    return {
        tuple((factor, row[factor]) for factor in factors)
        for row in rows
        for factors in itertools.combinations(range(len(row)), strength)
    }


@pytest.mark.slow
@settings(max_examples=60)
@given(spaces(), st.sampled_from([2, 3]), st.integers(0, 3))
def test_rows_cover_all_that_can_come_together_and_nothing_else(
    drawn: tuple[list[int], Forbidden], strength: int, seed: int
) -> None:
    space, every = space_of(*drawn), allowed_rows(*drawn)
    rows = space.covering(strength, seed=seed)
    assert set(rows) <= set(every)
    assert together(rows, strength) == together(every, strength) == set(space.picks(strength))
    assert len(rows) == len(set(rows))


@pytest.mark.slow
@given(spaces(), st.data())
def test_a_smaller_row_is_allowed_and_has_less_in_it(
    drawn: tuple[list[int], Forbidden], data: st.DataObject
) -> None:
    space = space_of(*drawn)
    row = data.draw(st.sampled_from(allowed_rows(*drawn)))
    busy = sum(map(bool, row))
    for smaller in space.without(row):
        assert space.allows(smaller) and sum(map(bool, smaller)) < busy
    for smaller in space.alone(row):
        assert space.allows(smaller) and 1 <= sum(map(bool, smaller)) <= 2
    for smaller in space.earlier(row):
        assert space.allows(smaller) and sum(smaller) < sum(row)


def test_the_same_seed_makes_the_same_rows() -> None:
    space = Space({name: [*"abcd"] for name in "xyz"})
    assert space.covering(seed=5) == space.covering(seed=5) != space.covering(seed=6)
    assert len(space.covering()) < 4**3


def test_plain_values_that_exclude_each_other_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="plain values"):
        Space({"x": "ab", "y": "ab"}, [Constraint(("x", "y"), lambda x, y: x != y)])
