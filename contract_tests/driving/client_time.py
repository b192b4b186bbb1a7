"""How much of a client follows the mock's clock."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["VirtualTime"]


class VirtualTime(IntEnum):
    """How much of a client follows the server's clock."""

    NONE = 0
    """It waits in real time."""
    SLEEPS = 1
    """Its sleeps do; the time limits of its requests do not, and of its clocks nobody knows."""
    WHOLE = 2
