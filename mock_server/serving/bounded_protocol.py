"""What one connection may hold and how long it may take: the bounds of uvicorn's HTTP protocol."""

from __future__ import annotations

import math
from typing import Any, Literal

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ..limits import MAX_HEAD, QUEUED_COST, Limits
from .half_closed import HalfClosed
from .request_head import head_size, size_problem
from .wire import REFUSED

__all__ = ["BoundedProtocol"]

RETRY = ((b"retry-after", b"1"),)


class BoundedProtocol(HttpToolsProtocol):
    """Answers requests of one connection in order, and ends it where it holds or takes too much.

    The application's `limits` are the bounds; its `refuse` writes the answer to what is no request. What a
    request holds that arrives whole and is answered at once is not counted: it is gone at once.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._limits: Limits = getattr(self.app, "limits", None) or Limits()
        self._memory = self._limits.memory.share()
        """What a head that is not whole, and requests that wait for others, hold."""
        self._in_head = False
        self._in_message = False
        self._beside = 0
        """Bytes so far of a head that is not whole, or of what stands around a body."""
        self._steps = 0
        """How many parts of bodies, beginnings and ends of requests the bytes at hand held."""
        self.running: RequestResponseCycle | None = None
        """The request whose answer is the next one to go out, or was the last one."""
        self._idle_since: float | None = None
        self._late: Literal["silence", "head", "body"] = "silence"
        """What is waited for where no answer is owed and the connection is not idle."""
        self._late_since: float | None = None
        self._head_since = 0.0
        self._timer_due = math.inf
        self._deaf = False
        """Whether what still arrives is of no interest."""
        self._last_words: tuple[int, str] | None = None
        """The refusal that ends the connection once the requests before it are answered."""
        self._ended = False
        """Whether the client has said that it sends no more."""
        self.half_closed = False
        """Whether such a client is known to wait for its answer."""
        self._watch: HalfClosed | None = None
        self._ending = False
        self._unread = b""
        """What arrived and is read in the loop's next round."""

    # The connection

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        most = self._limits.connections
        if most.add(self._client_name()):
            self._wait_for("silence")
        else:
            text = f"one client has at most {most.limit} connections (--max-connections)."
            self._refuse(503, f"Service unavailable: {text}")

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        super()._unset_keepalive_if_required()
        self.pipeline.clear()
        self._memory.release()
        self._limits.connections.remove(self._client_name())

    def _client_name(self) -> str:
        return self.client[0] if self.client else ""

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Keep a connection open whose client sends no more and still has answers to get."""
        running = self.running
        if self.scheme == "https" or running is None or running.response_complete:
            return None
        if self._in_message and not self._in_head and not self._deaf:
            # The last request will never be whole.
            if self.cycle is running:
                return None
            self.pipeline.popleft()
        self._deaf = self._ended = True
        if self._watch is None:
            self._watch = HalfClosed(self)
        self._watch.begin()
        return True

    def shutdown(self) -> None:
        self._ending = True
        super().shutdown()

    def on_response_complete(self) -> None:
        """Start the request that waits behind this one, or wait for the next, with one timer for all."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.pipeline and not self._ending:
            self._start_next()
            return
        if self._memory.size and not self._in_head:
            self._memory.release()
        if self._last_words is not None:
            self._say_last(*self._last_words)
        elif self._ends():
            self.transport.close()
        else:
            if self.flow.read_paused and not self._unread:
                self.flow.resume_reading()
            if self._in_head:
                self._wait_for("head", self._head_since)
            elif self._in_message:
                self._wait_for("body")
            else:
                self._rest()

    def _ends(self) -> bool:
        """Whether the connection ends behind the answer that is the next one to go out."""
        return self._ended or self._ending or self._last_words is not None

    def _start_next(self) -> None:
        """Start the oldest request that waits; no more is read before the last of them has begun."""
        cycle, app = self.pipeline.pop()
        self._memory.resize(max(0, self._memory.size - QUEUED_COST - len(cycle.body)))
        self.running = cycle
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)
        if self._watch is not None:
            self._watch.begin()

    # Time

    def _rest(self) -> None:
        """Wait for the next request."""
        self._idle_since = now = self.loop.time()
        if self.timeout_keep_alive_task is None or now + self.timeout_keep_alive < self._timer_due:
            self._look_in(self.timeout_keep_alive)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def _wait_for(self, what: Literal["silence", "head", "body"], since: float | None = None) -> None:
        """Wait for the rest of what has begun, from now on or `since` a moment of the loop's time."""
        now = self.loop.time()
        self._idle_since = None
        self._late, self._late_since = what, now if since is None else since
        due = self._late_since + self._limit()
        if self.timeout_keep_alive_task is None or due < self._timer_due:
            self._look_in(due - now)

    def _limit(self) -> float:
        if self._late == "silence":
            return self.timeout_keep_alive
        return self._limits.head_timeout if self._late == "head" else self._limits.body_timeout

    def _look_in(self, seconds: float) -> None:
        super()._unset_keepalive_if_required()
        if seconds < math.inf:
            self._timer_due = self.loop.time() + seconds
            self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """End what has been waited for long enough, else look again when it could be."""
        if self._idle_since is not None:
            since, limit = self._idle_since, float(self.timeout_keep_alive)
        elif self._late_since is not None:
            since, limit = self._late_since, self._limit()
        else:
            # An answer is on its way: the end of it begins to count anew.
            self.timeout_keep_alive_task = None
            return
        if self.flow.read_paused:
            # It is the server that keeps the rest waiting.
            since = self._late_since = self.loop.time()
        left = since + limit - self.loop.time()
        if left > 0:
            self._look_in(left)
        elif self._idle_since is not None or self._late == "silence":
            self.transport.close()
        else:
            self._end_late()

    def _end_late(self) -> None:
        if self._late == "head":
            limit = self._limits.head_timeout
            self._refuse(408, f"Request Timeout: the head did not end within {limit:g} s (--head-timeout).")
            return
        limit = self._limits.body_timeout
        self._refuse(408, f"Request Timeout: nothing of the body came for {limit:g} s (--body-timeout).")

    # Size

    def _weigh(self, going_on: bool, size: int) -> None:
        """Count what a request that is not whole, and those that wait, hold; refuse what is too much.

        `going_on` says that the request began before the bytes at hand, of which there are `size`.
        """
        held = sum([QUEUED_COST + len(cycle.body) for cycle, _ in self.pipeline])
        if self._in_head:
            if not going_on:
                # Behind another request in the same bytes, its own part of them is not known.
                self._beside = size if self._steps == 1 else 0
                self._head_since = self.loop.time()
            else:
                self._beside += size
            known = max(head_size(self.url, self.headers), self._beside)
            problem = size_problem(self.url, self.headers, known)
            if problem is not None:
                self._refuse(*problem)
                return
            held += known
            self._wait_for("head", self._head_since)
        elif self._in_message:
            if self._steps == 0 and not self._count_beside(size):
                return
            self._wait_for("body")
        if not self._memory.resize(held):
            self.pipeline.clear()
            text = f"requests under way hold {self._limits.memory.limit} bytes (--max-memory-bodies)."
            self._refuse(503, f"Service unavailable: {text}")

    def _count_beside(self, size: int) -> bool:
        """Count bytes around a body; False, and the end of the connection, where there are too many."""
        self._beside += size
        if self._beside <= MAX_HEAD:
            return True
        text = f"expected at most {MAX_HEAD} bytes of trailers and chunk lines."
        self._refuse(431, f"Request header fields too large: {text}")
        return False

    # Refusals

    def _refuse(self, status: int, text: str) -> None:
        """Answer what is no request, in its turn, and end the connection."""
        if self._deaf or self.transport.is_closing():
            return
        self._deaf = True
        running, in_body = self.running, self._in_message and not self._in_head
        owes = running is not None and not running.response_complete
        if in_body and self.cycle is not None and self._has_cycle():
            if self.cycle.response_complete or self.cycle.response_started:
                # It has its answer: a second one would be taken for that to another request.
                self.transport.close()
                return
            self.cycle.scope[REFUSED] = True  # type: ignore[literal-required]
            if self.cycle is running:
                owes = False
            elif self.pipeline:
                self.pipeline.popleft()
        if owes:
            self._last_words = status, text
            self.flow.pause_reading()
        else:
            self._say_last(status, text)

    def _has_cycle(self) -> bool:
        """Whether the request whose body arrives has been given to uvicorn."""
        return True

    def _say_last(self, status: int, text: str) -> None:
        path = self.url.decode("utf-8", "replace")[:200] if self.headers is not None else ""
        headers = RETRY if status == 503 else ()
        answer = self.app.refuse(status, text, path.partition("?")[0], headers)
        self.transport.write(answer)
        self.transport.close()
