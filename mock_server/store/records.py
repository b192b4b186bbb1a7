"""What a store outside of this process does: records of workspaces, read and written in transactions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple, Protocol

from ..errors import KlingMockError

__all__ = [
    "ATTEMPTS",
    "FORGOTTEN_AT_ONCE",
    "FORMAT",
    "Backend",
    "Conflict",
    "Control",
    "Outdated",
    "Ranked",
    "RankedList",
    "Records",
    "StoreAway",
    "StoreError",
    "StoreReadOnly",
    "Transaction",
]

ATTEMPTS = 1000
"""How often a transaction is made again that met another one: each time somebody else's was kept."""

FORGOTTEN_AT_ONCE = 2_000
"""Exchanges of a workspace that are forgotten in one go, where journals are too large together."""
FORMAT = 2
"""The form in which this version keeps its records."""

RankedList = Literal["order", "resting", "past"]
"""Jobs by their place in line, jobs by when they come to rest, charges of jobs that made room."""


class StoreError(KlingMockError):
    """A store cannot be used: its address, its password, or what is in it."""


class StoreAway(StoreError):
    """A store does not answer just now."""


class StoreReadOnly(StoreError):
    """A store can be read and not written: a full or a protected disk."""


class Outdated(Exception):
    """Other servers have changed the workspace since this one last looked: it is to look again."""


class Conflict(Exception):
    """What a transaction had read was changed before it could be kept: it is to be made again."""


class Control(NamedTuple):
    """What all servers have to agree on of a workspace: its clock, its options and whose ids it issues."""

    resets: int
    """How often all was forgotten."""
    options: dict[str, Any]
    """What `configure` has laid over the options of the start, as JSON has it."""
    moment: float
    """Virtual seconds since the epoch at some moment of the system's time, `real`."""
    real: float
    speed: float
    seed: int
    of: str
    """What tells these ids from others of the same seed."""
    started_at: float


class Ranked(NamedTuple):
    """A member of a ranked list with its rank."""

    score: float
    member: bytes


class Transaction(Protocol):
    """Reads and writes of one workspace's records that are kept together or not at all."""

    number: int
    """Once it is kept: the number of the last exchange that was counted."""

    @property
    def counted(self) -> int:
        """How many exchanges were counted so far."""
        ...

    def mark(self) -> Any:
        """The place where the transaction is now."""
        ...

    def back_to(self, mark: Any) -> None:
        """Take back all that was written since such a place."""
        ...

    def get(self, name: str) -> bytes | None:
        """A record; nobody changes it before the transaction is kept."""
        ...

    def absent(self, name: str) -> bool:
        """Whether there is no such record, and will not be before the transaction is kept."""
        ...

    def set(self, name: str, value: bytes | None) -> None:
        """Write a record, or remove it."""
        ...

    def rank(self, of: RankedList, score: float, member: bytes) -> None:
        """Put a member in a list that does not have it."""
        ...

    def unrank(self, of: RankedList, score: float, member: bytes) -> None:
        """Take a member out of a list, where it has this rank."""
        ...

    def first(self, of: RankedList, count: int) -> list[Ranked]:
        """The first ones of a list."""
        ...

    def count_ranked(self, of: RankedList, up_to: float) -> int:
        """How many members of a list have at most this rank."""
        ...

    def count_exchange(self) -> None:
        """Count an exchange; its number is known when the transaction is kept."""
        ...

    def keep_exchange(self, text: bytes, limit: int) -> None:
        """Count an exchange and keep it by its number, and forget the one that is `limit` behind it."""
        ...

    def clear(self) -> None:
        """Remove all records, lists and exchanges but what this transaction sets afterwards."""
        ...


class Records(Protocol):
    """The records of one workspace."""

    def transaction(self, *, writes: bool = True) -> AbstractContextManager[Transaction]:
        """A transaction, kept at the end of the block; `Conflict` where it cannot be.

        Without `writes` it only reads, and nothing of it is kept.
        """
        ...

    def ranked(self, of: RankedList, last: int | None = None, below: float | None = None) -> list[Ranked]:
        """The last members of a list, of those below a rank, lowest first."""
        ...

    def many(self, names: Sequence[str]) -> list[bytes | None]:
        """Several records, each as it is."""
        ...

    def count_exchange(self) -> int:
        """The number of an exchange that begins; no two servers get the same."""
        ...

    def keep_exchanges(self, exchanges: Sequence[tuple[int, bytes]], limit: int) -> None:
        """Keep exchanges by number, and forget those that are more than `limit` behind them."""
        ...

    def exchanges(self, last: int | None = None, before: int | None = None) -> list[tuple[int, bytes]]:
        """The last exchanges that are kept with their numbers, of those before one, oldest first."""
        ...

    def exchanges_of(self, numbers: Sequence[int]) -> list[tuple[int, bytes]]:
        """Those of these numbers that are kept."""
        ...

    def exchange_count(self) -> tuple[int, int]:
        """How many exchanges were counted, and how many are kept."""
        ...

    def forget_exchanges(self, size: int) -> None:
        """Forget the oldest exchanges that take so many bytes, or the oldest `FORGOTTEN_AT_ONCE` ones."""
        ...


class Backend(Protocol):
    """Where all workspaces of some servers are kept."""

    address: str
    """Its address, without a password."""
    lasting: str
    """What it promises of a create that was answered."""

    def records(self, workspace: str) -> Records:
        """The records of a workspace, which need not be there yet."""
        ...

    def one_commit(self) -> AbstractContextManager[bool]:
        """Keep transactions of several workspaces together at the end of the block; False: each by itself."""
        ...

    def journal_sizes(self, above: int) -> dict[str, int]:
        """The bytes that exchanges take, about, by workspace; empty where all is surely not `above` so many.

        May be asked in a thread of its own.
        """
        ...

    def touch(self, workspaces: Sequence[str], at: float) -> None:
        """Note that they were used, at a moment of the system's time."""
        ...

    def workspaces(self) -> dict[str, float]:
        """The named workspaces that there are, with when they were last used."""
        ...

    def drop(self, workspace: str, unused_since: float | None = None) -> bool:
        """Remove a workspace, where it was not used since a moment; False where there is none or it was."""
        ...

    def warnings(self) -> Iterator[str]:
        """What is worth a warning at the start."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...
