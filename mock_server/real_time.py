"""The machine's own clocks, whatever a test or `run` has put in their place for a client."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from .errors import ServerError

__all__ = ["RealTime", "real_time", "refuse_standing_clock"]


class RealTime:
    """The functions of `time` as they were when this module was loaded.

    They stand in an object: libraries that freeze time replace such names in every module.
    """

    __slots__ = ("monotonic", "perf_counter", "time")

    def __init__(self) -> None:
        self.monotonic = time.monotonic
        self.perf_counter = time.perf_counter
        self.time = _time_of_day


def _time_of_day(read: Callable[[], float] = time.time) -> float:
    # time-machine changes the function itself, and says how to get round that.
    machine = sys.modules.get("time_machine")
    if machine is not None and machine.escape_hatch.is_travelling():
        return float(machine.escape_hatch.time.time())
    return read()


real_time = RealTime()


def refuse_standing_clock(looks: int = 1000) -> None:
    """Raise `ServerError` where the machine's own clock stands still, as libfaketime can have it (Linux).

    Jobs and time limits of a server would never go on.
    """
    first = real_time.monotonic()
    if sys.platform != "linux" or any(real_time.monotonic() != first for _ in range(looks)):
        return
    raise ServerError(
        "The clock of this process stands still, so no job would go on: libfaketime holds it. Let it run on "
        "from its date, as in FAKETIME='@2020-01-01 00:00:00'."
    )
