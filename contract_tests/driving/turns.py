"""Runs of processes that check at once: who looks at the files of its client is alone meanwhile."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from kling_mock.timing import TURN_COMES
from kling_mock.virtual_time.originals import monotonic
from kling_mock.virtual_time.originals import sleep as real_sleep

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
    The system frees the locks of a process that has ended. For one that was stopped, as by a debugger, nobody
    waits for ever: the run begins beside it then.
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
        limit = monotonic() + TURN_COMES
        if _taken(partial(fcntl.flock, door, fcntl.LOCK_EX | fcntl.LOCK_NB), limit):
            how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
            try:
                _taken(partial(fcntl.flock, inside, how | fcntl.LOCK_NB), limit)
            finally:
                fcntl.flock(door, fcntl.LOCK_UN)
        try:
            yield
        finally:
            # By name: a process that the client has forked meanwhile holds it as well.
            fcntl.flock(inside, fcntl.LOCK_UN)


def _taken(take: Callable[[], object], limit: float) -> bool:
    """Try to take a lock until a moment of the system's monotonic clock, and say whether it was."""
    pause = 0.0001
    while True:
        try:
            take()
        except BlockingIOError:
            if monotonic() > limit:
                return False
        else:
            return True
        real_sleep(pause)
        pause = min(2 * pause, 0.01)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        yield number
    finally:
        os.close(number)
