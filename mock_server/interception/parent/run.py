"""One run: a mock, a gateway to it, a child that is led there, and what is to be said of it afterwards."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...errors import ServerError
from ...exchanges.redaction import Redactor, environment_keys
from ...server import MockServer
from ...settings import Settings
from ...timing import LAST_WORDS, LOOK_AGAIN
from ...verdicts.past import keep_past
from ...virtual_time.proc import children
from .census import Census
from .certificates import Authority
from .clock_server import ClockServer
from .environment import child_environment, control_environment
from .gateway import Gateway
from .host_policy import MOST_REFUSED, Hosts
from .in_process import clock_server_of, gateway_of, running_parts
from .process import held_signals, run_child
from .reminder import Reminder
from .run_directory import START_COMMAND, RunDirectory
from .stale_runs import sweep
from .summary import summary_of
from .surroundings import surroundings_of
from .unhooked_clock import advance_for_unhooked
from .unwatched import real_time_of, unwatched_of
from .user_proxies import UserProxies
from .watcher import Watcher

__all__ = ["RunOptions", "hooks_told", "run"]

EXCHANGES = 20_000
"""Exchanges that a summary knows at least: a run with many jobs has more than a server usually keeps."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The command of a run, and how it is run."""

    command: Sequence[str]
    settings: Settings
    hosts: Sequence[str] = ()
    fast_forward: bool = False
    offline: bool = False
    sandbox: bool | None = None
    """The command gets a network of its own, in which there is nothing but the mock.

    None lets the system keep it from other hosts where `offline` is to hold; False leaves that to the hooks.
    """
    budget: float | None = None
    """US dollars: what is billed beyond it is said in the report."""
    timeout: float | None = None
    """Real seconds after which the command is ended."""
    ignore: Collection[str] = ()
    """Ids of rules that the verdict leaves out."""


def run(options: RunOptions) -> dict[str, Any]:
    """Run a command with its calls to the API answered by a mock of its own; returns the report.

    `summary.summary_of` says what the report holds. Nothing is left: no process, no port, no file.
    Raises `SettingsError` before anything starts, and `ServerError` where the system is not one that this
    works on.
    """
    if os.name != "posix":
        raise ServerError("kling-mock run needs Linux or macOS; elsewhere use `kling-mock serve`.")
    sweep()
    hosts = Hosts(options.hosts, offline=options.offline, on_unhooked_refusal=_said_once())
    authority, proxies = Authority(), _user_proxies(options)
    settings = options.settings.replace(
        host="127.0.0.1", port=0, max_exchanges=max(options.settings.max_exchanges, EXCHANGES)
    )
    with Watcher() as watcher, held_signals() as mask, MockServer(settings) as server:
        keep_past(server.space, of_program=True)
        server.clock.followed = options.fast_forward
        clock_server = clock_server_of(server, hosts)
        with (
            gateway_of(server, hosts, authority, proxies, clock_server) as gateway,
            RunDirectory(authority, hosts, server.clock, proxies) as folder,
        ):
            watcher.watch(folder.path)
            return summary_of(
                server,
                command=list(options.command),
                hosts=hosts,
                held=clock_server.tracker.held,
                budget=options.budget,
                ignore=options.ignore,
                **_led(options, server, gateway, folder, clock_server, hosts, mask),
            )


def _led(
    options: RunOptions,
    server: MockServer,
    gateway: Gateway,
    folder: RunDirectory,
    clock_server: ClockServer,
    hosts: Hosts,
    mask: set[int] | None,
) -> dict[str, Any]:
    """Run the command with all that leads and watches it; what the summary says of that."""
    fast_forward = options.fast_forward
    with (
        surroundings_of(
            server, gateway, folder, hosts, sandbox=options.sandbox, offline=options.offline
        ) as around,
        hooks_told(server, gateway, folder, clock_server, fast_forward=fast_forward),
        Census(folder.marks, folder.config, unrelated=children(), keep=[START_COMMAND]) as census,
    ):
        began, real = server.clock.now(), time.monotonic()
        environment = child_environment(folder, gateway.proxy_url, fast_forward=fast_forward)
        environment |= control_environment(server)
        status = run_child(
            options.command,
            environment,
            mask,
            timeout=options.timeout,
            look=Reminder(server).look,
            entering=around.entering,
            starting=around.starting,
        )
        _hear_out(server)
    return {
        "status": status,
        "began": began,
        "real": time.monotonic() - real,
        "unguarded": around.problem,
        "unwatched": unwatched_of(census.programs, guarded=around.keeps, leads=around.leads),
        "real_time": real_time_of(census.programs) if fast_forward else (),
    }


def _hear_out(server: MockServer) -> None:
    """Wait until what the processes said before they ended has been read, if nobody goes on talking."""
    until = time.monotonic() + LAST_WORDS
    while not server.quiet() and time.monotonic() < until:
        time.sleep(LOOK_AGAIN)


def _user_proxies(options: RunOptions) -> UserProxies:
    """The user's own proxies: none where other hosts are refused anyway."""
    proxies = UserProxies(None if options.offline else os.environ)
    for url in proxies.unusable:
        # Without the URL: it may hold a password.
        print(
            f"kling-mock run: a {url.partition(':')[0]} proxy of the environment cannot be used here; "
            "programs without a hook reach other hosts directly.",
            file=sys.stderr,
        )
    return proxies


def _said_once() -> Callable[[str], None]:
    """A function that says of a host that it was refused, the first time that it is called for it."""
    said: set[str] = set()
    hide = Redactor(environment_keys())

    def say(place: str) -> None:
        if place not in said and len(said) < MOST_REFUSED:
            said.add(place)
            print(f"kling-mock run is offline: {hide(place)} was not contacted", file=sys.stderr, flush=True)

    return say


@contextmanager
def hooks_told(
    server: MockServer,
    gateway: Gateway,
    folder: RunDirectory,
    clock_server: ClockServer,
    *,
    fast_forward: bool,
) -> Iterator[None]:
    """Tell the hooks where to ask, and let time move for those who cannot ask."""
    folder.configure(
        hooked=gateway.hooked,
        proxy=gateway.port,
        proxy_url=gateway.proxy_url,
        token=clock_server.token,
        fast_forward=fast_forward,
    )
    advancing = None
    if fast_forward:
        loop, _ = running_parts(server)
        advancing = asyncio.run_coroutine_threadsafe(advance_for_unhooked(clock_server, gateway), loop)
    try:
        yield
    finally:
        if advancing is not None:
            advancing.cancel()
