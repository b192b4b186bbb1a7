"""Every answer has a Date, one, and it is that of the virtual clock."""

from __future__ import annotations

import asyncio
from email.utils import formatdate

import httpx
import pytest

from kling_mock import MockServer, Settings, create_app

from .support import MODEL, PATHS, ask, create, poll, raw

CONTROL = [
    ("GET", "/_mock", 307),
    ("GET", "/_mock/", 200),
    ("GET", "/_mock/health", 200),
    ("GET", "/_mock/exchanges.har", 200),
    ("GET", "/_mock/jobs/none", 404),
    ("GET", "/_mock/nowhere", 404),
    ("PUT", "/_mock/health", 405),
    ("POST", "/_mock/clock", 400),
    ("GET", "/openapi.json", 200),
    ("OPTIONS", "/openapi.json", 204),
    ("GET", f"/openapi/{MODEL}.json", 200),
    ("GET", "/openapi/nosuch.json", 404),
    ("GET", "/openapinowhere", 404),
]
API = [
    ("GET", "/v1/models", 200),
    ("GET", f"/model/{MODEL}", 200),
    ("GET", "/nowhere", 404),
    ("GET", PATHS[0], 400),
    ("DELETE", PATHS[0], 405),
    ("OPTIONS", PATHS[0], 204),
    ("POST", PATHS[0], 400),
    ("GET", "/media/x/none.mp4", 404),
]


def dates(lines: list[tuple[str, str]]) -> list[str]:
    return [value for name, value in lines if name.lower() == "date"]


def now(server: MockServer) -> list[str]:
    """The one Date of an answer that is made now, on a clock that stands still."""
    return [formatdate(int(server.clock.now()), usegmt=True)]


@pytest.mark.parametrize(("method", "path", "status"), CONTROL + API)
def test_an_answer_has_one_date_of_the_virtual_clock(
    timed: MockServer, method: str, path: str, status: int
) -> None:
    timed.clock.advance(1_000_000)
    reply = ask(timed, method, path)
    assert (reply.status, dates(reply.lines)) == (status, now(timed))


def test_creates_polls_and_videos_have_it(timed: MockServer) -> None:
    made = create(timed)
    timed.clock.advance(until="completed")
    polled = poll(timed, made.json["id"])
    url = polled.json["video"]["url"].removeprefix(timed.url)
    video = ask(timed, "GET", url, key=None)
    part = ask(timed, "GET", url, headers={"Range": "bytes=0-1"}, key=None)
    head = ask(timed, "HEAD", url, key=None)
    assert (video.status, part.status, head.status) == (200, 206, 200)
    assert [dates(reply.lines) for reply in (polled, video, part, head)] == [now(timed)] * 4


@pytest.mark.parametrize(
    "scenario", ["chunked", "gzip", "close-between-polls", "bad-gateway-html", "create-empty"]
)
def test_answers_that_go_wrong_have_it(timed: MockServer, scenario: str) -> None:
    timed.use(scenario)
    assert dates(create(timed, headers={"Accept-Encoding": "gzip"}).lines) == now(timed)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"this is no HTTP\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01", b"400"),
        (b"GET / HTTP/1.1\r\nX-Large: " + b"x" * 70_000, b"431"),
    ],
)
def test_what_is_no_request_is_answered_with_it(
    timed: MockServer, request_bytes: bytes, status: bytes
) -> None:
    head = raw(timed, request_bytes, end=True).partition(b"\r\n\r\n")[0]
    lines = [line.partition(b": ") for line in head.split(b"\r\n")]
    assert head.split(b" ")[1] == status
    assert [value.decode() for name, _, value in lines if name.lower() == b"date"] == now(timed)


@pytest.mark.parametrize("path", ["/_mock/health", "/v1/models", "/openapi.json", "/_mock/nowhere"])
def test_a_client_without_a_server_gets_it_too(path: str) -> None:
    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(Settings(seed=1)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path)

    assert len(asyncio.run(get()).headers.get_list("date")) == 1
