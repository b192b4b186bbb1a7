"""Which path answers what: every family, one id space, and the API's error body everywhere else."""

from __future__ import annotations

import itertools
import json

import pytest

from kling_mock import MockServer
from kling_mock.catalog import load_catalog

from .support import FAMILIES, MODEL, PATHS, SOME_VARIANTS, ask, body_for, check_error, create, poll, raw

LEGACY = [f"/v2/generate/video/{family}/generation" for family in FAMILIES]


@pytest.mark.parametrize("path", PATHS)
def test_each_path_has_its_documented_status(server: MockServer, path: str) -> None:
    reply = create(server, path)
    assert reply.status == (201 if path in LEGACY else 200)
    assert reply.json["status"] == "queued"
    assert poll(server, reply.json["id"], path).status == 200


@pytest.mark.parametrize(("made", "asked"), list(itertools.product(PATHS, [*PATHS, *LEGACY[1:]])))
def test_a_job_is_polled_on_any_path(server: MockServer, made: str, asked: str) -> None:
    job_id = create(server, made).json["id"]
    assert poll(server, job_id, asked).json == {"id": job_id, "status": "queued"}


@pytest.mark.slow
@pytest.mark.parametrize("model", [variant.model for variant in SOME_VARIANTS])
def test_every_variant_can_be_made_on_every_path(server: MockServer, model: str) -> None:
    variant = load_catalog().find(model)
    older = load_catalog().vendor(variant).older_path
    for path in [*PATHS[:3], *([older] if older else [])]:
        if path in LEGACY and variant.legacy:
            continue  # a contract of its own, held by the tests of the contracts
        reply = create(server, path, model=model)
        assert reply.status in (200, 201), reply.body
    assert {job.model for job in server.jobs} == {model}


@pytest.mark.parametrize("path", [path for path in LEGACY if "/kling/" not in path])
def test_another_familys_path_refuses_a_kling_model_and_says_where_it_is(
    server: MockServer, path: str
) -> None:
    body = check_error(create(server, path), 400, "/v2/generate/video/kling/generation")
    assert body["errors"][0]["path"] == "model"
    assert not server.jobs


@pytest.mark.parametrize("path", [*PATHS, *LEGACY])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_answered_405(server: MockServer, method: str, path: str) -> None:
    reply = ask(server, method, path, body_for())
    check_error(reply, 405, method)
    assert reply.headers["allow"] == "GET, POST, OPTIONS"
    assert reply.json["path"] == path


def test_head_is_answered_405_without_a_body(server: MockServer) -> None:
    reply = ask(server, "HEAD", PATHS[0] + "?generation_id=x")
    assert (reply.status, reply.body) == (405, b"")


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/model/" + MODEL])
def test_models_are_only_read(server: MockServer, path: str) -> None:
    reply = ask(server, "POST", path, {})
    check_error(reply, 405, "POST")
    assert reply.headers["allow"] == "GET, OPTIONS"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v2",
        "/v2/",
        "/v2/video/generation",
        "/v2/video/generations/",
        "/v3/video/generations",
        "/v2/generate/video/kling/generations",
        "/v2/generate/video/nobody/generation",
        "/v2/../v2/video/generations",
        "/v2/video/generations/../generations",
        "/v2/video/%2e%2e/video/generations",
        "/media/../../../etc/passwd",
        "/media/%2e%2e/%2e%2e/etc/passwd",
        "/media/abc/..%2f..%2fREADME.md",
        "/media/",
        "/media",
        "/model/",
        "/model/none",
        "/model/../models",
        "//v2/video/generations",
        "/_mock/nothing",
        "/_mockery",
        "/openapi/none.json",
        "/openapi",
        "/openapi/../README.md",
        "/favicon.ico",
        "/%00",
        "/%ff",
    ],
)
def test_other_paths_are_answered_404(server: MockServer, path: str) -> None:
    answer = raw(
        server,
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode(),
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 "), head
    assert b'"statusCode":404' in body and b'"requestId"' in body and b'"path"' in body


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
def test_the_control_api_answers_405_with_the_error_body(server: MockServer, method: str) -> None:
    reply = ask(server, method, "/_mock/clock")
    check_error(reply, 405, method)
    assert "GET" in reply.headers["allow"]


def test_an_absolute_request_target_is_taken(server: MockServer) -> None:
    answer = raw(
        server, b"GET http://api.aimlapi.com/v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_http_1_0_without_a_host_gets_a_url_that_works(server: MockServer) -> None:
    server.use("completed-in-create")
    job_id = create(server).json["id"]
    answer = raw(
        server, f"GET {PATHS[0]}?generation_id={job_id} HTTP/1.0\r\nAuthorization: Bearer k\r\n\r\n".encode()
    )
    assert f'"url":"http://127.0.0.1:{server.port}/media/'.encode() in answer


def test_pipelined_requests_are_answered_in_order(server: MockServer) -> None:
    job_id = create(server).json["id"]
    line = f"GET {PATHS[0]}?generation_id={job_id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
    answer = raw(server, (line + "\r\n" + line + "\r\n" + line + "Connection: close\r\n\r\n").encode())
    found = [part.split(b'"')[0] for part in answer.split(b'"status":"')[1:]]
    assert found == [b"queued", b"generating", b"completed"]


def test_what_follows_a_request_to_close_is_not_acted_on(server: MockServer) -> None:
    body = json.dumps(body_for()).encode()
    head = (
        b"POST /v2/video/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    )
    answer = raw(server, head + b"Connection: close\r\n\r\n" + body + head + b"\r\n" + body)
    assert answer.count(b"HTTP/1.1 200") == 1
    assert ask(server, "GET", "/models").status == 200
    assert len(server.jobs) == 1, "a job was made and nobody can be told"
