"""Bounds on what clients may hold of a server: memory of requests under way, connections, and real time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .settings import Settings

__all__ = [
    "MAX_FIELDS",
    "MAX_HEAD",
    "MAX_TARGET",
    "QUEUED_COST",
    "ConnectionCounts",
    "Limits",
    "MemoryBudget",
    "MemoryShare",
]

MAX_HEAD = 64 * 1024
"""Bytes of a request's line and headers, and of the trailers and chunk lines around its body."""
MAX_FIELDS = 128
"""Header fields of one request."""
MAX_TARGET = 8 * 1024
"""Bytes of a request's target: the path and the query."""
QUEUED_COST = 4 * 1024
"""Bytes that a request counts for, beside its body, while it waits for the answer of the one before it."""


class MemoryBudget:
    """The memory that all requests under way may hold together, in bytes."""

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def share(self) -> MemoryShare:
        """A share of it that holds nothing yet."""
        return MemoryShare(self)


class MemoryShare:
    """What one request, or one connection, holds of a budget."""

    __slots__ = ("_budget", "size")

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self.size = 0

    def resize(self, size: int) -> bool:
        """Hold so many bytes from now on; False, and no change, where the budget does not have them."""
        budget, more = self._budget, size - self.size
        if more > 0 and budget.used + more > budget.limit:
            return False
        budget.used += more
        self.size = size
        return True

    def release(self) -> None:
        """Hold nothing any more."""
        self.resize(0)


class ConnectionCounts:
    """How many connections each client address has open."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._counts: dict[str, int] = {}

    def add(self, client: str) -> bool:
        """Count one more connection of a client; False where it has more than the limit then."""
        self._counts[client] = count = self._counts.get(client, 0) + 1
        return count <= self.limit

    def remove(self, client: str) -> None:
        """Count one connection of a client less."""
        count = self._counts.get(client, 0) - 1
        if count > 0:
            self._counts[client] = count
        else:
            self._counts.pop(client, None)


@dataclass(eq=False, repr=False)
class Limits:
    """The bounds of one server; times are real seconds, infinite where there is no limit."""

    head_timeout: float = 60.0
    """From the first byte of a request to the end of its head."""
    body_timeout: float = 60.0
    """Between two parts of a request's body."""
    idle_timeout: float = 60.0
    """Without a request on an open connection."""
    memory: MemoryBudget = field(default_factory=lambda: MemoryBudget(512 * 1024**2))
    connections: ConnectionCounts = field(default_factory=lambda: ConnectionCounts(16_384))

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """The bounds that a server's options set; a time of 0 is no limit."""
        return cls(
            settings.head_timeout or math.inf,
            settings.body_timeout or math.inf,
            settings.idle_timeout or math.inf,
            MemoryBudget(settings.max_memory_bodies),
            ConnectionCounts(settings.max_connections),
        )
