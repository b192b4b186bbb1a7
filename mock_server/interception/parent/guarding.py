"""A guard with what it leads to: the port of the mock, and a name server of the run."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from ...server import MockServer
from .guard import Guard
from .host_policy import Hosts
from .in_process import running_parts
from .name_server import NameServer
from .sandbox import STAND_IN

__all__ = ["guarded"]


@contextmanager
def guarded(server: MockServer, hosts: Hosts, port: int) -> Iterator[Guard]:
    """A guard for the programs of a running server: connects to the mock's hosts go to `port`."""
    loop, idle_detector = running_parts(server)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        number = sock.getsockname()[1]
        names = NameServer(sock.dup(), hosts, STAND_IN)
    loop.call_soon_threadsafe(names.start, loop)
    try:
        with Guard(hosts, gateway=port, names=number) as guard:
            idle_detector.busy_while(guard.busy)
            yield guard
    finally:
        names.close()
