"""The HTTP protocol of the server: uvicorn's, with a way to the connection and a shorter way out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from mock_server.api.answer import CORS_HEADERS, JSON, error_answer
from mock_server.journal import Exchange

MAX_HEAD = 64 * 1024
"""Bytes of a request's line and headers, about: what arrives in one piece is taken whole."""

__all__ = ["CYCLE", "TRANSPORT", "MockProtocol", "write_whole"]

TRANSPORT = "kling_mock.transport"
"""The scope's key for the connection's transport: an answer can be cut off or reset through it."""
CYCLE = "kling_mock.cycle"
"""The scope's key for uvicorn's record of the request, which `write_whole` completes."""


class MockProtocol(HttpToolsProtocol):
    """Puts the transport and the request's cycle into the scope, and answers whole requests at once.

    uvicorn starts a task as soon as it has read the headers of a request. Here it waits until the bytes at
    hand are parsed: if they hold the whole request, the application's `at_once` answers it without a task,
    which halves the time. A request that arrives in pieces gets its task then.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        app = self.app.app if isinstance(self.app, ProxyHeadersMiddleware) else self.app
        self._at_once = getattr(app, "at_once", None)
        self._parsing = False
        self._head = 0
        """Bytes so far of a head that is not complete."""
        self._opening = b""
        """The first byte of the connection: TLS is told by it."""
        self._begun: RequestResponseCycle | None = None

    def data_received(self, data: bytes) -> None:
        scope = self.scope
        if scope is None:
            self._opening = data[:1]
        self._parsing = self._at_once is not None
        super().data_received(data)
        self._parsing = False
        if self.scope is not None and "method" not in self.scope:
            self._count_head(scope is self.scope, len(data))
        begun = self._begun
        if begun is not None:
            self._begun = None
            self._start_asgi_task(begun, self.app)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        begun = self._begun
        if begun is not None and self._at_once is not None:
            self._begun = None
            rest = self._at_once(begun, self.app)
            if rest is not None:
                self._start_asgi_task(begun, rest)

    def _count_head(self, going_on: bool, size: int) -> None:
        """Refuse a head that grows and grows; uvicorn would keep all of it."""
        self._head = size + (self._head if going_on else 0)
        if self._head > MAX_HEAD and not self.transport.is_closing():
            self._refuse(431, f"Request header fields too large: expected at most {MAX_HEAD} bytes.")

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, with a hint where it looks like TLS."""
        if self._opening == b"\x16":
            msg += " It looks like TLS: this address speaks http://, not https://."
        self._refuse(400, msg)

    def _refuse(self, status: int, text: str) -> None:
        state = self.config.app.mock  # type: ignore[union-attr]
        path = self.url.decode("utf-8", "replace")[:200] if self.scope is not None else ""
        exchange = Exchange("", path.partition("?")[0], b"", [], state.clock.now())
        answer = error_answer(state, exchange, status, text)
        content = [STATUS_LINE[status]]
        for name, value in (*answer.headers, *CORS_HEADERS, (b"content-type", JSON)):
            content += (name, b": ", value, b"\r\n")
        content.append(b"content-length: %d\r\nconnection: close\r\n\r\n" % len(answer.body))
        self.transport.write(b"".join(content) + answer.body)
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self._parsing and cycle.more_body:
            self._begun = cycle
            return
        scope: dict[str, Any] = cycle.scope  # type: ignore[assignment]
        scope[CYCLE] = cycle
        scope[TRANSPORT] = self.transport
        super()._start_asgi_task(cycle, app)


def write_whole(
    cycle: RequestResponseCycle, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
) -> bool:
    """Write a whole answer at once; False where it has to go the ordinary way.

    uvicorn writes head and body apart and checks every header: for answers whose headers are the server's
    own, one write saves a third of the time. `headers` hold a correct content-length.
    """
    if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
        return False
    end = b"\r\n\r\n" if cycle.keep_alive else b"\r\nconnection: close\r\n\r\n"
    if cycle.scope["method"] == "HEAD":
        body = b""
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(STATUS_LINE[status] + b"\r\n".join(map(b": ".join, headers)) + end + body)
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True
