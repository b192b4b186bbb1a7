"""The journal: every exchange once, bounded, filtered, and without keys."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server import MockServer
from mock_server.journal import Exchange, Journal, redact

from .support import MODEL, PATHS, ask, body_for, create, poll, wire


def exchange(path: str = "/", **values: object) -> Exchange:
    made = Exchange("GET", path, b"", [], 0.0)
    for name, value in values.items():
        setattr(made, name, value)
    return made


@given(limit=st.integers(1, 10), count=st.integers(0, 30))
def test_the_journal_keeps_the_last_ones_and_counts_all(limit: int, count: int) -> None:
    journal = Journal(limit)
    for number in range(count):
        journal.add(exchange(f"/{number}"))
    assert [kept.path for kept in journal] == [f"/{number}" for number in range(count)][-limit:]
    assert [kept.number for kept in journal] == list(range(1, count + 1))[-limit:]
    assert (journal.count, len(journal)) == (count, min(limit, count))
    journal.clear()
    assert (journal.count, len(journal)) == (0, 0)


def test_exchanges_are_selected_by_what_they_are() -> None:
    journal = Journal(10)
    for kind, status in (("create", 200), ("poll", 429), ("poll", 200)):
        journal.add(exchange(kind=kind, status=status))
    assert [found.number for found in journal.select(kind="poll")] == [2, 3]
    assert [found.number for found in journal.select(kind="poll", status="200")] == [3]
    assert journal.select(kind="video") == []


@given(st.text(max_size=60))
def test_a_redacted_key_never_shows_more_than_four_characters(key: str) -> None:
    shown = redact(f"Bearer {key}")
    assert shown.startswith("Bearer ") and shown.endswith("…")
    assert len(shown) <= len("Bearer ") + 5
    assert len(redact(key.replace(" ", ""))) <= 5


def test_no_key_is_shown_anywhere(server: MockServer) -> None:
    secret = "sk-very-secret-0123456789"
    headers = {"Cookie": f"session={secret}", "X-Api-Key": secret, "Proxy-Authorization": f"Basic {secret}"}
    create(server, headers=headers, key=secret)
    ask(server, "GET", PATHS[0] + "?generation_id=x", headers={"Authorization": secret}, key=None)
    for path in (
        "/_mock/exchanges",
        "/_mock/exchanges.har",
        f"/_mock/jobs/{server.jobs[0].id}",
        "/_mock/jobs",
    ):
        shown = ask(server, "GET", path, key=None)
        assert shown.status == 200 and secret not in shown.body.decode()
    assert secret not in repr(server.exchanges[0]) and secret not in str(server.exchanges[0].headers)
    assert server.exchanges[0].header_values(b"authorization") == [f"Bearer {secret}"]


def test_an_exchange_says_all_about_itself(server: MockServer) -> None:
    body = body_for(prompt="x", duration="5", unknown=1)
    reply = ask(server, "POST", PATHS[0], body, {"X-Client-Request-Id": "abc"})
    poll(server, reply.json["id"])
    one, two = server.exchanges
    assert (one.number, one.kind, one.method, one.path, one.status) == (1, "create", "POST", PATHS[0], 200)
    assert (one.job_id, one.model, one.scenario, one.state) == (
        reply.json["id"],
        MODEL,
        "completed",
        "queued",
    )
    assert one.payload == body and one.answer == reply.json
    assert {problem.path for problem in one.findings} == {"duration", "unknown"} and not one.violations
    assert one.headers["x-client-request-id"] == "abc"
    assert one.answer_header["x-inference-id"] == reply.json["id"]
    assert (two.kind, two.query, two.state) == ("poll", {"generation_id": [reply.json["id"]]}, "queued")
    assert two.ended_at is not None and two.ended_at >= two.at >= one.at and two.took > 0


def test_a_refused_body_leaves_its_violations(server: MockServer) -> None:
    ask(server, "POST", PATHS[0], body_for("kling-video/v1.6/pro/image-to-video", cfg_scale=1.5, duration=7))
    (seen,) = server.exchanges
    assert {problem.path for problem in seen.violations} == {"cfg_scale", "duration"}
    assert seen.status == 400 and seen.job_id is None


def test_large_bodies_are_shortened() -> None:
    with MockServer(max_recorded_body=100) as server:
        create(server, prompt="x" * 1000)
        (seen,) = server.exchanges
        assert len(seen.body) == 100 < seen.body_size
        assert seen.payload is None and len(seen.answer_body) <= 100
        assert seen.as_dict()["request"]["size"] == seen.body_size


def test_the_journal_of_a_server_is_bounded() -> None:
    with MockServer(max_exchanges=5) as server:
        for _ in range(12):
            ask(server, "GET", "/v1/models")
        assert [seen.number for seen in server.exchanges] == [8, 9, 10, 11, 12]


def test_what_was_never_answered_has_no_status(server: MockServer) -> None:
    with wire(server) as connection:
        connection.sendall(
            b"POST /v2/video/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
            b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
        )
    while not server.exchanges:
        ask(server, "GET", "/_mock/health", key=None)
    assert (server.exchanges[0].status, server.exchanges[0].fault) == (None, "client-left")
    assert not server.jobs


def test_a_client_that_leaves_while_its_answer_is_held_has_no_status(timed: MockServer) -> None:
    timed.use("create-slow")
    with wire(timed) as connection:
        body = json.dumps(body_for()).encode()
        connection.sendall(
            b"POST /v2/video/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        while timed.traffic.held != 1:
            ask(timed, "GET", "/_mock/health", key=None)
    while timed.traffic.held:
        ask(timed, "GET", "/_mock/health", key=None)
    assert timed.exchanges[0].status is None
    assert len(timed.jobs) == 1


@pytest.mark.parametrize("path", ["/v1/models", "/model/" + MODEL, "/nothing"])
def test_every_path_of_the_api_is_journalled(server: MockServer, path: str) -> None:
    reply = ask(server, "GET", path)
    (seen,) = server.exchanges
    assert (seen.path, seen.status) == (path, reply.status)
    assert seen.kind == ("other" if path == "/nothing" else "models")


def test_the_control_api_is_not(server: MockServer) -> None:
    ask(server, "GET", "/_mock/jobs")
    ask(server, "GET", "/openapi.json")
    assert server.exchanges == []
