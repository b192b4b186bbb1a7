"""Base URLs that a client is given: the mock's own in several forms, and places where there is no mock."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kling_mock import MockServer

from ..running.models import PREFIX, BaseUrl
from .untrusted_host import UntrustedHost

__all__ = ["Place", "place_of"]

_LOOPBACK = "127.0.0.1"


class Place(NamedTuple):
    """Where a client is led."""

    url: str
    told: Sequence[str] = ()
    """The first lines of requests that came to a host whose certificate nobody vouches for."""


@contextlib.contextmanager
def place_of(form: BaseUrl, root: str, server: MockServer) -> Iterator[Place]:
    """The base URL of this form, for a client of the mock at `root`, until the end of the block."""
    if form == "untrusted":
        with UntrustedHost(server) as host:
            yield Place(f"https://{_LOOPBACK}:{host.port}/v2", host.told)
    elif form == "refused":
        # Bound and not listening: nobody else gets the port, and a connection is refused.
        with socket.socket() as deaf:
            deaf.bind((_LOOPBACK, 0))
            yield Place(f"http://{_LOOPBACK}:{deaf.getsockname()[1]}/v2")
    else:
        prefix, end = PREFIX if form == "prefix" else "", "/" if form == "slash" else ""
        yield Place(f"{root}{prefix}/v2{end}")
