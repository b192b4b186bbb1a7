"""Import a module that may exit or hang: try it in a child process first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kling_mock.command_options import ImportOptions
from kling_mock.errors import TargetError
from kling_mock.options import options_of, read_options

__all__ = ["try_import"]

_TRIAL = """
import importlib, json, os, sys
file, name, path = json.loads(sys.argv[1])
sys.path[:] = path
try:
    importlib.import_module(name)
except BaseException:
    pass  # said by the import that counts
with open(file, "w") as done:
    done.write("back")
os._exit(0)
"""


def try_import(target: str, name: str, seconds: float | None = None) -> None:
    """Import a module in a child process; raises `TargetError` where it does not come back from that.

    An exception is no reason: the import that counts raises it again. A module that is there is not tried.
    """
    if name in sys.modules:
        return
    limit = _limit() if seconds is None else seconds
    with tempfile.TemporaryDirectory(prefix="kling-mock-") as folder:
        file = Path(folder) / "done"
        words = json.dumps([str(file), name, sys.path])
        child = subprocess.Popen(
            [sys.executable, "-c", _TRIAL, words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            status = child.wait(limit)
        except subprocess.TimeoutExpired:
            raise TargetError(
                f"{target} cannot be imported: {name} did not come back from its import within {limit:g} s "
                "(KLING_MOCK_IMPORT_SECONDS allows more)."
            ) from None
        finally:
            _end(child)
        if not file.exists():
            raise TargetError(
                f"{target} cannot be imported: {name} {_told(status)} while it was imported; "
                "expected it to define a function."
            )


def _limit() -> float:
    seconds: float = read_options(options_of(ImportOptions), {})["import_seconds"]
    return seconds


def _told(status: int) -> str:
    if status >= 0:
        return f"left the process with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it has started."""
    group: Callable[[int, int], Any] | None = getattr(os, "killpg", None)
    try:
        if group is not None:
            group(child.pid, signal.SIGKILL)
        else:
            child.kill()
    except (ProcessLookupError, PermissionError):
        pass
    child.wait()
