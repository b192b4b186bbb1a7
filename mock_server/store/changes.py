"""What a transaction has written so far, over what its store has; any part of it can be taken back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from .records import Ranked, RankedList

__all__ = ["Changes", "Mark"]

FIRST_ONES = 32
"""Members of a list that are read ahead: who drops one drops the next one soon."""
MISSING: Any = object()


Mark = tuple[int, int]
"""A place in a transaction to go back to: so many writes and exchanges."""


class Changes(ABC):
    """The writes of one transaction, each record once; reads see them."""

    def __init__(self) -> None:
        self.own: dict[str, bytes | None] = {}
        """Records as they are to be; None removes one."""
        self.ranked: dict[tuple[RankedList, bytes], float] = {}
        self.unranked: dict[tuple[RankedList, bytes], float] = {}
        self.exchanges: list[bytes] = []
        """Texts of exchanges in the order of their numbers; one that is empty is counted only."""
        self.most_exchanges = 0
        self.cleared = False
        self.number = 0
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []
        self._firsts: dict[RankedList, tuple[int, list[Ranked]]] = {}
        """The first members of lists in the store, with how many were asked for."""

    @abstractmethod
    def load(self, name: str) -> bytes | None:
        """A record as the store has it."""

    @abstractmethod
    def load_first(self, of: RankedList, count: int) -> list[Ranked]:
        """The first ones of a list as the store has it."""

    @abstractmethod
    def load_count(self, of: RankedList, up_to: float) -> int:
        """How many members of a list have at most this rank in the store."""

    # Parts

    def mark(self) -> Mark:
        """The place where the transaction is now."""
        return len(self._undo), len(self.exchanges)

    def back_to(self, mark: Mark) -> None:
        """Take back all that was written since; `clear` cannot be."""
        written, counted = mark
        while len(self._undo) > written:
            where, key, before = self._undo.pop()
            if before is MISSING:
                where.pop(key, None)
            else:
                where[key] = before
        del self.exchanges[counted:]

    def _put(self, where: dict[Any, Any], key: Any, value: Any) -> None:
        self._undo.append((where, key, where.get(key, MISSING)))
        where[key] = value

    def _take(self, where: dict[Any, Any], key: Any) -> bool:
        before = where.pop(key, MISSING)
        if before is MISSING:
            return False
        self._undo.append((where, key, before))
        return True

    # Records

    def get(self, name: str) -> bytes | None:
        """A record; nobody changes it before the transaction is kept."""
        found = self.own.get(name, MISSING)
        if found is not MISSING:
            return found  # type: ignore[no-any-return]
        return None if self.cleared else self.load(name)

    def absent(self, name: str) -> bool:
        """Whether there is no such record, and will not be before the transaction is kept."""
        return self.get(name) is None

    def set(self, name: str, value: bytes | None) -> None:
        """Write a record, or remove it."""
        self._put(self.own, name, value)

    def clear(self) -> None:
        """Remove all records, lists and exchanges but what this transaction sets afterwards."""
        self.cleared = True
        for written in (self.own, self.ranked, self.unranked, self.exchanges, self._undo, self._firsts):
            written.clear()

    # Lists

    def rank(self, of: RankedList, score: float, member: bytes) -> None:
        """Put a member in a list that does not have it."""
        self._put(self.ranked, (of, member), score)

    def unrank(self, of: RankedList, score: float, member: bytes) -> None:
        """Take a member out of a list, where it has this rank."""
        if not self._take(self.ranked, (of, member)):
            self._put(self.unranked, (of, member), score)

    def first(self, of: RankedList, count: int) -> list[Ranked]:
        """The first ones of a list."""
        gone = sum(1 for name, _ in self.unranked if name == of)
        asked, stored = self._firsts.get(of, (0, []))
        if asked < gone + count and not self.cleared:
            asked = gone + max(count, FIRST_ONES)
            stored = self.load_first(of, asked)
            self._firsts[of] = asked, stored
        here = [one for one in stored if (of, one.member) not in self.unranked]
        here += [Ranked(score, member) for (name, member), score in self.ranked.items() if name == of]
        return sorted(here)[:count]

    def count_ranked(self, of: RankedList, up_to: float) -> int:
        """How many members of a list have at most this rank."""
        gone = sum(1 for (name, _), score in self.unranked.items() if name == of and score <= up_to)
        come = sum(1 for (name, _), score in self.ranked.items() if name == of and score <= up_to)
        return (0 if self.cleared else self.load_count(of, up_to)) - gone + come

    # Exchanges

    @property
    def counted(self) -> int:
        """How many exchanges were counted so far."""
        return len(self.exchanges)

    def count_exchange(self) -> None:
        """Count an exchange; its number is known when the transaction is kept."""
        self.exchanges.append(b"")

    def keep_exchange(self, text: bytes, limit: int) -> None:
        """Count an exchange and keep it by its number, and forget the one that is `limit` behind it."""
        self.exchanges.append(text)
        self.most_exchanges = limit
