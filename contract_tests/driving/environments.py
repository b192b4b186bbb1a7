"""Environments of a checked client: where it finds the mock, and whose clock it follows."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kling_mock.interception.parent.process import adopt_orphans, end_leftovers
from kling_mock.scenarios import Fault, Scenario
from kling_mock.server import MockServer
from kling_mock.timeline import PENDING_STATUSES, Step
from kling_mock.timing import CLIENT_STARTS, SHORT_WAIT
from kling_mock.virtual_time import Session, fast_forward, keep_real_time
from kling_mock.virtual_time.proc import children
from kling_mock.virtual_time.processes import ProcessWatcher

from .client_time import VirtualTime
from .commands import CommandClient
from .egress_guard import RefusedPlaces, served_securely, watched_connects
from .forgetting import COOLED_DOWN
from .lazy_trust import lazy_trust
from .run_limiter import RunLimiter

if TYPE_CHECKING:
    from kling_mock.interception.parent.host_policy import Hosts

__all__ = [
    "Environment",
    "end_programs",
    "in_real_time",
    "in_this_process",
    "interruptible",
    "no_process_left",
    "shortened",
    "with_hooks",
]


@dataclass(frozen=True)
class Environment:
    """The address of the mock for a client, and what is known of the client's clock."""

    url: str
    """Scheme, host and port."""
    followed: Callable[[], bool]
    """Returns True once the client has been seen to follow the mock's clock."""
    partly: Callable[[], bool] = lambda: False
    """Returns True once a part of it (curl in a shell script) has been seen not to: its timeouts are real."""
    others: RefusedPlaces = dict
    """Attempts to reach other hosts than the mock."""
    session: Session | None = None
    """The virtual time of this process, where the client lives in it."""


@contextlib.contextmanager
def in_this_process(
    server: MockServer, running: Callable[[], int], *, secure: bool = False
) -> Iterator[Environment]:
    """A callable: this process lives by the server's clock, this thread apart.

    With `secure` the mock is also at the API's own host name, under a certificate that this process trusts.

    `running` gives the number of the run whose calls have begun, 0 between runs. Time stands still then: a
    thread of the client that waits for work, as an event loop in the background does, would take it to the
    limit of a run before the run's call has begun.
    """
    seen = 0

    def quiet() -> bool:
        # Who asks has looked at the threads before: once more, so that the run's own are among them.
        nonlocal seen
        before, seen = seen, running()
        return seen == before != 0 and server.quiet()

    connects = served_securely(server) if secure else watched_connects()
    with (
        keep_real_time(),
        fast_forward(server, quiet=quiet) as session,
        lazy_trust(),
        connects as others,
    ):
        # A module may remember moments of this check in a later one, or in a test after it.
        session.rest = COOLED_DOWN
        try:
            yield Environment(server.url, lambda: True, others=others, session=session)
        finally:
            # Threads that a client left would wait for ever, and keep the time of later sessions from moving.
            session.scheduler.ended = True


@contextlib.contextmanager
def in_real_time(server: MockServer, client: CommandClient) -> Iterator[Environment]:
    """A command that no hook reaches; the system keeps it from other hosts where it can (Linux)."""
    from kling_mock.interception.parent.host_policy import Hosts

    hosts = Hosts((), offline=True)
    with _guarded(server, client, hosts, server.port):
        yield Environment(server.url, lambda: False, others=lambda: hosts.refused)


@contextlib.contextmanager
def _guarded(server: MockServer, client: CommandClient, hosts: Hosts, port: int) -> Iterator[None]:
    """Let the client's programs be started so that they reach nothing but this machine."""
    from kling_mock.interception.parent.guarding import guarded

    before = client.starting
    with guarded(server, hosts, port) as guard:
        client.starting = guard.call
        try:
            yield
        finally:
            client.starting = before


