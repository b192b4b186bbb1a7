"""What a reset leaves of the requests that are under way: nothing; and of idle connections: all."""

from __future__ import annotations

import http.client
import json
import threading

import pytest

from kling_mock import MockServer
from kling_mock.events import EventKind
from kling_mock.facade import Facade

from .support import PATHS, ask, body_for, create, poll, until, wire

HEAD = (
    b"POST /v2/video/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
    b"Content-Type: application/json\r\n"
)


STAGES = ["part of the head", "the head", "half of the body"]


@pytest.mark.parametrize("sent", STAGES)
def test_a_request_that_was_under_way_leaves_nothing_behind(server: MockServer, sent: str) -> None:
    assert rest_after_reset(server, sent) == b""
    ask(server, "GET", "/v1/models")
    assert [seen.kind for seen in server.exchanges] == ["models"]
    assert not server.jobs and not server.charges


@pytest.mark.parametrize("sent", STAGES)
def test_nor_does_it_where_there_are_other_workspaces(server: MockServer, sent: str) -> None:
    """Of a request without a whole head nobody knows yet whose it is."""
    other = server.workspace("other")
    try:
        assert ask(server, "POST", f"/@other{PATHS[0]}", body_for()).status == 200
        assert rest_after_reset(server, sent) == b""
        assert len(other.jobs) == 1 and not server.jobs
    finally:
        other.end()


@pytest.mark.parametrize("sent", STAGES)
def test_a_reset_of_one_workspace_leaves_the_requests_of_others(server: MockServer, sent: str) -> None:
    other = server.workspace("other")
    try:
        assert rest_after_reset(server, sent, reset=other).startswith(b"HTTP/1.1 200")
        assert len(server.jobs) == 1
    finally:
        other.end()


def rest_after_reset(server: MockServer, sent: str, reset: Facade | None = None) -> bytes:
    """What a client receives for a create during which all was forgotten."""
    body = json.dumps(body_for()).encode()
    until(lambda: not under_way(server))
    whole = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    first = {"part of the head": 30, "the head": len(whole) - len(body), "half of the body": len(whole) - 20}
    with wire(server) as connection:
        connection.sendall(whole[: first[sent]])
        until(lambda: under_way(server))
        (reset or server).reset()
        try:
            connection.sendall(whole[first[sent] :])
            return connection.recv(65536)
        except OSError:
            return b""


def under_way(server: MockServer) -> bool:
    """Whether the server has met a request that is not whole."""
    listener = server._listener
    assert listener is not None
    return any(connection.unfinished() for connection in list(listener._state.connections))  # type: ignore[union-attr]


def test_an_answer_that_was_held_ends(server: MockServer) -> None:
    server.use("create-slow")
    ended: list[BaseException] = []

    def ask_slowly() -> None:
        try:
            create(server)
        except (OSError, http.client.HTTPException) as error:
            ended.append(error)

    thread = threading.Thread(target=ask_slowly)
    thread.start()
    until(lambda: server.exchanges and server.traffic.held)
    server.reset()
    thread.join(20)
    assert len(ended) == 1 and not server.exchanges
    until(lambda: not server.traffic.open)


def test_a_reset_by_hand_ends_held_answers_too(server: MockServer) -> None:
    """The control API leaves connections as they are, so the answer itself must end."""
    server.use("create-slow")
    body = json.dumps(body_for()).encode()
    with wire(server) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        until(lambda: server.traffic.held)
        assert ask(server, "POST", "/_mock/reset", key=None).status == 200
        assert connection.recv(65536) == b""
    until(lambda: not server.traffic.held and not server.traffic.open)


def test_idle_connections_stay(server: MockServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.connect()
    sock = connection.sock
    for path in ("/v1/models", f"{PATHS[0]}?generation_id=x", "/nothing", "/_mock/jobs"):
        connection.request("GET", path, headers={"Authorization": "Bearer k"})
        connection.getresponse().read()
        server.reset()
        assert connection.sock is sock
    connection.request(
        "POST",
        PATHS[0],
        json.dumps(body_for()),
        {"Authorization": "Bearer k", "Content-Type": "application/json"},
    )
    assert connection.getresponse().status == 200
    connection.close()


def test_who_watches_the_exchanges_goes_on_watching(server: MockServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", "/_mock/events")
    answer = connection.getresponse()
    server.reset()
    made = create(server).json["id"]
    # It ends, or nothing comes for 20 seconds, where the stream does not go on.
    while line := answer.fp.readline():
        if line.startswith(b"data: ") and made in line.decode():
            break
    assert line
    connection.close()


def test_a_server_that_does_not_run_is_reset_too() -> None:
    server = MockServer()
    server.use("failed")
    server.reset()
    assert server.scenario.name == "completed"


def test_a_reset_from_within_the_server_waits_for_nobody() -> None:
    with MockServer() as server:
        server.space.bus.subscribe(lambda _event: server.reset(), [EventKind.EXCHANGE])
        poll(server, "x")
        assert not server.exchanges


def test_a_body_that_ends_after_a_reset_by_hand_makes_no_job(server: MockServer) -> None:
    """The control API forgets all, and leaves connections as they are."""
    until(lambda: not under_way(server) and not server.traffic.open)
    body = json.dumps(body_for()).encode()
    with wire(server) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body[:20])
        until(lambda: under_way(server) and server.traffic.open)
        assert ask(server, "POST", "/_mock/reset", key=None).status == 200
        connection.sendall(body[20:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 503")
    assert not server.jobs and not server.exchanges
