"""Listening in this process until a signal comes."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable

from ..app import MockApp
from ..common import Common
from ..events import EventKind
from ..exchanges.access_log import ExchangeLog
from ..serving.asgi_server import Listener
from ..serving.collector import collect_rarely, no_collection
from ..settings import Settings
from ..store.records import Backend
from ..timing import CONTROL_LOADED
from ..verdicts.everybody import Everybody

__all__ = ["serve_until_signal", "warn_of"]

Told = Callable[[], None]


def warn_of(backend: Backend | None) -> None:
    """Say on standard error what is worth a warning of a store."""
    for warning in backend.warnings() if backend is not None else ():
        print(f"kling-mock: {warning}", file=sys.stderr)


async def serve_until_signal(
    settings: Settings,
    listening: socket.socket,
    ready: Told = lambda: None,
    *,
    alone: bool = True,
    begun: Callable[[Told], None] = lambda stop: None,
    over: Callable[[Everybody], None] = lambda everybody: None,
) -> None:
    """Serve on a socket and log exchanges until SIGINT or SIGTERM.

    `alone` says that no other process listens on the socket. `begun` is called with what ends it, `ready`
    when requests are taken, `over` once they are over.
    """
    with no_collection():
        common = Common(settings)
        app = MockApp(common)
    everybody = Everybody(common.workspaces)
    if alone:
        warn_of(common.backend)
    log = ExchangeLog(form=settings.log_format)
    if settings.log_format != "none":
        common.workspaces.each(
            lambda space: space.bus.subscribe(log.listener(space.name), (EventKind.EXCHANGE,))
        )
    listener = Listener(app, [(listening, None)], alone=alone)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, listener.stop)
        except NotImplementedError:
            signal.signal(number, lambda *_: listener.stop())
    begun(listener.stop)
    collect_rarely()
    looked_at = loop.create_task(_load_control(app))
    try:
        await listener.serve(ready)
    finally:
        looked_at.cancel()
        log.close()
        over(everybody)
        if common.backend is not None:
            common.backend.close()


async def _load_control(app: MockApp) -> None:
    """Have ready what a browser will ask for, once the first requests have been answered."""
    await asyncio.sleep(CONTROL_LOADED)
    await app.load_control()
