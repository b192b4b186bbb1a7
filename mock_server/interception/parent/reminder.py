"""What `kling-mock run` says while its command waits for an answer that does not come."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from ... import timing
from ...exchanges.exchange import Exchange
from ...exchanges.redaction import Redactor, environment_keys
from ...server import MockServer

__all__ = ["Reminder"]


class Reminder:
    """Says on standard error, once for each such answer, that the command still waits, and for what."""

    def __init__(self, server: MockServer, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._received = -1
        self._since = 0.0
        self._said = 0
        """The number of the exchange that was spoken of last."""

    def look(self) -> None:
        """Speak where one answer has been owed for long, and nothing else has been asked since."""
        traffic, now = self._server.traffic, self._clock()
        if traffic.received != self._received or not traffic.open:
            self._received, self._since = traffic.received, now
        elif now - self._since >= timing.STILL_WAITING:
            owed = [exchange for exchange in self._server.exchanges if exchange.ended_at is None]
            if owed and owed[-1].number > self._said:
                self._said = owed[-1].number
                print(_sentence(owed[-1], now - self._since), file=sys.stderr, flush=True)


def _sentence(exchange: Exchange, seconds: float) -> str:
    hide = Redactor(environment_keys())
    asked = f"the answer to {exchange.method} {hide(exchange.path)}"
    if exchange.job_id is not None:
        asked += f" for the job {exchange.job_id}"
    why = f"; it met the fault {exchange.fault!r}" if exchange.fault else ""
    return (
        f"kling-mock run: the command has waited {seconds:.0f} s for {asked}{why}. "
        "A client without a time limit waits for ever; Ctrl-C ends it, and --timeout would."
    )
