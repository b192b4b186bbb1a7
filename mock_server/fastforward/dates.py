"""`datetime.now()` and its like: methods of types written in C, which read the clock by themselves."""

from __future__ import annotations

import datetime
import gc
from collections.abc import Callable
from typing import Any

from .patches import Patches
from .session import of_caller

__all__ = ["patch_dates"]

_real_now = datetime.datetime.now
_real_utcnow = datetime.datetime.utcnow


def _now(cls: Any, tz: Any = None) -> Any:
    session = of_caller()
    if session is None and cls is datetime.datetime:
        return _real_now(tz)
    return cls.fromtimestamp(_real_now().timestamp() if session is None else session.now(), tz)


def _today(cls: Any) -> Any:
    session = of_caller()
    moment = _real_now().timestamp() if session is None else session.now()
    return cls.fromtimestamp(moment)


def _utcnow(cls: Any) -> Any:
    session = of_caller()
    real = _real_utcnow()
    if session is not None:
        utc = datetime.timezone.utc  # noqa: UP017 - the child of `kling-mock run` may be older
        real = datetime.datetime.fromtimestamp(session.now(), utc).replace(tzinfo=None)
    if cls is datetime.datetime:
        return real
    parts = (real.year, real.month, real.day, real.hour, real.minute, real.second, real.microsecond)
    return cls(*parts)


def patch_dates(patches: Patches) -> None:
    """Let `datetime.now`, `today` and `utcnow` read virtual time, where this Python can be changed so."""
    _method(patches, datetime.datetime, "now", _now)
    _method(patches, datetime.datetime, "today", _today)
    _method(patches, datetime.datetime, "utcnow", _utcnow)
    _method(patches, datetime.date, "today", _today)


def _method(patches: Patches, kind: type, name: str, function: Callable[..., Any]) -> None:
    """Put a class method into a type of C: its own dictionary is what the read-only view refers to."""
    try:
        import ctypes

        (names,) = gc.get_referents(vars(kind))
        modified = ctypes.pythonapi.PyType_Modified
    except (ImportError, AttributeError, ValueError):
        return
    before = names.get(name)

    def back() -> None:
        if before is None:
            names.pop(name, None)
        else:
            names[name] = before
        modified(ctypes.py_object(kind))

    names[name] = classmethod(function)
    modified(ctypes.py_object(kind))
    patches.later(back)
