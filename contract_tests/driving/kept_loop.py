"""The event loop of checked clients that are asynchronous: one for all checks, as a program has one."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import Any, TypeVar

from kling_mock.timing import CLIENT_STOPS
from kling_mock.virtual_time import keep_real_time

__all__ = ["ClientStopped", "KeptLoop", "kept_loop"]

Value = TypeVar("Value")


class ClientStopped(BaseException):
    """Raised inside a callable that went beyond its limits, to end it."""


class KeptLoop:
    """A loop in a thread of its own.

    What a module keeps for all calls (a client with its connections, a lock) belongs to the loop in which it
    was first used. A task that a call leaves behind goes on until the check ends, as it does in a service.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._main, name="kling-mock event loop", daemon=True)
        self._process = os.getpid()
        self._over = False

    def run(self, coroutine: Coroutine[Any, Any, Value]) -> Value:
        """Await it in the loop, from another thread."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread.start()
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        # Who waits here waits for no time: the loop's own thread does.
        with keep_real_time():
            return future.result()

    @property
    def thread(self) -> int | None:
        """The number of its thread."""
        return self._thread.ident

    @property
    def usable(self) -> bool:
        """False once it is over, and in a process that was forked: its thread is not there."""
        return not self._over and self._process == os.getpid()

    def _main(self) -> None:
        assert self._loop is not None
        asyncio.set_event_loop(self._loop)
        while not self._over:
            try:
                self._loop.run_forever()
            except ClientStopped:
                continue  # it was meant for a task that had just ended

    def rest(self) -> None:
        """Cancel what calls have left behind; a loop that is too busy for that is not used again."""
        if self._loop is None or not self.usable:
            return
        ended: Future[None] = asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop)
        try:
            ended.result(CLIENT_STOPS)
        except NotInTime:
            self._over = True

    def close(self) -> None:
        """Cancel what calls have left behind, and end."""
        self.rest()
        if self._loop is None or self._process != os.getpid():
            return
        self._over = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLIENT_STOPS)
        if not self._thread.is_alive():
            self._loop.close()


_kept: list[KeptLoop] = []


def kept_loop() -> KeptLoop:
    """The loop of all checks of this process; another one where that has come to an end."""
    if not _kept or not _kept[0].usable:
        _kept[:] = [KeptLoop()]
    return _kept[0]


@atexit.register
def _close() -> None:
    for loop in _kept:
        loop.close()


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
