"""Limits of a run in front of the mock: it counts requests and stops answering after enough of them."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from starlette.types import Receive, Scope, Send

from kling_mock.app import App, MockApp
from kling_mock.common import Common
from kling_mock.errors import TargetError
from kling_mock.events import Event, EventKind
from kling_mock.exchanges.exchange import Exchange, Headers
from kling_mock.interception.parent.host_policy import API_HOST
from kling_mock.scenarios.fault import TRANSPORT as TRAVELS
from kling_mock.serving.wire import TRANSPORT, Owed
from kling_mock.timeline import FINAL_STATUSES
from kling_mock.timing import LOOP_LOOKS
from kling_mock.virtual_time.originals import allocate_lock, monotonic

from ..running.models import Cut

__all__ = ["FORWARDED_PREFIX", "RunLimiter", "RunLimits"]

FORWARDED_PREFIX = b"x-forwarded-prefix"
"""The header by which the mock learns of the path prefix that a client kept, as behind any proxy."""

LATENCY = 0.05
"""Virtual seconds that a request is on its way."""
REFUSED = 5.0
"""The same once nothing is answered any more, so that a budget soon ends what goes on."""
MOST_FINAL_ANSWERS = 25
"""Answers that say how the job ended, after which a client is believed to poll on for ever."""
MOST_STALE = 50
"""Requests of earlier runs in one run, after which it says nothing: beside those of a sane pace."""
STALE_PACE = 10.0
"""Such requests in a virtual second that threads left over may send without being in the way."""
_ROUNDS = 6
"""Rounds of the event loop after which whatever had arrived is being worked on."""


_SECURE = ((b"x-forwarded-proto", b"https"), (b"x-forwarded-host", API_HOST.encode()))


@dataclass(frozen=True)
class RunLimits:
    """The limits of one run, and the key that tells its requests from those of earlier runs."""

    requests: int
    key: bytes
    prefix: str = ""
    """The path before `/v2` that is taken off, as by a proxy."""
    secure: bool = False
    """True where answers show the API's own host name and https, as behind a proxy that has them."""


