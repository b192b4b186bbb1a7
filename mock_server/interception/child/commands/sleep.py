"""`sleep` for shell scripts under `kling-mock run --fast-forward`: asks for the jump instead of waiting."""

from __future__ import annotations

import sys

from .real_command import become
from .virtual_wait import wait_until

__all__ = ["main", "seconds_of"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(words: list[str]) -> float:
    """The seconds that the arguments add up to, as the system's `sleep` counts them."""
    return sum(
        float(word.rstrip("smhd")) * _UNITS[word[-1]] if word[-1] in _UNITS else float(word) for word in words
    )


def main() -> None:
    """Sleep in virtual time; whatever is unusual is left to the system's own `sleep`."""
    words = sys.argv[1:]
    try:
        wait_until(lambda now: now + seconds_of(words))
    except (OSError, ValueError, KeyError, IndexError):
        become("sleep", words)
