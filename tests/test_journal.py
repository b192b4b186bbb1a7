"""The journal: every exchange once, bounded, filtered, and without keys."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import io
import json
import zlib
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer
from kling_mock.exchanges.access_log import ExchangeLog
from kling_mock.exchanges.exchange import Exchange, header_lines
from kling_mock.exchanges.journal import Journal
from kling_mock.exchanges.redaction import redact

from .support import MODEL, PATHS, ask, body_for, create, poll, raw, recorded, wire


def exchange(path: str = "/", **values: Any) -> Exchange:
    return recorded(path=path, **values)


@given(limit=st.integers(1, 10), count=st.integers(0, 30))
def test_the_journal_keeps_the_last_ones_and_counts_all(limit: int, count: int) -> None:
    journal = Journal(limit)
    for number in range(count):
        journal.put(exchange(f"/{number}", number=journal.next_number()))
    assert [kept.path for kept in journal] == [f"/{number}" for number in range(count)][-limit:]
    assert [kept.number for kept in journal] == list(range(1, count + 1))[-limit:]
    assert (journal.count, len(journal)) == (count, min(limit, count))
    journal.clear()
    assert (journal.count, len(journal)) == (0, 0)


@given(limit=st.integers(1, 400), count=st.integers(0, 900))
def test_what_made_room_is_told_of_soon(limit: int, count: int) -> None:
    journal = Journal(limit)
    told = [0]
    journal.on_forgotten = told.append
    for number in range(1, count + 1):
        journal.put(exchange(number=journal.next_number()))
        assert 0 <= max(0, number - limit) - told[-1] <= limit / 64
    assert told == sorted(set(told))


def test_exchanges_are_selected_by_what_they_are() -> None:
    journal = Journal(10)
    for kind, status in (("create", 200), ("poll", 429), ("poll", 200)):
        journal.put(exchange(kind=kind, status=status, number=journal.next_number()))
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


SECRET = "sk-very/secret 0123456789"


def shown_of(server: MockServer) -> str:
    """All that is shown of a server's exchanges."""
    pages = [ask(server, "GET", path, key=None).body for path in ("/_mock/exchanges", "/_mock/exchanges.har")]
    stream = io.StringIO()
    for form in ("text", "json"):
        for one in server.exchanges:
            ExchangeLog(stream, form=form).write(one)
    return b"".join(pages).decode() + stream.getvalue() + repr(server.exchanges)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["api_key", "key", "token", "access_token", "apikey", "API-Key", "x_api_key"]
)
@pytest.mark.parametrize("header", [{}, {"Authorization": f"Bearer {SECRET}"}, {"X-Api-Key": SECRET}])
def test_a_key_is_hidden_wherever_it_was_sent(server: MockServer, name: str, header: dict[str, str]) -> None:
    """In the query, as an id, in a body and in a path, in every way that it is written there."""
    full = "".join(f"%{byte:02x}" for byte in SECRET.encode())
    for written in (quote(SECRET, safe=""), quote_plus(SECRET), full):
        query = f"?{name}={written}&generation_id={written}&other={written}"
        ask(server, "GET", PATHS[0] + query, headers=header, key=None)
        ask(server, "GET", f"/nothing/{written}?{name}={written}", headers=header, key=None)
        ask(server, "POST", PATHS[0] + query, body_for(prompt=f"my key is {SECRET}"), header, key=None)
    shown = unquote_plus(shown_of(server)).replace("\\/", "/")
    assert SECRET not in shown and "0123456789" not in shown
    assert "[key]" in shown
    assert server.exchanges[0].query["generation_id"] == [SECRET]


def test_a_short_parameter_hides_itself_only(server: MockServer) -> None:
    ask(server, "GET", "/nothing?token=true&page=true")
    assert server.exchanges[0].as_dict()["query"] == "token=[key]&page=true"


def test_cookies_are_hidden_wholly(server: MockServer) -> None:
    ask(server, "GET", "/nothing", headers={"Cookie": "session=SECRET; a=b"})
    ask(server, "GET", "/nothing", headers={"Proxy-Authorization": "SECRET more", "X-Api-Key": "SECRET more"})
    assert server.exchanges[0].headers["cookie"] == "…"
    assert "SECRET" not in shown_of(server)


def test_a_key_that_is_cut_off_shows_no_part_of_itself() -> None:
    with MockServer(max_recorded_body=100) as server:
        create(server, prompt="x" * 30 + "sk-a-very-long-key" * 5, key="sk-a-very-long-key")
        assert "sk-a-very" not in server.exchanges[0].shown_body


