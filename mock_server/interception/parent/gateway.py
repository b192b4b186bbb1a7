"""The gateway of a run: ports that speak proxy, TLS and plain HTTP, and hand on what is the mock's."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

from uvicorn.server import ServerState

from ... import timing
from ...serving.asgi_server import bind, protocol_config
from ...serving.idle_detector import IdleDetector
from ...serving.uvicorn_protocol import MockProtocol
from .certificates import Authority
from .clock_server import ClockServer
from .host_policy import API_HOST, Hosts
from .request_sniffer import Opening, read_opening
from .tunnel import Tunnels
from .user_proxies import UserProxies

__all__ = ["Gateway"]


class Gateway:
    """Takes connections beside the mock's own port, in the mock's event loop.

    Two ports: `hooked` for programs whose time can be told, `port` for all others (curl, wget, a proxy's
    clients). `clock_server` takes connections that speak the hooks' own protocol: without it they are
    closed. Other hosts are reached through the user's own `proxies`.
    """

    def __init__(
        self,
        app: Any,
        idle_detector: IdleDetector,
        authority: Authority,
        hosts: Hosts,
        proxies: UserProxies | None = None,
        clock_server: ClockServer | None = None,
    ) -> None:
        self.hosts = hosts
        self._clock_server = clock_server
        self.states = {True: ServerState(), False: ServerState()}
        self._idle_detector = idle_detector
        self._context = authority.server_context(hosts.names)
        self._app = app
        self._listening: dict[bool, socket.socket] = {}
        self._waiting: set[socket.socket] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._tunnels = Tunnels(idle_detector, proxies or UserProxies())
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
        self._config.timeout_keep_alive = round(timing.GATEWAY_KEEP_ALIVE)
        loop = asyncio.get_running_loop()
        self._idle_detector.watch(self.states.values(), self.sockets)
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
            await asyncio.wait(self._tasks, timeout=timing.CONNECTION_ENDS)
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
        self._idle_detector.arriving += 1
        task = asyncio.ensure_future(self._take(sock, hooked))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._idle_detector.arriving -= 1

    async def _take(self, sock: socket.socket, hooked: bool) -> None:
        """Look at a connection's first bytes and bring it where it belongs."""
        try:
            opening, head = await asyncio.wait_for(self._read_head(sock), timing.HANDSHAKE)
            if opening.kind == "hook" and self._clock_server is not None:
                self._clock_server.accept(sock, self.close_idle)
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
            return Opening("invalid"), b""
        if first in (b"\x16", b"{"):
            return read_opening(first) or Opening("invalid"), b""
        head = b""
        while True:
            chunk = await asyncio.get_running_loop().sock_recv(sock, 65536)
            if not chunk:
                return Opening("invalid"), head
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
                if since is not None and self.loop.time() - since >= timing.CONNECTION_IDLE:
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
            ssl_handshake_timeout=timing.HANDSHAKE if context is not None else None,
        )

    async def _proxy(self, sock: socket.socket, hooked: bool, opening: Opening, head: bytes) -> None:
        """Serve a client of the proxy: by the mock for its hosts, by a tunnel or a refusal for others."""
        loop = asyncio.get_running_loop()
        decision = self.hosts.decide(opening.host)
        if decision == "refuse":
            self.hosts.refuse_unhooked(opening.host, opening.port)
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
    """The answer for a host that must not be reached: one that every client takes for a failure."""
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
