"""The machine's own clocks, whatever a test or `run` has put in their place for a client."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

__all__ = ["RealTime", "real_time"]


class RealTime:
    """The functions of `time` as they were when this module was loaded.

    They stand in an object: libraries that freeze time replace such names in every module.
    """

    __slots__ = ("monotonic", "perf_counter", "time")

    def __init__(self) -> None:
        # Time may stand already; freezegun keeps what it has replaced.
        kept = sys.modules.get("freezegun.api")
        self.monotonic: Callable[[], float] = getattr(kept, "real_monotonic", time.monotonic)
        self.perf_counter: Callable[[], float] = getattr(kept, "real_perf_counter", time.perf_counter)
        self.time: Callable[[], float] = partial(_time_of_day, getattr(kept, "real_time", time.time))


def _time_of_day(read: Callable[[], float]) -> float:
    # time-machine changes the function itself, and says how to get round that.
    machine = sys.modules.get("time_machine")
    if machine is not None and machine.escape_hatch.is_travelling():
        return float(machine.escape_hatch.time.time())
    return read()


real_time = RealTime()
