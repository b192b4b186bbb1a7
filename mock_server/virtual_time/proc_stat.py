"""How much a thread of some process has worked, as far as the system tells."""

from __future__ import annotations

__all__ = ["RUNNABLE", "work_of"]

RUNNABLE = object()
"""The thread works right now, or will as soon as a processor or a disk lets it."""


def work_of(task: str) -> object:
    """Something that changes whenever the thread works; `RUNNABLE` while it does, None where nobody knows.

    `task` is its folder, such as `/proc/self/task/1234`.
    """
    try:
        with open(f"{task}/stat", "rb") as file:
            # A thread that waits for a processor or a disk has not moved either, but it will.
            if file.read().rpartition(b") ")[2].startswith((b"R", b"D")):
                return RUNNABLE
        with open(f"{task}/schedstat", "rb") as file:
            return file.read()
    except OSError:
        return None
