"""Every scenario of the catalogue, seen from outside: by a real client or on the wire itself."""

from __future__ import annotations

import gzip
import json
import re
import select
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema
import pytest
import requests

from mock_server import MockServer
from mock_server.catalog import load_catalog
from mock_server.scenarios import CATALOGUE

from .support import KEY, MODEL, PATHS, UUID, Reply, ask, body_for, check_error, create, poll, wire

POLL_SCHEMA = jsonschema.Draft202012Validator(load_catalog().poll_schema(MODEL))
Observer = Callable[[MockServer, MockServer], None]
OBSERVERS: dict[str, Observer] = {}


def observes(*names: str) -> Callable[[Observer], Observer]:
    def keep(observer: Observer) -> Observer:
        for name in names:
            assert name not in OBSERVERS
            OBSERVERS[name] = observer
        return observer

    return keep


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_scenario_does_what_its_sentence_says(server: MockServer, timed: MockServer, name: str) -> None:
    server.use(name)
    timed.use(name)
    OBSERVERS[name](server, timed)


def test_every_observer_has_its_scenario() -> None:
    assert set(OBSERVERS) == set(CATALOGUE)


# What the observers share


def valid(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    POLL_SCHEMA.validate(reply.json)
    body: dict[str, Any] = reply.json
    return body


def made(server: MockServer) -> str:
    return str(create(server).json["id"])


def walk(server: MockServer, polls: int = 3) -> list[dict[str, Any]]:
    job_id = made(server)
    return [valid(poll(server, job_id)) for _ in range(polls)]


def statuses(answers: list[dict[str, Any]]) -> list[str]:
    return [answer["status"] for answer in answers]


def finished(server: MockServer) -> dict[str, Any]:
    return walk(server)[-1]


def download(server: MockServer, url: str) -> Reply:
    parts = urlsplit(url)
    target = parts.path + ("?" + parts.query if parts.query else "")
    return ask(server, "GET", target, headers={"Host": parts.netloc}, key=None)


def request_bytes(method: str, target: str, body: Any = None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    return (
        f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer k\r\n"
        f"Accept-Encoding: gzip\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    ).encode() + content


def post_bytes() -> bytes:
    return request_bytes("POST", PATHS[0], body_for())


def get_bytes(job_id: str) -> bytes:
    return request_bytes("GET", f"{PATHS[0]}?generation_id={job_id}")


def until_closed(connection: socket.socket) -> bytes:
    received = bytearray()
    while part := connection.recv(65536):
        received += part
    return bytes(received)


def until_reset(connection: socket.socket) -> bytes:
    received = bytearray()
    with pytest.raises(ConnectionResetError):
        while True:
            part = connection.recv(65536)
            assert part, "the connection was closed, not reset"
            received += part
    return bytes(received)


def wait_until_held(server: MockServer) -> None:
    for _ in range(10_000):
        if ask(server, "GET", "/_mock/health", headers={"Host": "localhost"}).json["held"] == 1:
            return
    raise AssertionError("the answer is not held back")


def silent(connection: socket.socket) -> bool:
    return not select.select([connection], [], [], 0)[0]


def check_hang(server: MockServer, request: bytes) -> None:
    with wire(server) as connection:
        connection.sendall(request)
        wait_until_held(server)
        assert silent(connection)
        server.clock.advance(1e6)
        wait_until_held(server)
        assert silent(connection)
        assert server.exchanges[-1].status is None
        server.reset()
        assert until_closed(connection) == b""


def check_slow(timed: MockServer, request: bytes, seconds: float) -> None:
    with wire(timed) as connection:
        connection.sendall(request)
        wait_until_held(timed)
        timed.clock.advance(seconds - 0.5)
        wait_until_held(timed)
        assert silent(connection)
        timed.clock.advance(1)
        assert connection.recv(13) == b"HTTP/1.1 200 "


def check_truncated(server: MockServer, request: bytes) -> None:
    with wire(server) as connection:
        connection.sendall(request)
        head, _, body = until_closed(connection).partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    assert head.startswith(b"HTTP/1.1 200 ") and length
    assert 0 < len(body) < int(length[1])
    with pytest.raises(ValueError):
        json.loads(body)


# Ends


@observes("completed")
def completed(server: MockServer, _timed: MockServer) -> None:
    answers = walk(server, 5)
    assert statuses(answers) == ["queued", "generating", "completed", "completed", "completed"]
    clip = download(server, answers[-1]["video"]["url"])
    assert (clip.status, clip.headers["content-type"], clip.body[4:8]) == (200, "video/mp4", b"ftyp")
    assert answers[2] == answers[3] == answers[4]


@observes("failed")
def failed(server: MockServer, _timed: MockServer) -> None:
    answers = walk(server)
    assert statuses(answers) == ["queued", "generating", "error"]
    assert answers[-1]["error"]["name"] and answers[-1]["error"]["message"] and "video" not in answers[-1]
    assert not server.charges[0].billed


@observes("failed-detail")
def failed_detail(server: MockServer, _timed: MockServer) -> None:
    job_id = ask(
        server,
        "POST",
        PATHS[0],
        body_for("kling-video/v1/standard/image-to-video", image_url="https://a.b/c.png"),
    ).json["id"]
    answer = [poll(server, job_id).json for _ in range(3)][-1]
    (detail,) = answer["error"]["detail"]
    assert answer["status"] == "error" and "video" not in answer
    assert detail["loc"] == ["body", "image_url"] and detail["type"] == "face_detection_error"
    assert detail["msg"] == "Could not detect face in the image" and detail["input"] == "https://a.b/c.png"


@observes("stuck-queued")
def stuck_queued(server: MockServer, timed: MockServer) -> None:
    assert set(statuses(walk(server, 20))) == {"queued"}
    job_id = made(timed)
    timed.clock.advance(1e8)
    assert valid(poll(timed, job_id))["status"] == "queued"


@observes("stuck-generating")
def stuck_generating(server: MockServer, timed: MockServer) -> None:
    assert statuses(walk(server, 20)) == ["queued"] + ["generating"] * 19
    job_id = made(timed)
    timed.clock.advance(1e8)
    assert valid(poll(timed, job_id))["status"] == "generating"


@observes("slow")
def slow(server: MockServer, timed: MockServer) -> None:
    assert statuses(walk(server, 21)) == ["queued"] * 10 + ["generating"] * 10 + ["completed"]
    job_id = made(timed)
    for seconds, status in ((99, "queued"), (499, "generating"), (3, "completed")):
        timed.clock.advance(seconds)
        assert valid(poll(timed, job_id))["status"] == status


@observes("completed-in-create")
def completed_in_create(server: MockServer, _timed: MockServer) -> None:
    reply = create(server)
    POLL_SCHEMA.validate(reply.json)
    assert reply.json["status"] == "completed"
    assert download(server, reply.json["video"]["url"]).body[4:8] == b"ftyp"
    assert valid(poll(server, reply.json["id"]))["status"] == "completed"


@observes("failed-in-create")
def failed_in_create(server: MockServer, _timed: MockServer) -> None:
    reply = create(server)
    POLL_SCHEMA.validate(reply.json)
    assert reply.json["status"] == "error" and reply.json["error"]["message"] and "video" not in reply.json
    assert valid(poll(server, reply.json["id"]))["status"] == "error"


@observes("completed-without-url")
def completed_without_url(server: MockServer, _timed: MockServer) -> None:
    job_id = made(server)
    answer = [poll(server, job_id).json for _ in range(3)][-1]
    assert answer == {"id": job_id, "status": "completed", "video": {}}


# Statuses


@observes("waiting-active")
def waiting_active(server: MockServer, _timed: MockServer) -> None:
    reply = create(server)
    assert reply.json["status"] == "waiting"
    answers = [poll(server, reply.json["id"]).json["status"] for _ in range(3)]
    assert answers == ["waiting", "active", "completed"]
    assert [exchange.state for exchange in server.exchanges] == [
        "queued",
        "queued",
        "generating",
        "completed",
    ]


@observes("unknown-status")
def unknown_status(server: MockServer, _timed: MockServer) -> None:
    job_id = made(server)
    answers = [poll(server, job_id).json["status"] for _ in range(3)]
    assert answers[0] == "queued" and answers[2] == "completed"
    assert answers[1] not in ("queued", "generating", "completed", "error", "waiting", "active")


@observes("backwards")
def backwards(server: MockServer, timed: MockServer) -> None:
    expected = ["queued", "generating", "queued", "generating", "completed"]
    assert statuses(walk(server, 5)) == expected
    job_id = made(timed)
    seen = []
    for seconds in (5, 10, 50, 10, 50):
        timed.clock.advance(seconds)
        seen.append(valid(poll(timed, job_id))["status"])
    assert seen == expected


@observes("skips-generating")
def skips_generating(server: MockServer, _timed: MockServer) -> None:
    assert statuses(walk(server)) == ["queued", "completed", "completed"]


@observes("succeeded")
def succeeded(server: MockServer, _timed: MockServer) -> None:
    job_id = made(server)
    answer = [poll(server, job_id).json for _ in range(3)][-1]
    assert answer["status"] == "succeeded" and answer["video"]["url"]


# Shapes


@observes("nulls")
def nulls(server: MockServer, _timed: MockServer) -> None:
    answers = walk(server)
    assert answers[0] == {
        "id": answers[0]["id"],
        "status": "queued",
        "video": None,
        "error": None,
        "meta": None,
    }
    assert answers[-1]["video"]["url"] and answers[-1]["error"] is None


@observes("absent")
def absent(server: MockServer, _timed: MockServer) -> None:
    reply = create(server)
    assert set(reply.json) == {"id", "status"}
    answers = [valid(poll(server, reply.json["id"])) for _ in range(3)]
    assert [set(answer) for answer in answers] == [
        {"id", "status"},
        {"id", "status"},
        {"id", "status", "video"},
    ]


@observes("extra-fields")
def extra_fields(server: MockServer, _timed: MockServer) -> None:
    answer = finished(server)
    assert set(answer) > {"id", "status", "video"} and set(answer["video"]) > {"url"}


@observes("tokens-used")
def tokens_used(server: MockServer, _timed: MockServer) -> None:
    usage = create(server).json["meta"]["usage"]
    assert set(usage) == {"tokens_used"} and usage["tokens_used"] > 0


@observes("file-details")
def file_details(server: MockServer, _timed: MockServer) -> None:
    video = finished(server)["video"]
    assert set(video) == {"url", "content_type", "file_name", "file_size"}
    clip = download(server, video["url"])
    assert (video["content_type"], video["file_size"]) == ("video/mp4", len(clip.body))
    assert video["url"].endswith(video["file_name"])


@observes("no-usage")
def no_usage(server: MockServer, _timed: MockServer) -> None:
    for variant in load_catalog().variants:
        reply = create(server, model=variant.model)
        assert "meta" not in reply.json
        assert reply.headers.get("x-aimlapi-credits-used", "0") == "0"


@observes("signed-url")
def signed_url(server: MockServer, _timed: MockServer) -> None:
    url = finished(server)["video"]["url"]
    assert urlsplit(url).hostname == "localhost" and len(url) > 200 and "Signature=" in url
    answer = requests.get(url, timeout=20)
    assert answer.content[4:8] == b"ftyp"


# Ids


def check_id(server: MockServer, pattern: str) -> None:
    reply = create(server)
    job_id = reply.json["id"]
    assert re.fullmatch(pattern, job_id), job_id
    assert unquote(reply.headers["x-inference-id"].replace("%2F", "%252F")) == job_id
    for _ in range(3):
        answer = poll(server, job_id)
        assert valid(answer)["id"] == job_id
        assert answer.headers["x-inference-id"] == reply.headers["x-inference-id"]
    assert download(server, answer.json["video"]["url"]).status == 200
    assert create(server).json["id"] != job_id


@observes("id-nanoid")
def id_nanoid(server: MockServer, _timed: MockServer) -> None:
    check_id(server, r"[A-Za-z0-9_-]{21}")


@observes("id-leading-dash")
def id_leading_dash(server: MockServer, _timed: MockServer) -> None:
    check_id(server, r"-[A-Za-z0-9_-]{19}_")


@observes("id-digits")
def id_digits(server: MockServer, _timed: MockServer) -> None:
    check_id(server, r"\d{18}")
    job_id = server.jobs[0].id
    assert int(float(job_id)) != int(job_id), "a double would hold it"


@observes("id-uuid-model")
def id_uuid_model(server: MockServer, _timed: MockServer) -> None:
    check_id(server, UUID.pattern + ":" + re.escape(MODEL))
    job_id = server.jobs[0].id
    plain = ask(server, "GET", f"{PATHS[0]}?generation_id={job_id}")
    assert valid(plain)["id"] == job_id, "colons and slashes arrive unencoded too"


@observes("id-awkward")
def id_awkward(server: MockServer, _timed: MockServer) -> None:
    check_id(server, ".*")
    job_id = server.jobs[0].id
    assert all(char in job_id for char in "+&=#% ") and not job_id.isascii()


# Faults of the create


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
    check_refusal(server, 401, "https://aimlapi.com/app/keys")


@observes("no-credits")
def no_credits(server: MockServer, _timed: MockServer) -> None:
    check_refusal(server, 403, "https://aimlapi.com/app/billing")


@observes("not-found")
def not_found(server: MockServer, _timed: MockServer) -> None:
    check_refusal(server, 404, "Not Found")


@observes("rate-limited")
def rate_limited(server: MockServer, _timed: MockServer) -> None:
    assert check_refusal(server, 429, "Too Many Requests").headers["retry-after"] == "5"


@observes("server-error")
def server_error(server: MockServer, _timed: MockServer) -> None:
    check_refusal(server, 500, "error")


@observes("bad-gateway-html")
def bad_gateway_html(server: MockServer, _timed: MockServer) -> None:
    reply = create(server)
    assert (reply.status, reply.headers["content-type"]) == (502, "text/html")
    assert b"<html>" in reply.body and not server.jobs


@observes("unavailable")
def unavailable(server: MockServer, _timed: MockServer) -> None:
    assert check_refusal(server, 503, "Unavailable").headers["retry-after"] == "5"


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
    check_poll_refusal(server, 500, "error")


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


def drip(timed: MockServer, request: bytes, step: float) -> bytes:
    """The body of an answer that comes in pieces, one for each step of the clock."""
    waits = 0
    with wire(timed) as connection:
        connection.sendall(request)
        received = b""
        while True:
            received += connection.recv(1 << 20)
            head, _, body = received.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            assert length
            if len(body) == int(length[1]):
                break
            wait_until_held(timed)
            waits += 1
            timed.clock.advance(step)
    assert waits >= 6
    return body


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


# Faults of the video


@observes("video-expired")
def video_expired(server: MockServer, _timed: MockServer) -> None:
    clip = download(server, finished(server)["video"]["url"])
    assert (clip.status, clip.headers["content-type"]) == (403, "application/xml") and b"expired" in clip.body


def video_bytes(server: MockServer) -> bytes:
    return request_bytes("GET", urlsplit(finished(server)["video"]["url"]).path)


@observes("video-truncated")
def video_truncated(server: MockServer, _timed: MockServer) -> None:
    with wire(server) as connection:
        connection.sendall(video_bytes(server))
        head, _, body = until_closed(connection).partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    assert length and 0 < len(body) < int(length[1]) and body[4:8] == b"ftyp"


@observes("video-reset")
def video_reset(server: MockServer, _timed: MockServer) -> None:
    with wire(server) as connection:
        connection.sendall(video_bytes(server))
        until_reset(connection)


@observes("video-slow")
def video_slow(_server: MockServer, timed: MockServer) -> None:
    job_id = made(timed)
    timed.clock.advance(until="completed")
    url = valid(poll(timed, job_id))["video"]["url"]
    body = drip(timed, request_bytes("GET", urlsplit(url).path), 1.3)
    assert body[4:8] == b"ftyp"


@observes("video-redirect")
def video_redirect(server: MockServer, _timed: MockServer) -> None:
    url = finished(server)["video"]["url"]
    for base in (url, url.replace("127.0.0.1", "localhost")):
        first = requests.get(base, allow_redirects=False, timeout=20)
        assert first.status_code in (302, 307)
        assert urlsplit(first.headers["location"]).hostname not in (None, urlsplit(base).hostname)
        clip = requests.get(first.headers["location"], timeout=20)
        assert clip.status_code == 200 and clip.content[4:8] == b"ftyp"
