"""Covering arrays: few rows in which all pairs (or triples) of values come together that can.

Greedy, as AETG is: each row begins with something that is not covered yet and takes on as much more of it as
it can. What may not come together is declared as constraints; what they rule out is no tuple to cover.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

__all__ = ["Constraint", "Pick", "Row", "Space", "picks_of"]

Row = tuple[int, ...]
"""One value of each factor, by its place: 0 is the plain one."""
Pick = tuple[tuple[int, int], ...]
"""Values of some factors that come together: pairs of factor and value, in order."""

CANDIDATES = {2: 12, 3: 3}
"""Rows that are made for each that is kept: the best of so many."""


@dataclass(frozen=True)
class Constraint:
    """What is allowed of some factors, as a function of the names of their values."""

    factors: tuple[str, ...]
    allowed: Callable[..., bool]


class Space:
    """Factors with their values, and the constraints between them.

    The first value of each factor is its plain one, and all plain ones together must be allowed.
    """

    def __init__(self, factors: Mapping[str, Sequence[str]], constraints: Sequence[Constraint] = ()) -> None:
        self.factors = {name: tuple(values) for name, values in factors.items()}
        self._sizes = [len(values) for values in self.factors.values()]
        names = list(self.factors)
        self._tables: list[tuple[tuple[int, ...], Callable[[Sequence[int]], Row], frozenset[Row]]] = []
        for constraint in constraints:
            places = tuple(names.index(name) for name in constraint.factors)
            rows = itertools.product(*(range(self._sizes[place]) for place in places))
            values = [self.factors[name] for name in constraint.factors]
            kept = (
                row for row in rows if constraint.allowed(*(v[i] for v, i in zip(values, row, strict=True)))
            )
            self._tables.append((places, _values_at(places), frozenset(kept)))
        self._of_factor = [
            [table for table in self._tables if factor in table[0]] for factor in range(len(names))
        ]
        if not self.allows((0,) * len(names)):
            raise ValueError("The plain values of all factors have to be allowed together.")

    def named(self, row: Row) -> dict[str, str]:
        """The names of a row's values, by factor."""
        return {name: values[i] for (name, values), i in zip(self.factors.items(), row, strict=True)}

    def allows(self, row: Row) -> bool:
        """Whether a whole row keeps every constraint."""
        return all(chosen_of(row) in kept for _, chosen_of, kept in self._tables)

    def picks(self, strength: int) -> Iterator[Pick]:
        """All that can come together of so many factors: what is part of at least one allowed row."""
        for factors in itertools.combinations(range(len(self._sizes)), strength):
            for values in itertools.product(*(range(self._sizes[factor]) for factor in factors)):
                pick = tuple(zip(factors, values, strict=True))
                if self._begin(pick) is not None:
                    yield pick

    def covering(self, strength: int = 2, *, seed: int = 0) -> list[Row]:
        """Rows that cover every pick of that strength; the same seed gives the same ones."""
        order = list(self.picks(strength))
        chance = random.Random(seed)
        chance.shuffle(order)
        left = dict.fromkeys(order)
        rows: list[Row] = []
        while left:
            first = next(iter(left))
            made = (self._grown(first, left, strength, chance) for _ in range(CANDIDATES.get(strength, 1)))
            best = max(made, key=lambda row: sum(pick in left for pick in picks_of(row, strength)))
            rows.append(best)
            for pick in picks_of(best, strength):
                left.pop(pick, None)
        return rows

    def alone(self, row: Row) -> Iterator[Row]:
        """Allowed rows with one value of this one and all others plain; two where a constraint ties them."""
        busy = [factor for factor, value in enumerate(row) if value]
        for factor in busy:
            for other in (factor, *(one for one in busy if one > factor)):
                found = tuple(value if place in (factor, other) else 0 for place, value in enumerate(row))
                if self.allows(found):
                    yield found
                    break

    def without(self, row: Row) -> Iterator[Row]:
        """Allowed rows that have the plain value in place of one of this one's, or of two that are tied."""
        busy = [factor for factor, value in enumerate(row) if value]
        for factor in busy:
            for other in (factor, *(one for one in busy if one != factor)):
                found = tuple(0 if place in (factor, other) else value for place, value in enumerate(row))
                if self.allows(found):
                    yield found
                    break

    def earlier(self, row: Row) -> Iterator[Row]:
        """Allowed rows in which one value is the first that is not plain."""
        for factor, value in enumerate(row):
            found = (*row[:factor], 1, *row[factor + 1 :])
            if value > 1 and self.allows(found):
                yield found

    def _begin(self, pick: Pick) -> list[int] | None:
        """A row that is begun with a pick and can be ended, its open places -1; None where it cannot."""
        row = [-1] * len(self._sizes)
        for factor, value in pick:
            row[factor] = value
            if not self._fits(row, factor):
                return None
        return row if self._can_end(row) else None

    def _fits(self, row: list[int], factor: int) -> bool:
        """Whether the value of a factor agrees with the others that are chosen."""
        for _, chosen_of, kept in self._of_factor[factor]:
            chosen = chosen_of(row)
            if chosen not in kept and -1 not in chosen:
                return False
        return True

    def _can_end(self, row: list[int]) -> bool:
        """Whether the open places of a row can be filled."""
        if -1 not in row:
            return True
        factor = row.index(-1)
        for value in range(self._sizes[factor]):
            row[factor] = value
            if self._fits(row, factor) and self._can_end(row):
                row[factor] = -1
                return True
        row[factor] = -1
        return False

    def _grown(self, pick: Pick, left: Mapping[Pick, None], strength: int, chance: random.Random) -> Row:
        """A row that holds the pick and, place by place, the value that covers most of what is left."""
        row = self._begin(pick)
        assert row is not None
        places = [factor for factor, value in enumerate(row) if value < 0]
        chance.shuffle(places)
        for factor in places:
            values = list(range(self._sizes[factor]))
            chance.shuffle(values)
            chosen = [(other, value) for other, value in enumerate(row) if value >= 0]
            partners = list(itertools.combinations(chosen, strength - 1))
            values.sort(key=lambda value: -_gain(partners, (factor, value), left))
            for value in values:
                row[factor] = value
                if self._fits(row, factor) and self._can_end(row):
                    break
        return tuple(row)


def _values_at(places: tuple[int, ...]) -> Callable[[Sequence[int]], Row]:
    if len(places) > 1:
        return itemgetter(*places)
    (place,) = places
    return lambda row: (row[place],)


def picks_of(row: Row, strength: int) -> Iterator[Pick]:
    """The picks of that strength that a row holds."""
    return itertools.combinations(enumerate(row), strength)


def _gain(partners: Sequence[Pick], value: tuple[int, int], left: Mapping[Pick, None]) -> int:
    return sum([tuple(sorted((*partner, value))) in left for partner in partners])
