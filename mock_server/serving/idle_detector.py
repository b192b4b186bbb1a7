"""The server's answer to the question before every jump of virtual time: is anything being worked on?"""

from __future__ import annotations

import _thread
import asyncio
import select
import socket
from collections.abc import Callable, Iterable
from typing import Protocol

from uvicorn.server import ServerState

from .. import timing

__all__ = ["IdleDetector", "RequestCounts"]

ROUNDS = 8
"""Rounds of the event loop for which rest must last: a held answer that wakes takes five to say so."""


class RequestCounts(Protocol):
    """The counts of a server's requests that the detector reads."""

    @property
    def received(self) -> int:
        """The number of requests so far."""

    def quiet(self) -> bool:
        """Tell whether each open one is held back on the clock."""


class IdleDetector:
    """Looks at one server from inside its event loop.

    Idle means: every open exchange is held back on the clock, no connection has bytes that were not read,
    none waits to be accepted, and what was written has been handed to the system. A client that then finds
    nothing to read knows that nothing comes before the clock moves.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        traffic: RequestCounts,
        states: Iterable[ServerState],
        sockets: Callable[[], Iterable[socket.socket]],
    ) -> None:
        self._loop = loop
        self._traffic = traffic
        self._states = list(states)
        self._sockets = [sockets]
        self._conditions: list[Callable[[], bool]] = []
        self.arriving = 0
        """Connections that were accepted and do not speak HTTP yet: they count as work."""

    def watch(self, states: Iterable[ServerState], sockets: Callable[[], Iterable[socket.socket]]) -> None:
        """Look at these connections and unread sockets as well."""
        self._states += states
        self._sockets.append(sockets)

    def busy_while(self, condition: Callable[[], bool]) -> Callable[[], None]:
        """Count the server as busy whenever `condition` is true as well; it is called in the event loop.

        Returns what forgets it.
        """

        def forget() -> None:
            self._conditions = [one for one in self._conditions if one is not condition]

        # Not changed in place: the event loop may be reading it.
        self._conditions = [*self._conditions, condition]
        return forget

    @property
    def received(self) -> int:
        """The number of requests so far."""
        return self._traffic.received

    def quiet(self) -> bool:
        """Tell whether the server is idle; asked from any other thread, answered in about 100 µs."""
        traffic = self._traffic
        if self.arriving or not traffic.quiet() or self._loop.is_closed():
            return False
        answered = _thread.allocate_lock()
        answered.acquire()
        answers: list[bool] = []

        def answer(idle: bool) -> None:
            answers.append(idle)
            answered.release()

        try:
            self._loop.call_soon_threadsafe(self.look, answer)
        except RuntimeError:
            return False
        return answered.acquire(True, timing.LOOP_COMES_ROUND) and answers[0]

    def look(self, answer: Callable[[bool], None]) -> None:
        """Call `answer` with whether the server is idle, some rounds of its loop later."""
        self._look(ROUNDS, self._traffic.received, answer)

    def _look(self, rounds: int, received: int, answer: Callable[[bool], None]) -> None:
        traffic = self._traffic
        if self.arriving or not traffic.quiet() or traffic.received != received:
            answer(False)
        elif rounds in (ROUNDS, 0) and self.unread():
            answer(False)
        elif rounds == 0:
            answer(True)
        else:
            self._loop.call_soon(self._look, rounds - 1, received, answer)

    def unread(self) -> bool:
        """Tell whether there are bytes that were not read or a connection to accept, or a condition holds."""
        # A condition may become true while the server is looked at, as bytes come.
        if any(condition() for condition in self._conditions):
            return True
        descriptors = [unread.fileno() for sockets in self._sockets for unread in sockets()]
        for state in self._states:
            for connection in list(state.connections):
                if getattr(connection, "half_closed", False):
                    # Nothing comes from it any more, and the end of its stream stays readable.
                    continue
                transport = getattr(connection, "transport", None)
                found = transport.get_extra_info("socket") if transport is not None else None
                if found is not None:
                    descriptors.append(found.fileno())
        descriptors = [descriptor for descriptor in descriptors if descriptor >= 0]
        if not hasattr(select, "poll"):
            return bool(select.select(descriptors, [], [], 0)[0])
        looker = select.poll()
        for descriptor in descriptors:
            looker.register(descriptor, select.POLLIN)
        return bool(looker.poll(0))
