"""The door of a run: a port that speaks proxy, TLS and plain HTTP, and hands on what is the mock's."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any

from uvicorn.server import ServerState

from ...serving.asgi_server import bind, protocol_config
from ...serving.idle_detector import Stillness
from ...serving.uvicorn_protocol import MockProtocol
from .certificates import Authority
from .host_policy import API_HOST, Hosts
from .request_sniffer import Opening, read_opening
from .tunnel import Tunnels
from .user_proxies import Upstream

__all__ = ["Gateway"]

KEEP_ALIVE = 7
"""Real seconds that an idle connection stays: Node does not end before, where an answer was left unread."""
IDLE = 0.1
"""The same once nothing but the end of idle connections can happen any more."""
HANDSHAKE = 10.0
"""Real seconds that a TLS handshake, or the rest of a request's head, may take."""

Service = Callable[[socket.socket], Any]


class Gateway:
    """Takes connections beside the mock's own port, in the mock's event loop.

    Two ports: `hooked` for programs whose time can be told, `port` for all others (curl, wget, a proxy's
    clients). `service` takes connections that speak the hooks' own protocol; other hosts are reached through
    the proxies of `upstream`.
    """

    def __init__(
        self,
        app: Any,
        stillness: Stillness,
        authority: Authority,
        hosts: Hosts,
        upstream: Upstream | None = None,
    ) -> None:
        self.hosts = hosts
        self.service: Service | None = None
        self.states = {True: ServerState(), False: ServerState()}
        self._stillness = stillness
        self._context = authority.server_context(hosts.names)
        self._app = app
        self._listening: dict[bool, socket.socket] = {}
        self._waiting: set[socket.socket] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._tunnels = Tunnels(stillness, upstream or Upstream())
        self._config: Any = None

    @property
    def port(self) -> int:
        """The port for programs without a hook: an HTTP proxy."""
        return int(self._listening[False].getsockname()[1])

    @property
    def hooked(self) -> int:
        """The port to which the hooks lead connections."""
        return int(self._listening[True].getsockname()[1])

    def sockets(self) -> list[socket.socket]:
        """Sockets whose bytes nobody has read yet."""
        return [*self._listening.values(), *self._waiting]

    async def open(self) -> None:
        """Listen; to be called in the mock's event loop."""
        self._config = protocol_config(self._app)
        self._config.timeout_keep_alive = KEEP_ALIVE
        loop = asyncio.get_running_loop()
        self._stillness.watch(self.states.values(), self.sockets)
        for hooked in (True, False):
            listening = self._listening[hooked] = bind("127.0.0.1", 0)
            listening.setblocking(False)
            loop.add_reader(listening.fileno(), self._accept, listening, hooked)

    async def close(self) -> None:
        """Stop listening and close every connection."""
        loop = asyncio.get_running_loop()
        for listening in self._listening.values():
            loop.remove_reader(listening.fileno())
            listening.close()
        for sock in list(self._waiting):
            self._forget(sock)
            sock.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)
        for state in self.states.values():
            for connection in list(state.connections):
                connection.transport.abort()
        self._tunnels.close()
        for _ in range(3):
            await asyncio.sleep(0)

    def close_idle(self) -> None:
        """Close idle connections of hooked programs: nothing else is left that they could wait for."""
        connections: list[Any] = list(self.states[True].connections)
        for connection in connections:
            connection.end_if_idle()

    def _accept(self, listening: socket.socket, hooked: bool) -> None:
        """Take what waits to be accepted; each is looked at once its first bytes are there."""
        for _ in range(64):
            try:
                sock, _address = listening.accept()
            except OSError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._await_bytes(sock, hooked)

    def _await_bytes(self, sock: socket.socket, hooked: bool) -> None:
        self._waiting.add(sock)
        asyncio.get_running_loop().add_reader(sock.fileno(), self._begin, sock, hooked)

    def _forget(self, sock: socket.socket) -> None:
        self._waiting.discard(sock)
        asyncio.get_running_loop().remove_reader(sock.fileno())

    def _begin(self, sock: socket.socket, hooked: bool) -> None:
        self._forget(sock)
        self._stillness.arriving += 1
        task = asyncio.ensure_future(self._take(sock, hooked))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._stillness.arriving -= 1

    async def _take(self, sock: socket.socket, hooked: bool) -> None:
        """Look at a connection's first bytes and bring it where it belongs."""
        try:
            opening, head = await asyncio.wait_for(self._read_head(sock), HANDSHAKE)
            if opening.kind == "service" and self.service is not None:
                self.service(sock)
            elif opening.kind == "tls":
                await self._hand_over(sock, hooked, self._context)
            elif opening.kind == "origin":
                await self._hand_over(sock, hooked, None, head)
            elif opening.kind in ("connect", "absolute"):
                await self._proxy(sock, hooked, opening, head)
            else:
                sock.close()
        except ssl.SSLError:
            self.hosts.untrusted += 1
            sock.close()
        except (OSError, TimeoutError):
            sock.close()
        except asyncio.CancelledError:
            sock.close()
            raise

    async def _read_head(self, sock: socket.socket) -> tuple[Opening, bytes]:
        """The opening and the bytes taken for it; TLS and the hooks' own words stay in the socket."""
        first = sock.recv(1, socket.MSG_PEEK)
        if not first:
            return Opening("rubbish"), b""
        if first in (b"\x16", b"{"):
            return read_opening(first) or Opening("rubbish"), b""
        head = b""
        while True:
            chunk = await asyncio.get_running_loop().sock_recv(sock, 65536)
            if not chunk:
                return Opening("rubbish"), head
            head += chunk
            opening = read_opening(head)
            if opening is not None:
                return opening, head

    async def _hand_over(
        self, sock: socket.socket, hooked: bool, context: ssl.SSLContext | None, head: bytes = b""
    ) -> None:
        """Let the mock's own HTTP protocol go on with a connection."""
        state, config, hosts = self.states[hooked], self._config, self.hosts

        class Protocol(MockProtocol):
            def connection_made(self, transport: Any) -> None:
                super().connection_made(transport)
                if head:
                    self.data_received(head)

            def end_if_idle(self) -> None:
                since = self._idle_since
                if since is not None and self.loop.time() - since >= IDLE:
                    self.transport.close()

            def on_headers_complete(self) -> None:
                # A client that keeps its connection to a proxy may ask for another host next: not here.
                if hosts.decide(_host_of(self.url)) == "mock":
                    super().on_headers_complete()
                else:
                    self.transport.close()

        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(
            lambda: Protocol(config=config, server_state=state, app_state={}),
            sock,
            ssl=context,
            ssl_handshake_timeout=HANDSHAKE if context is not None else None,
        )

    async def _proxy(self, sock: socket.socket, hooked: bool, opening: Opening, head: bytes) -> None:
        """What a proxy does: for the mock's hosts by the mock, for others by a tunnel or a refusal."""
        loop = asyncio.get_running_loop()
        decision = self.hosts.decide(opening.host)
        if decision == "refuse":
            self.hosts.refuse(opening.host, opening.port)
            self.hosts.unhooked_refused(f"{opening.host}:{opening.port}")
            await loop.sock_sendall(sock, _refusal(opening, head))
            sock.close()
        elif decision == "pass":
            await self._tunnels.open(sock, opening, head)
        elif opening.kind == "absolute":
            await self._hand_over(sock, hooked, None, opening.rewritten)
        else:
            await loop.sock_sendall(sock, b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._await_bytes(sock, hooked)


def _refusal(opening: Opening, head: bytes) -> bytes:
    """What a client is told of a host that it must not reach, so that every one takes it for a failure."""
    if head.startswith(b"HEAD "):
        return b""  # with any head at all, curl would be content
    text = f"kling-mock run is offline: {opening.host}:{opening.port} was not contacted.\n".encode()
    lines = (b"HTTP/1.1 403 Refused by kling-mock", b"Content-Type: text/plain", b"Connection: close")
    # curl takes any answer to a plain request for a success, but not one that breaks off.
    missing = 0 if opening.kind == "connect" else 1
    return b"\r\n".join((*lines, b"Content-Length: %d" % (len(text) + missing), b"", text))


def _host_of(target: bytes) -> str:
    """The host that a request's target names, as clients of a proxy write it; the API's for a plain path."""
    opening = read_opening(b"GET " + target + b" HTTP/1.1\r\n")
    return opening.host if opening is not None and opening.kind == "absolute" else API_HOST
