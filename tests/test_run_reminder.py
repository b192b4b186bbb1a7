"""A run says what its command waits for, where that takes long."""

from __future__ import annotations

import threading

import pytest

from kling_mock import MockServer, timing
from kling_mock.interception.parent.reminder import Reminder

from .support import create, until


def test_a_command_that_waits_for_ever_is_spoken_of_once(capfd: pytest.CaptureFixture[str]) -> None:
    with MockServer(log_format="none") as server:
        now = 0.0
        reminder = Reminder(server, clock=lambda: now)

        def said(later: float) -> str:
            nonlocal now
            now += later
            reminder.look()
            return capfd.readouterr().err

        create(server)
        assert [said(timing.STILL_WAITING) for _ in range(3)] == ["", "", ""]
        server.next("create-hangs")
        asking = threading.Thread(target=_ask, args=(server,))
        asking.start()
        until(lambda: any(exchange.ended_at is None for exchange in server.exchanges))
        assert said(0) == said(timing.STILL_WAITING / 2) == ""
        text = said(timing.STILL_WAITING)
        job_id = server.jobs[-1].id
        assert (
            f"waited 30 s for the answer to POST /v2/video/generations for the job {job_id}; it met" in text
        )
        assert "the fault 'hang'" in text and text.count("\n") == 1
        assert said(timing.STILL_WAITING) == ""
    asking.join(20)


def _ask(server: MockServer) -> None:
    with pytest.raises(OSError):
        create(server)
