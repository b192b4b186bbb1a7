"""A protocol without a socket: a clock that tests move, a transport that keeps what is written."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from unittest import mock

from uvicorn.server import ServerState

from kling_mock.app import MockApp
from kling_mock.common import Common
from kling_mock.serving.asgi_server import protocol_config
from kling_mock.serving.uvicorn_protocol import MockProtocol
from kling_mock.settings import Settings
from kling_mock.store import at_once

from ..support import MODEL, PATHS

__all__ = ["BODY", "HEAD", "POLL", "Connection", "Connections", "connections", "in_loop", "post", "statuses"]

T = TypeVar("T")
BODY = json.dumps({"model": MODEL, "prompt": "A fox in the snow"}).encode()
HEAD = (
    b"POST /v2/video/generations HTTP/1.1\r\nHost: mock.test\r\nAuthorization: Bearer k\r\n"
    b"Content-Type: application/json\r\n"
)
POLL = (
    PATHS[0].encode().join((b"GET ", b"?generation_id=x HTTP/1.1\r\n"))
    + b"Host: mock.test\r\nAuthorization: Bearer k\r\n\r\n"
)


def post(body: bytes = BODY, *lines: bytes) -> bytes:
    """A create as it goes over the wire, with more header lines."""
    more = b"".join([line + b"\r\n" for line in lines])
    return HEAD + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


def statuses(written: bytes) -> list[int]:
    """The statuses of the answers in what was written."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", written)]


class _Transport(asyncio.Transport):
    def __init__(self, client: str) -> None:
        super().__init__({"peername": (client, 1)})
        self.written = b""
        self.closed = False
        self.protocol: MockProtocol | None = None

    def write(self, data: Any) -> None:
        assert not self.closed
        self.written += bytes(data)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self.lose)

    def abort(self) -> None:
        self.close()

    def lose(self) -> None:
        """Tell the protocol, once, that the connection is lost."""
        self.closed = True
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connection_lost(None)

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Connection:
    """One connection of a server without a socket."""

    def __init__(self, server: Connections, client: str) -> None:
        self.transport = _Transport(client)
        self.protocol = MockProtocol(config=server.config, server_state=server.state, app_state={})
        self.transport.protocol = self.protocol
        self._server = server
        self.protocol.connection_made(self.transport)

    @property
    def written(self) -> bytes:
        return self.transport.written

    @property
    def closed(self) -> bool:
        return self.transport.closed

    @property
    def statuses(self) -> list[int]:
        return statuses(self.written)

    def send(self, data: bytes) -> None:
        """Let bytes arrive; those behind the end of the connection do not."""
        if not self.closed:
            self.protocol.data_received(data)

    def lose(self) -> None:
        """End it from the client's side."""
        self.transport.lose()

    async def until(self, condition: Callable[[], object]) -> None:
        """Let the loop run until something holds; a microsecond passes in each round."""
        for _ in range(20_000):
            if condition():
                return
            self._server.now += 1e-6
            await asyncio.sleep(0)
        raise AssertionError(f"This did not come; written so far: {self.written[-300:]!r}")


class Connections:
    """A server without sockets; its loop's time moves when a test says so."""

    def __init__(self, **options: Any) -> None:
        self.common = Common(Settings(**{"seed": 7, "polls": (0, 0), **options}))
        self.app = MockApp(self.common)
        self.config = protocol_config(self.app)
        self.state = ServerState()
        self.now = 1000.0
        self._opened: list[Connection] = []

    @property
    def jobs(self) -> int:
        return at_once(self.common.default.store.counts()).made

    @property
    def noted(self) -> list[tuple[str, int | None, str | None]]:
        """Method, status and fault of each exchange in the journal."""
        return [(one.method, one.status, one.fault) for one in self.common.default.journal]

    @property
    def held(self) -> int:
        """Bytes that requests under way hold."""
        return self.common.limits.memory.used

    def connect(self, client: str = "192.0.2.1") -> Connection:
        self._opened.append(Connection(self, client))
        return self._opened[-1]

    def pass_time(self, seconds: float) -> None:
        """Let the loop's time pass, and call what is due."""
        self.now += seconds
        for connection in self._opened:
            protocol = connection.protocol
            while protocol.timeout_keep_alive_task is not None and protocol._timer_due <= self.now:
                if connection.closed:
                    break
                protocol.timeout_keep_alive_handler()

    def end(self) -> None:
        for connection in self._opened:
            connection.lose()


@asynccontextmanager
async def connections(**options: Any) -> AsyncIterator[Connections]:
    """Such a server; its connections are lost at the end."""
    server = Connections(**options)
    with mock.patch.object(asyncio.get_running_loop(), "time", lambda: server.now):
        try:
            yield server
        finally:
            server.end()
            await asyncio.sleep(0)


def in_loop(test: Callable[[], Awaitable[T]]) -> T:
    """Run a test in an event loop of its own."""

    async def run() -> T:
        return await test()

    return asyncio.run(run())
