"""Time that is moved on for programs without a hook: looked at while such a program waits, and not else."""

from __future__ import annotations

import asyncio
import contextlib
import math
from types import SimpleNamespace
from typing import Any
from unittest import mock

from kling_mock import Clock
from kling_mock.interception.parent.unhooked_clock import advance_for_unhooked


def test_nothing_is_looked_at_until_a_program_without_a_hook_has_asked() -> None:
    clock = Clock(speed=0, start=0.0)
    state = SimpleNamespace(tasks=set())
    gateway: Any = SimpleNamespace(states={False: state})
    tracker = SimpleNamespace(busy=lambda unread: None, next_due=lambda: math.inf, moved=lambda: None)
    detector = SimpleNamespace(look=lambda answer: answer(True), unread=lambda: False)
    server: Any = SimpleNamespace(clock=clock, tracker=tracker, idle_detector=detector)

    async def run() -> None:
        rest = asyncio.sleep
        held = asyncio.ensure_future(clock.sleep(5.0))
        with mock.patch("asyncio.sleep", side_effect=rest) as looks:
            advancing = asyncio.ensure_future(advance_for_unhooked(server, gateway))
            for _ in range(100):
                await rest(0)
            assert (looks.call_count, held.done()) == (0, False)
            state.tasks.add(held)
            await held
            assert clock.now() >= 5.0
            state.tasks.discard(held)
            for _ in range(100):
                await rest(0)
            advancing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await advancing

    asyncio.run(run())
