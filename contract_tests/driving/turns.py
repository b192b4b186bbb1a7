"""Runs of processes that check at once: who looks at the files of its client is alone meanwhile."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["several", "turn"]

_folder: Path | None = None
"""Where the locks are; None where one process checks alone."""


@contextlib.contextmanager
def several() -> Iterator[None]:
    """Let processes that are forked in the block take turns: they share the client's folders."""
    global _folder
    with tempfile.TemporaryDirectory(prefix="kling-mock-turns-") as folder:
        _folder = Path(folder)
        try:
            yield
        finally:
            _folder = None


@contextlib.contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Wait until a run may begin: `alone`, or beside any others but one that is alone.

    Who waits to be alone lets nobody in before: others come and go, and there may be no moment without them.
    """
    if _folder is None:
        yield
        return
    import fcntl  # not on Windows, where no process is forked either

    with _opened(_folder / "door") as door, _opened(_folder / "room") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        try:
            fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        finally:
            fcntl.flock(door, fcntl.LOCK_UN)
        try:
            yield
        finally:
            # By name: a process that the client has forked meanwhile holds it as well.
            fcntl.flock(room, fcntl.LOCK_UN)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield number
    finally:
        os.close(number)