class RunLimiter(MockApp):
    """The application with limits per run: so many requests, so much virtual time, then nothing is answered.

    A client that ignores its budget would otherwise never end, and shrinking what it does would not either.
    `key_pattern` is what the keys of all runs look like.
    """

    def __init__(self, common: Common, key_pattern: re.Pattern[bytes]) -> None:
        super().__init__(common)
        self.space = common.default
        self.cut: Cut = ""
        """The reason why requests are no longer answered; empty while they are."""
        self.cut_at = 0.0
        """The virtual moment of the cut."""
        self.received = 0
        self.most_open = 0
        """The most connections of this run that were open at one time."""
        self._longest_pause, self._last = 0.0, math.inf
        self.stale_requests = 0
        """Requests in this run that bore the key of an earlier one: they are not answered."""
        self._begun = 0.0
        self.overrun = False
        """True where requests of earlier runs are so many that this one says nothing."""
        self._key_pattern = key_pattern
        self._limits = RunLimits(0, b"")
        self._on_request: Callable[[int], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._final_answers = 0
        self._asked: float | None = None
        self._transports: set[Any] = set()
        self._connections: set[Any] = set()
        self.space.bus.subscribe(self._count_final_answer, (EventKind.EXCHANGE,))

    def begin(self, limits: RunLimits) -> None:
        """Answer again, within the limits of a new run."""
        self._limits = limits
        self.cut = ""
        self._asked = None
        self._transports = set()
        self.stale_requests, self.overrun = 0, False
        self._begun = self.space.clock.now()
        self._connections = set()
        self.most_open = 0
        self.forget_requests()

    def longest_pause(self) -> float:
        """The most real seconds that went by without a request, since the first one until now."""
        return max(self._longest_pause, monotonic() - self._last)

    def forget_requests(self) -> None:
        """Count the requests of this run from nothing again."""
        self.received = 0
        self._final_answers = 0
        self._longest_pause, self._last = 0.0, math.inf

    @contextlib.contextmanager
    def watched(self, on_request: Callable[[int], None] | None) -> Iterator[None]:
        """Call `on_request` after each request with the number of requests so far, until the block ends."""
        self._on_request = on_request
        try:
            yield
        finally:
            self._on_request = None

    def starting(self, seconds: float, at_work: Callable[[], bool]) -> bool:
        """True while no request has come in this run, until nobody has been at work for so many real seconds.

        They count from the first question.
        """
        if self.received:
            return False
        now = monotonic()
        if self._asked is None or at_work():
            self._asked = now
        return now - self._asked < seconds

    def close(self, why: Literal["requests", "time"]) -> None:
        """Answer nothing more in this run, and end what is being answered; from any thread."""
        if self.cut:
            return
        self.cut, self.cut_at = why, self.space.clock.now()
        self.space.holds.end()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._abort_all)

    def _count_final_answer(self, event: Event) -> None:
        """Close before a client that polls on after the end has used up all its requests: that takes long."""
        exchange: Exchange = event.data
        whole = exchange.fault is None or exchange.fault in TRAVELS
        if exchange.kind == "poll" and whole and exchange.state in FINAL_STATUSES:
            self._final_answers += 1
            if self._final_answers > MOST_FINAL_ANSWERS:
                self.close("requests")

    def at_once_on(self, transport: Any) -> Callable[..., Any]:
        """What answers requests of this connection that have arrived whole."""
        return partial(self._admit, transport)

    def _admit(
        self,
        transport: Any,
        method: str,
        path: str,
        query: bytes,
        headers: Headers,
        scheme: str,
        body: bytes,
    ) -> bytes | App | Owed:
        """Answer it at once where it is none that has to come by `__call__`."""
        limits = self._limits
        if (
            self.cut
            or self.received >= limits.requests
            or limits.secure
            or self._on_request is not None
            or not self._is_own(headers)
        ):
            return self
        self._count(transport)
        answer = self._at_once(method, path, query, headers, scheme, body)
        return answer if isinstance(answer, bytes | Owed) else self._until_it_ends(transport, answer)

    def _until_it_ends(self, transport: Any, answer: App) -> App:
        """An answer that takes time, and may be ended meanwhile."""

        async def rest(scope: Scope, receive: Receive, send: Send) -> None:
            with self._under_way(transport):
                await answer(scope, receive, send)

        return rest

    @contextlib.contextmanager
    def _under_way(self, transport: Any) -> Iterator[None]:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        self._transports.add(transport)
        try:
            yield
        finally:
            self._transports.discard(transport)

    def _count(self, transport: Any) -> None:
        """Count a request that is answered, and the connections that are open in this run."""
        self._pass(LATENCY)
        if transport is not None:
            self._connections = {one for one in self._connections if not one.is_closing()} | {transport}
            self.most_open = max(self.most_open, len(self._connections))

    def _pass(self, seconds: float) -> None:
        """Count a request that takes its time as over a network: a loop without a pause gets somewhere."""
        self.received += 1
        self._longest_pause, self._last = self.longest_pause(), monotonic()
        if self.space.clock.frozen:
            self.space.clock.advance(seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._is_stale(scope):
            return
        transport = scope.get(TRANSPORT)
        if self.cut or self.received >= self._limits.requests:
            self._pass(REFUSED if self.cut else LATENCY)
            self.close("requests")
            if transport is not None:
                transport.abort()
            return
        self._count(transport)
        if self._limits.prefix:
            self._strip(scope)
        if self._limits.secure:
            scope["headers"] = [*scope["headers"], *_SECURE]
        try:
            with self._under_way(transport):
                await super().__call__(scope, receive, send)
        finally:
            if self._on_request is not None:
                self._on_request(self.received)

    def _is_own(self, headers: Headers) -> bool:
        """True for a request that has this run's key, or none of any run."""
        keys = self._key_pattern.findall(b"\n".join([value for _, value in headers]))
        return not keys or self._limits.key in keys

    def _is_stale(self, scope: Scope) -> bool:
        """True for a request that a thread of an earlier run still sends; its connection is ended."""
        if self._is_own(scope.get("headers", ())):
            return False
        self.stale_requests += 1
        sane = STALE_PACE * (self.space.clock.now() - self._begun)
        if self.stale_requests > MOST_STALE + sane:
            self.overrun = True
            self.close("time")
        transport = scope.get(TRANSPORT)
        if transport is not None:
            transport.abort()
        return True

    def _strip(self, scope: MutableMapping[str, Any]) -> None:
        path, prefix = scope["path"], self._limits.prefix
        if path.startswith(prefix + "/"):
            scope["path"] = path[len(prefix) :]
            scope["headers"] = [*scope["headers"], (FORWARDED_PREFIX, prefix.encode())]

    def _abort_all(self) -> None:
        for transport in list(self._transports):
            if transport is not None:
                transport.abort()

    def settle(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait until the server has read what arrived and ended what is done; `loop` is the server's."""
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
