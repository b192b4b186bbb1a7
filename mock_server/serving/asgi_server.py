"""A listening socket and the event loop behind it, in this thread or in one of its own."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import sys
from _thread import allocate_lock
from collections.abc import Callable
from typing import Any, Protocol

import uvicorn
from uvicorn.server import ServerState

from ..common import Common
from ..errors import ServerError
from ..limits import Limits
from ..store.journal_room import forget_beyond, journals_beyond
from ..timing import LOOP_RUNS, SERVER_ENDS_ANSWERS, STORE_LOOK, STORE_TIDIED, STREAM_LOOK
from ..workspace import Workspace
from ..workspaces import LOOKS
from .idle_detector import IdleDetector
from .protocol_choice import protocol_class

__all__ = ["Listener", "ServedApp", "bind", "new_event_loop", "protocol_config"]

BACKLOG = 2048


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's event loop where it is installed, asyncio's own elsewhere."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def bind(host: str, port: int) -> socket.socket:
    """A bound TCP socket; raises `ServerError` that says what to do where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if host == "::" and socket.has_dualstack_ipv6():
        # All addresses are meant, those of IPv4 too.
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        listening.bind((host, port))
        # Two programs may bind one port; only one may listen.
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            hint = "another program has it; choose another --port, or 0 for a free one"
        elif error.errno == errno.EACCES:
            hint = "ports below 1024 need more rights; choose another --port"
        else:
            hint = f"{error.strerror or error}; --host takes an address of this machine"
        raise ServerError(f"Cannot listen on {host}:{port}: {hint}.") from None
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def protocol_config(app: Any) -> uvicorn.Config:
    """What uvicorn's protocol is told: quiet, without a lifespan, and without belief in proxies' headers."""
    limits: Limits = getattr(app, "limits", None) or Limits()
    config = uvicorn.Config(
        app,
        http=protocol_class(),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="critical",
        # Who the client is decides over the control API: no header does, whatever the environment says.
        proxy_headers=False,
    )
    config.load()
    # uvicorn declares whole seconds, and takes any.
    config.timeout_keep_alive = limits.idle_timeout  # type: ignore[assignment]
    return config


class ServedApp(Protocol):
    """An application with the common parts of its server."""

    @property
    def common(self) -> Common:
        """What its workspaces share."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""


class Listener:
    """Serves one application on bound sockets until it is told to stop.

    `sockets` are pairs of a socket and the TLS context that its connections speak, or None.
    """

    def __init__(
        self,
        app: ServedApp,
        sockets: list[tuple[socket.socket, ssl.SSLContext | None]],
        *,
        alone: bool = True,
    ) -> None:
        """`alone` says that no other process listens on these sockets."""
        self._alone = alone
        self.app = app
        self.sockets = sockets
        self._state = ServerState()
        self.idle_detector: IdleDetector | None = None
        """Tells, while it serves, whether the server is idle."""
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Listen, call `ready`, and serve until `stop`."""
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.app.common.address = _address(self.sockets[0][0])
        beside = (self._end_idle_workspaces(), self._follow_store(), self._tidy_store())
        looks = [self._loop.create_task(one) for one in beside]
        traffic = self.app.common.traffic
        self.idle_detector = IdleDetector(
            self._loop, traffic, [self._state], lambda: [one for one, _ in self.sockets]
        )
        config = protocol_config(self.app)

        def protocol() -> asyncio.Protocol:
            kind: Any = config.http_protocol_class
            return kind(config=config, server_state=self._state, app_state={})  # type: ignore[no-any-return]

        servers = [
            await self._loop.create_server(protocol, sock=listening, ssl=context, backlog=BACKLOG)
            for listening, context in self.sockets
        ]
        try:
            ready()
            await self._stop.wait()
        finally:
            for look in looks:
                look.cancel()
            for listening, _ in self.sockets if self._alone else ():
                _shut(listening)
            for server in servers:
                server.close()
            await self._finish()

    async def _follow_store(self) -> None:
        """Let those who wait in a workspace learn what other servers of the store do there."""
        while self.app.common.backend is not None:
            await asyncio.sleep(STORE_LOOK)
            for space in self.app.common.workspaces.values():
                if space.holds.any() or space.bus.watched:
                    space.follow()

    async def _tidy_store(self) -> None:
        """Have the journals of a store forget what they have too much of, together with those of others."""
        common = self.app.common
        while (backend := common.backend) is not None:
            await asyncio.sleep(STORE_TIDIED)
            sizes = await common.off_loop.run(journals_beyond(backend, common.settings.max_memory_journals))
            forget_beyond(backend, sizes)

    async def _end_idle_workspaces(self) -> None:
        """Look for workspaces that nobody uses, as long as it serves."""
        spaces = self.app.common.workspaces
        while pause := self.app.common.settings.workspace_idle / LOOKS:
            await asyncio.sleep(pause)
            spaces.look()

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that it serves in; None before it does."""
        return self._loop

    def stop(self) -> None:
        """End `serve`, from any thread."""
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)

    def drop_unfinished(self, space: Workspace) -> None:
        """Break off connections with a request to a workspace under way. Call it in its loop."""
        for connection in list(self._state.connections):
            # Of uvicorn's own protocol it is not known.
            forget = getattr(connection, "forget", None)
            if forget is not None:
                forget(space)

    def run_in_loop(self, action: Callable[[], None]) -> bool:
        """Run something between two exchanges, from another thread; False where the loop is too busy."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return False
        # Locks of their own kind: those of `threading` may go by virtual time.
        claimed, done = allocate_lock(), allocate_lock()
        done.acquire()

        def run() -> None:
            if claimed.acquire(False):
                try:
                    action()
                finally:
                    done.release()

        loop.call_soon_threadsafe(run)
        if done.acquire(timeout=LOOP_RUNS):
            return True
        if claimed.acquire(False):
            return False
        # It has begun, and takes no longer than it takes.
        done.acquire()
        return True

    async def _finish(self) -> None:
        """End held answers at once, let running ones finish, and close every connection."""
        for space in self.app.common.workspaces.values():
            space.holds.end()
        for connection in list(self._state.connections):
            connection.shutdown()
        # Held answers notice that they were ended; streams of events would never end by themselves.
        waited = 0.0
        while self._state.tasks and waited < SERVER_ENDS_ANSWERS:
            await asyncio.wait(self._state.tasks, timeout=STREAM_LOOK)
            waited += STREAM_LOOK
            if self._only_streams():
                break
        for connection in list(self._state.connections):
            _shut(connection.transport.get_extra_info("socket"))
            connection.transport.abort()
        # Aborted transports say so to their protocols in the loop's next rounds.
        for _ in range(3):
            await asyncio.sleep(0)
        await _cancel(list(self._state.tasks))

    def _only_streams(self) -> bool:
        return self.app.common.traffic.open == 0


def _shut(ended: Any) -> None:
    """Shut a socket down in every process that has it: a child that was forked keeps no port open."""
    if ended is None:
        return
    with contextlib.suppress(OSError):
        # Another descriptor: what a transport hands out has no shutdown().
        with socket.socket(fileno=os.dup(ended.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    """End answers that nobody reads; what uvicorn still tries to say to closed connections is no news."""
    for task in tasks:
        task.cancel()
    done = (await asyncio.wait(tasks, timeout=SERVER_ENDS_ANSWERS))[0] if tasks else set()
    for task in done:
        if not task.cancelled():
            task.exception()
