"""Importing a module that may exit, hang or print what it likes: in a child process, which tells of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .command_options import ImportOptions
from .errors import TargetError
from .options import options_of, read_options

__all__ = ["told_by_import"]


def told_by_import(
    program: str,
    target: str,
    module: str,
    given: Sequence[Any] = (),
    *,
    folder: Path | None = None,
    seconds: float | None = None,
) -> str:
    """What a program writes that imports a module in a child process.

    Its argument is JSON: the file to write to, the module's name, `sys.path`, and what is `given`. It runs in
    `folder`, which stands first in that path. Raises `TargetError`, naming the `target`, where the import
    ends the process or takes longer than `seconds`, real ones, else those of `KLING_MOCK_IMPORT_SECONDS`.
    """
    limit: float = (
        read_options(options_of(ImportOptions), {})["import_seconds"] if seconds is None else seconds
    )
    path = [str(folder), *sys.path] if folder is not None else sys.path
    with tempfile.TemporaryDirectory(prefix="kling-mock-") as place:
        file = Path(place) / "told"
        child = subprocess.Popen(
            [sys.executable, "-B", "-c", program, json.dumps([str(file), module, path, *given])],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            status = child.wait(limit)
        except subprocess.TimeoutExpired:
            raise TargetError(
                f"{target} cannot be imported: {module} did not come back from its import within {limit:g} s "
                "(KLING_MOCK_IMPORT_SECONDS allows more)."
            ) from None
        finally:
            _end(child)
        if not file.exists():
            raise TargetError(
                f"{target} cannot be imported: {module} {_ended(status)} while it was imported; "
                "expected it to define a function."
            )
        return file.read_text(encoding="utf-8")


def _ended(status: int) -> str:
    if status >= 0:
        return f"left the process with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.wait()
