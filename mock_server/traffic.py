"""How much a server is doing: requests under way, and answers that are held back on a clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .clock import Clock

__all__ = ["Holds", "Traffic"]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Traffic:
    """How many requests are being answered, and how many of those are asleep on the clock."""

    __slots__ = ("held", "open", "received")

    def __init__(self) -> None:
        self.open = 0
        self.held = 0
        self.received = 0

    def quiet(self) -> bool:
        """Whether nothing is being worked on: each open exchange waits for the clock."""
        return self.open == self.held


class Holds:
    """The answers of one workspace that are held back on its clock."""

    def __init__(self, clock: Clock, traffic: Traffic) -> None:
        self._clock = clock
        self._traffic = traffic
        self._sleepers: dict[asyncio.Future[Any], asyncio.AbstractEventLoop] = {}

    async def hold(self, seconds: float, receive: Receive) -> bool:
        """Wait for virtual seconds; False where the client left or the server ended the wait."""
        if seconds <= 0:
            return True
        sleeper = asyncio.ensure_future(self._clock.sleep(seconds))
        leaver = asyncio.ensure_future(_left(receive))
        self._sleepers[sleeper] = asyncio.get_running_loop()
        self._traffic.held += 1
        try:
            await asyncio.wait({sleeper, leaver}, return_when=asyncio.FIRST_COMPLETED)
            return sleeper.done() and not sleeper.cancelled() and sleeper.exception() is None
        finally:
            self._traffic.held -= 1
            del self._sleepers[sleeper]
            sleeper.cancel()
            leaver.cancel()

    def any(self) -> bool:
        """Whether an answer is held back."""
        return bool(self._sleepers)

    def end(self) -> None:
        """End every answer that is being held back, from any thread."""
        for sleeper, loop in list(self._sleepers.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(sleeper.cancel)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
