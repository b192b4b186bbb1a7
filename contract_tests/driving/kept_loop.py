"""The event loop of a checked client that is asynchronous: one for all its calls, as a program has one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import Any, TypeVar

from kling_mock.timing import CLIENT_STOPS
from kling_mock.virtual_time import keep_real_time

__all__ = ["ClientStopped", "KeptLoop"]

Value = TypeVar("Value")


class ClientStopped(BaseException):
    """Raised inside a callable that went beyond its limits, to end it."""


class KeptLoop:
    """A loop in a thread of its own.

    What a module keeps for all calls (a client with its connections, a lock) belongs to the loop in which it
    was first used. A task that a call leaves behind goes on, as it does in a service.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._main, name="kling-mock event loop", daemon=True)
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

    def _main(self) -> None:
        assert self._loop is not None
        asyncio.set_event_loop(self._loop)
        while not self._over:
            try:
                self._loop.run_forever()
            except ClientStopped:
                continue  # it was meant for a task that had just ended

    def close(self) -> None:
        """Cancel what calls have left behind, and end."""
        loop = self._loop
        if loop is None:
            return
        ended: Future[None] = asyncio.run_coroutine_threadsafe(_cancel_all(), loop)
        try:
            ended.result(CLIENT_STOPS)
        except NotInTime:
            pass
        self._over = True
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join(CLIENT_STOPS)
        if not self._thread.is_alive():
            loop.close()


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
