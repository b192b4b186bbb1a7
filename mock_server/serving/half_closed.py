"""A client that has said that it sends no more: it gets its answers, as long as it is still there."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Protocol

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from ..timing import HALF_CLOSED_LOOK

__all__ = ["HalfClosed"]

ROUNDS = 4
"""Rounds of the loop in which a plain answer goes out, and in which a client that left is found out."""
PROBE = b"HTTP/1.1 100 Continue\r\n\r\n"
"""Every client reads over it (RFC 9110, 15.2); where the client has left, its system answers with a reset."""
TCP_CLOSED = 7
"""The state of a connection that was reset, in Linux."""


class Owing(Protocol):
    """What is asked of the connection."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    running: RequestResponseCycle | None
    half_closed: bool


class HalfClosed:
    """Looks after one connection whose client has sent its last byte.

    An end of the stream means that a client sends no more, or that it has left: TCP does not tell the two
    apart. Answers that are ready go out either way. Before one that is held back is waited for, an interim
    answer asks: a client that has left is found out by it, and counts as gone at once.
    """

    def __init__(self, connection: Owing) -> None:
        self._connection = connection
        self._seen: RequestResponseCycle | None = None
        self._rounds = 0
        self._asked = False
        self._next: asyncio.Handle | None = None

    def begin(self) -> None:
        """Look from now on, until the last answer has gone out."""
        if self._next is not None:
            self._next.cancel()
        self._next = self._connection.loop.call_soon(self._look)

    def _look(self) -> None:
        connection = self._connection
        running = connection.running
        if connection.transport.is_closing() or running is None or running.response_complete:
            return
        if running is not self._seen:
            self._seen, self._rounds, self._asked = running, 0, False
        self._rounds += 1
        if self._rounds <= ROUNDS:
            self.begin()
        elif not self._asked:
            self._ask(running)
        elif self._is_gone():
            connection.transport.abort()
        else:
            connection.half_closed = True
            self._next = connection.loop.call_later(HALF_CLOSED_LOOK, self._look)

    def _ask(self, running: RequestResponseCycle) -> None:
        if running.response_started or running.scope["http_version"] == "1.0":
            # There is no way to ask in the middle of an answer, nor in HTTP/1.0.
            self._connection.transport.abort()
            return
        self._asked, self._rounds = True, 0
        self._connection.transport.write(PROBE)
        self.begin()

    def _is_gone(self) -> bool:
        sock = self._connection.transport.get_extra_info("socket")
        if sock is None:
            return False
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            return True
        if sys.platform != "linux":
            return False
        return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_CLOSED)
