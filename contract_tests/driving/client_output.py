"""What a callable prints, kept from the lines of a report."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

__all__ = ["Sink", "quietly"]


class _Kept(io.BytesIO):
    """Bytes that are still there when the client has closed its stdout."""

    def close(self) -> None:
        """Stay open."""


class Sink(io.TextIOWrapper):
    """Stands for stdout and stderr of a callable: with a buffer, and the descriptor of the real one."""

    def __init__(self, real: Any) -> None:
        self.kept = _Kept()
        super().__init__(self.kept, encoding="utf-8", errors="backslashreplace", write_through=True)
        self._real = real

    def fileno(self) -> int:
        """The descriptor that a subprocess would write to."""
        return int(self._real.fileno())

    def text(self) -> str:
        """The beginning of what was printed."""
        return self.kept.getvalue()[:100_000].decode("utf-8", "replace")


@contextlib.contextmanager
def quietly(wanted: bool) -> Iterator[Sink]:
    """Keep what a callable prints from the lines of a report, and this process from its `os._exit`."""
    sink = Sink(sys.stdout)
    if not wanted:
        yield sink
        return
    before = sys.stdout, sys.stderr, os._exit
    sys.stdout = sys.stderr = sink
    process = os.getpid()

    def leave(status: int) -> NoReturn:
        if os.getpid() == process:
            raise SystemExit(status)
        before[2](status)

    os._exit = leave
    try:
        yield sink
    finally:
        sys.stdout, sys.stderr, os._exit = before
