"""Starting the calls of a run, and ending those that exceed a limit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from kling_mock import MockServer
from kling_mock.errors import TargetError
from kling_mock.timing import CLIENT_STOPS, STOP_LOOK
from kling_mock.virtual_time.proc import children

from ..running.models import Run, Trial
from .clients import ClientCall
from .environments import end_programs
from .holdings import held_now
from .run_limiter import RunLimiter

__all__ = ["CallDriver"]

_INTERRUPTIONS = 20
_MANY_REQUESTS = 1_000
"""Requests of a run beyond which it has more real time: each poll may be a process."""
_SPARE = 60.0
"""Virtual seconds by which a run may be late before it is ended."""


class CallDriver:
    """Begins the calls of one run after the other; raises `TargetError` where one cannot be stopped."""

    def __init__(
        self, server: MockServer, limiter: RunLimiter, *, name: str, real_limit: float, python: bool
    ) -> None:
        self._server = server
        self._limiter = limiter
        self._name = name
        self._python = python
        self.real_limit = real_limit
        """Real seconds that a run may take."""
        self.deadline = math.inf
        """The moment of the system's monotonic clock at which a run is ended whatever its limits are."""
        self._begun: list[ClientCall] = []

    @property
    def going(self) -> bool:
        """Whether a call of the current run is not over."""
        return any(not call.over for call in self._begun)

    def drive(
        self, trial: Trial, calls: list[ClientCall], run: Run, limit: Callable[[float], Callable[[], object]]
    ) -> None:
        """Start the calls, and end those that exceed a limit; `limit` starts a timer and gives its end."""
        end_timer = limit(trial.seconds)
        begun = time.monotonic()
        most = self.real_limit * (3 if trial.requests > _MANY_REQUESTS else 1)
        others = set(children())
        try:
            self._begin(calls[:1] if trial.in_turn else calls, run)
            for place, call in enumerate(calls):
                if trial.in_turn and place:
                    if self._limiter.cut:
                        break
                    self._begin([call], run)
                self._await(call, run, begun, most, others)
            if trial.counts:
                run.held += (held_now(),)
        finally:
            self._begun = []
            run.real_seconds = time.monotonic() - begun
            end_timer()

    def _await(self, call: ClientCall, run: Run, begun: float, most: float, others: set[int]) -> None:
        """Wait until a call is over, and end all of the run where that takes too long."""
        limit = min(begun + most, self.deadline)
        while not call.wait(0.05 if self._limiter.cut else min(0.5, max(limit - time.monotonic(), 0.01))):
            if self._limiter.cut or time.monotonic() > limit:
                run.past_deadline |= not self._limiter.cut and limit < begun + most
                run.awaits_program |= self._python and end_programs(others)
                run.blocked |= self._is_blocked(call)
                self._limiter.close("time")
                self._stop()
                break
            if self._server.clock.now() - run.started > run.trial.seconds + _SPARE:
                self._limiter.close("time")

    def _is_blocked(self, call: ClientCall) -> bool:
        """Tell whether a call is at its limit for want of something in its own process."""
        if self._limiter.cut:
            return self._limiter.cut == "time" and not self._limiter.received
        return call.rests()

    def _begin(self, calls: list[ClientCall], run: Run) -> None:
        for call in calls:
            if len(run.begun) == run.trial.counts > 0:
                run.held += (held_now(),)
            run.begun += (self._limiter.received,)
            run.begun_at += (self._server.clock.now() - run.started,)
            call.start()
        self._begun = [*self._begun, *calls]

    def _stop(self) -> None:
        for call in self._begun:
            if call.wait(CLIENT_STOPS):
                continue
            for _ in range(_INTERRUPTIONS):
                call.stop()
                if call.wait(STOP_LOOK):
                    break
            else:
                if call.rests():
                    call.abandon()
                    continue
                raise TargetError(
                    f"The client {self._name} hangs and cannot be stopped: it was interrupted "
                    f"{_INTERRUPTIONS} times and went on."
                )
