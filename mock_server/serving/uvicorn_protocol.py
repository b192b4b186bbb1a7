"""The HTTP protocol of the server: uvicorn's, with a way to the connection and a shorter way out."""

from __future__ import annotations

from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from .wire import CYCLE, TRANSPORT

AT_ONCE_METHODS = (b"GET", b"POST")
MAX_HEAD = 64 * 1024
"""Bytes of a request's line and headers, about: what arrives in one piece is taken whole."""

__all__ = ["MockProtocol"]


class MockProtocol(HttpToolsProtocol):
    """Puts the transport and the request's cycle into the scope, and answers whole requests at once.

    uvicorn makes a cycle and starts a task as soon as it has read the headers of a request. For the paths
    that the application names in `at_once_paths` this waits until the bytes at hand are parsed: if they hold
    the whole request, the application's `at_once` answers it with neither, which halves the time. A request
    that arrives in pieces, or whose answer takes time, goes uvicorn's way from there.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        app = self.app.app if isinstance(self.app, ProxyHeadersMiddleware) else self.app
        self._at_once = getattr(app, "at_once", None)
        self._paths: frozenset[bytes] = (
            getattr(app, "at_once_paths", frozenset()) if self._at_once else frozenset()
        )
        self._method = ""
        """The method of a request that has no cycle yet."""
        self._in_head = False
        self._head = 0
        """Bytes so far of a head that is not complete."""
        self._opening = b""
        """The first byte of the connection: TLS is told by it."""
        self._body: bytes | None = None
        """The body so far of a request that has no cycle yet; None where there is no such request."""
        self._rest: Any = None
        """What runs as the next task instead of the application: the rest of an answer."""
        self._idle_since: float | None = None
        self._ending = False

    def unfinished(self) -> bool:
        """Whether a request to the API is on its way in, or its answer on its way out."""
        if self._in_head or self._body is not None:
            return True
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        # Who watches the exchanges goes on watching.
        return not cycle.scope["path"].startswith("/_mock")

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        super()._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        if self.headers is None:
            self._opening = data[:1]
        headers = self.headers
        super().data_received(data)
        if self._body is not None:
            self._go_on()
        if self._in_head:
            self._count_head(headers is self.headers, len(data))

    def on_message_begin(self) -> None:
        """Begin with a request; its scope is made when it turns out that one is needed."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Wait with a plain request to a path that is answered at once; let uvicorn have all others."""
        self._in_head = False
        cycle = self.cycle
        if (
            self.url.partition(b"?")[0] not in self._paths
            or (cycle is not None and not cycle.response_complete)
            or self.expect_100_continue
            or b"#" in self.url
            or self.parser.get_http_version() != "1.1"
            or (method := self.parser.get_method()) not in AT_ONCE_METHODS
            or self.parser.should_upgrade()
        ):
            self._make_cycle()
        else:
            self._method = method.decode()
            self._body = b""

    def _make_cycle(self) -> None:
        """What uvicorn does at the begin of a request and at the end of its headers."""
        url, headers, expected = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expected
        self.headers += headers
        super().on_headers_complete()
        if self.cycle is not None and not self.parser.should_keep_alive():
            # uvicorn before 0.53 looks for `Connection: close` only when it writes the headers itself.
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        if self._body is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        body = self._body
        if body is None:
            super().on_message_complete()
            return
        if self.flow.write_paused or self.transport.is_closing():
            self._go_on()
            super().on_message_complete()
            return
        path, _, query = self.url.partition(b"?")
        scheme = self.scheme or "http"
        answer = self._at_once(self._method, path.decode(), query, self.headers, scheme, body)  # type: ignore[misc]
        if isinstance(answer, bytes):
            self._body = None
            self._write_whole(answer)
            return
        self._rest = answer
        self._go_on()
        super().on_message_complete()

    def _go_on(self) -> None:
        """Let uvicorn have a request that was waited with: it gets its cycle, its task and its body."""
        body, self._body = self._body or b"", None
        self._make_cycle()
        if body:
            super().on_body(body)

    def _write_whole(self, answer: bytes) -> None:
        if self.parser.should_keep_alive():
            self.transport.write(answer)
            self.on_response_complete()
        else:
            head, _, body = answer.partition(b"\r\n\r\n")
            self.transport.write(b"%b\r\nconnection: close\r\n\r\n%b" % (head, body))
            self.transport.close()

    def on_response_complete(self) -> None:
        """As uvicorn does, but with one timer for the connection instead of one for each answer."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_in(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it has been idle for long enough, else look again when it could be."""
        idle = 0.0 if self._idle_since is None else self.loop.time() - self._idle_since
        if idle >= self.timeout_keep_alive:
            super().timeout_keep_alive_handler()
        else:
            self._look_in(self.timeout_keep_alive - idle)

    def _look_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

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
        path = self.url.decode("utf-8", "replace")[:200] if self.headers is not None else ""
        self.transport.write(self.config.app.refuse(status, text, path.partition("?")[0]))  # type: ignore[union-attr]
        self.transport.close()

    def shutdown(self) -> None:
        self._ending = True
        super().shutdown()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self._ending:
            # A request that waited for the one before it: the server has stopped meanwhile.
            return
        scope: dict[str, Any] = cycle.scope  # type: ignore[assignment]
        scope[CYCLE] = cycle
        scope[TRANSPORT] = self.transport
        rest, self._rest = self._rest, None
        super()._start_asgi_task(cycle, rest or app)
