"""The journal: the last exchanges, oldest first, bounded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import islice

from ..events import Event
from .budget import Budget, weight
from .exchange import Exchange

__all__ = ["ALL", "Journal"]

ALL = 1 << 62
"""A number behind those of all exchanges."""
TOLD_OF = 64
"""A part of so many of the limit is told of at once: telling of each takes as long as forgetting it."""


class Journal:
    """The last exchanges, oldest first, numbered from 1 since the start or the last reset.

    An answer that takes time stands in it from its beginning, without an end, and once more whole when it is
    over, in the same place.
    """

    def __init__(self, limit: int, budget: Budget | None = None) -> None:
        self.limit = limit
        """How many exchanges are kept."""
        self.size = 0
        """The bytes that they take, about."""
        self.on_forgotten: Callable[[int], None] = lambda number: None
        """Called with the number of the last exchange that made room for others, soon after it did."""
        self._budget = budget or Budget(math.inf)
        self._budget.join(self)
        self._count = 0
        self._kept: dict[int, Exchange] = {}
        self._weights: dict[int, int] = {}
        """The bytes that each of them takes."""
        self._oldest = 1

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(list(self._kept.values()))

    @property
    def count(self) -> int:
        """How many exchanges there were, the forgotten ones included."""
        return self._count

    def next_number(self) -> int:
        """The number of an exchange that begins."""
        self._count += 1
        return self._count

    def keep(self, event: Event) -> None:
        """Keep the exchange that an event tells of."""
        self.put(event.data)

    def put(self, exchange: Exchange) -> None:
        """Keep an exchange by its number; the oldest goes where the journal is full."""
        kept, number = self._kept, exchange.number
        if number < self._oldest:
            # It began before others filled the journal, or before all was forgotten.
            return
        weights, size = self._weights, weight(exchange)
        kept[number] = exchange
        if number in weights:
            # What stood there from its beginning.
            weights[number], size = size, size - weights[number]
        else:
            weights[number] = size
        self.size += size
        while len(kept) > self.limit:
            self._drop()
            if self._oldest % (self.limit // TOLD_OF or 1) == 0:
                self.on_forgotten(self._oldest - 1)
        self._budget.add(size)

    def drop_oldest(self) -> bool:
        """Forget the oldest exchange; False where there is none."""
        if not self._kept:
            return False
        self._drop()
        self.on_forgotten(self._oldest - 1)
        return True

    def _drop(self) -> None:
        oldest = self._oldest
        while self._kept.pop(oldest, None) is None:
            oldest += 1
        gone = self._weights.pop(oldest)
        self.size -= gone
        self._budget.used -= gone
        self._oldest = oldest + 1

    def last(self, limit: int, before: int | None = None) -> list[Exchange]:
        """The last exchanges, or the last before the one of a number, oldest first."""
        newest_first = reversed(self._kept.values())
        if before is not None:
            newest_first = (exchange for exchange in newest_first if exchange.number < before)
        return list(islice(newest_first, limit))[::-1]

    def select(self, **wanted: str) -> list[Exchange]:
        """The exchanges whose attributes have these values, for example `kind="poll"` or `status="429"`."""
        return [
            exchange
            for exchange in self
            if all(str(getattr(exchange, name)) == value for name, value in wanted.items())
        ]

    def clear(self) -> None:
        """Forget all exchanges and count from 1 again."""
        self._kept.clear()
        self._weights.clear()
        self.on_forgotten(ALL)
        self._budget.used -= self.size
        self._count = self.size = 0
        self._oldest = 1
