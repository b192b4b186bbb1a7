"""Moving time on for programs that cannot be told of it: curl, wget, and what else has no hook."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

from ... import timing
from .clock_server import ClockServer
from .gateway import Gateway

__all__ = ["advance_for_unhooked"]


class _Tasks(set[Any]):
    """The requests under way of some connections, which tells when another one begins."""

    def __init__(self, begun: set[Any], told: Callable[[], None]) -> None:
        super().__init__(begun)
        self._told = told

    def add(self, task: Any) -> None:
        super().add(task)
        self._told()


async def advance_for_unhooked(server: ClockServer, gateway: Gateway) -> None:
    """While such a program waits for an answer that sleeps on the clock, let the clock jump there.

    Their own timeouts run in real time, so an answer always comes before those.
    """
    loop, clock, tracker = asyncio.get_running_loop(), server.clock, server.tracker
    begun, state = asyncio.Event(), gateway.states[False]
    state.tasks = tasks = _Tasks(state.tasks, begun.set)
    while True:
        begun.clear()
        if not tasks:
            # Most programs have a hook: to look all the time would cost a tenth of what they take.
            await begun.wait()
        await asyncio.sleep(timing.UNHOOKED_LOOK)
        if not tasks or clock.next_wake() is None:
            continue
        answered: asyncio.Future[bool] = loop.create_future()
        server.idle_detector.look(answered.set_result)
        if not await answered or tracker.busy(unread=server.idle_detector.unread):
            continue
        wake = clock.next_wake()
        # Who is due before that asks for the jump itself.
        if wake is not None and math.isfinite(wake) and clock.now() < wake <= tracker.next_due():
            clock.advance(wake - clock.now() + 1e-6)
            tracker.moved()
