"""Runs of processes that check at once: who looks at the files of its client is alone meanwhile."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["room", "turn"]


def room(name: str) -> Path:
    """The file of a lock that all verifications of a user take turns by, in whatever process and folder.

    They share the folder of temporary files, where clients keep a download until it is whole.
    """
    return Path(tempfile.gettempdir()) / f"kling-mock-{os.getuid()}.{name}"


@contextlib.contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Wait until a run may begin: `alone`, or beside any others but one that is alone.

    Who waits to be alone lets nobody in before: others come and go, and there may be no moment without them.
    The system frees the locks of a process that has ended.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with contextlib.ExitStack() as stack:
        try:
            door, inside = (stack.enter_context(_opened(room(name))) for name in ("door", "room"))
        except OSError:
            # Nobody can be waited for where no file can be made.
            yield
            return
        fcntl.flock(door, fcntl.LOCK_EX)
        try:
            fcntl.flock(inside, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        finally:
            fcntl.flock(door, fcntl.LOCK_UN)
        try:
            yield
        finally:
            # By name: a process that the client has forked meanwhile holds it as well.
            fcntl.flock(inside, fcntl.LOCK_UN)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        yield number
    finally:
        os.close(number)
