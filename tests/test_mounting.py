"""The application below a prefix: mounted in another one, or behind a proxy that strips the prefix."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import requests
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from kling_mock import Settings, create_app
from kling_mock.serving.asgi_server import bind

from .support import MODEL, PATHS, UUID, body_for, until

PREFIX = "/kling"
KEY = {"Authorization": "Bearer test-key"}


@contextmanager
def served(app: Any, **options: Any) -> Iterator[str]:
    """The address of a real uvicorn that serves an application in a thread."""
    listening = bind("127.0.0.1", 0)
    config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none", **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    try:
        until(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()


class StripsPrefix:
    """A proxy in front of a server that knows its `root_path`: it takes the prefix away."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if not scope["path"].startswith(PREFIX + PREFIX):
            await PlainTextResponse("elsewhere", 404)(scope, receive, send)
            return
        # What uvicorn makes of `/v2/…` under root_path is `/kling/v2/…`; so it is after the proxy.
        scope = {**scope, "path": scope["path"].removeprefix(PREFIX)}
        await self.app(scope, receive, send)


SETTINGS = Settings(polls=(1, 1), seed=1)


def mounted(settings: Settings) -> tuple[Any, dict[str, Any]]:
    """The application in another one."""
    other = Route("/", lambda _request: PlainTextResponse("home"))
    return Starlette(routes=[Mount(PREFIX, create_app(settings)), other]), {}


def behind_a_proxy(settings: Settings) -> tuple[Any, dict[str, Any]]:
    """The application that is told of its prefix by uvicorn's --root-path."""
    return StripsPrefix(create_app(settings)), {"root_path": PREFIX}


WAYS = [pytest.param(mounted, id="mounted"), pytest.param(behind_a_proxy, id="root-path")]


