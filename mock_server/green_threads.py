"""Libraries that put threads of their own in the place of the system's: a server has none to run in there."""

from __future__ import annotations

import sys

from .errors import ServerError

__all__ = ["refuse_green_threads"]


def refuse_green_threads() -> None:
    """Raise `ServerError` where gevent or eventlet has replaced threads in this process.

    What they call a thread runs only while nobody else does: a server in one waits for its client, and the
    client for it, without an end.
    """
    library = _library()
    if library is None:
        return
    call, partly = _CALLS[library]
    raise ServerError(
        f"{library} has replaced the threads of this process ({call}), so no server runs beside its client. "
        "Start it as a process of its own, with `kling-mock serve`, and let the tests use that URL; or leave "
        f"threads as they are: {partly}."
    )


_CALLS = {
    "gevent": ("monkey.patch_all()", "monkey.patch_all(thread=False)"),
    "eventlet": ("eventlet.monkey_patch()", "eventlet.monkey_patch(thread=False)"),
}


def _library() -> str | None:
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    if gevent is not None and gevent.is_module_patched("threading"):
        return "gevent"
    if eventlet is not None and eventlet.is_monkey_patched("thread"):
        return "eventlet"
    return None
