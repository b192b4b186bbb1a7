"""A clock that does not go on, as libfaketime can hold it: nothing of a server would."""

from __future__ import annotations

import sys

from .errors import ServerError
from .real_time import real_time

__all__ = ["refuse_standing_clock"]


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
