"""The protocol answers a request in whatever pieces it arrives, a whole one at once, and all in order."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from kling_mock import MockServer
from kling_mock.app import MockApp
from kling_mock.common import Common
from kling_mock.events import EventKind
from kling_mock.serving.asgi_server import protocol_config
from kling_mock.serving.uvicorn_protocol import MockProtocol
from kling_mock.settings import Settings
from kling_mock.store import at_once

from .support import MODEL, PATHS, raw

BODY = json.dumps({"model": MODEL, "prompt": "A fox in the snow"}).encode()


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        assert not self.closed
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def request(method: str, target: str, body: bytes = b"", *lines: str, version: str = "1.1") -> bytes:
    head = [f"{method} {target} HTTP/{version}", "Host: mock.test", "Authorization: Bearer k", *lines]
    if body:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


CREATE = request("POST", PATHS[0], BODY)
UNKNOWN = request("GET", PATHS[0] + "?generation_id=unknown")
MODELS = request("GET", "/model/" + MODEL)


def connected(app: Any, protocol_class: type[MockProtocol] = MockProtocol) -> tuple[MockProtocol, Transport]:
    protocol = protocol_class(config=protocol_config(app), server_state=ServerState(), app_state={})
    transport = Transport()
    protocol.connection_made(transport)
    return protocol, transport


def new_app(make: Callable[[Common], MockApp] = MockApp, **options: Any) -> MockApp:
    return make(Common(Settings(seed=7, polls=(0, 0), **options)))


def exchange(
    app: Any, pieces: Sequence[bytes], answers: int, protocol_class: type[MockProtocol] = MockProtocol
) -> Transport:
    """Feed pieces to a new connection, a round of the loop after each, until so many answers have come."""

    async def feed() -> Transport:
        protocol, transport = connected(app, protocol_class)
        for piece in pieces:
            if not transport.closed:
                protocol.data_received(piece)
            await asyncio.sleep(0)
        for _ in range(2000):
            if transport.written.count(b"HTTP/1.1 ") >= answers and not protocol.tasks:
                break
            await asyncio.sleep(0.001)
        protocol.connection_lost(None)
        return transport

    return asyncio.run(feed())


def steady(written: bytes) -> bytes:
    """What was written, without what changes from run to run."""
    return re.sub(rb'(date|"timestamp"): ?"?[^"\r]*', rb"\1", written)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(CREATE) + len(UNKNOWN) + len(MODELS)), max_size=6))
def test_however_requests_are_cut_the_answers_are_the_same(cuts: list[int]) -> None:
    whole = CREATE + UNKNOWN + MODELS
    edges = [0, *sorted(cuts), len(whole)]
    pieces = [whole[start:end] for start, end in itertools.pairwise(edges) if start < end]
    app = new_app()
    written = exchange(app, pieces, 3).written
    assert steady(written) == steady(exchange(new_app(), [CREATE, UNKNOWN, MODELS], 3).written)
    assert [one.status for one in app.common.default.journal] == [200, 404, 200]
    assert app.common.traffic.open == 0 and len(at_once(app.common.default.store.jobs())) == 1


@pytest.mark.parametrize("lines", [(), ("Connection: close",)], ids=["stays", "closes"])
def test_each_request_that_is_answered_at_once_counts(lines: tuple[str, ...]) -> None:
    """What a program without a hook asked is known by that, however it keeps its connections."""

    async def counted() -> int:
        protocol, _ = connected(new_app())
        protocol.data_received(request("GET", PATHS[0] + "?generation_id=unknown", b"", *lines))
        protocol.connection_lost(None)
        return protocol.server_state.total_requests

    assert asyncio.run(counted()) == 1


class EachHeadRead(MockProtocol):
    """Reads every head, also one that is the same as before."""

    def _keep_head(self, data: bytes) -> None: ...


CHUNKED = request("POST", PATHS[0], b"", "Content-Type: application/json", "Transfer-Encoding: chunked")
REPEATED = [
    CREATE,
    CREATE.replace(b"fox", b"cat"),
    CREATE.replace(b"fox", b"fo\xff"),
    CREATE.replace(b"A fox in", b"\r\n\r\n in"),
    CREATE.replace(b"\r\n", b"\n"),
    CREATE.replace(b"\r\n", b"\n").replace(b"A fox in", b"\r\n\r\n in"),
    b"\r\n" + CREATE,
    CREATE + b"\r\n",
    CREATE[:-2],
    CREATE[-2:],
    CREATE + CREATE,
    request("POST", PATHS[0], b"\r\n") + b"\r\n",
    request("POST", PATHS[0], b"\r\n") + b"GE",
    CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    CHUNKED + b"5\r\n0\r\n\r\n\r\n0\r\n\r\n",
    CHUNKED + b"0\r\n\r\n",
    UNKNOWN,
    UNKNOWN + UNKNOWN,
    UNKNOWN.replace(b"unknown", b"another"),
    request("GET", PATHS[0], b"", "Expect: 100-continue"),
    request("POST", PATHS[0], BODY, "Upgrade: h2c", "Connection: Upgrade"),
    request("POST", PATHS[0], BODY, "X-Mock-Scenario: create-429"),
    MODELS,
]


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(REPEATED), max_size=4), st.lists(st.sampled_from(REPEATED), max_size=8))
def test_a_head_that_is_repeated_is_read_as_at_first(before: list[bytes], pieces: list[bytes]) -> None:
    # Twice each: what is the same as before is what matters.
    pieces = [*before, *(piece for piece in pieces for _ in range(2))]
    kept, read = new_app(), new_app()
    written = exchange(kept, pieces, 0).written
    assert steady(written) == steady(exchange(read, pieces, 0, EachHeadRead).written)
    one, two = (
        [
            (e.method, e.path, e.query_string, e.raw_headers, e.body, e.status)
            for e in app.common.default.journal
        ]
        for app in (kept, read)
    )
    assert one == two


def test_connections_that_repeat_their_heads_keep_them_apart() -> None:
    app = new_app()

    async def feed() -> list[bytes]:
        talks = [connected(app) for _ in range(3)]
        for _ in range(3):
            for number, (protocol, _) in enumerate(talks):
                protocol.data_received(
                    CREATE.replace(b"Host: ", b"X-Client-Request-Id: c%d\r\nHost: " % number)
                )
        for protocol, _ in talks:
            protocol.connection_lost(None)
        return [bytes(transport.written) for _, transport in talks]

    written = asyncio.run(feed())
    ids = [re.findall(rb"x-client-request-id: (\w+)", one) for one in written]
    assert ids == [[b"c%d" % number] * 3 for number in range(3)]
    headers = [dict(one.raw_headers) for one in app.common.default.journal]
    assert [one[b"x-client-request-id"] for one in headers] == [b"c0", b"c1", b"c2"] * 3


def test_a_head_that_is_repeated_is_not_read_again() -> None:
    app = new_app()

    class NoMore:
        def feed_data(self, data: bytes) -> None:
            raise AssertionError(f"read again: {data!r}")

        def should_keep_alive(self) -> bool:
            return True

    async def feed() -> None:
        protocol, transport = connected(app)
        for packet in (CREATE, UNKNOWN):
            protocol.data_received(packet)
            parser, protocol.parser = protocol.parser, cast(Any, NoMore())
            protocol.data_received(packet)
            protocol.data_received(packet.replace(b"fox", b"cat"))
            protocol.parser = parser
        assert re.findall(rb"HTTP/1.1 (\d+)", transport.written) == [b"200"] * 3 + [b"404"] * 3
        protocol.connection_lost(None)

    asyncio.run(feed())
    assert [one.body.count(b"cat") for one in app.common.default.journal] == [0, 0, 1, 0, 0, 0]


def test_what_comes_behind_a_slow_answer_waits_for_it() -> None:
    slow = request("POST", PATHS[0], BODY, "X-Mock-Scenario: create-slow")
    app = new_app(speed=10_000)
    written = exchange(app, [slow + UNKNOWN + CREATE], 3).written
    assert re.findall(rb"HTTP/1.1 (\d+)", written) == [b"200", b"404", b"200"]
    assert app.common.traffic.open == 0


@pytest.mark.parametrize("ending", [("1.1", "Connection: close"), ("1.0", "X: y")])
def test_a_last_request_ends_the_connection(ending: tuple[str, str]) -> None:
    version, line = ending
    transport = exchange(new_app(), [request("POST", PATHS[0], BODY, line, version=version)], 1)
    assert transport.closed
    assert b"\r\nconnection: close\r\n" in transport.written


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it() -> None:
    asking = request("POST", PATHS[0], BODY, "Expect: 100-continue")
    head = asking[: -len(BODY)]
    written = exchange(new_app(), [head, b"", BODY], 2).written
    assert written.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_an_application_without_the_short_way_sees_every_request() -> None:
    class Watching(MockApp):
        seen = 0

        def __init__(self, common: Common) -> None:
            super().__init__(common, at_once=False)

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            self.seen += 1
            await super().__call__(scope, receive, send)

    app = new_app(Watching)
    exchange(app, [CREATE, UNKNOWN], 2)
    assert isinstance(app, Watching) and app.seen == 2


def test_a_bug_is_answered_and_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug for the test")

    monkeypatch.setattr("kling_mock.app.poll", broken)
    app = new_app()
    written = exchange(app, [UNKNOWN, CREATE], 2).written
    assert re.findall(rb"HTTP/1.1 (\d+)", written) == [b"500", b"200"]
    assert "a bug for the test" in caplog.text and "kling_mock" in caplog.text


@pytest.mark.slow
def test_requests_leave_nothing_to_the_garbage_collector() -> None:
    async def feed() -> int:
        protocol, _ = connected(new_app())
        protocol.data_received(CREATE + UNKNOWN)
        gc.collect()
        gc.disable()
        try:
            for _ in range(200):
                protocol.data_received(CREATE + UNKNOWN)
            return gc.collect()
        finally:
            gc.enable()
            protocol.connection_lost(None)

    assert asyncio.run(feed()) < 200


def test_an_idle_connection_is_closed_and_a_busy_one_is_not() -> None:
    async def wait() -> tuple[bool, bool, bool]:
        protocol, transport = connected(new_app())
        protocol.timeout_keep_alive = 3600
        protocol.data_received(UNKNOWN)
        protocol.timeout_keep_alive_handler()
        early = transport.closed
        protocol.timeout_keep_alive = 0
        protocol.data_received(UNKNOWN[:10])
        protocol.timeout_keep_alive = 3600
        protocol.timeout_keep_alive_handler()
        busy = transport.closed
        protocol.timeout_keep_alive = 0
        protocol.data_received(UNKNOWN[10:])
        protocol.timeout_keep_alive_handler()
        timer = protocol.timeout_keep_alive_task
        protocol.connection_lost(None)
        assert timer is not None and timer.cancelled()
        return early, busy, transport.closed

    assert asyncio.run(wait()) == (False, False, True)


@pytest.mark.parametrize("request_bytes", [b"\x16\x03\x01rubbish", b"GET / HTTP/1.1\r\nx: " + b"y" * 70_000])
def test_what_is_no_request_is_in_the_journal_too(request_bytes: bytes) -> None:
    with MockServer() as server:
        seen: list[int | None] = []
        server.space.bus.subscribe(lambda event: seen.append(event.data.status), [EventKind.EXCHANGE])
        status = int(raw(server, request_bytes, end=True).split()[1])
        (exchange,) = server.exchanges
        assert seen == [exchange.status] == [status] and server.traffic.open == 0
        assert exchange.violations[0].path == "request"
