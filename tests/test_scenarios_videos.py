"""Faults of the video, seen from outside: by a real client or on the wire itself."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
import requests

from kling_mock import MockServer

from .observing import (
    Observer,
    download,
    drip,
    finished,
    made,
    names_of,
    observed_by,
    request_bytes,
    until_closed,
    until_reset,
    valid,
)
from .support import poll, wire

OBSERVERS: dict[str, Observer] = {}
NAMES = names_of("faults of the video")
observes = observed_by(OBSERVERS)


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_does_what_its_sentence_says(server: MockServer, timed: MockServer, name: str) -> None:
    server.use(name)
    timed.use(name)
    OBSERVERS[name](server, timed)


def test_every_observer_has_its_scenario() -> None:
    assert set(OBSERVERS) == set(NAMES)


@observes("video-expired")
def video_expired(server: MockServer, _timed: MockServer) -> None:
    clip = download(server, finished(server)["video"]["url"])
    assert (clip.status, clip.headers["content-type"]) == (403, "application/xml") and b"expired" in clip.body


@observes("video-changed")
def video_changed(server: MockServer, _timed: MockServer) -> None:
    url = finished(server)["video"]["url"]
    whole = requests.head(url, timeout=9).headers
    with pytest.raises(requests.exceptions.RequestException):
        requests.get(url, timeout=9)
    rest = {"Range": "bytes=100-"}
    other = requests.get(url, timeout=9)
    assert other.content[4:8] == b"ftyp"
    for name in ("ETag", "Last-Modified"):
        assert other.headers[name] != whole[name]
        # Who asks for the rest of what it began with is given the other one whole.
        begun = requests.get(url, headers={**rest, "If-Range": whole[name]}, timeout=9)
        assert (begun.status_code, begun.content) == (200, other.content)
        known = requests.get(url, headers={**rest, "If-Range": other.headers[name]}, timeout=9)
        assert (known.status_code, known.content) == (206, other.content[100:])
    careless = requests.get(url, headers=rest, timeout=9)
    assert (careless.status_code, careless.headers["ETag"]) == (206, other.headers["ETag"])
    assert requests.head(url, timeout=9).headers["ETag"] == other.headers["ETag"]


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
