"""Leading a Python process's connections for some hosts to a gateway: names, connects and TLS.

A host that the mock answers for resolves to an address of the loopback range that nobody listens on; a
connect to it goes to the gateway. Its TLS handshakes use a context of their own, which trusts the run's
authority and nothing else, so that contexts of the program stay as they are. Imports the standard library
only: the hooks use it, too.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ....hostnames import is_this_machine, own_name
from ....virtual_time.patches import Patches
from ...shared.decision import Decide, Refuse
from .lazy_ca_bundle import load_deferred

__all__ = ["Redirection"]

_FIRST = int(ipaddress.ip_address("127.83.0.1"))


class Redirection:
    """The replaced parts of `socket`, `ssl` and `asyncio`, and what they decide by."""

    def __init__(self, decide: Decide, refuse: Refuse, port: int, proxy: int, authority: str) -> None:
        self._decide = decide
        self._refuse = refuse
        self._port = port
        self._proxy = proxy
        self._authority = authority
        self._addresses: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._own: set[str | None] = set()
        """Addresses that this machine's own name was found to have."""

    def apply(self, patches: Patches) -> None:
        """Replace what resolves and connects; TLS and asyncio follow when they are there."""
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo"):
            replacement = getattr(self, name)(getattr(socket, name))
            patches.replace(socket, name, replacement)
        self.apply_class(patches, socket.socket)

    def apply_class(self, patches: Patches, kind: Any) -> None:
        """Replace what connects and sends in a class of sockets."""
        for name in ("connect", "connect_ex"):
            patches.set(kind, name, self._connecting(getattr(kind, name)))
        patches.set(kind, "sendto", self._sending(kind.sendto, least=2, position=-1))
        if hasattr(kind, "sendmsg"):
            patches.set(kind, "sendmsg", self._sending(kind.sendmsg, least=4, position=3))

    def getaddrinfo(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """`socket.getaddrinfo`, which answers for the mock's hosts by itself."""

        def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
            address = self.address_of(host, port)
            found = original(host if address is None else address, port, *args, **options)
            if address is None and _text(host) == own_name():
                self._own |= {_text(place[0]) for *_, place in found if isinstance(place[0], str)}
            return found

        return getaddrinfo

    def gethostbyname(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """`socket.gethostbyname`, likewise."""

        def gethostbyname(hostname: Any, /) -> Any:
            address = self.address_of(hostname, 0) or original(hostname)
            if _text(hostname) == own_name():
                self._own.add(address)
            return address

        return gethostbyname

    def gethostbyname_ex(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """`socket.gethostbyname_ex`, likewise."""

        def gethostbyname_ex(hostname: Any, /) -> Any:
            address = self.address_of(hostname, 0)
            return original(hostname) if address is None else (hostname, [], [address])

        return gethostbyname_ex

    def gethostbyaddr(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """`socket.gethostbyaddr`: the mock's hosts have the names that they are asked by."""

        def gethostbyaddr(ip_address: Any, /) -> Any:
            address = self.address_of(ip_address, 0)
            if address is None:
                return original(ip_address)
            return self._names[address], [], [address]

        return gethostbyaddr

    def getnameinfo(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """`socket.getnameinfo`, likewise; numbers are looked up nowhere."""

        def getnameinfo(sockaddr: Any, flags: int, /) -> Any:
            numeric = flags & socket.NI_NUMERICHOST
            if not numeric and isinstance(sockaddr, tuple) and len(sockaddr) > 1:
                address = self.address_of(*sockaddr[:2])
                if address is not None:
                    port = original(("127.0.0.1", sockaddr[1]), flags | socket.NI_NUMERICHOST)[1]
                    return self._names[address], port
            return original(sockaddr, flags)

        return getnameinfo

    def address_of(self, host: Any, port: Any) -> str | None:
        """The stand-in address of a host; None to leave it alone; raises for one that is refused."""
        name = _text(host)
        if name is None or self._is_local(name):
            return None
        if name in self._names:
            return name
        decision = self._decide(name)
        if decision == "refuse":
            self._refuse(name, _number(port))
            raise socket.gaierror(socket.EAI_NONAME, self._refusal(name))
        if decision != "mock":
            return None
        address = self._addresses.get(name)
        if address is None:
            address = str(ipaddress.ip_address(_FIRST + len(self._addresses)))
            self._addresses[name], self._names[address] = address, name
        return address

    def context_for(self, context: Any, host: Any) -> Any:
        """The context to use for a handshake with a host: one of its own for a host of the mock."""
        name = _text(host)
        if name is None or self._decide(name) != "mock":
            load_deferred(context)
            return context
        import ssl

        own = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        own.check_hostname = context.check_hostname
        own.verify_mode = context.verify_mode
        own.load_verify_locations(cadata=self._authority)
        own.set_alpn_protocols(["http/1.1"])
        own.sslsocket_class = context.sslsocket_class
        own.sslobject_class = context.sslobject_class
        return own

    def apply_tls(self, patches: Patches) -> None:
        """Let handshakes with the mock's hosts trust the run's authority."""
        import ssl

        self.apply_context(patches, ssl.SSLContext)
        patches.set(ssl.SSLContext, "wrap_bio", self._wrapping(ssl.SSLContext.wrap_bio, 3))

    def apply_context(self, patches: Patches, kind: Any) -> None:
        """Replace what begins a handshake in a class of contexts."""
        patches.set(kind, "wrap_socket", self._wrapping(kind.wrap_socket, 4))

    def _wrapping(self, original: Callable[..., Any], position: int) -> Callable[..., Any]:
        """A method that begins a handshake, with the host's name at `position` of its arguments."""

        def wrap(context: Any, *args: Any, **options: Any) -> Any:
            host = options.get("server_hostname")
            if host is None and len(args) > position:
                host = args[position]
            return original(self.context_for(context, host), *args, **options)

        return wrap

    def apply_asyncio(self, patches: Patches) -> None:
        """Let event loops resolve the mock's hosts at once, without a thread of the executor."""
        from asyncio.base_events import BaseEventLoop

        original = BaseEventLoop.getaddrinfo

        async def getaddrinfo(loop: Any, host: Any, port: Any, **options: Any) -> Any:
            name = _text(host)
            if name is not None and not self._is_local(name) and self._decide(name) == "mock":
                return socket.getaddrinfo(host, port, **options)
            return await original(loop, host, port, **options)

        patches.set(BaseEventLoop, "getaddrinfo", getaddrinfo)

    def apply_aiohttp(self, patches: Patches) -> None:
        """Let aiohttp resolve by the system, also where a resolver of its own is installed."""
        connector = sys.modules.get("aiohttp.connector")
        resolver = sys.modules.get("aiohttp.resolver")
        if connector is not None and resolver is not None:
            patches.set(connector, "DefaultResolver", resolver.ThreadedResolver)

    def _connecting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def connect(sock: socket.socket, address: Any, /) -> Any:
            return original(sock, self.target(sock, address))

        return connect

    def _sending(self, original: Callable[..., Any], least: int, position: int) -> Callable[..., Any]:
        """A method that sends a datagram to the address at `position` of at least `least` arguments."""

        def send(sock: socket.socket, *args: Any) -> Any:
            if len(args) >= least:
                self._check_datagram(sock, args[position])
            return original(sock, *args)

        return send

    def _check_datagram(self, sock: socket.socket, address: Any) -> None:
        """Refuse what leaves the machine; nothing of the mock is spoken in datagrams."""
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
            return
        host = _text(address[0])
        if host is None or host in self._names or self._is_local(host):
            return
        if self._decide(host) == "refuse":
            self._refuse(host, address[1])
            raise ConnectionRefusedError(errno.ECONNREFUSED, self._refusal(f"{host}:{address[1]}"))

    def target(self, sock: socket.socket, address: Any) -> Any:
        """Where a connect really goes."""
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
            return address
        host, port = _text(address[0]), address[1]
        if host is None:
            return address
        if host in self._names:
            return self._gateway(sock)
        if self._is_local(host):
            # Programs that go by the proxy variables are still programs whose time can be told.
            return self._gateway(sock) if port == self._proxy else address
        decision = self._decide(host)
        if decision == "refuse":
            self._refuse(host, port)
            raise ConnectionRefusedError(errno.ECONNREFUSED, self._refusal(f"{host}:{port}"))
        return self._gateway(sock) if decision == "mock" else address

    def _gateway(self, sock: socket.socket) -> tuple[Any, ...]:
        if sock.family == socket.AF_INET6:
            return ("::ffff:127.0.0.1", self._port, 0, 0)
        return ("127.0.0.1", self._port)

    def _is_local(self, host: str) -> bool:
        """Tell whether a name or address is this machine: programs look up its own name, to log it."""
        return (is_this_machine(host) and not _is_stand_in(host)) or host in self._own or host == own_name()

    def _refusal(self, place: str) -> str:
        return f"kling-mock is offline: {place} was not contacted"


def _text(host: Any) -> str | None:
    if isinstance(host, (bytes, bytearray)):
        host = bytes(host).decode("latin-1")
    return host.rstrip(".").lower() if isinstance(host, str) and host else None


def _number(port: Any) -> int:
    """A port as `getaddrinfo` takes it; 0 where it is none."""
    if isinstance(port, (str, bytes)) and port.isdigit():
        return int(port)
    return port if isinstance(port, int) else 0


@lru_cache(maxsize=1024)
def _is_stand_in(host: str) -> bool:
    """Tell whether an address stands for a host of the mock, in this process or in another one of the run."""
    if not host.startswith("127."):
        return False
    try:
        return int(ipaddress.IPv4Address(host)) in range(_FIRST, _FIRST + 65536)
    except ValueError:
        return False
