"""What Linux does for a run beside its hooks: a guard of its connects, files or a network of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ... import timing
from ...server import MockServer
from .gateway import Door, Gateway
from .guarding import guarded
from .host_policy import Hosts
from .in_process import running_parts
from .process import Starting
from .run_directory import RunDirectory
from .sandbox import SandboxFiles, open_files, open_sandbox

__all__ = ["Surroundings", "surroundings_of"]


@dataclass(frozen=True)
class Surroundings:
    """What the system does for a command, beside hooks and variables."""

    entering: Callable[[], None] | None = None
    starting: Starting = lambda start: start()
    keeps: bool = False
    """It keeps the command from other hosts."""
    leads: bool = False
    """It leads even programs to the mock that have none of the run's variables."""
    problem: str = ""
    """Why it keeps nothing although it should."""


@contextmanager
def surroundings_of(
    server: MockServer,
    gateway: Gateway,
    folder: RunDirectory,
    hosts: Hosts,
    *,
    sandbox: bool | None,
    offline: bool,
) -> Iterator[Surroundings]:
    """A network of its own where one is asked for, a guard where other hosts are refused."""
    if sandbox:
        with _sandbox_of(server, gateway, folder, hosts) as entering:
            yield Surroundings(entering=entering, keeps=True, leads=True)
    elif offline and sandbox is None:
        with _guard_of(server, gateway, folder, hosts) as around:
            yield around
    else:
        yield Surroundings()


@contextmanager
def _guard_of(
    server: MockServer, gateway: Gateway, folder: RunDirectory, hosts: Hosts
) -> Iterator[Surroundings]:
    """What keeps a command from other hosts, and gives it other files of names where it may."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1024)
        with guarded(server, hosts, listening.getsockname()[1]) as guard:
            if guard.problem:
                yield Surroundings(starting=guard.call, problem=guard.problem)
                return
            files = SandboxFiles(folder, hosts)
            spaces = open_files(files)
            hosts.listeners.append(files.write_hosts)
            try:
                _in_loop(server, gateway.listen_inside(listening, Door(False, admitted=True)))
                yield Surroundings(
                    entering=None if spaces is None else spaces.entering(),
                    starting=guard.call,
                    keeps=True,
                    leads=spaces is not None,
                )
            finally:
                hosts.listeners.remove(files.write_hosts)
                _in_loop(server, gateway.leave_inside())
                if spaces is not None:
                    spaces.close()


def _in_loop(server: MockServer, work: Coroutine[Any, Any, None]) -> None:
    """Have something done in the event loop of the server, and wait for it."""
    loop, _ = running_parts(server)
    asyncio.run_coroutine_threadsafe(work, loop).result(timing.GATEWAY_ENDS)


@contextmanager
def _sandbox_of(
    server: MockServer, gateway: Gateway, folder: RunDirectory, hosts: Hosts
) -> Iterator[Callable[[], None]]:
    """What puts the command into a network of its own."""
    loop, _ = running_parts(server)
    files = SandboxFiles(folder, hosts)
    doors = [Door(True, admitted=True), Door(True, admitted=True), Door(False, admitted=False)]
    sandbox = open_sandbox([server.port, gateway.hooked, gateway.port], files, hosts)
    doors += [Door(False, admitted=True)] * (len(sandbox.listening) - len(doors))
    hosts.listeners.append(files.write_hosts)
    try:
        for listening, door in zip(sandbox.listening, doors, strict=True):
            _in_loop(server, gateway.listen_inside(listening, door._replace(inside=True)))
        loop.call_soon_threadsafe(sandbox.names.start, loop)
        yield sandbox.entering()
    finally:
        hosts.listeners.remove(files.write_hosts)
        _in_loop(server, gateway.leave_inside())
        sandbox.close()
