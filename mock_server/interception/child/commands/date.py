"""`date` for shells under `kling-mock run --fast-forward`: the system's own, told the virtual moment."""

from __future__ import annotations

import json
import os
import sys

from ...shared.clock_file import ClockReader
from .real_command import become

__all__ = ["asks_for_now", "main"]

_NAMED = ("--date", "--set", "--reference", "--file", "--resolution", "--help", "--version")


def asks_for_now(words: list[str]) -> bool:
    """Tell whether these arguments ask for the present moment: neither for another one, nor to set it."""
    for word in words:
        if word.startswith("+"):
            continue
        if word.startswith("--"):
            # Long options may be cut short.
            if any(name.startswith(word.partition("=")[0]) for name in _NAMED):
                return False
        elif not word.startswith("-") or set(word[1:].partition("I")[0]) - set("uR"):
            return False
    return True


def _now() -> float:
    with open(os.environ["KLING_MOCK_RUN"]) as file:
        clock: str = json.load(file)["clock"]
    return ClockReader(clock).now()


def main() -> None:
    """Become the system's `date`, with the virtual moment where it is asked for the present one."""
    words = sys.argv[1:]
    try:
        if asks_for_now(words):
            now = _now()
            words = ["-r", str(int(now))] if sys.platform == "darwin" else ["-d", f"@{now:.6f}"]
            words += sys.argv[1:]
    except (OSError, ValueError, KeyError):
        pass
    become("date", words)
