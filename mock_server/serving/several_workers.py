"""Telling whether a server runs this process as one of several workers."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from ..errors import ServerError

__all__ = ["refuse_several_workers"]

CONFIGURATIONS = ("config", "cfg", "self")
"""Names under which uvicorn, hypercorn and gunicorn keep their options while they import an application."""


def refuse_several_workers() -> None:
    """Raise `ServerError` where a server that imports this application runs it in several processes."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        for name in CONFIGURATIONS:
            workers = _workers(frame.f_locals.get(name))
            if workers > 1:
                raise ServerError(
                    f"This mock keeps its jobs in the memory of one process: {workers} workers would each "
                    "have jobs of their own, and polls would miss theirs. Run it with one worker."
                )
        frame = frame.f_back


def _workers(options: Any) -> int:
    """The number of workers that a server's options say, 1 where they are no such options."""
    if not type(options).__module__.startswith(("uvicorn.", "gunicorn.", "hypercorn.")):
        return 1
    own = getattr(options, "cfg", None) or getattr(options, "config", None) or options
    workers = getattr(own, "workers", 1)
    return workers if isinstance(workers, int) else 1
