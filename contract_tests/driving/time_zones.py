"""The time zone of a client: another one than UTC, where it is told a date."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from kling_mock.scenarios import Scenario

__all__ = ["ABROAD", "abroad"]

ABROAD = "Asia/Kathmandu"
"""No date is the same there as in UTC, nor as in another zone of whole hours."""
_FILES = Path("/usr/share/zoneinfo")
_BY_RULE = "<+0545>-05:45"
"""The same for systems that have no files of zones."""


@contextlib.contextmanager
def abroad(scenario: Scenario) -> Iterator[None]:
    """Let a client live there in the block, the programs that it starts too, where it is told dates.

    A date that is read as one of the local time is right in UTC, as on the machines that test.
    """
    told_dates = any(fault.retry_date for fault in scenario.faults)
    # Windows has no way to change the zone of a process.
    if not told_dates or not hasattr(time, "tzset"):
        yield
        return
    before = os.environ.get("TZ")
    os.environ["TZ"] = ABROAD if (_FILES / ABROAD).is_file() else _BY_RULE
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()