@contextlib.contextmanager
def with_hooks(
    server: MockServer, client: CommandClient, limiter: RunLimiter, running: Callable[[], int]
) -> Iterator[Environment]:
    """A command whose Python and Node processes live by the server's clock; other hosts are refused.

    `running` gives the number of the run whose calls are not over, 0 between runs: time stands still then.
    """
    from kling_mock.interception.parent.certificates import Authority
    from kling_mock.interception.parent.environment import brief_environment
    from kling_mock.interception.parent.host_policy import Hosts
    from kling_mock.interception.parent.in_process import clock_server_of, gateway_of
    from kling_mock.interception.parent.run import hooks_told
    from kling_mock.interception.parent.run_directory import RunDirectory
    from kling_mock.interception.parent.watcher import Watcher

    hosts, authority = Hosts((), offline=True), Authority()
    asked = False

    def note() -> None:
        nonlocal asked
        asked = True

    with Watcher() as watcher:
        clock_server = clock_server_of(server, hosts, on_connection=note)
        with (
            gateway_of(server, hosts, authority, clock_server=clock_server, direct=True) as gateway,
            RunDirectory(authority, hosts, server.clock) as folder,
        ):
            watcher.watch(folder.path)
            try:
                with (
                    hooks_told(server, gateway, folder, clock_server, fast_forward=True),
                    _guarded(server, client, hosts, gateway.port),
                ):
                    _wait_for_the_client(server, client, limiter, running, clock_server.tracker.waiting)
                    client.environment = brief_environment(folder, gateway.proxy_url)
                    client.virtual_time = VirtualTime.WHOLE
                    unhooked = gateway.states[False]
                    yield Environment(
                        f"http://127.0.0.1:{gateway.port}",
                        lambda: asked,
                        lambda: unhooked.total_requests > 0,
                        lambda: hosts.refused,
                    )
            finally:
                client.environment = {}
                client.virtual_time = VirtualTime.NONE


def _wait_for_the_client(
    server: MockServer,
    client: CommandClient,
    limiter: RunLimiter,
    running: Callable[[], int],
    waiting: Callable[[], Collection[int]],
) -> None:
    """Let no time pass while a program starts up: what it does then (compiling, say) no hook can see.

    One that asks for the time, again and again, as it is `waiting`, is not at work by that.

    Nor does a program that stays say that a payload has come: it is idle to its hook until it reads it, and
    again once it has printed its result.
    """
    idle_detector, processes = server.idle_detector, ProcessWatcher(children())
    assert idle_detector is not None
    idle_detector.busy_while(
        lambda: limiter.starting(CLIENT_STARTS, lambda: bool(processes.working(waiting())))
    )
    idle_detector.busy_while(lambda: client.answering() or not running())


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let programs be interrupted that this one starts, though it is not to be itself (`nohup`, `&`).

    What is ignored is inherited; a handler is not.
    """
    ignored = threading.current_thread() is threading.main_thread() and (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    )
    if not ignored:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def no_process_left() -> Iterator[None]:
    """End whatever processes the client leaves behind, detached ones too (on Linux)."""
    adopt_orphans()
    own = set(children())
    try:
        yield
    finally:
        end_leftovers(own)


def end_programs(own: set[int]) -> bool:
    """Kill the programs that were started since `own`, so that who waits for one goes on; say if one was.

    They are left to be waited for by who started them.
    """
    started = set(children()) - own
    for number in started:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    return bool(started)


def shortened(scenario: Scenario) -> Scenario:
    """The scenario for a client in real time: it goes by polls, and every wait is short."""
    faults = tuple(map(_short, scenario.faults))
    plan = scenario.course
    if plan is not None:
        plan = tuple(Step(step.status, polls=1) for step in plan)
    elif scenario.words:
        renamed = [status for status in PENDING_STATUSES if status in scenario.words]
        plan = (*(Step(status, polls=1) for status in renamed), Step("completed"))
    return scenario.replace(plan=plan, stretch=None, create_status=scenario.create_status, faults=faults)


def _short(fault: Fault) -> Fault:
    asked = fault.retry_after
    return fault.replace(
        seconds=min(fault.seconds, SHORT_WAIT),
        retry_after=None if asked is None else min(asked, 1.0),
    )