@pytest.mark.parametrize("coding", ["", "+gzip", "+chunked", "+slow-drip", "+gzip+chunked"])
def test_a_broken_off_answer_is_noted_as_far_as_it_went(server: MockServer, coding: str) -> None:
    """The modifiers of an answer hold for its half too."""
    server.clock.speed = 1e6
    job = create(server).json["id"]
    request = (
        f"GET {PATHS[0]}?generation_id={job} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
        f"Accept-Encoding: gzip\r\nX-Mock-Scenario: poll-truncated{coding}\r\n\r\n"
    )
    head, _, body = raw(server, request.encode()).partition(b"\r\n\r\n")
    seen = server.exchanges[1]
    assert head.split(b"\r\n", 1)[1].split(b"\r\n") == header_lines(seen.answer_headers).split(b"\r\n")[:-1]
    if "chunked" in coding:
        assert b"transfer-encoding: chunked" in head and b"content-length" not in head
        assert not body.endswith(b"0\r\n\r\n")
        body = unchunked(body)
    if "gzip" in coding:
        assert b"content-encoding: gzip" in head
        readable = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body)
        assert seen.answer_body == readable and seen.content_size == len(readable)
    else:
        assert seen.answer_body == body and b'"status"' not in body[-10:] + b"}"
    assert seen.answer_size == len(body)
    assert seen.whole_size is not None and seen.whole_size // 2 == len(body)
    assert seen.answer is None
    assert seen.as_dict()["response"]["cut_off_from"] == seen.whole_size


def unchunked(body: bytes) -> bytes:
    """What chunks carry."""
    found = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        found, body = found + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return found


def test_a_compressed_answer_is_noted_with_both_sizes(server: MockServer) -> None:
    server.use("gzip")
    reply = create(server, headers={"Accept-Encoding": "gzip"})
    (seen,) = server.exchanges
    assert seen.answer_size == len(reply.body) == int(seen.answer_header["content-length"])
    assert seen.answer_header["content-encoding"] == "gzip"
    assert seen.answer == json.loads(gzip.decompress(reply.body))
    assert seen.content_size == len(seen.answer_body) and seen.whole_size is None


@pytest.mark.parametrize(
    ("scenario", "header"), [("chunked", "transfer-encoding"), ("close-between-polls", "connection")]
)
def test_headers_of_the_connection_are_noted(server: MockServer, scenario: str, header: str) -> None:
    server.use(scenario)
    reply = create(server)
    (seen,) = server.exchanges
    assert seen.answer_header == reply.headers and header in seen.answer_header
    assert seen.answer == reply.json and seen.answer_size == len(reply.body)


def test_a_request_that_ends_its_connection_is_told_so(server: MockServer) -> None:
    reply = ask(server, "GET", "/v1/models", headers={"Connection": "close"})
    assert server.exchanges[0].answer_header == reply.headers
    assert reply.headers["connection"] == "close"


def test_http_1_0_gets_no_chunks(server: MockServer) -> None:
    server.use("chunked")
    answer = raw(server, b"GET /v2/video/generations?generation_id=x HTTP/1.0\r\n\r\n")
    job = create(server).json["id"]
    answer = raw(
        server,
        f"GET {PATHS[0]}?generation_id={job} HTTP/1.0\r\nAuthorization: Bearer test-key\r\n\r\n".encode(),
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"chunked" not in head and b"content-length: %d" % len(body) in head
    assert json.loads(body)["status"] == "queued"


def test_what_was_reset_left_nothing_on_the_wire(server: MockServer) -> None:
    server.use("create-lost-reply")
    with pytest.raises(OSError):
        create(server)
    (seen,) = server.exchanges
    assert (seen.status, seen.answer_size, seen.answer_body, seen.answer_headers) == (None, 0, b"", [])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("scenario", ["video-slow", "video-truncated"])
def test_a_disturbed_video_has_each_header_once(server: MockServer, scenario: str, method: str) -> None:
    server.use("completed-in-create")
    path = create(server).json["video"]["url"].removeprefix(server.url)
    server.clock.speed = 1e6
    names: list[str] = []
    with contextlib.suppress(http.client.IncompleteRead):
        reply = ask(server, method, path, headers={"X-Mock-Scenario": scenario})
        names = [name for name, _ in reply.lines]
        assert method == "HEAD" or "truncated" not in scenario
    names = names or [name.decode() for name, _ in server.exchanges[1].answer_headers]
    assert sorted(names) == sorted(set(names)) and "access-control-expose-headers" in names
    assert (server.exchanges[1].answer_size == 0) == (method == "HEAD")
