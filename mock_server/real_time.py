"""The machine's own clocks, whatever a test or `run` has put in their place for a client."""

from __future__ import annotations

import time

__all__ = ["RealTime", "real_time"]


class RealTime:
    """The functions of `time` as they were when this module was loaded.

    They stand in an object: libraries that freeze time replace such names in every module.
    """

    __slots__ = ("monotonic", "perf_counter", "time")

    def __init__(self) -> None:
        self.monotonic = time.monotonic
        self.perf_counter = time.perf_counter
        self.time = time.time


real_time = RealTime()
