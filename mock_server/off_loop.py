"""Work that takes long beside the event loop, so that other clients are answered meanwhile."""

from __future__ import annotations

import asyncio
import threading
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

__all__ = ["OffLoop"]

T = TypeVar("T")


class _Piece(NamedTuple):
    """Something to do, and who waits for it where."""

    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]


class OffLoop:
    """Does one piece of work after the other in a thread of its own, which lives as long as there is any.

    One at a time: each thread that works takes its share of the interpreter from the event loop.
    """

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._waiting: deque[_Piece] = deque()
        self._working = False

    async def run(self, work: Callable[[], T]) -> T:
        """Have it done, and give what it returns or raises."""
        loop = asyncio.get_running_loop()
        piece = _Piece(work, loop, loop.create_future())
        with self._lock:
            self._waiting.append(piece)
            idle, self._working = not self._working, True
        if idle:
            threading.Thread(target=self._work, name="kling-mock off loop", daemon=True).start()
        try:
            done: T = await piece.done
            return done
        finally:
            # Where nobody waits any more.
            piece.done.cancel()

    def _work(self) -> None:
        # Not before it is needed: a server that stands by itself starts without virtual time.
        from .virtual_time.session import keep_real_time

        with keep_real_time():
            while (piece := self._next()) is not None:
                # Nobody waits any more for what was asked by a client or a server that has gone.
                if not piece.done.cancelled():
                    _do(piece)

    def _next(self) -> _Piece | None:
        with self._lock:
            self._working = bool(self._waiting)
            return self._waiting.popleft() if self._waiting else None


def _do(piece: _Piece) -> None:
    try:
        settle = partial(_settle, piece.done, piece.work())
    except BaseException as error:
        settle = partial(_fail, piece.done, error)
    try:
        piece.loop.call_soon_threadsafe(settle)
    except RuntimeError:
        # The loop has been closed meanwhile.
        pass


def _settle(done: asyncio.Future[Any], result: Any) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: asyncio.Future[Any], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
