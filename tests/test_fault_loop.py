"""The one loop of faults: every scenario of the catalogue at creates, polls and downloads."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import Scenario, Settings
from kling_mock.api.opened import Opened
from kling_mock.api.response import MockResponse
from kling_mock.app import MockApp
from kling_mock.common import Common
from kling_mock.scenarios import CATALOGUE, Fault
from kling_mock.scenarios.fault import REPLACEMENTS, REWRITING, FaultKind
from kling_mock.scenarios.strike import Hits, strike
from kling_mock.store import at_once

from .support import PATHS, body_for

HEADERS = [
    (b"host", b"127.0.0.1:8000"),
    (b"authorization", b"Bearer k"),
    (b"content-type", b"application/json"),
]


@lru_cache(maxsize=1)
def the_app() -> MockApp:
    return MockApp(Common(Settings(seed=1, polls=(1, 1), speed=0)))


def decided(app: MockApp, method: str, target: str, body: bytes = b"") -> Opened:
    """What is decided of one request, before anything goes over a wire."""
    path, _, query = target.partition("?")
    opened = app._open(method, path, query.encode(), HEADERS, "http", "")
    at_once(app._decide(opened, body))
    app.common.traffic.open -= 1
    return opened


def check_struck(opened: Opened, struck: list[Fault]) -> None:
    """The name that is noted is the first one's, and the response is as its faults make it."""
    outcome, response = opened.outcome, opened.outcome.response
    assert outcome.fault == (struck[0].kind if struck else None)
    kinds = {fault.kind for fault in struck}
    assert response.chunked is ("chunked" in kinds)
    assert response.gzip is ("gzip" in kinds)
    assert response.close is ("close" in kinds)
    assert response.delay == sum(fault.seconds for fault in struck if fault.kind == "slow")
    assert response.drip == sum(fault.seconds for fault in struck if fault.kind == "drip")
    assert response.cut == next(
        (kind for kind in kinds if kind in ("truncated", "reset", "dropped", "hang")), None
    )
    replacing = [fault for fault in struck if not fault.modifies]
    assert len(replacing) <= 1
    if replacing:
        check_replaced(response, replacing[0])


def check_replaced(response: MockResponse, fault: Fault) -> None:
    """What stands in an answer's place says what its kind promises."""
    if fault.kind == "status":
        body = json.loads(response.body)
        assert response.status == body["statusCode"] == fault.answer_status
    elif fault.kind in ("html", "expired"):
        assert response.status == fault.answer_status and b"<" in response.body
    elif fault.kind == "redirect":
        assert response.status == 307 and any(name == b"location" for name, _ in response.headers)
    elif fault.kind in ("empty", "not-json"):
        assert response.status == 200
        with pytest.raises(ValueError):
            json.loads(response.body)
    elif fault.kind in ("without-id", "empty-id"):
        assert not json.loads(response.body).get("id")
    else:
        assert response.cut == fault.kind


def check_coherent(scenario: Scenario, opened: Opened, job_id: str) -> dict[str, Any]:
    """A pending job has neither video nor error, a completed one a video, one in error an error."""
    outcome = opened.outcome
    body: dict[str, Any] = json.loads(outcome.response.body)
    assert body["id"] == job_id == outcome.job_id and outcome.known_id
    assert body.get("status") == outcome.word
    words = {str(status): word for status, word in scenario.words.items()}
    assert outcome.word in (None, words.get(outcome.state or "", outcome.state))
    hides_video = bool(scenario.shapes & {"null-video", "without-url"})
    video, error = body.get("video"), body.get("error")
    if outcome.state == "completed":
        assert error is None and (bool(video) or hides_video)
    elif outcome.state == "error":
        assert video is None and "error" in body and (error is not None or scenario.error == "null")
    else:
        assert video is None and error is None
    return body


NAMES = st.sampled_from(sorted(CATALOGUE))


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_scenario_is_coherent_from_create_to_video(name: str) -> None:
    drive(CATALOGUE[name], polls=5)


