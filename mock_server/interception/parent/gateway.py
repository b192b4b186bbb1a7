"""The gateway of a run: ports that speak proxy, TLS and plain HTTP, and hand on what is the mock's."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import sys
from typing import Any, NamedTuple

from uvicorn.server import ServerState

from ... import timing
from ...errors import ServerError
from ...hostnames import plain_name
from ...serving.asgi_server import bind, protocol_config
from ...serving.idle_detector import IdleDetector
from ...serving.protocol_choice import protocol_class
from .admission import CHALLENGE, Admission, without_credentials
from .certificates import Authority
from .client_hello import MAX_HELLO, hello_size, server_name
from .clock_server import ClockServer
from .host_policy import API_HOST, Hosts
from .request_sniffer import MAX_HEAD, Opening, read_opening
from .tunnel import ESTABLISHED, Tunnels
from .user_proxies import UserProxies

__all__ = ["Door", "Gateway"]

UNRECOGNIZED_NAME = b"\x15\x03\x03\x00\x02\x02\x70"
"""TLS: a fatal alert, for a host that is not the mock's."""
MAX_UNREAD = 64
MOST_SILENT = 256
"""Connections that may wait for their first byte at once; the oldest is closed for one more."""
_SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Door(NamedTuple):
    """One way in: who comes through it, and what they may do."""

    hooked: bool
    """Programs whose time can be told come through it."""
    admitted: bool
    """They may speak to the mock itself."""
    inside: bool = False
    """Nobody but programs of the run comes through it."""


