"""Faults of polls and of transport, seen from outside: by a real client or on the wire itself."""

from __future__ import annotations

import gzip
import json
from urllib.parse import urlsplit

import pytest
import requests

from kling_mock import MockServer

from .observing import (
    POLL_SCHEMA,
    Observer,
    check_hang,
    check_slow,
    check_truncated,
    drip,
    get_bytes,
    made,
    names_of,
    observed_by,
    post_bytes,
    statuses,
    until_closed,
    until_reset,
    valid,
)
from .support import KEY, PATHS, Reply, ask, body_for, check_error, poll, wire

OBSERVERS: dict[str, Observer] = {}
NAMES = names_of("faults of polls", "transport")
observes = observed_by(OBSERVERS)


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_does_what_its_sentence_says(server: MockServer, timed: MockServer, name: str) -> None:
    server.use(name)
    timed.use(name)
    OBSERVERS[name](server, timed)


def test_every_observer_has_its_scenario() -> None:
    assert set(OBSERVERS) == set(NAMES)


# Faults of polls


def check_poll_refusal(server: MockServer, status: int, says: str, *, for_ever: bool = False) -> Reply:
    job_id = made(server)
    reply = poll(server, job_id)
    check_error(reply, status, says)
    assert reply.headers["x-inference-id"] == job_id
    if for_ever:
        for _ in range(5):
            check_error(poll(server, job_id), status)
    else:
        assert statuses([valid(poll(server, job_id)) for _ in range(3)]) == [
            "queued",
            "generating",
            "completed",
        ]
    return reply


@observes("poll-rate-limited")
def poll_rate_limited(server: MockServer, _timed: MockServer) -> None:
    assert check_poll_refusal(server, 429, "Too Many Requests").headers["retry-after"] == "5"


@observes("poll-server-error")
def poll_server_error(server: MockServer, _timed: MockServer) -> None:
    check_poll_refusal(server, 500, "wrong with the server")


@observes("poll-bad-gateway-html")
def poll_bad_gateway_html(server: MockServer, _timed: MockServer) -> None:
    job_id = made(server)
    reply = poll(server, job_id)
    assert (reply.status, reply.headers["content-type"]) == (502, "text/html") and b"<html>" in reply.body
    assert valid(poll(server, job_id))["status"] == "queued"


@observes("poll-empty")
def poll_empty(server: MockServer, _timed: MockServer) -> None:
    job_id = made(server)
    reply = poll(server, job_id)
    assert (reply.status, reply.body) == (200, b"")
    assert valid(poll(server, job_id))["status"] == "queued"


@observes("poll-truncated")
def poll_truncated(server: MockServer, _timed: MockServer) -> None:
    job_id = made(server)
    check_truncated(server, get_bytes(job_id))
    assert valid(poll(server, job_id))["id"] == job_id


@observes("poll-reset")
def poll_reset(server: MockServer, _timed: MockServer) -> None:
    job_id = made(server)
    with wire(server) as connection:
        connection.sendall(get_bytes(job_id))
        assert until_reset(connection) == b""
    assert valid(poll(server, job_id))["status"] == "queued"


@observes("poll-slow")
def poll_slow(_server: MockServer, timed: MockServer) -> None:
    check_slow(timed, get_bytes(made(timed)), 20)


@observes("poll-hangs")
def poll_hangs(server: MockServer, _timed: MockServer) -> None:
    check_hang(server, get_bytes(made(server)))


@observes("poll-unauthorized")
def poll_unauthorized(server: MockServer, _timed: MockServer) -> None:
    check_poll_refusal(server, 401, "https://aimlapi.com/app/keys", for_ever=True)


@observes("poll-not-found")
def poll_not_found(server: MockServer, _timed: MockServer) -> None:
    check_poll_refusal(server, 404, "not found", for_ever=True)


@observes("poll-not-found-at-first")
def poll_not_found_at_first(server: MockServer, _timed: MockServer) -> None:
    check_poll_refusal(server, 404, "not found")


@observes("poll-wrong-content-type")
def poll_wrong_content_type(server: MockServer, _timed: MockServer) -> None:
    job_id = made(server)
    reply = poll(server, job_id)
    assert reply.headers["content-type"].startswith("text/plain")
    POLL_SCHEMA.validate(reply.json)
    assert valid(poll(server, job_id))["status"] == "generating"


@observes("poll-byte-order-mark")
def poll_byte_order_mark(server: MockServer, _timed: MockServer) -> None:
    job_id = made(server)
    reply = poll(server, job_id)
    assert reply.body.startswith(b"\xef\xbb\xbf{")
    assert int(reply.headers["content-length"]) == len(reply.body)
    POLL_SCHEMA.validate(json.loads(reply.body.decode("utf-8-sig")))
    assert valid(poll(server, job_id))["status"] == "generating"


@observes("poll-duplicate-keys")
def poll_duplicate_keys(server: MockServer, _timed: MockServer) -> None:
    job_id = made(server)
    reply = poll(server, job_id)
    keys = [key for key, _ in json.loads(reply.body, object_pairs_hook=list)]
    assert keys.count("id") == 2
    POLL_SCHEMA.validate(reply.json)


# Transport


@observes("slow-drip")
def slow_drip(_server: MockServer, timed: MockServer) -> None:
    before = timed.clock.now()
    POLL_SCHEMA.validate(json.loads(drip(timed, post_bytes(), 0.3)))
    assert timed.clock.now() - before >= 1.5


@observes("chunked")
def chunked(server: MockServer, _timed: MockServer) -> None:
    job_id = made(server)
    reply = poll(server, job_id)
    assert reply.headers["transfer-encoding"] == "chunked" and "content-length" not in reply.headers
    assert valid(reply)["id"] == job_id


@observes("gzip")
def gzipped(server: MockServer, _timed: MockServer) -> None:
    job_id = made(server)
    reply = ask(server, "GET", f"{PATHS[0]}?generation_id={job_id}", headers={"Accept-Encoding": "gzip, br"})
    assert reply.headers["content-encoding"] == "gzip"
    assert int(reply.headers["content-length"]) == len(reply.body)
    POLL_SCHEMA.validate(json.loads(gzip.decompress(reply.body)))
    for accepted in ("identity", "gzip;q=0", "br, gzip; q=0.0"):
        plain = ask(
            server, "GET", f"{PATHS[0]}?generation_id={job_id}", headers={"Accept-Encoding": accepted}
        )
        assert "content-encoding" not in plain.headers
        valid(plain)


@observes("close-between-polls")
def close_between_polls(server: MockServer, _timed: MockServer) -> None:
    job_id = made(server)
    with wire(server) as connection:
        connection.sendall(get_bytes(job_id))
        head, _, body = until_closed(connection).partition(b"\r\n\r\n")
    assert head.lower().count(b"connection: close") == 1
    POLL_SCHEMA.validate(json.loads(body))
    assert valid(poll(server, job_id))["status"] == "generating"


@observes("redirect")
def redirect(server: MockServer, _timed: MockServer) -> None:
    for base, other in ((server.url, "localhost"), (f"http://localhost:{server.port}", "127.0.0.1")):
        first = requests.post(
            base + PATHS[0], json=body_for(), headers=KEY, allow_redirects=False, timeout=20
        )
        assert first.status_code == 307 and not server.jobs
        assert urlsplit(first.headers["location"]).hostname == other
        assert urlsplit(first.headers["location"]).path == PATHS[0]
        second = requests.post(first.headers["location"], json=body_for(), headers=KEY, timeout=20)
        assert second.status_code == 200 and len(server.jobs) == 1
        server.reset()
        server.use("redirect")
