"""The application: which path goes where, and what every exchange passes on its way in and out."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .api.create import create
from .api.models import list_models, one_model
from .api.poll import poll
from .api.request_context import Call
from .api.response import CORS_HEADERS, JSON, Answer, error_answer, preflight_answer
from .api.response_writer import deliver, whole_answer
from .api.video import video
from .control.routes import control_routes
from .errors import SettingsError
from .exchanges.journal import Exchange
from .settings import Settings
from .state import State
from .validation import Problem

__all__ = ["CREATE_PATHS", "FAMILIES", "MockApp", "create_app"]

CREATE_PATHS = ("/v2/video/generations", "/v1/video/generations", "/video/generations")
FAMILIES = ("kling", "alibaba", "bytedance", "google", "minimax", "pixverse", "runway")
"""The vendors whose models have an older path of their own."""
LEGACY_PATHS = {f"/v2/generate/video/{family}/generation": family for family in FAMILIES}
MOST_DRAINED = 2 * 1024**3
"""Bytes of a body that is too large which are still read, so that its client gets to read the answer."""
GENERATIONS: dict[str, str | None] = {path: None for path in CREATE_PATHS} | LEGACY_PATHS
"""Every path of creates and polls, with the vendor of the older ones."""
MODEL_LISTS = ("/v1/models", "/models")

App = Callable[[Scope, Receive, Send], Awaitable[None]]
Message = MutableMapping[str, Any]
Headers = list[tuple[bytes, bytes]]
Listener = Callable[[Exchange, float], None]


class MockApp(Starlette):
    """A Starlette application whose two hot paths skip the router: most requests are polls."""

    def __init__(self, state: State) -> None:
        super().__init__(routes=control_routes(state), exception_handlers={HTTPException: self._refused})
        self.router.redirect_slashes = False
        self.mock = state
        self.on_exchange: list[Listener] = []
        """Called with each exchange once it has been answered, and the real seconds that it took."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__call__" in cls.__dict__:
            # Such a class wants to see every request: none may pass it by.
            cls.at_once = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(("/_mock", "/openapi")):
            await super().__call__(scope, receive, send)
            return
        started = time.perf_counter()
        exchange = self._open(scope["method"], scope["path"], scope["query_string"], scope["headers"])
        try:
            await self._exchange(exchange, scope, receive, send)
        finally:
            self._close(exchange, started)

    def _at_once(
        self, method: str, path: str, query: bytes, headers: Headers, scheme: str, body: bytes
    ) -> bytes | App:
        """Answer a create or a poll that has arrived whole, without a task of its own.

        Returns the bytes of the answer, or the rest of it as an application where that takes time.
        """
        started = time.perf_counter()
        exchange = self._open(method, path, query, headers)
        try:
            answer = self._decide(exchange, Call(exchange, scheme), body)
            made = whole_answer(self.mock, exchange, answer)
        except BaseException:
            self._close(exchange, started)
            raise
        if made is not None:
            self._close(exchange, started)
            return made

        async def rest(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await deliver(self.mock, exchange, answer, scope, receive, send)
            finally:
                self._close(exchange, started)

        return rest

    at_once: Callable[..., bytes | App] | None = _at_once
    at_once_paths = frozenset(path.encode() for path in GENERATIONS)

    def _open(self, method: str, path: str, query: bytes, headers: Headers) -> Exchange:
        """Begin with a request."""
        state = self.mock
        traffic = state.traffic
        traffic.open += 1
        traffic.received += 1
        return Exchange(method, path, query, headers, state.clock.now())

    def _close(self, exchange: Exchange, started: float) -> None:
        """Be done with a request, however it ended."""
        self.mock.traffic.open -= 1
        exchange.ended_at = self.mock.clock.now()
        exchange.took = time.perf_counter() - started
        for listener in self.on_exchange:
            listener(exchange, exchange.took)

    def refuse(self, status: int, text: str, path: str = "") -> Answer:
        """The answer to what is no request, noted as if it were: users look for it in the log."""
        started = time.perf_counter()
        exchange = self._open("?", path, b"", [])
        exchange.violations = (Problem("request", "an HTTP request that can be read", text, "http"),)
        answer = error_answer(self.mock, exchange, status, text)
        self._note(exchange, answer)
        self._close(exchange, started)
        return answer

    async def _refused(self, request: Request, error: Exception) -> Response:
        """The API's error body for a path or a method that the control API does not have."""
        assert isinstance(error, HTTPException)
        method, path = request.method, request.url.path
        known = {"Not Found": f"Cannot {method} {path}", "Method Not Allowed": f"Cannot {method} {path}"}
        exchange = Exchange(method, path, b"", [], self.mock.clock.now())
        text = known.get(error.detail, error.detail)
        answer = error_answer(self.mock, exchange, error.status_code, text)
        response = Response(answer.body, answer.status, error.headers, JSON.decode())
        # The control API is for this machine's programs alone: no page of another origin may read it.
        shared = CORS_HEADERS if path.startswith("/openapi") else []
        response.raw_headers += [*answer.headers, *shared]
        return response

    async def _exchange(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        """Read one request, answer it and note it in the journal, before the answer goes out."""
        state = self.mock
        call = Call(exchange, scope["scheme"])
        if exchange.path.startswith("/media/") and exchange.method in ("GET", "HEAD"):
            state.journal.add(exchange)
            await video(state, call, scope, receive, send)
            return
        body: bytes | int = b""
        if exchange.method == "POST" and exchange.path in GENERATIONS:
            resets = state.resets
            received = await _read_body(exchange, receive, state.settings.max_body)
            if state.resets != resets:
                # It began before all was forgotten: what it asks for has no place in what comes after.
                await Response(status_code=503)(scope, receive, send)
                return
            if received is None:
                exchange.fault = "client-left"
                state.journal.add(exchange)
                return
            body = received
        answer = self._decide(exchange, call, body)
        if exchange.method == "HEAD":
            answer = _headless(answer)
        await deliver(state, exchange, answer, scope, receive, send)

    def _decide(self, exchange: Exchange, call: Call, body: bytes | int) -> Answer:
        """What is answered to a request, noted in the journal; `body` is its size where that is too large."""
        state = self.mock
        try:
            answer = self._answer(exchange, call, body)
        except Exception:
            # A bug of this program: the client still gets the API's error body, the user the traceback.
            traceback.print_exc(file=sys.stderr)
            answer = error_answer(
                state, exchange, 500, "Internal server error: a bug in kling-mock; see its log."
            )
        if call.request_id is not None:
            answer.headers = [*answer.headers, (b"x-client-request-id", call.request_id)]
        latency = state.settings.answer_latency
        if latency and not state.clock.frozen:
            answer.delay += latency
        self._note(exchange, answer)
        return answer

    def _note(self, exchange: Exchange, answer: Answer) -> None:
        """Put an exchange with its answer into the journal."""
        if answer.cut not in ("reset", "hang"):
            exchange.status = answer.status
        exchange.answer_body = answer.body[: self.mock.settings.max_recorded_body]
        exchange.answer_size = len(answer.body)
        self.mock.journal.add(exchange)

    def _answer(self, exchange: Exchange, call: Call, body: bytes | int) -> Answer:
        """The answer of the API."""
        state, path, method = self.mock, exchange.path, exchange.method
        if path in GENERATIONS:
            if method == "GET":
                return poll(state, call)
            if method == "POST":
                return _create(state, call, body)
            return _other_method(state, exchange, "GET, POST")
        listed = path in MODEL_LISTS
        if listed or path.startswith("/model/"):
            if method != "GET":
                return _other_method(state, exchange, "GET")
            return list_models(state, exchange) if listed else one_model(state, exchange, path[7:])
        if path.startswith("/media/"):
            return _other_method(state, exchange, "GET, HEAD")
        if method == "OPTIONS":
            return _preflight(exchange)
        return error_answer(state, exchange, 404, f"Cannot {method} {path}")


def _create(state: State, call: Call, body: bytes | int) -> Answer:
    exchange, settings = call.exchange, state.settings
    size = body if isinstance(body, int) else len(body)
    if isinstance(body, int) or size > settings.max_body:
        return _too_large(state, exchange, size)
    exchange.body = body[: settings.max_recorded_body]
    exchange.body_size = size
    family = GENERATIONS[exchange.path]
    return create(state, call, body, legacy=family is not None, family=family or "kling")


async def _read_body(exchange: Exchange, receive: Receive, limit: int) -> bytes | int | None:
    """The whole body; its size where that is over the limit; None where the client left."""
    for name, value in exchange.raw_headers:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            if all(other != b"expect" for other, _ in exchange.raw_headers):
                await _drain(receive)
            return int(value)
    message: Message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        whole: bytes = message["body"]
        return whole if len(whole) <= limit else len(whole)
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            if message.get("more_body"):
                await _drain(receive)
            return size
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


async def _drain(receive: Receive) -> None:
    """Read on without keeping anything: a client that still sends would meet a reset, not the 413."""
    size = 0
    while size < MOST_DRAINED:
        message = await receive()
        size += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return


def _too_large(state: State, exchange: Exchange, size: int) -> Answer:
    limit = state.settings.max_body
    text = f"Payload Too Large: expected at most {limit} bytes (--max-body), received {size}."
    answer = error_answer(state, exchange, 413, text)
    # The rest of the body is not read, so the connection cannot be used again.
    answer.close = True
    return answer


def _other_method(state: State, exchange: Exchange, allowed: str) -> Answer:
    if exchange.method == "OPTIONS":
        return _preflight(exchange)
    text = f"Method Not Allowed: expected {allowed.replace(', ', ' or ')}, received {exchange.method}."
    return error_answer(state, exchange, 405, text, headers=[(b"allow", f"{allowed}, OPTIONS".encode())])


def _preflight(exchange: Exchange) -> Answer:
    asked = exchange.header_values(b"access-control-request-headers")
    return preflight_answer(asked[0] if asked else None)


def _headless(answer: Answer) -> Answer:
    """The same answer to a HEAD request: its headers, without the body."""
    headers = [*answer.headers, (b"content-type", answer.content_type)]
    return Answer(answer.status, b"", headers=headers)


def create_app(settings: Settings | None = None, *, state: State | None = None) -> Starlette:
    """The mock as an ASGI application, for people who run it under a server of their own.

    Faults that break a connection off need the transport that `MockServer` and `kling-mock serve` hand on;
    elsewhere such an answer stays unfinished, which most servers turn into a closed connection. A `state`
    that exists already brings its settings along: `SettingsError` where both are given.
    """
    if state is not None and settings is not None:
        raise SettingsError("create_app: expected settings or a state, received both.")
    return MockApp(state or State(settings or Settings()))
