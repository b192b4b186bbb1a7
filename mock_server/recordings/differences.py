"""What the server of a recording does otherwise than the contract says: each difference of a kind."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

__all__ = ["Difference", "Differences", "Kind", "Seen"]

MOST_KEPT = 1_000
"""Differences that are told apart; further ones are counted."""
MOST_ENTRIES = 5
"""Entries that are named for each of them."""
MOST_MODELS = 5


class Kind(StrEnum):
    """How reality and contract differ."""

    FIELD = "undocumented field"
    """An answer has a field that the contract does not document."""
    STATUS = "status"
    """An HTTP status, or the status of a job, that the contract does not document."""
    HEADER = "header"
    """A header of the API's own that the contract does not document, or with another value."""
    TIGHTENED = "tightened"
    """The server refuses what the contract takes."""
    LOOSENED = "loosened"
    """The server takes what the contract refuses."""
    MISSING = "missing"
    """A field that the contract requires is not there."""
    VALUE = "value"
    """A documented field has a value that the contract does not allow."""
    INCOHERENT = "incoherent"
    """Two answers, or two parts of one, contradict each other."""


class Difference(NamedTuple):
    """One way in which reality differs from the contract."""

    kind: Kind
    where: str
    """The operation and the place in it: `poll 200 video.resolution`."""
    says: str


class Seen:
    """A difference with how often it was seen, in which entries and of which models."""

    def __init__(self, difference: Difference) -> None:
        self.difference = difference
        self.times = 0
        self.entries: list[str] = []
        self.models: list[str] = []

    def note(self, entry: str, model: str | None) -> None:
        """Count it once more."""
        self.times += 1
        if len(self.entries) < MOST_ENTRIES:
            self.entries.append(entry)
        if model and model not in self.models and len(self.models) < MOST_MODELS:
            self.models.append(model)

    def as_dict(self) -> dict[str, Any]:
        """The difference as reports write it."""
        kind, where, says = self.difference
        return {
            "kind": str(kind),
            "where": where,
            "says": says,
            "times": self.times,
            "entries": self.entries,
            "models": self.models,
        }


class Differences:
    """The differences of one or more recordings, each once."""

    def __init__(self) -> None:
        self._seen: dict[tuple[Kind, str, str], Seen] = {}
        self.more = 0
        """Differences that were not kept, for their number."""

    def __iter__(self) -> Iterator[Seen]:
        order = {kind: place for place, kind in enumerate(Kind)}
        return iter(sorted(self._seen.values(), key=lambda one: (order[one.difference.kind], one.difference)))

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, difference: Difference, entry: str, model: str | None) -> None:
        """Note one; those of one kind at one place are the same, whatever values they speak of."""
        key = difference.kind, difference.where, difference.says if difference.kind in _BY_WORDS else ""
        seen = self._seen.get(key)
        if seen is None:
            if len(self._seen) >= MOST_KEPT:
                self.more += 1
                return
            seen = self._seen[key] = Seen(difference)
        seen.note(entry, model)


_BY_WORDS = (Kind.STATUS, Kind.TIGHTENED, Kind.LOOSENED)
"""Kinds of which one place may have several."""
