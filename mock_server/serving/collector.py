"""Python's garbage collector while a command starts, and in a process that is a server and nothing else."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collect_rarely", "no_collection"]

YOUNG = 50_000
"""New objects after which the young ones are looked at: a few milliseconds' work."""
OLDER = 100
"""Looks at the young objects to one at the older ones, and again to one at all."""


@contextmanager
def no_collection() -> Iterator[None]:
    """Look at nothing until the end of the block, in which modules are imported: they stay, all of them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def collect_rarely() -> None:
    """Have the collector look at new objects seldom, and at what a server keeps hardly ever.

    What requests leave behind goes by itself: they make no cycles, which a test holds them to. Jobs and
    exchanges are kept, and looking at a hundred thousand of them, again and again as they grow in number,
    takes an eighth of what a create takes, and stops the server for as long as it lasts. What the start left
    behind stays with it: some hundred kilobytes, for which nobody has to wait.
    """
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDER)
