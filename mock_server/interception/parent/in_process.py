"""Interception inside this process, as the fixture `kling_intercept` does it."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import urllib.request  # noqa: F401 - its functions are replaced
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from ... import timing
from ...errors import ServerError
from ...events import EventKind
from ...server import MockServer
from ...serving.idle_detector import IdleDetector
from ...virtual_time.import_hooks import ImportHooks
from ...virtual_time.patches import Patches
from ...virtual_time.proc import children
from ..child.python.libcurl import LibCurl
from ..child.python.proxies import Proxies
from ..child.python.redirection import Redirection
from .certificates import Authority
from .child_processes import LedChildren
from .clock_server import ClockServer
from .gateway import Gateway
from .host_policy import Hosts
from .user_proxies import UserProxies

__all__ = ["clock_server_of", "gateway_of", "intercept", "running_parts"]


def running_parts(server: MockServer) -> tuple[asyncio.AbstractEventLoop, IdleDetector]:
    """The event loop of a server, and what tells whether it rests; `ServerError` where it does not run."""
    loop, idle_detector = server.loop, server.idle_detector
    if loop is None or idle_detector is None:
        raise ServerError("The server does not run: start() it before anything is led to it.")
    return loop, idle_detector


def clock_server_of(
    server: MockServer, hosts: Hosts, *, on_connection: Callable[[], None] = lambda: None
) -> ClockServer:
    """Make what answers the hooks of programs, for a running server; before any of them is started."""
    _, idle_detector = running_parts(server)
    return ClockServer(
        server.clock,
        idle_detector,
        hosts.refuse,
        unrelated=frozenset(children()),
        on_connection=on_connection,
    )


@contextmanager
def gateway_of(
    server: MockServer,
    hosts: Hosts,
    authority: Authority,
    proxies: UserProxies | None = None,
    clock_server: ClockServer | None = None,
    *,
    direct: bool = False,
) -> Iterator[Gateway]:
    """A gateway in a running server's event loop, until the end of the block; `Gateway` has the arguments."""
    loop, idle_detector = running_parts(server)
    gateway = Gateway(server.app, idle_detector, authority, hosts, proxies, clock_server, direct=direct)
    asyncio.run_coroutine_threadsafe(gateway.open(), loop).result(timing.GATEWAY_ENDS)
    forget = server.space.bus.subscribe(lambda event: hosts.learn(event.data), (EventKind.EXCHANGE,))
    server.extra_ports |= {gateway.port, gateway.hooked}
    try:
        yield gateway
    finally:
        server.extra_ports -= {gateway.port, gateway.hooked}
        forget()
        if not loop.is_closed():
            asyncio.run_coroutine_threadsafe(gateway.close(), loop).result(timing.GATEWAY_ENDS)


@contextmanager
def intercept(server: MockServer, *, hosts: Iterable[str] = (), offline: bool = True) -> Iterator[Hosts]:
    """Let this process's calls to api.aimlapi.com be answered by a server, until the end of the block.

    HTTP and HTTPS on any port, for every library that connects through Python's `socket` and `ssl`, and for
    pycurl and curl_cffi, which get the gateway as a proxy. Programs that this process starts are led as by
    `kling-mock run`, in real time;
    `hosts` are answered for as well, and so are hosts that the mock's own answers name. With `offline` any
    other host but loopback is refused with an OSError that says so. Proxies of the environment are not used
    for hosts of the mock, and with `offline` for none. Yields the `Hosts`, whose `refused` counts attempts.
    Everything is undone afterwards.
    """
    known, authority = Hosts(hosts, offline=offline), Authority()
    clock_server = clock_server_of(server, known)
    with gateway_of(server, known, authority, clock_server=clock_server) as gateway:
        redirection = Redirection(
            known.decide, known.refuse, gateway.hooked, gateway.port, authority.pem.decode()
        )
        proxies = Proxies(known.decide, lambda: known.names, lambda scheme, url: not offline)
        patches = Patches(kept={"kling_mock", "_pytest", "pluggy"})
        try:
            proxies.apply(patches)
            redirection.apply(patches)
            redirection.apply_tls(patches)
            redirection.apply_asyncio(patches)
            if "aiohttp" in sys.modules:
                redirection.apply_aiohttp(patches)
            _lead_libcurl(patches, gateway, authority)
            LedChildren(server, gateway, clock_server, known, authority).apply(patches)
            patches.rename()
            yield known
        finally:
            patches.undo()


def _lead_libcurl(patches: Patches, gateway: Gateway, authority: Authority) -> None:
    """Lead pycurl and curl_cffi, now or when they are imported; they want a file of authorities."""
    written: list[str] = []

    def bundle() -> str:
        if not written:
            descriptor, file = tempfile.mkstemp(prefix="kling-mock-", suffix=".pem")
            patches.later(lambda: os.unlink(file))
            with open(descriptor, "wb") as opened:
                opened.write(authority.bundle(()))
            written.append(file)
        return written[0]

    curl, import_hooks = LibCurl(lambda: gateway.proxy_url, bundle), ImportHooks()
    curl.apply(patches, import_hooks)
    patches.later(import_hooks.forget)