@pytest.fixture(scope="module", params=WAYS)
def base(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of the mock below its prefix."""
    app, options = request.param(SETTINGS)
    with served(app, **options) as address:
        yield address + PREFIX


@pytest.fixture(autouse=True)
def _clean(base: str) -> None:
    assert httpx.post(f"{base}/_mock/reset").status_code == 200


def create(base: str, **headers: str) -> httpx.Response:
    return httpx.post(base + PATHS[0], json=body_for(), headers=KEY | headers)


def poll(base: str, job_id: str, **headers: str) -> httpx.Response:
    return httpx.get(base + PATHS[0], params={"generation_id": job_id}, headers=KEY | headers)


def finished(base: str, job_id: str) -> Any:
    answers = [poll(base, job_id).json() for _ in range(3)]
    assert [answer["status"] for answer in answers] == ["queued", "generating", "completed"]
    return answers[-1]


@pytest.mark.slow
def test_a_job_goes_its_way_to_a_video_that_can_be_fetched(base: str) -> None:
    made = create(base)
    assert made.status_code == 200 and made.json()["status"] == "queued"
    url = finished(base, made.json()["id"])["video"]["url"]
    assert url.startswith(f"{base}/media/")
    video = httpx.get(url)
    assert video.status_code == 200 and video.headers["content-type"] == "video/mp4"
    part = httpx.get(url, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, video.content[:10])
    assert httpx.head(url).headers["content-length"] == str(len(video.content))


def test_requests_drives_it_too(base: str) -> None:
    with requests.Session() as session:
        session.headers.update(KEY)
        job_id = session.post(base + PATHS[-1], json=body_for(legacy=True), timeout=20).json()["id"]
        for _ in range(3):
            answer = session.get(base + PATHS[-1], params={"generation_id": job_id}, timeout=20).json()
        assert session.get(answer["video"]["url"], timeout=20).status_code == 200
        models = session.get(f"{base}/v1/models", timeout=20).json()["data"]
        assert MODEL in {row["id"] for row in models}


@pytest.mark.slow
def test_a_signed_url_under_another_host_name_has_the_prefix(base: str) -> None:
    job_id = create(base, **{"X-Mock-Scenario": "signed-url"}).json()["id"]
    url = finished(base, job_id)["video"]["url"]
    parts = urlsplit(url)
    assert parts.hostname == "localhost" and parts.path.startswith(f"{PREFIX}/media/")
    assert httpx.get(url.replace("localhost", "127.0.0.1")).status_code == 200


@pytest.mark.slow
def test_a_kept_answer_names_the_host_that_asked(base: str) -> None:
    job_id = create(base).json()["id"]
    finished(base, job_id)
    for host in ("one.example", "two.example:81"):
        url = poll(base, job_id, Host=host).json()["video"]["url"]
        assert url.startswith(f"http://{host}{PREFIX}/media/")


@pytest.mark.slow
def test_errors_are_those_of_the_api(base: str) -> None:
    unauthorised = httpx.post(base + PATHS[0], json=body_for())
    invalid = httpx.post(base + PATHS[0], json={"model": MODEL}, headers=KEY)
    nowhere = httpx.get(f"{base}/v2/nowhere", headers=KEY)
    control = httpx.get(f"{base}/_mock/nowhere")
    for reply, status, path in (
        (unauthorised, 401, PATHS[0]),
        (invalid, 400, PATHS[0]),
        (nowhere, 404, "/v2/nowhere"),
        (control, 404, "/_mock/nowhere"),
    ):
        body = reply.json()
        assert (reply.status_code, body["statusCode"], body["path"]) == (status, status, path)
        assert UUID.fullmatch(body["requestId"]) and reply.headers["x-inference-id"] == body["requestId"]


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["redirect", "video-redirect"])
def test_a_redirect_leads_to_where_it_goes_on(base: str, scenario: str) -> None:
    named = {"X-Mock-Scenario": scenario}
    made = create(base, **named)
    if scenario == "redirect":
        assert made.status_code == 307
        made = httpx.post(made.headers["location"], json=body_for(), headers=KEY | named)
        target = httpx.URL(create(base, **named).headers["location"])
    else:
        moved = httpx.get(finished(base, made.json()["id"])["video"]["url"])
        assert moved.status_code == 307
        target = httpx.URL(moved.headers["location"])
        assert httpx.get(target).headers["content-type"] == "video/mp4"
    assert made.json()["status"] == "queued"
    assert target.host == "localhost" and target.path.startswith(PREFIX + "/")


@pytest.mark.slow
def test_the_control_api_controls_it(base: str) -> None:
    assert httpx.post(f"{base}/_mock/scenario", json={"scenario": "failed"}).json()["scenario"] == "failed"
    job_id = create(base).json()["id"]
    assert httpx.get(f"{base}/_mock/health").json()["jobs"] == 1
    assert httpx.get(f"{base}/_mock/jobs/{job_id}").json()["scenario"] == "failed"
    shown = httpx.get(f"{base}/_mock/exchanges").json()["exchanges"]
    assert [(seen["kind"], seen["path"]) for seen in shown] == [("create", PATHS[0])]
    httpx.post(f"{base}/_mock/clock", json={"until": "finished"})
    assert poll(base, job_id).json()["status"] == "error"


def test_a_stream_of_events_comes_through(base: str) -> None:
    with httpx.stream("GET", f"{base}/_mock/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == ": connected"
        create(base)
        assert next(line for line in lines if line.startswith("event:")) == "event: job-made"


def test_the_page_finds_what_it_asks_for(base: str) -> None:
    moved = httpx.get(f"{base}/_mock")
    assert (moved.status_code, moved.headers["location"]) == (307, f"{PREFIX}/_mock/")
    page = httpx.get(f"{base}/_mock/")
    assert page.status_code == 200
    # What it asks for is named as seen from the page, wherever that is.
    assert '"/_mock' not in page.text and '"/' not in page.text.replace('"/>', "")


@pytest.mark.slow
def test_the_documents_are_there(base: str) -> None:
    document = httpx.get(f"{base}/openapi.json")
    assert document.status_code == 200 and PATHS[0] in document.json()["paths"]
    assert httpx.get(f"{base}/openapi/{MODEL}.json").status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/_mock/health", "/_mock/nowhere", "/openapi.json", PATHS[0], "/v1/models"])
def test_there_is_one_date_beside_what_the_server_adds(base: str, path: str) -> None:
    dates = httpx.get(base + path).headers.get_list("date")
    assert len(dates) == 1 and parsedate_to_datetime(dates[0])


def test_beside_it_the_other_application_answers(base: str) -> None:
    assert httpx.get(base.removesuffix(PREFIX) + "/nowhere").status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_the_token_of_the_page_is_kept_below_the_prefix(way: Any) -> None:
    app, options = way(Settings(control_token="sesame"))
    with served(app, **options) as address, httpx.Client(base_url=address + PREFIX) as browser:
        assert browser.get("/_mock/jobs").status_code == 403
        moved = browser.get("/_mock/", params={"token": "sesame"})
        assert (moved.status_code, moved.headers["location"]) == (303, f"{PREFIX}/_mock/")
        assert f"Path={PREFIX}/_mock/" in moved.headers["set-cookie"]
        assert browser.get("/_mock/").status_code == browser.get("/_mock/jobs").status_code == 200
        elsewhere = browser.build_request("GET", f"{address}/")
        assert "cookie" not in elsewhere.headers


@pytest.mark.slow
def test_two_of_them_in_one_application_are_two() -> None:
    both = Starlette(routes=[Mount(f"/{name}", create_app(SETTINGS)) for name in ("one", "two")])
    with served(both) as address:
        job_id = create(f"{address}/one").json()["id"]
        assert poll(f"{address}/one", job_id).json()["status"] == "queued"
        assert poll(f"{address}/two", job_id).status_code == 404
        assert [httpx.get(f"{address}/{name}/_mock/health").json()["jobs"] for name in ("one", "two")] == [
            1,
            0,
        ]


@pytest.mark.slow
def test_a_longer_prefix_and_one_within_another() -> None:
    inner = Starlette(routes=[Mount("/b/c", create_app(SETTINGS))])
    outer = Starlette(routes=[Mount("/a", inner)])
    with served(outer) as address:
        job_id = create(f"{address}/a/b/c").json()["id"]
        url = finished(f"{address}/a/b/c", job_id)["video"]["url"]
        assert url.startswith(f"{address}/a/b/c/media/") and httpx.get(url).status_code == 200


def test_a_har_file_has_the_urls_that_clients_asked(base: str) -> None:
    assert create(base).status_code == 200
    entries = httpx.get(f"{base}/_mock/exchanges.har").json()["log"]["entries"]
    assert [entry["request"]["url"] for entry in entries] == [base + PATHS[0]]