@given(names=st.lists(NAMES, min_size=2, max_size=3, unique=True), polls=st.integers(1, 6))
def test_scenarios_at_once_are_coherent_too(names: list[str], polls: int) -> None:
    try:
        scenario = CATALOGUE[names[0]]
        for name in names[1:]:
            scenario |= CATALOGUE[name]
    except ValueError:
        # Two that contradict each other are refused before anything is served.
        return
    drive(scenario, polls=polls)


def drive(scenario: Scenario, *, polls: int) -> None:
    """A create, polls and a download, each held against what `strike` says of it."""
    app = the_app()
    space = app.common.default
    space.reset()
    space.use(scenario)
    made = decided(app, "POST", PATHS[0], json.dumps(body_for()).encode())
    struck = strike(scenario, "create", {}, 0.0)
    check_struck(made, struck)
    assert made.outcome.kind == "create" and made.outcome.scenario == scenario.name
    jobs = at_once(space.store.jobs())
    replacing = next((fault for fault in struck if not fault.modifies), None)
    assert len(jobs) == (1 if replacing is None or replacing.job_made else 0)
    if not jobs:
        return
    job_id, hits = jobs[0].plan.id, Hits()
    if not struck:
        check_coherent(scenario, made, job_id)
    url = None
    for _ in range(polls):
        asked = decided(app, "GET", f"{PATHS[0]}?generation_id={quote(job_id, safe='')}")
        struck = strike(scenario, "poll", hits, 0.0)
        check_struck(asked, struck)
        assert asked.outcome.kind == "poll" and asked.outcome.job_id == job_id
        if not struck:
            body = check_coherent(scenario, asked, job_id)
            url = (body.get("video") or {}).get("url", url)
    if url is not None:
        download(app, scenario, url, hits)


def download(app: MockApp, scenario: Scenario, url: str, hits: Hits) -> None:
    """Two downloads of a finished video."""
    parts = urlsplit(url)
    for _ in range(2):
        fetched = decided(app, "GET", parts.path + (f"?{parts.query}" if parts.query else ""))
        struck = strike(scenario, "video", hits, 0.0)
        check_struck(fetched, struck)
        assert fetched.outcome.kind == "video" and fetched.outcome.known_id
        if not struck:
            assert fetched.outcome.response.status == 200
            assert fetched.outcome.response.body[4:8] == b"ftyp"


@pytest.mark.parametrize("replacing", sorted(REPLACEMENTS))
@pytest.mark.parametrize("rewriting", sorted(REWRITING))
@pytest.mark.parametrize("swapped", [False, True])
def test_what_rewrites_an_answer_is_never_spent_unseen(
    replacing: FaultKind, rewriting: FaultKind, swapped: bool
) -> None:
    """Each of the two strikes once, and each is seen."""
    faults = [Fault(at="poll", kind=replacing, times=1), Fault(at="poll", kind=rewriting, times=1)]
    app = the_app()
    space = app.common.default
    space.reset()
    space.use(Scenario("both", faults=faults[::-1] if swapped else faults))
    decided(app, "POST", PATHS[0], json.dumps(body_for()).encode())
    job_id = at_once(space.store.jobs())[0].plan.id
    seen = []
    for _ in range(3):
        response = decided(app, "GET", f"{PATHS[0]}?generation_id={quote(job_id, safe='')}").outcome.response
        if response.cut in ("reset", "dropped", "hang"):
            continue
        text = response.body.decode("utf-8")
        plain = text.removeprefix("\ufeff")
        if plain != text:
            seen.append("byte-order-mark")
        if plain.startswith("{") and plain[1:].split(",")[0] in plain[1:-1].split(",")[1:]:
            seen.append("duplicate-keys")
        if plain.startswith("{") and response.content_type.startswith(b"text/plain"):
            seen.append("wrong-content-type")
    assert seen == [rewriting]
