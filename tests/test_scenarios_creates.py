"""Faults of the create, seen from outside: by a real client or on the wire itself."""

from __future__ import annotations

import pytest

from kling_mock import MockServer

from .observing import (
    Observer,
    check_hang,
    check_slow,
    check_truncated,
    made,
    names_of,
    observed_by,
    post_bytes,
    silent,
    until_reset,
    valid,
    wait_until_held,
)
from .support import PATHS, Reply, check_error, create, poll, wire

OBSERVERS: dict[str, Observer] = {}
NAMES = names_of("faults of the create")
observes = observed_by(OBSERVERS)


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_does_what_its_sentence_says(server: MockServer, timed: MockServer, name: str) -> None:
    server.use(name)
    timed.use(name)
    OBSERVERS[name](server, timed)


def test_every_observer_has_its_scenario() -> None:
    assert set(OBSERVERS) == set(NAMES)


def check_refusal(server: MockServer, status: int, says: str, *, jobs: int = 0) -> Reply:
    reply = create(server)
    body = check_error(reply, status, says)
    assert body["path"] == PATHS[0]
    assert len(server.jobs) == len(server.charges) == jobs
    return reply


@observes("bad-request")
def bad_request(server: MockServer, _timed: MockServer) -> None:
    check_refusal(server, 400, "Body validation error")


@observes("unauthorized")
def unauthorized(server: MockServer, _timed: MockServer) -> None:
    message = check_refusal(server, 401, "https://aimlapi.com/app/keys").json["message"]
    assert "valid key is required" in message


@observes("no-credits")
def no_credits(server: MockServer, _timed: MockServer) -> None:
    message = check_refusal(server, 403, "run out of credits").json["message"]
    assert "top up your balance" in message and "update your payment method" in message
    # With the slash at its end, and nothing behind it that a client would take for a part of it.
    assert message.endswith(" https://aimlapi.com/app/billing/")


@observes("not-found")
def not_found(server: MockServer, _timed: MockServer) -> None:
    check_refusal(server, 404, "Not Found")


@observes("rate-limited")
def rate_limited(server: MockServer, _timed: MockServer) -> None:
    assert check_refusal(server, 429, "Too Many Requests").headers["retry-after"] == "5"


@observes("rate-limited-bare")
def rate_limited_bare(server: MockServer, _timed: MockServer) -> None:
    reply = check_refusal(server, 429, "Too Many Requests")
    assert not [name for name in reply.headers if "retry" in name or "rate" in name]


@observes("concurrency-limited")
def concurrency_limited(server: MockServer, timed: MockServer) -> None:
    for one in (server, timed):
        job_id = made(one)
        for _ in range(2):
            assert "retry-after" not in check_refusal(one, 429, "Too Many Requests", jobs=1).headers
        assert valid(poll(one, job_id))["status"] == "queued"
    timed.clock.advance(until="completed")
    for _ in range(2):
        valid(poll(server, server.jobs[0].id))
    assert [create(one).status for one in (server, timed)] == [200, 200]
    check_refusal(timed, 429, "Too Many Requests", jobs=2)


@observes("server-error")
def server_error(server: MockServer, _timed: MockServer) -> None:
    check_refusal(server, 500, "something wrong with the server")


@observes("model-maintenance")
def model_maintenance(server: MockServer, _timed: MockServer) -> None:
    check_refusal(server, 500, "model is under maintenance")


@observes("bad-gateway-html")
def bad_gateway_html(server: MockServer, _timed: MockServer) -> None:
    reply = create(server)
    assert (reply.status, reply.headers["content-type"]) == (502, "text/html")
    assert b"<html>" in reply.body and not server.jobs


@observes("unavailable")
def unavailable(server: MockServer, _timed: MockServer) -> None:
    assert check_refusal(server, 503, "Service unavailable").headers["retry-after"] == "5"


@observes("gateway-timeout")
def gateway_timeout(server: MockServer, _timed: MockServer) -> None:
    check_refusal(server, 504, "Generation timeout", jobs=1)
    assert valid(poll(server, server.jobs[0].id))["status"] == "queued"


@observes("create-slow")
def create_slow(_server: MockServer, timed: MockServer) -> None:
    check_slow(timed, post_bytes(), 30)
    assert len(timed.jobs) == 1


@observes("create-hangs")
def create_hangs(server: MockServer, _timed: MockServer) -> None:
    with wire(server) as connection:
        connection.sendall(post_bytes())
        wait_until_held(server)
        assert len(server.jobs) == len(server.charges) == 1 and silent(connection)
    server.reset()
    server.use("create-hangs")
    check_hang(server, post_bytes())


@observes("create-reset")
def create_reset(server: MockServer, _timed: MockServer) -> None:
    with wire(server) as connection:
        connection.sendall(post_bytes())
        assert until_reset(connection) == b""
    assert not server.jobs and not server.charges
    assert server.exchanges[-1].status is None


@observes("create-lost-reply")
def create_lost_reply(server: MockServer, _timed: MockServer) -> None:
    with wire(server) as connection:
        connection.sendall(post_bytes())
        assert until_reset(connection) == b""
    assert len(server.jobs) == len(server.charges) == 1
    assert valid(poll(server, server.jobs[0].id))["status"] == "queued"


@observes("create-truncated")
def create_truncated(server: MockServer, _timed: MockServer) -> None:
    check_truncated(server, post_bytes())
    assert len(server.jobs) == len(server.charges) == 1


@observes("create-not-json")
def create_not_json(server: MockServer, _timed: MockServer) -> None:
    reply = create(server)
    assert reply.status == 200 and reply.headers["content-type"].startswith("text/plain")
    with pytest.raises(ValueError):
        _ = reply.json
    assert len(server.charges) == 1


@observes("create-empty")
def create_empty(server: MockServer, _timed: MockServer) -> None:
    reply = create(server)
    assert (reply.status, reply.body, len(server.charges)) == (200, b"", 1)


@observes("create-without-id")
def create_without_id(server: MockServer, _timed: MockServer) -> None:
    reply = create(server)
    assert reply.status == 200 and "id" not in reply.json and len(server.charges) == 1
    assert "x-inference-id" not in reply.headers


@observes("create-empty-id")
def create_empty_id(server: MockServer, _timed: MockServer) -> None:
    reply = create(server)
    assert (reply.status, reply.json, len(server.charges)) == (200, {"id": "", "status": "queued"}, 1)
