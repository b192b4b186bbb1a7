"""The memory that the exchanges of all workspaces of a server may hold together."""

from __future__ import annotations

from heapq import heapify, heapreplace
from typing import Protocol
from weakref import WeakSet

from .exchange import Exchange
from .repeated import RepeatedHeaders

__all__ = ["Budget", "Holder", "weight"]

ITSELF = 1_024
"""Bytes of an exchange beside its texts, about."""
ROOM = 128
"""A part of so many of the limit is made free at once: looking for the fullest one takes time."""


class Holder(Protocol):
    """Who holds exchanges of one workspace."""

    size: int
    """The bytes that they take."""

    def drop_oldest(self) -> bool:
        """Forget the oldest exchange; False where there is none."""
        ...


class Budget:
    """What all holders hold; where that is too much, the fullest one forgets its oldest exchanges."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.used = 0
        self._holders: WeakSet[Holder] = WeakSet()

    def join(self, holder: Holder) -> None:
        """Have one more holder."""
        self._holders.add(holder)

    def add(self, size: int) -> None:
        """Count what a holder holds more, or less."""
        self.used += size
        if self.used > self.limit:
            self._make_room()

    def _make_room(self) -> None:
        holders = [holder for holder in self._holders if holder.size > 0]
        # Counted anew: holders that are gone have taken with them what they held.
        self.used = sum(holder.size for holder in holders)
        fullest = [(-holder.size, place) for place, holder in enumerate(holders)]
        heapify(fullest)
        while fullest and self.used > self.limit * (1 - 1 / ROOM):
            place = fullest[0][1]
            if not holders[place].drop_oldest():
                return
            heapreplace(fullest, (-holders[place].size, place))


def weight(exchange: Exchange) -> int:
    """The bytes that an exchange takes, about."""
    # By their places: reading the names of a tuple one by one takes three times as long.
    _, path, query, headers, _, body, _, _, head, answer = exchange[:10]
    if type(headers) is RepeatedHeaders:
        size = headers.size
    else:
        size = sum([len(name) + len(value) for name, value in headers])
    return ITSELF + size + len(path) + len(query) + len(body) + len(head) + len(answer)
