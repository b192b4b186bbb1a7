"""Refuses and notes what a checked client sends to other hosts than the mock."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kling_mock.interception.child.python.redirection import Redirection
from kling_mock.interception.parent.host_policy import API_HOST, Hosts
from kling_mock.interception.parent.in_process import intercept
from kling_mock.interception.shared.decision import Decision
from kling_mock.server import MockServer
from kling_mock.virtual_time.patches import Patches
from kling_mock.virtual_time.session import session_of_thread

__all__ = ["RefusedPlaces", "sentence", "served_securely", "unprompted", "watched_connects"]

RefusedPlaces = Callable[[], dict[str, int]]
"""Attempts to reach other hosts so far, by `host:port`."""


@contextlib.contextmanager
def watched_connects() -> Iterator[RefusedPlaces]:
    """Refuse every connect of this process to another host, and note those made in virtual time."""
    hosts = Hosts((), offline=True)

    def decide(host: str) -> Decision:
        return "refuse"

    def refuse(host: str, port: int) -> None:
        if session_of_thread() is not None:
            hosts.refuse(host, port)

    patches = Patches(kept={"kling_mock", "_pytest", "pluggy", "execnet", "xdist"})
    # No host is led anywhere, so neither a gateway nor an authority is needed.
    redirection = Redirection(decide, refuse, 0, 0, "")
    try:
        redirection.apply(patches)
        patches.rename()
        yield lambda: hosts.refused
    finally:
        patches.undo()


@contextlib.contextmanager
def served_securely(server: MockServer) -> Iterator[RefusedPlaces]:
    """As `watched_connects`, with the mock at the API's own host name behind TLS."""
    with intercept(server, offline=True) as hosts:
        yield lambda: hosts.refused


def unprompted(places: Iterable[str], shown: Iterable[Any], bodies: Iterable[bytes]) -> list[str]:
    """Those of some places to which neither the payloads nor the mock's answers have led the client."""
    text = json.dumps(list(shown)).encode().lower()
    answers = [body.lower() for body in bodies]
    return [
        place
        for place in places
        if (host := place.rpartition(":")[0].encode()) not in text
        and not any(host in body for body in answers)
    ]


def sentence(places: Iterable[str]) -> str:
    """The sentence about a client that talks to other hosts; empty where it does not."""
    known = list(places)
    if not known:
        return ""
    text = (
        f"It also talked to {', '.join(known[:5])}; expected requests to base_url alone. They were refused."
    )
    if any(place.startswith(API_HOST + ":") for place in known):
        text += f" Requests to {API_HOST} are billed."
    return text
