"""The application: which path goes where, and what every exchange passes on its way in and out."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from mock_server.api.answer import Answer, error_answer, preflight_answer
from mock_server.api.call import Call
from mock_server.api.create import create
from mock_server.api.delivery import deliver
from mock_server.api.models import list_models, one_model
from mock_server.api.poll import poll
from mock_server.api.video import video
from mock_server.control import control_routes
from mock_server.journal import Exchange
from mock_server.settings import Settings
from mock_server.state import State

__all__ = ["CREATE_PATHS", "FAMILIES", "MockApp", "create_app"]

CREATE_PATHS = ("/v2/video/generations", "/v1/video/generations", "/video/generations")
FAMILIES = ("kling", "alibaba", "bytedance", "google", "minimax", "pixverse", "runway")
"""The vendors whose models have an older path of their own."""
LEGACY_PATHS = {f"/v2/generate/video/{family}/generation": family for family in FAMILIES}
MODEL_LISTS = ("/v1/models", "/models")

Message = MutableMapping[str, Any]
Listener = Callable[[Exchange, float], None]


class MockApp(Starlette):
    """A Starlette application whose two hot paths skip the router: most requests are polls."""

    def __init__(self, state: State) -> None:
        super().__init__(routes=control_routes(state))
        self.mock = state
        self.on_exchange: list[Listener] = []
        """Called with each exchange once it has been answered, and the real seconds that it took."""
        self._generations = {path: None for path in CREATE_PATHS} | LEGACY_PATHS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith(("/_mock", "/openapi")):
            await super().__call__(scope, receive, send)
            return
        state = self.mock
        started = time.perf_counter()
        exchange = Exchange(scope["method"], path, scope["query_string"], scope["headers"], state.clock.now())
        traffic = state.traffic
        traffic.open += 1
        traffic.received += 1
        try:
            await self._exchange(exchange, scope, receive, send)
        finally:
            traffic.open -= 1
            exchange.ended_at = state.clock.now()
            exchange.took = time.perf_counter() - started
            for listener in self.on_exchange:
                listener(exchange, exchange.took)

    async def _exchange(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request and note it in the journal, before the answer goes out."""
        state = self.mock
        call = Call(exchange, scope["scheme"])
        if exchange.path.startswith("/media/") and exchange.method in ("GET", "HEAD"):
            state.journal.add(exchange)
            await video(state, call, scope, receive, send)
            return
        try:
            answer = await self._answer(exchange, call, receive)
        except Exception:
            # A bug of this program: the client still gets the API's error body, the user the traceback.
            traceback.print_exc(file=sys.stderr)
            answer = error_answer(
                state, exchange, 500, "Internal server error: a bug in kling-mock; see its log."
            )
        if answer is None:
            exchange.fault = "client-left"
            state.journal.add(exchange)
            return
        if call.request_id is not None:
            answer.headers = [*answer.headers, (b"x-client-request-id", call.request_id)]
        latency = state.settings.answer_latency
        if latency and not state.clock.frozen:
            answer.delay += latency
        if answer.cut not in ("reset", "hang"):
            exchange.status = answer.status
        limit = state.settings.max_recorded_body
        exchange.answer_body = answer.body[:limit]
        exchange.answer_size = len(answer.body)
        state.journal.add(exchange)
        if exchange.method == "HEAD":
            answer = _headless(answer)
        await deliver(state, exchange, answer, scope, receive, send)

    async def _answer(self, exchange: Exchange, call: Call, receive: Receive) -> Answer | None:
        """The answer of the API; None where the client left before its request was whole."""
        state, path, method = self.mock, exchange.path, exchange.method
        if path in self._generations:
            if method == "GET":
                return poll(state, call)
            if method == "POST":
                body = await _read_body(exchange, receive, state.settings.max_body)
                if body is None:
                    return None
                if isinstance(body, int):
                    return _too_large(state, exchange, body)
                exchange.body = body[: state.settings.max_recorded_body]
                exchange.body_size = len(body)
                family = self._generations[path]
                return create(state, call, body, legacy=family is not None, family=family or "kling")
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


async def _read_body(exchange: Exchange, receive: Receive, limit: int) -> bytes | int | None:
    """The whole body; its size where that is over the limit; None where the client left."""
    for name, value in exchange.raw_headers:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
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
            return size
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


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
    elsewhere such an answer stays unfinished, which most servers turn into a closed connection.
    """
    return MockApp(state or State(settings or Settings()))
