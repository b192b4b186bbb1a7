"""The download of a finished video, as a content delivery network gives it."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kling_mock import MockServer

from .support import Reply, ask, check_error, create, poll


def url_of(server: MockServer, **more: Any) -> str:
    server.use("completed-in-create")
    url: str = create(server, **more).json["video"]["url"]
    return url.partition(str(server.port))[2]


def fetch(server: MockServer, url: str, method: str = "GET", **headers: str) -> Reply:
    return ask(
        server,
        method,
        url,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        key=None,
    )


def test_it_is_whole_and_needs_no_key(server: MockServer) -> None:
    clip = fetch(server, url_of(server))
    assert clip.status == 200 and clip.body[4:8] == b"ftyp"
    assert clip.headers["content-type"] == "video/mp4"
    assert int(clip.headers["content-length"]) == len(clip.body)
    assert clip.headers["accept-ranges"] == "bytes" and clip.headers["etag"]
    assert clip.headers["access-control-allow-origin"] == "*"
    seen = server.exchanges[-1]
    assert (seen.kind, seen.status, seen.job_id) == ("video", 200, server.jobs[0].id)
    assert seen.answer_size == len(clip.body)


def test_head_range_and_etag(server: MockServer) -> None:
    url = url_of(server)
    whole = fetch(server, url)
    head = fetch(server, url, "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]
    part = fetch(server, url, Range="bytes=10-19")
    assert (part.status, part.body) == (206, whole.body[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.body)}"
    assert fetch(server, url, Range="bytes=-5").body == whole.body[-5:]
    assert fetch(server, url, Range="bytes=99999999-").status == 416
    assert fetch(server, url, If_None_Match=whole.headers["etag"]).status == 304
    assert fetch(server, url, Range="bytes=0-1", If_Range='"other"').status == 200


def test_the_clip_is_the_one_that_was_asked_for(server: MockServer) -> None:
    assert "9x16" in url_of(server, aspect_ratio="9:16", duration=10)
    assert "10s" in url_of(server, aspect_ratio="9:16", duration=10)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_it_is_only_read(server: MockServer, method: str) -> None:
    reply = fetch(server, url_of(server), method)
    check_error(reply, 405, method)
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    "path", ["/media/abc/none.mp4", "/media/abc/16x9-99s.mp4", "/media/abc", "/media/a/b/c.mp4"]
)
def test_another_path_is_answered_404_and_journalled(server: MockServer, path: str) -> None:
    check_error(fetch(server, path), 404)
    assert server.exchanges[-1].status == 404


@pytest.mark.parametrize("scenario", ["stuck-generating", "failed"])
def test_a_job_without_a_video_has_none(server: MockServer, scenario: str) -> None:
    job_id = create(server, headers={"X-Mock-Scenario": scenario}).json["id"]
    token = urlsafe_b64encode(job_id.encode()).decode().rstrip("=")
    clip = server.jobs[0].as_dict()["clip"]
    for _ in range(4):
        check_error(fetch(server, f"/media/{token}/{clip}"), 404, "no job has this video")
        poll(server, job_id)


def test_another_clip_than_the_jobs_own_is_not_found(server: MockServer) -> None:
    url = url_of(server)
    other = re.sub(r"[^/]+\.mp4", "9x16-15s.mp4", url)
    assert other != url
    check_error(fetch(server, other), 404)
    assert fetch(server, url).status == 200


def test_a_url_expires_on_the_clock(timed: MockServer) -> None:
    url = url_of(timed)
    timed.clock.advance(86_000)
    assert fetch(timed, url).status == 200
    timed.clock.advance(1_000)
    assert fetch(timed, url).status == 403


def test_a_url_that_was_not_polled_for_long_starts_to_expire_with_its_job(timed: MockServer) -> None:
    job_id = create(timed).json["id"]
    timed.clock.advance(until="completed", job_id=job_id)
    timed.clock.advance(86_000)
    url = ask(timed, "GET", f"/v2/video/generations?generation_id={job_id}").json["video"]["url"]
    assert fetch(timed, url.partition(str(timed.port))[2]).status == 200


def test_a_download_may_ask_for_a_fault_and_a_wrong_one_is_named(server: MockServer) -> None:
    url = url_of(server)
    assert fetch(server, url, X_Mock_Scenario="video-expired").status == 403
    check_error(fetch(server, url, X_Mock_Scenario="video-expird"), 400, "'video-expired'")
    assert server.exchanges[-1].status == 400


def test_a_browser_may_ask_first(server: MockServer) -> None:
    reply = fetch(
        server, url_of(server), "OPTIONS", Origin="https://a.b", Access_Control_Request_Headers="range"
    )
    assert reply.status == 204 and reply.headers["access-control-allow-headers"] == "range"


def expires(url: str) -> int:
    return int(parse_qs(urlsplit(url).query)["Expires"][0])


@pytest.mark.parametrize("polls", [None, (1, 1)])
@pytest.mark.parametrize("told", ["at once", "late"])
def test_a_signed_url_says_when_it_stops_working(polls: tuple[int, int] | None, told: str) -> None:
    with MockServer(scenario="signed-url", speed=0, polls=polls, video_lifetime=100) as server:
        job_id = create(server).json["id"]
        server.clock.advance(until="completed")
        completed = server.clock.now()
        server.clock.advance(30 if told == "late" else 0)
        url = poll(server, job_id).json["video"]["url"]
        assert expires(url) == int(completed + 100) or expires(url) == int(completed + 100 - 1e-3)
        path = url.partition(str(server.port))[2]
        server.configure(video_lifetime=5)
        server.clock.advance(expires(url) - server.clock.now())
        assert fetch(server, path).status == 200
        server.clock.advance(1.01)
        assert fetch(server, path).status == 403
        assert expires(poll(server, job_id).json["video"]["url"]) == expires(url)


def test_by_polls_a_url_lives_from_the_poll_that_first_tells_it() -> None:
    with MockServer(speed=0, polls=(1, 1), video_lifetime=100) as server:
        job_id = create(server).json["id"]
        for _ in range(2):
            server.clock.advance(1_000)
            assert poll(server, job_id).json["status"] != "completed"
        server.clock.advance(1_000)
        path = poll(server, job_id).json["video"]["url"].partition(str(server.port))[2]
        server.clock.advance(99)
        assert poll(server, job_id).json["status"] == "completed"
        assert fetch(server, path).status == 200
        server.clock.advance(2)
        assert fetch(server, path).status == 403


def test_a_create_that_is_completed_tells_when_its_url_stops_working() -> None:
    with MockServer(scenario="signed-url+completed-in-create", speed=0, video_lifetime=60) as server:
        url = create(server).json["video"]["url"]
        assert expires(url) == int(server.clock.now() + 60)


def test_a_head_leaves_a_fault_for_the_download_that_follows(server: MockServer) -> None:
    url, once = url_of(server), "video-expired;times=1"
    methods = ("HEAD", "HEAD", "GET", "GET")
    assert [fetch(server, url, method, X_Mock_Scenario=once).status for method in methods] == [
        403,
        403,
        403,
        200,
    ]
