"""Saying once in the log that a store is away, and once that it is back."""

from __future__ import annotations

import logging

from ..real_time import real_time
from ..timing import STORE_PAUSE

__all__ = ["Outage"]

logger = logging.getLogger("kling_mock")


class Outage:
    """Whether a store is away, and whether it is time to ask it again."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._why: str | None = None
        self._reached = False
        """Whether it has answered yet: until then whoever opens it is told, and the log is not."""
        self._ask_at = 0.0

    @property
    def lasts(self) -> str | None:
        """Why the store is away, where it was so a moment ago; None where it is worth asking."""
        return self._why if self._why is not None and real_time.monotonic() < self._ask_at else None

    def begin(self, why: object) -> str:
        """Note that it is away, and say so once; the result is why."""
        said = " ".join(str(why).split()).rstrip(".")
        if self._why is None and self._reached:
            logger.warning("The store %s is away or cannot be written: %s.", self._address, said)
        self._why, self._ask_at = said, real_time.monotonic() + STORE_PAUSE
        return said

    def end(self) -> None:
        """Note that it answers, and say so where it did not before."""
        if self._why is not None:
            self._why = None
            logger.warning("The store %s is back.", self._address)
        self._reached = True
