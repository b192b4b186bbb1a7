"""What is said of a run and of a test that failed: as much as helps, and nothing that is not so."""

from __future__ import annotations

import json

from kling_mock import MockServer
from kling_mock.interception.parent.host_policy import Hosts
from kling_mock.interception.parent.summary import summary_of

from .support import body_for, create, until, wire


def trouble(server: MockServer) -> list[str]:
    """What a run's report says of a server's exchanges."""
    began = server.clock.now()
    report = summary_of(server, command=["x"], status=0, began=began, real=1.0, hosts=Hosts())
    found: list[str] = report["trouble"]
    return found


def test_a_create_whose_client_did_not_wait_is_trouble(server: MockServer) -> None:
    server.use("create-slow")
    with wire(server) as connection:
        body = json.dumps(body_for()).encode()
        connection.sendall(
            b"POST /v2/video/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        until(lambda: server.exchanges and server.traffic.held)
    until(lambda: not server.traffic.held and server.exchanges[0].status is None)
    (sentence,) = trouble(server)
    assert sentence.startswith("The reply to a create was lost (create-slow)")


def test_an_answer_that_came_in_an_unusual_way_is_no_trouble(server: MockServer) -> None:
    server.use("gzip")
    create(server, headers={"Accept-Encoding": "gzip"})
    assert trouble(server) == []