class Gateway:
    """Takes connections beside the mock's own port, in the mock's event loop.

    Two ports: `hooked` for programs whose time can be told, `port` for all others (curl, wget, a proxy's
    clients). `clock_server` takes connections that speak the hooks' own protocol: without it they are
    closed. Other hosts are reached through the user's own `proxies`, by programs that know the password in
    `proxy_url` and by processes below this one; strangers get 407. `direct` lets everybody ask the mock
    itself on `port`, as on the mock's own.
    """

    def __init__(
        self,
        app: Any,
        idle_detector: IdleDetector,
        authority: Authority,
        hosts: Hosts,
        proxies: UserProxies | None = None,
        clock_server: ClockServer | None = None,
        *,
        direct: bool = False,
    ) -> None:
        self.hosts = hosts
        self._direct = direct
        self._admission = Admission()
        self._clock_server = clock_server
        self.states = {True: ServerState(), False: ServerState()}
        self._idle_detector = idle_detector
        self._authority = authority
        # A name that cannot have a certificate is told at once; the API's own is made when TLS asks for it.
        for name in hosts.names - {API_HOST}:
            authority.context_for(name)
        self._short = False
        """True once there were no file descriptors left."""
        self._app = app
        self._listening: dict[bool, socket.socket] = {}
        self._inside: list[socket.socket] = []
        """Sockets in the run's own network that listen as well."""
        self._waiting: dict[socket.socket, None] = {}
        """Connections that have not spoken, the oldest first."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._tunnels = Tunnels(idle_detector, proxies or UserProxies())
        self._config: Any = None

    @property
    def port(self) -> int:
        """The port for programs without a hook: an HTTP proxy."""
        return int(self._listening[False].getsockname()[1])

    @property
    def proxy_url(self) -> str:
        """The URL of that proxy, with the user and the password that its clients have to show."""
        return self._admission.url(self.port)

    @property
    def hooked(self) -> int:
        """The port to which the hooks lead connections."""
        return int(self._listening[True].getsockname()[1])

    def sockets(self) -> list[socket.socket]:
        """Sockets whose bytes nobody has read yet."""
        return [*self._listening.values(), *self._inside, *self._waiting]

    async def open(self) -> None:
        """Listen; to be called in the mock's event loop."""
        self._config = protocol_config(self._app)
        self._config.timeout_keep_alive = round(timing.GATEWAY_KEEP_ALIVE)
        self._idle_detector.watch(self.states.values(), self.sockets)
        for hooked in (True, False):
            listening = self._listening[hooked] = bind("127.0.0.1", 0)
            listening.setblocking(False)
            self._listen(listening, Door(hooked, admitted=hooked or self._direct))

    async def listen_inside(self, listening: socket.socket, door: Door) -> None:
        """Listen on one more socket, of the run's own network; to be called in the mock's event loop."""
        listening.setblocking(False)
        self._inside.append(listening)
        self._listen(listening, door)

    async def leave_inside(self) -> None:
        """Listen there no more."""
        for listening in self._inside:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        self._inside.clear()

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

    def _listen(self, listening: socket.socket, door: Door) -> None:
        if listening.fileno() != -1:
            asyncio.get_running_loop().add_reader(listening.fileno(), self._accept, listening, door)

    def _accept(self, listening: socket.socket, door: Door) -> None:
        """Take what waits to be accepted; each is looked at once its first bytes are there."""
        for _ in range(64):
            try:
                sock, _address = listening.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _SHORTAGES:
                    self._pause(listening, door, error)
                    return
                continue  # who asked has gone
            self._await_bytes(sock, door)

    def _pause(self, listening: socket.socket, door: Door, error: OSError) -> None:
        """Take nothing for a while: what waits to be accepted would call for it again and again."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening.fileno())
        loop.call_later(timing.ACCEPT_PAUSE, self._listen, listening, door)
        if not self._short:
            self._short = True
            print(
                f"kling-mock: connections have to wait: {error.strerror} (`ulimit -n` says how many may be).",
                file=sys.stderr,
                flush=True,
            )

    def _await_bytes(self, sock: socket.socket, door: Door) -> None:
        """Look at a connection when it speaks."""
        if len(self._waiting) >= MOST_SILENT:
            # Who speaks comes before who does not: each takes a file descriptor.
            silent = next(iter(self._waiting))
            self._forget(silent)
            silent.close()
        self._waiting[sock] = None
        asyncio.get_running_loop().add_reader(sock.fileno(), self._begin, sock, door)

    def _forget(self, sock: socket.socket) -> None:
        self._waiting.pop(sock, None)
        asyncio.get_running_loop().remove_reader(sock.fileno())

    def _begin(self, sock: socket.socket, door: Door) -> None:
        self._forget(sock)
        self._idle_detector.arriving += 1
        task = asyncio.ensure_future(self._take(sock, door))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._idle_detector.arriving -= 1

    async def _take(self, sock: socket.socket, door: Door) -> None:
        """Look at a connection's first bytes and bring it where it belongs."""
        try:
            opening, head = await asyncio.wait_for(_read_head(sock), timing.HANDSHAKE)
            if opening.kind == "hook" and self._clock_server is not None:
                self._clock_server.accept(sock, self.close_idle)
            elif opening.kind == "tls" and door.admitted:
                await self._begin_tls(sock, door.hooked, opening.host)
            elif opening.kind == "origin" and door.admitted:
                await self._hand_over(sock, door.hooked, None, head)
            elif opening.kind in ("connect", "absolute") and (
                door.inside or await self._admission.admits(sock, head)
            ):
                await self._proxy(sock, door, head)
            elif opening.kind in ("origin", "connect", "absolute"):
                await _say_last(sock, CHALLENGE)
            else:
                sock.close()
        except ssl.SSLError:
            self.hosts.untrusted += 1
            sock.close()
        except (OSError, TimeoutError, ServerError):
            sock.close()
        except asyncio.CancelledError:
            sock.close()
            raise

    async def _begin_tls(self, sock: socket.socket, hooked: bool, asked: str) -> None:
        """Begin a handshake with the certificate of the host that is asked for, where that is the mock's."""
        name = plain_name(asked) or min(self.hosts.names)
        if name in self.hosts.names:
            await self._hand_over(sock, hooked, self._authority.context_for(name))
        else:
            await _say_last(sock, UNRECOGNIZED_NAME)

    async def _hand_over(
        self, sock: socket.socket, hooked: bool, context: ssl.SSLContext | None, head: bytes = b""
    ) -> None:
        """Let the mock's own HTTP protocol go on with a connection."""
        state, config, hosts = self.states[hooked], self._config, self.hosts
        base: Any = protocol_class()

        class Protocol(base):  # type: ignore[misc]
            def connection_made(self, transport: Any) -> None:
                super().connection_made(transport)
                if head:
                    self.data_received(head)

            def end_if_idle(self) -> None:
                # uvicorn's own does not tell.
                since = getattr(self, "_idle_since", None)
                if since is not None and self.loop.time() - since >= timing.CONNECTION_IDLE:
                    self.transport.close()

            def on_header(self, name: bytes, value: bytes) -> None:
                if name.lower() != b"proxy-authorization":  # was meant for this proxy
                    super().on_header(name, value)

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

    async def _proxy(self, sock: socket.socket, door: Door, head: bytes) -> None:
        """Serve a client of the proxy: by the mock for its hosts, by a tunnel or a refusal for others."""
        head = without_credentials(head)
        opening = read_opening(head) or Opening("invalid")
        decision = self.hosts.decide(opening.host)
        if decision == "refuse":
            self.hosts.refuse_unhooked(opening.host, opening.port)
            await _say_last(sock, _refusal(opening, head))
        elif decision == "pass":
            await self._tunnels.open(sock, opening, head)
        elif opening.kind == "absolute":
            await self._hand_over(sock, door.hooked, None, opening.rewritten)
        else:
            await asyncio.get_running_loop().sock_sendall(sock, ESTABLISHED)
            self._await_bytes(sock, door._replace(admitted=True))


