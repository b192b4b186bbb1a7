"""Temporary folders of runs that were killed: told from living ones by a lock, and removed."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

__all__ = ["PREFIX", "claim", "sweep"]

PREFIX = "kling-mock-run-"
OWNER = "owner"


def claim(folder: Path) -> int:
    """Mark a folder as this process's own for as long as it lives; returns the descriptor to close then."""
    import fcntl

    new = folder / f"{OWNER}.new"
    descriptor = os.open(new, os.O_RDWR | os.O_CREAT, 0o600)
    # The lock goes with the process, however that ends. Only a locked file may be found under its name.
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.write(descriptor, b"%d\n" % os.getpid())
    new.rename(folder / OWNER)
    return descriptor


def sweep() -> None:
    """Remove the folders of this user's runs that are over without having been able to do it."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if folder.lstat().st_uid == os.getuid() and not folder.is_symlink() and _is_over(folder):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # somebody else has just removed it


def _is_over(folder: Path) -> bool:
    import fcntl

    descriptor = os.open(folder / OWNER, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
