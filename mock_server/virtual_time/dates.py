"""`datetime.now()` and its like: methods of types written in C, which read the clock by themselves."""

from __future__ import annotations

import sys
from typing import Any

from .patches import Patches
from .session import session_of_caller

__all__ = ["patch_dates"]


def patch_dates(patches: Patches) -> None:
    """Let `datetime.now`, `today` and `utcnow` read virtual time, where this Python can be changed so."""
    import datetime

    # The real types where freezegun has put its own in their place: those ask these, or stand still.
    kept: Any = sys.modules.get("freezegun.api")
    moments: Any = getattr(kept, "real_datetime", datetime.datetime)
    days: Any = getattr(kept, "real_date", datetime.date)
    real_now, real_utcnow = moments.now, moments.utcnow

    def now(cls: Any, tz: Any = None) -> Any:
        session = session_of_caller()
        if session is None and cls is moments:
            return real_now(tz)
        return cls.fromtimestamp(real_now().timestamp() if session is None else session.wall(), tz)

    def today(cls: Any) -> Any:
        session = session_of_caller()
        return cls.fromtimestamp(real_now().timestamp() if session is None else session.wall())

    def utcnow(cls: Any) -> Any:
        session = session_of_caller()
        moment = real_utcnow()
        if session is not None:
            utc = datetime.timezone.utc  # noqa: UP017 - the child of `kling-mock run` may be older
            moment = moments.fromtimestamp(session.wall(), utc).replace(tzinfo=None)
        return moment if cls is moments else cls(*moment.timetuple()[:6], moment.microsecond)

    for name, function in (("now", now), ("today", today), ("utcnow", utcnow)):
        patches.set_in_c(moments, name, classmethod(function))
    patches.set_in_c(days, "today", classmethod(today))
