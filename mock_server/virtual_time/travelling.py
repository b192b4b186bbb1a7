"""time-machine beside virtual time: the date that a test has travelled to, moved on by what was skipped."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

__all__ = ["Travelling"]


class Travelling:
    """The date of the innermost journey, which begins at its first reading as time-machine has it."""

    def __init__(self) -> None:
        self._traveller: Any = None
        self._lead = 0.0

    def date(self, lead: Callable[[], float]) -> float | None:
        """Seconds since the epoch, None where nobody travels; `lead` tells how far virtual time is ahead."""
        machine = sys.modules.get("time_machine")
        if machine is None:
            return None
        stack = getattr(machine, "traveller_stack", None) or getattr(machine, "coordinates_stack", None)
        if not stack:
            return None
        traveller = stack[-1]
        if traveller is not self._traveller or not getattr(traveller, "_requested", True):
            self._traveller, self._lead = traveller, lead()
        seconds: float = traveller.time_ns() / 1e9
        return seconds + lead() - self._lead if getattr(traveller, "_tick", True) else seconds
