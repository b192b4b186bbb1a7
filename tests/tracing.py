"""What the tests of the invariants share: what a server's trace shows, and polls as a client wrote them."""

from __future__ import annotations

from kling_mock import MockServer
from kling_mock.trace_rules import check_trace

from .support import PATHS, Reply, ask

__all__ = ["broken", "job_id", "numbers", "raw_poll"]


def broken(server: MockServer) -> list[str]:
    """The ids of what the trace of a server breaks."""
    return [breach.id for breach in check_trace(server.exchanges)]


def numbers(server: MockServer, name: str) -> tuple[int, ...]:
    """The exchanges that show a breach, which is the only one."""
    (breach,) = check_trace(server.exchanges)
    assert breach.id == name, breach
    return breach.exchanges


def job_id(reply: Reply) -> str:
    """The id in an answer."""
    return str(reply.json["id"])


def raw_poll(server: MockServer, written: str) -> Reply:
    """A poll whose id stands in the URL as it is written here."""
    return ask(server, "GET", f"{PATHS[0]}?generation_id={written}")