async def _read_head(sock: socket.socket) -> tuple[Opening, bytes]:
    """The opening and the bytes taken for it; TLS and the hooks' own words stay in the socket."""
    first = sock.recv(1, socket.MSG_PEEK)
    if first == b"{":
        return Opening("hook"), b""
    if first == b"\x16":
        return Opening("tls", await _asked_for(sock)), b""
    head = b""
    while chunk := await asyncio.get_running_loop().sock_recv(sock, 65536):
        head += chunk
        # Only the end of a line can decide anything.
        if b"\n" in chunk or len(head) > MAX_HEAD or not head[:1].isalpha():
            opening = read_opening(head)
            if opening is not None:
                return opening, head
    return Opening("invalid"), head


async def _asked_for(sock: socket.socket) -> str:
    """The host that a TLS handshake asks for, empty where it names none."""
    while (name := server_name(seen := sock.recv(MAX_HELLO, socket.MSG_PEEK))) is None:
        size = hello_size(seen)
        await _holding(sock, size)
        if len(sock.recv(size, socket.MSG_PEEK)) < size:
            return ""  # the other side has ended
    return name


async def _holding(sock: socket.socket, size: int) -> None:
    """Wait until a socket holds so many bytes, or its other side has ended; none of them is read."""
    loop = asyncio.get_running_loop()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
    held = asyncio.Event()
    loop.add_reader(sock.fileno(), held.set)
    try:
        await held.wait()
    finally:
        loop.remove_reader(sock.fileno())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)


async def _say_last(sock: socket.socket, text: bytes) -> None:
    """Say something and close; what has come and was not read would take it away from the other side."""
    try:
        await asyncio.get_running_loop().sock_sendall(sock, text)
        sock.shutdown(socket.SHUT_WR)
        for _ in range(MAX_UNREAD):
            if not sock.recv(65536):
                break
    except BlockingIOError:
        pass
    finally:
        sock.close()


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
    opening = read_opening(b"GET " + target + b" HTTP/1.1\r\n\r\n")
    return opening.host if opening is not None and opening.kind == "absolute" else API_HOST
