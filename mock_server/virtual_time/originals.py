"""The real functions of the standard library, held before anything replaces them.

Libraries that freeze time put their own in the place of such a name in every module, and may have done so
before this one is imported. Those that they look for are kept here as something else that does the same.
"""

from __future__ import annotations

import _thread
import select as _select
import selectors as _selectors
import socket as _socket
import sys as _sys
import threading as _threading
import time as _time
from collections.abc import Callable
from functools import partial as _partial
from typing import Any

__all__ = [
    "SELECTS",
    "allocate_lock",
    "clock_gettime",
    "condition_wait",
    "epoll",
    "get_ident",
    "monotonic",
    "poll",
    "select",
    "sleep",
    "socket_methods",
    "thread_join",
    "time",
]

sleep = _time.sleep
_freezegun: Any = _sys.modules.get("freezegun.api", _time)
time: Callable[[], float] = _partial(getattr(_freezegun, "real_time", _time.time))
monotonic: Callable[[], float] = _partial(getattr(_freezegun, "real_monotonic", _time.monotonic))
clock_gettime = getattr(_time, "clock_gettime", None)
get_ident = _thread.get_ident
allocate_lock = _thread.allocate_lock
select: Any = _select.select
poll: Any = getattr(_select, "poll", None)
epoll: Any = getattr(_select, "epoll", None)
condition_wait = _threading.Condition.wait
thread_join = _threading.Thread.join

SELECTS = {
    kind: kind.select
    for name in ("SelectSelector", "PollSelector", "EpollSelector", "DevpollSelector", "KqueueSelector")
    if (kind := getattr(_selectors, name, None)) is not None
}
"""The `select` method of each kind of selector that this platform has."""

socket_methods = {
    name: getattr(_socket.socket, name)
    for name in ("recv", "recv_into", "recvfrom", "recvfrom_into", "send", "sendall", "accept")
}
"""The methods of a socket that may wait for the other side."""
