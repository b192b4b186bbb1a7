"""`select`, `poll` and selectors: waits for descriptors, also those that only stand for a sleep."""

from __future__ import annotations

import math
import os
import select
from collections.abc import Callable, Iterable
from typing import Any

from .child_processes import holding
from .loops import remember_loop
from .originals import SELECTS
from .originals import epoll as _real_epoll
from .originals import poll as _real_poll
from .originals import select as _real_select
from .patches import Patches
from .session import Session, session_of_caller, session_of_thread
from .sockets import REAL, VIRTUAL, Kind, kind_of

__all__ = ["patch_selectors"]

_kinds: dict[tuple[int, int], Kind] = {}
"""The kinds of connected sockets, by descriptor and inode: neither changes while one is open."""


def _kinds_of(descriptors: Iterable[int], session: Session) -> tuple[bool, list[int]]:
    """Tell whether some descriptors lead to the mock, and which of them lead to the real world."""
    mock, external = False, []
    for descriptor in descriptors:
        try:
            key = (descriptor, os.fstat(descriptor).st_ino)
        except OSError:
            continue
        kind = _kinds.get(key)
        if kind is None:
            kind = kind_of(descriptor, session)
            if kind == VIRTUAL:
                if len(_kinds) > 4096:
                    _kinds.clear()
                _kinds[key] = kind
        mock = mock or kind == VIRTUAL
        if kind == REAL:
            external.append(descriptor)
    return mock, external


def _wait(
    session: Session,
    timeout: float | None,
    look: Callable[[float], Any],
    empty: Any,
    descriptors: Iterable[int],
    holds: Callable[[], bool] | None = None,
) -> Any:
    """Wait in virtual time until a look finds something, and return what it found."""
    found = empty

    def ready(pause: float) -> bool:
        nonlocal found
        # What was found stays found: an event that is told once is not there at the next look.
        found = found if _any(found) else look(pause)
        return _any(found)

    deadline = math.inf if timeout is None else session.due_in(timeout)
    # The wake-up pair of an event loop is neither.
    mock, external = _kinds_of(descriptors, session)
    session.scheduler.until(deadline, ready, socket=mock, external=external, holds=holds)
    return found


def _any(found: Any) -> bool:
    return any(found) if isinstance(found, tuple) else bool(found)


def _selecting(original: Callable[..., Any]) -> Callable[..., Any]:
    """The `select` method of a selector."""

    def select(self: Any, timeout: float | None = None) -> Any:
        holds = holding()
        # What waits for a child process with a time limit does so in virtual time.
        session = session_of_caller() if holds is None else session_of_thread()
        if session is not None:
            remember_loop(session)
        if session is None or (timeout is not None and timeout <= 0):
            return original(self, timeout)
        descriptors = [key.fd for key in self.get_map().values()]
        return _wait(session, timeout, lambda pause: original(self, pause), [], descriptors, holds)

    return select


def _select(read: Any, write: Any, error: Any, timeout: float | None = None, /) -> Any:
    session = session_of_caller()
    if session is None or (timeout is not None and timeout <= 0):
        return _real_select(read, write, error, timeout)
    lists = [list(read), list(write), list(error)]
    descriptors = [item if isinstance(item, int) else item.fileno() for some in lists for item in some]
    empty: tuple[list[Any], ...] = ([], [], [])
    return _wait(session, timeout, lambda pause: _real_select(*lists, pause), empty, descriptors)


class _Poll:
    """A `select.poll()` object that waits in virtual time."""

    def __init__(self) -> None:
        self._poll = _real_poll()
        self._descriptors: set[int] = set()

    def register(self, fd: Any, *mask: int) -> None:
        self._poll.register(fd, *mask)
        self._descriptors.add(fd if isinstance(fd, int) else fd.fileno())

    def modify(self, fd: Any, mask: int) -> None:
        self._poll.modify(fd, mask)

    def unregister(self, fd: Any) -> None:
        self._poll.unregister(fd)
        self._descriptors.discard(fd if isinstance(fd, int) else fd.fileno())

    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
        session = session_of_caller()
        forever = timeout is None or timeout < 0
        if session is None or timeout == 0:
            real: list[tuple[int, int]] = self._poll.poll(timeout)
            return real
        seconds = None if forever else (timeout or 0) / 1000
        found: list[tuple[int, int]] = _wait(session, seconds, self._look, [], self._descriptors)
        return found

    def _look(self, pause: float) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = self._poll.poll(math.ceil(pause * 1000))
        return found


class _Epoll:
    """A `select.epoll()` object that waits in virtual time; for the rest it is the real one."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._epoll = _real_epoll(*args, **options)
        self._descriptors: set[int] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._epoll, name)

    def __enter__(self) -> _Epoll:
        self._epoll.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._epoll.close()

    @classmethod
    def fromfd(cls, fd: int, /) -> Any:
        return _real_epoll.fromfd(fd)

    def register(self, fd: Any, *mask: Any, **options: Any) -> None:
        self._epoll.register(fd, *mask, **options)
        self._descriptors.add(fd if isinstance(fd, int) else fd.fileno())

    def unregister(self, fd: Any) -> None:
        self._descriptors.discard(fd if isinstance(fd, int) else fd.fileno())
        self._epoll.unregister(fd)

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> Any:
        session = session_of_caller()
        if session is None or timeout == 0:
            return self._epoll.poll(timeout, maxevents)
        seconds = None if timeout is None or timeout < 0 else timeout
        return _wait(
            session, seconds, lambda pause: self._epoll.poll(pause, maxevents), [], self._descriptors
        )


def patch_selectors(patches: Patches) -> None:
    """Replace `select.select`, `select.poll` and the selectors that event loops stand on."""
    patches.replace(select, "select", _select)
    if _real_poll is not None:
        patches.replace(select, "poll", _Poll)
    if _real_epoll is not None:
        patches.replace(select, "epoll", _Epoll)
    for kind, original in SELECTS.items():
        patches.set(kind, "select", _selecting(original))
    patches.later(_kinds.clear)
