"""What journals of all workspaces of a store take together: where it is too much, the fullest ones forget."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .records import Backend, StoreError

__all__ = ["beyond", "forget_beyond", "journals_beyond"]

ROOM = 16
"""A part of so many of the limit is made free at once."""


def beyond(sizes: Mapping[str, int], limit: int) -> dict[str, int]:
    """The bytes that each has to give for all to fit in the limit: the fullest ones come to a level."""
    if sum(sizes.values()) <= limit:
        return {}
    level, rest = 0, limit - limit // ROOM
    fullest = sorted(sizes.items(), key=lambda one: one[1])
    for place, (_, size) in enumerate(fullest):
        level = rest // (len(fullest) - place)
        if size > level:
            break
        rest -= size
    return {name: size - level for name, size in sizes.items() if size > level}


def journals_beyond(backend: Backend, limit: int) -> Callable[[], dict[str, int]]:
    """What asks a store, in a thread of its own, how much each of its journals has to give."""
    return lambda: beyond(backend.journal_sizes(limit), limit)


def forget_beyond(backend: Backend, sizes: Mapping[str, int]) -> None:
    """Have journals of a store forget their oldest exchanges."""
    try:
        for name, size in sizes.items():
            backend.records(name).forget_exchanges(size)
    except StoreError:
        # It is tried again; requests say that the store is away.
        return
