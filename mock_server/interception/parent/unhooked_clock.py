"""Moving time on for programs that cannot be told of it: curl, wget, and what else has no hook."""

from __future__ import annotations

import asyncio
import math

from ...clock import Clock
from ...serving.idle_detector import Stillness
from .gateway import Gateway
from .process_tracker import Family

__all__ = ["advance_for_unhooked"]

PERIOD = 0.004
"""Real seconds between two looks."""


async def advance_for_unhooked(clock: Clock, stillness: Stillness, gateway: Gateway, family: Family) -> None:
    """While such a program waits for an answer that sleeps on the clock, let the clock jump there.

    Their own timeouts run in real time, so an answer always comes before those.
    """
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(PERIOD)
        if not gateway.states[False].tasks or clock.next_wake() is None:
            continue
        answered: asyncio.Future[bool] = loop.create_future()
        stillness.look(answered.set_result)
        if not await answered or family.busy():
            continue
        wake = clock.next_wake()
        # Who is due before that asks for the jump itself.
        if wake is not None and math.isfinite(wake) and clock.now() < wake <= family.due():
            clock.advance(wake - clock.now() + 1e-6)
