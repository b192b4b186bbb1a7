"""Bad input: always a clear error of the API, never a 500 and never a lost job."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kling_mock import MockServer
from kling_mock.store import at_once

from .support import KEY, MODEL, PATHS, ask, body_for, check_error, create, poll, raw, wire

JSON = {"Content-Type": "application/json"}


def post(server: MockServer, body: bytes, content_type: str | None = "application/json") -> Any:
    headers = {"Content-Type": content_type} if content_type is not None else {}
    return ask(server, "POST", PATHS[0], body, headers)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(b"", "empty body", id="empty"),
        pytest.param(b" \n", "empty body", id="blank"),
        pytest.param(b"{", "ends too early", id="unfinished"),
        pytest.param(b"model=kling", "Expected JSON", id="form"),
        pytest.param(b"<xml/>", "Expected JSON", id="xml"),
        pytest.param(b'"text"', "a JSON object, received a string", id="string"),
        pytest.param(b"12", "a JSON object, received a number", id="number"),
        pytest.param(b"true", "a JSON object, received a boolean", id="boolean"),
        pytest.param(b"null", "a JSON object, received null", id="null"),
        pytest.param(b"[]", "a JSON object, received an array", id="array"),
        pytest.param(b'{"model": NaN}', "NaN", id="nan"),
        pytest.param(b'{"a": Infinity}', "Infinity", id="infinity"),
        pytest.param(b'{"a": -Infinity}', "-Infinity", id="minus-infinity"),
        pytest.param(b'{"a": 1e999}', "usable size", id="too-large-float"),
        pytest.param(b'{"a": ' + b"9" * 6000 + b"}", "usable size", id="too-long-integer"),
        pytest.param(b'{"model": "a", "model": "b"}', '"model" twice', id="duplicate-key"),
        pytest.param(b'{"a": "\xff"}', "0xff", id="not-utf-8"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', "byte-order mark", id="byte-order-mark"),
        pytest.param(b"[" * 9_000, "levels", id="nested-arrays"),
        pytest.param(b'{"a":' * 9_000, "levels", id="nested-objects"),
        pytest.param(b"[" * 9_000 + b"]" * 9_000, "levels", id="nested-and-closed"),
        pytest.param(b'{"a": "\\ud800"}', "surrogate", id="half-a-pair"),
        pytest.param(b'{"model": "x"} {}', "one JSON value", id="two-values"),
    ],
)
def test_a_body_that_is_no_json_object_is_answered_400(server: MockServer, body: bytes, says: str) -> None:
    check_error(post(server, body), 400, says)
    assert not server.jobs and not server.charges


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", "", None])
def test_another_content_type_is_answered_400(server: MockServer, content_type: str | None) -> None:
    body = check_error(post(server, json.dumps(body_for()).encode(), content_type), 400, "application/json")
    assert body["errors"][0]["path"] == "header Content-Type"


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json"],
)
def test_json_content_types_are_taken(server: MockServer, content_type: str) -> None:
    assert post(server, json.dumps(body_for()).encode(), content_type).status == 200


def test_a_missing_model_is_named(server: MockServer) -> None:
    body = check_error(ask(server, "POST", PATHS[0], {"prompt": "x"}), 400, "model")
    assert [problem["path"] for problem in body["errors"]] == ["model"]


@pytest.mark.parametrize("model", [None, 1, True, [], {}, ["kling"]])
def test_a_model_that_is_no_string_is_answered_400(server: MockServer, model: Any) -> None:
    check_error(ask(server, "POST", PATHS[0], {"model": model}), 400, "model")


def test_an_unknown_model_names_the_nearest(server: MockServer) -> None:
    body = check_error(ask(server, "POST", PATHS[0], {"model": MODEL[:-1]}), 400, MODEL)
    assert body["message"].startswith("Body validation error")
    assert body["errors"][0]["path"] == "model"
    assert MODEL in body["errors"][0]["expected"]


def test_a_very_long_model_is_refused_shortly(server: MockServer) -> None:
    reply = ask(server, "POST", PATHS[0], {"model": "kling-video/" * 300_000})
    check_error(reply, 400, "model")
    assert len(reply.body) < 2_000
    assert len(server.exchanges[-1].model or "") < 500


def test_a_very_long_scenario_in_the_prompt_is_refused_shortly(server: MockServer) -> None:
    reply = create(server, prompt=f"[mock:{'completed' * 200}]")
    check_error(reply, 400, "no scenario")
    assert len(reply.body) < 2_000


@pytest.mark.parametrize(
    "query",
    [
        "",
        "generation_id=",
        "generation_id",
        "id=1",
        "generation_id=a&generation_id=a",
        "generation_id=a&generation_id=",
    ],
)
def test_a_repeated_or_missing_id_is_answered_400(server: MockServer, query: str) -> None:
    body = check_error(ask(server, "GET", f"{PATHS[0]}?{query}"), 400, "generation_id")
    assert body["errors"][0]["path"] == "query generation_id"


@pytest.mark.parametrize("job_id", ["undefined", "null", "x" * 21, "../../etc/passwd", "é", "\x00", "a b"])
def test_an_unknown_id_is_answered_404(server: MockServer, job_id: str) -> None:
    check_error(poll(server, job_id), 404, "not found")


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "test-key", "Token abc", "Bearertest-key"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_wrong_scheme_or_an_empty_key_is_answered_401(
    server: MockServer, method: str, authorization: str | None
) -> None:
    headers = {"Content-Type": "application/json"}
    if authorization is not None:
        headers["Authorization"] = authorization
    body = json.dumps(body_for()).encode() if method == "POST" else None
    reply = ask(server, method, PATHS[0] + "?generation_id=x", body, headers, key=None)
    check_error(reply, 401, "https://aimlapi.com/app/keys")
    assert not server.jobs


def test_the_scheme_may_be_in_any_case(server: MockServer) -> None:
    assert create(server, headers={"Authorization": "bearer x"}).status == 200


def test_only_given_keys_are_accepted() -> None:
    with MockServer(api_key=("one", "two")) as strict:
        assert create(strict, key="two").status == 200
        check_error(create(strict, key="three"), 401, "none of those")
        assert create(strict, key="mock-failed").status == 200


@pytest.mark.parametrize("length", [True, False])
def test_a_body_over_the_limit_is_answered_413(length: bool) -> None:
    with MockServer(max_body=2_000_000) as small:
        prompt = "x" * 8_000_000
        if length:
            reply = create(small, prompt=prompt)
        else:
            whole = json.dumps(body_for(prompt=prompt)).encode()
            chunks = (whole[start : start + 65536] for start in range(0, len(whole), 65536))
            reply = ask(small, "POST", PATHS[0], chunks, JSON)  # an iterator goes in chunks
        check_error(reply, 413, "2000000")
        assert reply.headers["connection"] == "close"
        assert not small.jobs
        assert create(small).status == 200


def test_a_body_at_the_limit_is_taken() -> None:
    whole = json.dumps(body_for()).encode()
    with MockServer(max_body=len(whole)) as small:
        assert post(small, whole).status == 200
        check_error(post(small, whole + b" "), 413)


def test_a_client_that_waits_for_100_continue_is_told_413_at_once() -> None:
    with MockServer(max_body=1000) as small, wire(small) as connection:
        connection.sendall(
            b"POST /v2/video/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
            b"Content-Type: application/json\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_in_many_pieces_is_put_together(server: MockServer) -> None:
    whole = json.dumps(body_for()).encode()
    with wire(server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(
            b"POST /v2/video/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(whole)
        )
        for byte in whole:
            connection.sendall(bytes([byte]))
        assert connection.recv(20).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_leaves_in_the_middle_of_its_body_makes_no_job(server: MockServer) -> None:
    with wire(server) as connection:
        connection.sendall(
            b"POST /v2/video/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
            b'Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"model":'
        )
    assert create(server).status == 200
    assert len(server.jobs) == 1


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /v2/video/generations HTTP/1.1\r\nNo colon here\r\n\r\n",
        b"GET /v2/video/generations HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /v2/video/generations HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"POST /v2/video/generations HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /v2/video/generations HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /v2/video/generations HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST /v2/video/generations HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v2/video/generations HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"CONNECT nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello",
    ],
)
def test_broken_http_gets_the_error_body_of_the_api(server: MockServer, request_bytes: bytes) -> None:
    head, _, body = raw(server, request_bytes).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 "), head
    assert b"\r\nconnection: close" in head
    error = json.loads(body)
    assert error["statusCode"] == 400 and error["requestId"] and error["message"]
    assert b"content-length: %d" % len(body) in head
    assert ask(server, "GET", "/models").status == 200


def test_a_head_without_end_is_cut_off(server: MockServer) -> None:
    with wire(server) as connection:
        connection.sendall(b"GET /models HTTP/1.1\r\n")
        answer = b""
        try:
            for _ in range(2000):
                connection.sendall(b"X-Filler: " + b"x" * 1000 + b"\r\n")
            answer = connection.recv(12)
        except OSError:
            return
    assert answer == b"HTTP/1.1 431"


def test_a_websocket_upgrade_is_answered_as_the_request_that_it_is(server: MockServer) -> None:
    with wire(server) as connection:
        connection.sendall(
            b"GET /models HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert connection.recv(13) == b"HTTP/1.1 200 "


ENDPOINTS = [
    *PATHS,
    "/v1/models",
    "/models",
    "/model/" + MODEL,
    "/media/abc/16x9-5s.mp4",
    "/openapi.json",
    "/openapi/" + MODEL + ".json",
    "/_mock/health",
    "/_mock/jobs",
    "/_mock/jobs/x",
    "/_mock/exchanges",
    "/_mock/exchanges.har",
    "/_mock/charges",
    "/_mock/clock",
    "/_mock/scenario",
    "/_mock/scenario/next",
    "/_mock/scenarios",
    "/",
    "/nothing",
    "/_mock/nothing",
]
ALLOWED = {200, 201, 204, 206, 301, 304, 307, 400, 401, 403, 404, 405, 413, 416, 431}
VALUE = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\x00"), max_size=40).filter(
    lambda text: not any(ord(char) < 32 or ord(char) == 127 for char in text)
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "Host",
            "Origin",
            "Authorization",
            "Content-Type",
            "Range",
            "If-None-Match",
            "If-Range",
            "Accept",
            "If-Modified-Since",
            "X-Mock-Scenario",
            "X-Client-Request-Id",
            "Accept-Encoding",
            "Cookie",
            "Access-Control-Request-Headers",
            "Expect",
            "X-Forwarded-For",
            "Upgrade",
        ]
    ),
    VALUE
    | st.sampled_from(["[", "[::1", "localhost:99999999", "bytes=0-", "mock-failed", "Bearer mock-", "[]:"]),
    max_size=4,
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    "model", "prompt", "duration", "cfg_scale", "image_url", "dynamic_masks", "static_mask", "camera_control",
    "image_list", "aspect_ratio", "multi_prompt", "advance", "until", "job_id", "speed", "scenario",
]  # fmt: skip
NEAR_JSON = st.builds(
    lambda base, more: base | more,
    st.sampled_from([{}, {"model": MODEL}, body_for(), body_for("kling-video/v1.6/pro/image-to-video")]),
    st.dictionaries(st.sampled_from(FIELDS), ANY_JSON | st.just(10**400), max_size=4),
)
QUERY = st.binary(max_size=40).map(
    lambda data: bytes(byte for byte in data if 33 <= byte <= 126 and byte not in b"#")
) | st.sampled_from(
    [b"generation_id=%FF", b"generation_id=%00&a", b"limit=%C2%B2", b"limit=" + b"9" * 5000, b"kind=x"]
)
SLOWLY = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.slow
@SLOWLY
@given(
    path=st.sampled_from(ENDPOINTS),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "TRACE"]),
    query=QUERY,
    headers=HEADERS,
    body=st.binary(max_size=60) | (ANY_JSON | NEAR_JSON).map(lambda value: json.dumps(value).encode()),
    keyed=st.booleans(),
)
def test_arbitrary_requests_get_documented_statuses(
    server: MockServer,
    path: str,
    method: str,
    query: bytes,
    headers: dict[str, str],
    body: bytes,
    keyed: bool,
) -> None:
    kept = create(server).json["id"]
    lines = {"Host": f"127.0.0.1:{server.port}"} | (KEY | JSON if keyed else {}) | headers
    head = b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in lines.items())
    request = b"%b %b?%b HTTP/1.1\r\n%bConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (
        method.encode(), path.encode(), query, head, len(body), body,
    )  # fmt: skip
    answer = raw(server, request)
    if "X-Mock-Scenario" not in headers:
        assert int(answer[9:12]) in ALLOWED, answer[:400]
    assert b"bug in kling-mock" not in answer
    if "/_mock" not in path:
        assert poll(server, kept).status == 200
    server.reset()
    server.clock.resume()


@pytest.mark.slow
@SLOWLY
@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_on_the_wire_leave_the_server_alive(server: MockServer, data: bytes) -> None:
    answer = raw(server, data, end=True)
    assert not answer or int(answer[9:12]) in ALLOWED
    assert ask(server, "GET", "/models").status == 200


def made_by(server: MockServer) -> int:
    return at_once(server.space.store.counts()).made


@pytest.mark.slow
@SLOWLY
@given(body=ANY_JSON | NEAR_JSON, path=st.sampled_from(PATHS))
def test_arbitrary_json_makes_a_job_or_gets_a_400(server: MockServer, body: Any, path: str) -> None:
    made = made_by(server)
    reply = ask(server, "POST", path, body)
    if reply.status in (200, 201):
        assert made_by(server) == made + 1
        assert poll(server, reply.json["id"]).status == 200
    elif "[mock:" not in json.dumps(body):
        check_error(reply, 400)
        assert made_by(server) == made
