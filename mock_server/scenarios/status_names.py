"""Other names of statuses on the wire, as a mapping that nobody changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..timeline import JobStatus

__all__ = ["StatusNames"]


class StatusNames(Mapping[JobStatus, str]):
    """A status to the word that answers say instead; frozen, so that it has a hash and can be shared."""

    __slots__ = ("_names",)

    def __init__(self, names: Mapping[JobStatus, str] | None = None) -> None:
        self._names = dict(names or {})

    def __getitem__(self, status: JobStatus) -> str:
        return self._names[status]

    def __iter__(self) -> Iterator[JobStatus]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __hash__(self) -> int:
        return hash(frozenset(self._names.items()))

    def __repr__(self) -> str:
        return repr(self._names)

    def of(self, status: JobStatus) -> str:
        """The word for a status: another one, or its own."""
        return self._names.get(status, status)
