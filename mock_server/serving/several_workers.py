"""Telling whether a server runs this process as one of several workers."""

from __future__ import annotations

import multiprocessing
import sys
from types import FrameType
from typing import Any

from ..errors import ServerError

__all__ = ["refuse_several_workers"]

CONFIGURATIONS = ("config", "cfg", "self")
"""Names under which uvicorn, hypercorn and gunicorn keep their options while they import an application."""
SERVERS = ("uvicorn", "gunicorn", "hypercorn")
STARTUP_FAILURE = 3
"""How a worker of uvicorn ends that cannot start: another ending makes uvicorn start it again, for ever."""


def refuse_several_workers() -> None:
    """Raise `ServerError` where a server that imports this application runs it in several processes.

    A worker of uvicorn writes the sentence on stderr and ends itself instead, in the way that makes uvicorn
    stop (0.40 does not: it says so again and again, and serves nothing). gunicorn stops by itself when a
    worker cannot import its application.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        for name in CONFIGURATIONS:
            options = frame.f_locals.get(name)
            workers = _workers(options)
            if workers > 1:
                _refuse(workers, _server_of(options))
        frame = frame.f_back


def _refuse(workers: int, server: str) -> None:
    text = (
        f"This mock keeps its jobs in the memory of one process: {workers} workers would each "
        "have jobs of their own, and polls would miss theirs. Run it with one worker."
    )
    if server == "uvicorn" and multiprocessing.parent_process() is not None:
        print(f"kling-mock: {text}", file=sys.stderr, flush=True)
        raise SystemExit(STARTUP_FAILURE)
    raise ServerError(text)


def _server_of(options: Any) -> str:
    """The server that an object with options belongs to, empty where it is no such object."""
    package = type(options).__module__.partition(".")[0]
    return package if package in SERVERS else ""


def _workers(options: Any) -> int:
    """The number of workers that a server's options say, 1 where they are no such options."""
    if not _server_of(options):
        return 1
    own = getattr(options, "cfg", None) or getattr(options, "config", None) or options
    workers = getattr(own, "workers", 1)
    return workers if isinstance(workers, int) else 1
