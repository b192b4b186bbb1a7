"""The door in front of the mock: it counts what comes, and closes when a run has had enough."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.types import Receive, Scope, Send

from kling_mock.app import MockApp
from kling_mock.common import Common
from kling_mock.errors import TargetError
from kling_mock.events import Event, EventKind
from kling_mock.exchanges.exchange import Exchange
from kling_mock.jobs.timeline import FINAL_STATUSES
from kling_mock.serving.wire import TRANSPORT
from kling_mock.timing import LOOP_LOOKS
from kling_mock.virtual_time.originals import allocate_lock, monotonic

__all__ = ["FORWARDED_PREFIX", "Gate"]

FORWARDED_PREFIX = b"x-forwarded-prefix"
"""The header by which the mock learns of the path prefix that a client kept, as behind any proxy."""

LATENCY = 0.05
"""Virtual seconds that a request is on its way."""
REFUSED = 5.0
"""The same once nothing is answered any more, so that a budget soon ends what goes on."""
LAST_WORDS = 25
"""Answers that say how the job ended, after which a client has to be believed that it will never listen."""
STRAYS = 50
"""Requests of earlier runs after which a client counts as one that cannot be checked."""
_ROUNDS = 6
"""Rounds of the event loop after which whatever had arrived is being worked on."""


class Gate(MockApp):
    """The application with limits per run: so many requests, so much virtual time, then nothing is answered.

    A client that ignores its budget would otherwise never end, and shrinking what it does would not either.
    """

    def __init__(self, common: Common) -> None:
        # Each request has to come by here.
        super().__init__(common, at_once=False)
        self.space = common.default
        self.loop: asyncio.AbstractEventLoop | None = None
        self.cut = ""
        self.cut_at = 0.0
        self.received = 0
        self.strays = 0
        """Requests that bore the key of an earlier run: they are not answered."""
        self.key = b""
        self.former: re.Pattern[bytes] | None = None
        """What the keys of all runs look like."""
        self.on_request: Callable[[int], None] | None = None
        self._prefix = ""
        self._most = 0
        self._ends = 0
        self._asked: float | None = None
        self._transports: set[Any] = set()
        self.space.bus.subscribe(self._look, (EventKind.EXCHANGE,))

    def begin(self, *, requests: int, prefix: str = "") -> None:
        """Open for a new run."""
        self.cut = ""
        self.received = 0
        self._most = requests
        self._prefix = prefix
        self._ends = 0
        self._asked = None
        self._transports = set()

    def starting(self, seconds: float) -> bool:
        """Whether nothing has come in this run, and nobody has asked this for so many real seconds."""
        if self._asked is None:
            self._asked = monotonic()
        return self.received == 0 and monotonic() - self._asked < seconds

    def close(self, why: str) -> None:
        """Answer nothing more in this run, and end what is being answered; from any thread."""
        if self.cut:
            return
        self.cut, self.cut_at = why, self.space.clock.now()
        self.space.holds.end()
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._abort_all)

    def _look(self, event: Event) -> None:
        """Close before a client that polls on after the end has used up all its requests: that takes long."""
        exchange: Exchange = event.data
        if exchange.kind == "poll" and exchange.fault is None and exchange.state in FINAL_STATUSES:
            self._ends += 1
            if self._ends > LAST_WORDS:
                self.close("requests")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.loop is None:
            self.loop = asyncio.get_running_loop()
        if self._astray(scope):
            return
        self.received += 1
        if self.space.clock.frozen:
            # As over a network: even a loop without a pause gets somewhere, also after the cut.
            self.space.clock.advance(REFUSED if self.cut else LATENCY)
        transport = scope.get(TRANSPORT)
        if self.received > self._most:
            self.close("requests")
        if self.cut:
            if transport is not None:
                transport.abort()
            return
        self._transports.add(transport)
        if self._prefix:
            self._strip(scope)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._transports.discard(transport)
            if self.on_request is not None:
                self.on_request(self.received)

    def _astray(self, scope: Scope) -> bool:
        """Whether a request was sent for an earlier run, by a thread that it has left; ends it then."""
        if self.former is None:
            return False
        keys = [key for _, value in scope.get("headers", ()) for key in self.former.findall(value)]
        if not keys or self.key in keys:
            return False
        self.strays += 1
        if self.strays > STRAYS:
            self.close("time")
        transport = scope.get(TRANSPORT)
        if transport is not None:
            transport.abort()
        return True

    def _strip(self, scope: MutableMapping[str, Any]) -> None:
        path = scope["path"]
        if path.startswith(self._prefix + "/"):
            scope["path"] = path[len(self._prefix) :]
            scope["headers"] = [*scope["headers"], (FORWARDED_PREFIX, self._prefix.encode())]

    def _abort_all(self) -> None:
        for transport in list(self._transports):
            if transport is not None:
                transport.abort()

    def settle(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the server read what has arrived and finish what is finished."""
        done = _lock()
        left = _ROUNDS

        def round_() -> None:
            nonlocal left
            left -= 1
            if left:
                loop.call_soon(round_)
            else:
                done.release()

        try:
            loop.call_soon_threadsafe(round_)
        except RuntimeError:
            return  # closed: nothing is read any more
        if not done.acquire(timeout=LOOP_LOOKS):
            raise TargetError(
                f"The mock did not answer itself within {LOOP_LOOKS:g} s: the machine is too busy, or the "
                "client does not let other threads run."
            )


def _lock() -> Any:
    lock = allocate_lock()
    lock.acquire()
    return lock
