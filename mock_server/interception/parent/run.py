"""One run: a mock, a gateway to it, a child that is led there, and what is to be said of it afterwards."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...errors import ServerError
from ...server import MockServer
from ...settings import Settings
from .certificates import Authority
from .clock_server import Timekeeper
from .environment import child_environment
from .gateway import Gateway
from .host_policy import Hosts
from .in_process import gateway_of
from .process import children, held_signals, run_child
from .process_tracker import Family
from .run_directory import RunFolder
from .stale_runs import sweep
from .summary import summary_of
from .unhooked_clock import advance_for_unhooked
from .user_proxies import Upstream

__all__ = ["Plan", "run", "timekeeping"]


EXCHANGES = 20_000
"""Exchanges that a summary knows at least: a run with many jobs has more than a server usually keeps."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run, and how."""

    command: Sequence[str]
    settings: Settings
    hosts: Sequence[str] = ()
    fast_forward: bool = False
    offline: bool = False
    timeout: float | None = None
    """Real seconds after which the command is ended."""


def run(plan: Plan) -> dict[str, Any]:
    """Run a command with its calls to the API answered by a mock of its own; returns the report.

    `summary.summary_of` says what the report holds. Nothing is left: no process, no port, no file.
    Raises `SettingsError` before anything starts, and `ServerError` where the system is not one that this
    works on.
    """
    if os.name != "posix":
        raise ServerError("kling-mock run needs Linux or macOS; elsewhere use `kling-mock serve`.")
    sweep()
    hosts, authority, upstream = Hosts(plan.hosts, offline=plan.offline), Authority(), _upstream(plan)
    hosts.unhooked_refused = _say_once()
    settings = plan.settings.replace(
        host="127.0.0.1", port=0, max_exchanges=max(plan.settings.max_exchanges, EXCHANGES)
    )
    with (
        held_signals() as mask,
        MockServer(settings) as server,
        gateway_of(server, hosts, authority, upstream) as gateway,
        RunFolder(authority, hosts, server.clock, upstream) as folder,
    ):
        with timekeeping(server, gateway, folder, hosts, fast_forward=plan.fast_forward) as family:
            began, real = server.clock.now(), time.monotonic()
            environment = child_environment(folder, gateway.port, fast_forward=plan.fast_forward)
            status = run_child(plan.command, environment, mask, timeout=plan.timeout)
        return summary_of(
            server,
            command=list(plan.command),
            status=status,
            began=began,
            real=time.monotonic() - real,
            hosts=hosts,
            held=family.held,
        )


def _upstream(plan: Plan) -> Upstream:
    """The user's own proxies: none where other hosts are refused anyway."""
    upstream = Upstream(None if plan.offline else os.environ)
    for url in upstream.unusable:
        # Without the URL: it may hold a password.
        print(
            f"kling-mock run: a {url.partition(':')[0]} proxy of the environment cannot be used here; "
            "programs without a hook reach other hosts directly.",
            file=sys.stderr,
        )
    return upstream


def _say_once() -> Callable[[str], None]:
    """Says of a host that it was refused, the first time."""
    said: set[str] = set()

    def say(place: str) -> None:
        if place not in said:
            said.add(place)
            print(f"kling-mock run is offline: {place} was not contacted", file=sys.stderr, flush=True)

    return say


@contextmanager
def timekeeping(
    server: MockServer, gateway: Gateway, folder: RunFolder, hosts: Hosts, *, fast_forward: bool
) -> Iterator[Family]:
    """Let the hooks ask about time, and time move for those who cannot ask."""
    loop, stillness = server.loop, server.stillness
    assert loop is not None and stillness is not None
    token = secrets.token_urlsafe(16)
    family = Family(server.clock, strangers=children())
    stillness.watch((), lambda: family.sockets)
    connections: set[asyncio.Task[Any]] = set()

    def serve(sock: socket.socket) -> None:
        def keeper() -> Timekeeper:
            return Timekeeper(server.clock, stillness, family, token, hosts.refuse, gateway.close_idle)

        task = asyncio.ensure_future(loop.connect_accepted_socket(keeper, sock))
        connections.add(task)
        task.add_done_callback(connections.discard)

    gateway.service = serve
    folder.configure(hooked=gateway.hooked, proxy=gateway.port, token=token, fast_forward=fast_forward)
    advancing = None
    if fast_forward:
        advance = advance_for_unhooked(server.clock, stillness, gateway, family)
        advancing = asyncio.run_coroutine_threadsafe(advance, loop)
    try:
        yield family
    finally:
        gateway.service = None
        if advancing is not None:
            advancing.cancel()
