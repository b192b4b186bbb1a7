"""Headers of every answer: inference and request ids, cost, CORS."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kling_mock import MockServer

from .support import MODEL, PATHS, SOME_VARIANTS, UUID, ask, body_for, create, poll

EXPOSED = {"x-inference-id", "x-client-request-id", "x-aimlapi-credits-used", "x-aimlapi-usd-spent"}
SURROUNDED = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_the_inference_id_of_a_video_is_its_id(server: MockServer) -> None:
    reply = create(server)
    assert reply.headers["x-inference-id"] == reply.json["id"]
    for _ in range(3):
        assert poll(server, reply.json["id"]).headers["x-inference-id"] == reply.json["id"]


@pytest.mark.parametrize(
    ("job_id", "looks_issued"),
    [
        ("x" * 21, True),
        ("789392067490349060", True),
        ("b906d239-565b-4012-9234-246189283143", True),
        ("b906d239-565b-4012-9234-246189283143:kling-video/v2.1/master/image-to-video", True),
        ("undefined", False),
        ("é" * 21, False),
        ("x" * 21 + "\r\nX-Evil: 1", False),
    ],
)
def test_an_unknown_id_is_repeated_if_it_could_have_been_issued(
    server: MockServer, job_id: str, looks_issued: bool
) -> None:
    reply = poll(server, job_id)
    assert reply.status == 404
    assert reply.headers.get("x-inference-id") == (job_id if looks_issued else None)
    assert "x-evil" not in reply.headers


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/v1/models", None),
        ("GET", "/model/" + MODEL, None),
        ("GET", "/nothing", None),
        ("PUT", PATHS[0], None),
        ("POST", PATHS[0], {"model": "x"}),
        ("GET", PATHS[0], None),
    ],
)
def test_every_answer_has_an_inference_id(server: MockServer, method: str, target: str, body: object) -> None:
    reply = ask(server, method, target, body)
    assert UUID.fullmatch(reply.headers["x-inference-id"])
    if reply.status >= 400:
        assert reply.headers["x-inference-id"] == reply.json["requestId"]


@pytest.mark.parametrize("request_id", ["a", "A-z_0:9.", "x" * 128])
@pytest.mark.parametrize("target", [PATHS[0], PATHS[0] + "?generation_id=x", "/v1/models", "/nothing"])
def test_a_request_id_is_echoed(server: MockServer, target: str, request_id: str) -> None:
    reply = ask(server, "GET", target, headers={"X-Client-Request-Id": request_id})
    assert reply.headers["x-client-request-id"] == request_id


@SURROUNDED
@given(
    request_id=st.text(st.characters(codec="latin-1", min_codepoint=32), max_size=140).filter(
        lambda text: "\x7f" not in text and not re.search("[\x80-\x9f]", text)
    )
)
def test_another_request_id_is_dropped_silently(server: MockServer, request_id: str) -> None:
    reply = ask(server, "GET", PATHS[0], headers={"X-Client-Request-Id": request_id})
    # Blanks around a value are no part of it.
    value = request_id.strip(" ")
    allowed = re.fullmatch(r"[A-Za-z0-9_.:-]{1,128}", value)
    assert reply.headers.get("x-client-request-id") == (value if allowed else None)


@pytest.mark.parametrize("variant", SOME_VARIANTS, ids=lambda variant: variant.model)
def test_cost_headers_say_what_the_usage_says(server: MockServer, variant: object) -> None:
    reply = create(server, model=variant.model)  # type: ignore[attr-defined]
    usage = reply.json.get("meta", {}).get("usage")
    if usage is None:
        assert "x-aimlapi-credits-used" not in reply.headers
    else:
        assert int(reply.headers["x-aimlapi-credits-used"]) == usage["credits_used"] > 0
        assert float(reply.headers["x-aimlapi-usd-spent"]) == pytest.approx(usage["usd_spent"], abs=1e-6)
        assert usage["usd_spent"] == usage["credits_used"] / 2_000_000


def test_what_is_no_create_costs_nothing(server: MockServer) -> None:
    job_id = create(server).json["id"]
    for reply in (
        poll(server, job_id),
        poll(server, "x"),
        ask(server, "POST", PATHS[0], {}),
        ask(server, "GET", "/v1/models"),
    ):
        assert reply.headers["x-aimlapi-credits-used"] == "0" == reply.headers["x-aimlapi-usd-spent"]


@pytest.mark.parametrize(
    ("method", "target"),
    [("POST", PATHS[0]), ("GET", PATHS[0]), ("GET", "/v1/models"), ("GET", "/nothing"), ("PUT", PATHS[3])],
)
def test_browsers_may_read_every_answer(server: MockServer, method: str, target: str) -> None:
    reply = ask(server, method, target, headers={"Origin": "https://app.example"})
    assert reply.headers["access-control-allow-origin"] == "*"
    assert set(reply.headers["access-control-expose-headers"].split(", ")) >= EXPOSED


@pytest.mark.parametrize("target", [*PATHS, "/v1/models", "/model/" + MODEL, "/nothing"])
def test_a_preflight_is_granted_without_a_key(server: MockServer, target: str) -> None:
    asked = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-mine",
    }
    reply = ask(server, "OPTIONS", target, headers=asked, key=None)
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["access-control-allow-headers"] == "authorization,content-type,x-mine"
    assert "POST" in reply.headers["access-control-allow-methods"]


def test_each_header_stands_once_and_the_date_is_the_clocks(timed: MockServer) -> None:
    timed.clock.advance(1e8)
    for reply in (create(timed), ask(timed, "GET", "/v1/models"), ask(timed, "GET", "/nothing")):
        names = [name for name, _ in reply.lines]
        assert len(names) == len(set(names)), names
        assert abs(parsedate_to_datetime(reply.headers["date"]).timestamp() - timed.clock.now()) < 1
        assert int(reply.headers["content-length"]) == len(reply.body)


def test_keep_alive_and_close(server: MockServer) -> None:
    reply = ask(server, "POST", PATHS[0], body_for(), {"Connection": "close"})
    assert reply.headers["connection"] == "close"
    assert "connection" not in create(server).headers
