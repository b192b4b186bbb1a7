"""An exchange: frozen, what went over the wire apart from what the mock knows, and without a mock too."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from kling_mock import Fault, MockServer, Scenario
from kling_mock.events import Event, EventKind
from kling_mock.exchanges.access_log import ExchangeLog
from kling_mock.exchanges.exchange import NO_NOTES, Exchange, Notes, word_in
from kling_mock.exchanges.har import har_log
from kling_mock.scenarios.fault import FaultKind
from kling_mock.trace_rules.passive import check_trace

from .observing import get_bytes, post_bytes, until_closed, wait_until_held
from .support import MODEL, PATHS, ask, body_for, create, poll, until, wire

# What it is


def test_an_exchange_does_not_change(server: MockServer) -> None:
    create(server)
    (seen,) = server.exchanges
    for name in ("status", "word", "notes", "state", "anything"):
        with pytest.raises(AttributeError):
            setattr(seen, name, None)
    with pytest.raises(AttributeError):
        seen.notes.fault = "slow"  # type: ignore[misc]
    assert server.exchanges == [seen]


def test_only_its_notes_say_anything_of_the_mock() -> None:
    words = {"scenario", "state", "fault", "known_id", "violations", "findings", "key_in_url"}
    assert set(Notes._fields) == words
    assert not words & set(Exchange._fields)


def poll_twice(server: MockServer, scenario: str | Scenario) -> tuple[Exchange, Exchange]:
    """The exchanges of a create and of the second poll, which finds the job generating."""
    server.use(scenario)
    job_id = ask(server, "POST", PATHS[0], body_for(), {"Accept-Encoding": "gzip"}).json["id"]
    for _ in range(2):
        ask(server, "GET", f"{PATHS[0]}?generation_id={job_id}", headers={"Accept-Encoding": "identity"})
    return server.exchanges[0], server.exchanges[2]


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("completed", ("queued", "generating")),
        ("unknown-status", ("queued", "processing")),
        ("waiting-active", ("waiting", "active")),
        ("close-between-polls", ("queued", "generating")),
        ("chunked", ("queued", "generating")),
        (Scenario("silent", shapes=frozenset({"no-status"})), (None, None)),
        (Scenario("bom", faults=(Fault("any", "byte-order-mark"),)), ("queued", "generating")),
        (Scenario("text", faults=(Fault("any", "wrong-content-type"),)), ("queued", "generating")),
        (Scenario("twice", faults=(Fault("any", "duplicate-keys"),)), ("queued", "generating")),
    ],
    ids=str,
)
def test_the_word_is_what_the_client_was_told(
    server: MockServer, scenario: str | Scenario, words: tuple[str | None, str | None]
) -> None:
    made, polled = poll_twice(server, scenario)
    assert (made.word, polled.word) == words
    assert (made.state, polled.state) == ("queued", "generating")
    for seen, word in zip((made, polled), words, strict=True):
        assert seen.as_dict()["word"] == word and seen.as_dict()["state"] == seen.state
        if seen.answer is not None:
            assert seen.answer.get("status") == word
        assert word is None or word in ExchangeLog(form="text").text_line(seen)


def test_a_compressed_answer_tells_its_word(server: MockServer) -> None:
    server.use("gzip")
    create(server, headers={"Accept-Encoding": "gzip"})
    (seen,) = server.exchanges
    assert seen.word == "queued" and seen.content_size is not None and seen.answer["status"] == "queued"


@pytest.mark.parametrize("kind", ["html", "not-json", "empty", "truncated", "status", "reset"])
def test_a_fault_leaves_no_word_where_none_can_be_read(server: MockServer, kind: FaultKind) -> None:
    job_id = create(server).json["id"]
    server.configure(scenarios={"bad": Scenario("bad", faults=(Fault("poll", kind),))})
    with wire(server) as connection:
        request = get_bytes(job_id).replace(b"Host:", b"X-Mock-Scenario: bad\r\nConnection: close\r\nHost:")
        connection.sendall(request)
        try:
            until_closed(connection)
        except ConnectionResetError:
            assert kind == "reset"
    seen = server.exchanges[-1]
    assert (seen.fault, seen.word) == (kind, None)
    # Only of a cut answer the job was told at all.
    assert seen.state == ("queued" if kind == "truncated" else None)


@pytest.mark.parametrize("kind", ["without-id", "empty-id"])
def test_a_create_without_id_tells_its_word(server: MockServer, kind: str) -> None:
    server.use(f"create-{kind}")
    reply = create(server)
    (seen,) = server.exchanges
    assert reply.json.get("id") in (None, "") and seen.word == reply.json["status"] == "queued"
    assert seen.fault == kind


def test_a_word_is_noted_of_an_answer_that_is_kept_in_part() -> None:
    with MockServer(max_recorded_body=5, scenario="close-between-polls", log_format="none") as server:
        create(server)
        (seen,) = server.exchanges
    assert seen.word == "queued" and len(seen.answer_body) == 5 and seen.answer is None


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b'{"status":"queued"}', "queued"),
        (b'\xef\xbb\xbf{"status":"queued"}', "queued"),
        (b'{"status":5}', None),
        (b'["status"]', None),
        (b'{"status":"queu', None),
        (b"<html>", None),
        (b"\xff\xfe", None),
        (b"", None),
    ],
)
def test_a_word_is_read_out_of_a_body(body: bytes, word: str | None) -> None:
    assert word_in(body) == word


# Without a mock


def plain(**facts: Any) -> Exchange:
    """An exchange as a recording of the real API would have it: facts of the wire."""
    made = body_for()
    answer = json.dumps({"id": "abc-1", "status": "queued"}).encode()
    body = json.dumps(made).encode()
    known: dict[str, Any] = {
        "method": "POST",
        "path": PATHS[0],
        "raw_headers": [
            (b"host", b"api.example"),
            (b"authorization", b"Bearer sk-secret-0123456789"),
            (b"content-type", b"application/json"),
        ],
        "at": 100.0,
        "body": body,
        "body_size": len(body),
        "status": 200,
        "answer_head": b"content-type: application/json\r\n",
        "answer_body": answer,
        "answer_size": len(answer),
        "kind": "create",
        "job_id": "abc-1",
        "model": MODEL,
        "word": word_in(answer),
        "number": 1,
        "ended_at": 100.5,
        "took": 0.5,
    }
    return Exchange(**(known | facts))


def test_an_exchange_of_plain_facts_has_no_notes_and_is_shown_everywhere() -> None:
    seen = plain()
    assert seen.notes is NO_NOTES
    shown = seen.as_dict()
    assert [shown[name] for name in ("scenario", "state", "fault")] == [None] * 3
    assert shown["violations"] == shown["findings"] == []
    assert shown["word"] == "queued" and shown["job_id"] == "abc-1"
    assert "sk-secret" not in json.dumps(shown)
    (entry,) = har_log([seen])["log"]["entries"]
    assert entry["request"]["url"] == f"http://api.example{PATHS[0]}"
    assert entry["response"]["status"] == 200 and entry["time"] == 500
    log = ExchangeLog(form="text", colour=True)
    line = log.text_line(seen)
    assert "200" in line and "queued" in line and "500.0ms" in line and "scenario=" not in line
    assert json.loads(log.json_line(seen))["word"] == "queued"
    assert repr(seen) == f"<Exchange 1 POST {PATHS[0]} 200 queued>"


def test_passive_checks_read_a_trace_of_plain_facts() -> None:
    finished = json.dumps(
        {"id": "abc-1", "status": "completed", "video": {"url": "https://x/v.mp4"}}
    ).encode()
    polled = {
        "method": "GET",
        "kind": "poll",
        "query_string": b"generation_id=abc-1",
        "body": b"",
        "body_size": 0,
        "answer_body": finished,
        "answer_size": len(finished),
        "word": "completed",
    }
    right = [plain(), plain(**polled, number=2, at=110.0, ended_at=110.1)]
    assert check_trace(right) == []
    bare = [(b"host", b"api.example"), (b"content-type", b"application/json")]
    unkeyed = [*right, plain(**polled, number=3, at=120.0, ended_at=120.1, raw_headers=bare, status=401)]
    assert "A7" in {breach.id for breach in check_trace(unkeyed)}


def test_an_exchange_without_answer_and_body_is_shown_too() -> None:
    seen = Exchange("GET", "/")
    assert [seen.payload, seen.answer, seen.status, seen.word] == [None] * 4
    assert seen.headers == seen.answer_header == {} and seen.query == {} and seen.keys == ()
    assert seen.as_dict()["ended_at"] is None
    assert har_log([seen])["log"]["entries"][0]["response"]["status"] == 0
    assert "---" in ExchangeLog(form="text").text_line(seen)
    assert check_trace([seen]) == []


# While its answer is open


@contextmanager
def asking(server: MockServer, request: bytes) -> Iterator[socket.socket]:
    """A request whose answer is held."""
    with wire(server) as connection:
        connection.sendall(request)
        wait_until_held(server)
        yield connection


@pytest.mark.parametrize(("scenario", "status"), [("create-slow", 200), ("create-hangs", None)])
def test_an_open_answer_stands_in_the_journal_without_an_end(
    timed: MockServer, scenario: str, status: int | None
) -> None:
    timed.use(scenario)
    with asking(timed, post_bytes()) as connection:
        (opened,) = timed.exchanges
        assert (opened.number, opened.kind, opened.status) == (1, "create", status)
        assert opened.ended_at is None and opened.word is None
        assert opened.fault == ("slow" if status else "hang")
        # Others that begin later come behind it.
        poll(timed, "unknown")
        assert [seen.number for seen in timed.exchanges] == [1, 2]
        if status is None:
            return
        timed.clock.advance(31)
        assert connection.recv(12) == b"HTTP/1.1 200"
        closed = timed.exchanges[0]
        assert [seen.number for seen in timed.exchanges] == [1, 2]
        assert closed.ended_at is not None and closed.ended_at >= opened.at + 30
        assert (closed.at, closed.word, closed.state) == (opened.at, "queued", "queued")


def test_a_reset_in_between_leaves_nothing(timed: MockServer) -> None:
    timed.use("create-slow")
    ended: list[Event] = []
    timed.space.bus.subscribe(ended.append, [EventKind.EXCHANGE])
    with asking(timed, post_bytes()) as connection:
        timed.reset()
        assert until_closed(connection) == b""
        until(lambda: timed.traffic.open == 0)
        assert timed.exchanges == [] and timed.jobs == [] and not ended
        create(timed)
        assert [seen.number for seen in timed.exchanges] == [1]


def test_a_client_that_leaves_before_a_late_answer_was_told_nothing() -> None:
    with MockServer(latency="10s", speed=0, log_format="none") as server:
        # A clock that stands still adds no latency.
        server.clock.resume()
        with asking(server, post_bytes()):
            (opened,) = server.exchanges
            assert opened.word == "queued" and opened.ended_at is None
        until(lambda: server.exchanges[0].ended_at is not None)
        (closed,) = server.exchanges
        assert (closed.status, closed.word, closed.answer_size) == (None, None, 0)
        assert closed.state == "queued" and len(server.jobs) == 1
