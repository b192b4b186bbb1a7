"""How jobs go and how answers look, seen from outside: by a real client or on the wire itself."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

import pytest
import requests

from kling_mock import MockServer
from kling_mock.catalog import load_catalog

from .observing import (
    POLL_SCHEMA,
    Observer,
    download,
    finished,
    made,
    names_of,
    observed_by,
    statuses,
    valid,
    walk,
)
from .support import MODEL, PATHS, UUID, ask, body_for, create, poll

OBSERVERS: dict[str, Observer] = {}
NAMES = names_of("ends", "statuses", "shapes of answers", "ids")
observes = observed_by(OBSERVERS)


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_does_what_its_sentence_says(server: MockServer, timed: MockServer, name: str) -> None:
    server.use(name)
    timed.use(name)
    OBSERVERS[name](server, timed)


def test_every_observer_has_its_scenario() -> None:
    assert set(OBSERVERS) == set(NAMES)


# Ends


@observes("completed")
def completed(server: MockServer, _timed: MockServer) -> None:
    answers = walk(server, 5)
    assert statuses(answers) == ["queued", "generating", "completed", "completed", "completed"]
    clip = download(server, answers[-1]["video"]["url"])
    assert (clip.status, clip.headers["content-type"], clip.body[4:8]) == (200, "video/mp4", b"ftyp")
    assert answers[2] == answers[3] == answers[4]


@observes("failed")
def failed(server: MockServer, _timed: MockServer) -> None:
    answers = walk(server)
    assert statuses(answers) == ["queued", "generating", "error"]
    assert answers[-1]["error"]["name"] and answers[-1]["error"]["message"] and "video" not in answers[-1]
    assert not server.charges[0].billed


@observes("failed-detail")
def failed_detail(server: MockServer, _timed: MockServer) -> None:
    job_id = ask(
        server,
        "POST",
        PATHS[0],
        body_for("kling-video/v1/standard/image-to-video", image_url="https://a.b/c.png"),
    ).json["id"]
    answer = [poll(server, job_id).json for _ in range(3)][-1]
    (detail,) = answer["error"]["detail"]
    assert answer["status"] == "error" and "video" not in answer
    assert detail["loc"] == ["body", "image_url"] and detail["type"] == "face_detection_error"
    assert detail["msg"] == "Could not detect face in the image" and detail["input"] == "https://a.b/c.png"


@observes("stuck-queued")
def stuck_queued(server: MockServer, timed: MockServer) -> None:
    assert set(statuses(walk(server, 20))) == {"queued"}
    job_id = made(timed)
    timed.clock.advance(1e8)
    assert valid(poll(timed, job_id))["status"] == "queued"


@observes("stuck-generating")
def stuck_generating(server: MockServer, timed: MockServer) -> None:
    assert statuses(walk(server, 20)) == ["queued"] + ["generating"] * 19
    job_id = made(timed)
    timed.clock.advance(1e8)
    assert valid(poll(timed, job_id))["status"] == "generating"


@observes("slow")
def slow(server: MockServer, timed: MockServer) -> None:
    assert statuses(walk(server, 21)) == ["queued"] * 10 + ["generating"] * 10 + ["completed"]
    job_id = made(timed)
    for seconds, status in ((99, "queued"), (499, "generating"), (3, "completed")):
        timed.clock.advance(seconds)
        assert valid(poll(timed, job_id))["status"] == status


@observes("completed-in-create")
def completed_in_create(server: MockServer, _timed: MockServer) -> None:
    reply = create(server)
    POLL_SCHEMA.validate(reply.json)
    assert reply.json["status"] == "completed"
    assert download(server, reply.json["video"]["url"]).body[4:8] == b"ftyp"
    assert valid(poll(server, reply.json["id"]))["status"] == "completed"


@observes("failed-in-create")
def failed_in_create(server: MockServer, _timed: MockServer) -> None:
    reply = create(server)
    POLL_SCHEMA.validate(reply.json)
    assert reply.json["status"] == "error" and reply.json["error"]["message"] and "video" not in reply.json
    assert valid(poll(server, reply.json["id"]))["status"] == "error"


@observes("completed-without-url")
def completed_without_url(server: MockServer, _timed: MockServer) -> None:
    job_id = made(server)
    answer = [poll(server, job_id).json for _ in range(3)][-1]
    assert answer == {"id": job_id, "status": "completed", "video": {}}


# Statuses


@observes("waiting-active")
def waiting_active(server: MockServer, _timed: MockServer) -> None:
    reply = create(server)
    assert reply.json["status"] == "waiting"
    answers = [poll(server, reply.json["id"]).json["status"] for _ in range(3)]
    assert answers == ["waiting", "active", "completed"]
    assert [exchange.state for exchange in server.exchanges] == [
        "queued",
        "queued",
        "generating",
        "completed",
    ]


@observes("unknown-status")
def unknown_status(server: MockServer, _timed: MockServer) -> None:
    job_id = made(server)
    answers = [poll(server, job_id).json["status"] for _ in range(3)]
    assert answers[0] == "queued" and answers[2] == "completed"
    assert answers[1] not in ("queued", "generating", "completed", "error", "waiting", "active")


@observes("backwards")
def backwards(server: MockServer, timed: MockServer) -> None:
    expected = ["queued", "generating", "queued", "generating", "completed"]
    assert statuses(walk(server, 5)) == expected
    job_id = made(timed)
    seen = []
    for seconds in (5, 10, 50, 10, 50):
        timed.clock.advance(seconds)
        seen.append(valid(poll(timed, job_id))["status"])
    assert seen == expected


@observes("skips-generating")
def skips_generating(server: MockServer, _timed: MockServer) -> None:
    assert statuses(walk(server)) == ["queued", "completed", "completed"]


@observes("succeeded")
def succeeded(server: MockServer, _timed: MockServer) -> None:
    job_id = made(server)
    answer = [poll(server, job_id).json for _ in range(3)][-1]
    assert answer["status"] == "succeeded" and answer["video"]["url"]


# Shapes


@observes("nulls")
def nulls(server: MockServer, _timed: MockServer) -> None:
    answers = walk(server)
    assert answers[0] == {
        "id": answers[0]["id"],
        "status": "queued",
        "video": None,
        "error": None,
        "meta": None,
    }
    assert answers[-1]["video"]["url"] and answers[-1]["error"] is None


@observes("absent")
def absent(server: MockServer, _timed: MockServer) -> None:
    reply = create(server)
    assert set(reply.json) == {"id", "status"}
    answers = [valid(poll(server, reply.json["id"])) for _ in range(3)]
    assert [set(answer) for answer in answers] == [
        {"id", "status"},
        {"id", "status"},
        {"id", "status", "video"},
    ]


@observes("extra-fields")
def extra_fields(server: MockServer, _timed: MockServer) -> None:
    answer = finished(server)
    assert set(answer) > {"id", "status", "video"} and set(answer["video"]) > {"url"}


@observes("tokens-used")
def tokens_used(server: MockServer, _timed: MockServer) -> None:
    usage = create(server).json["meta"]["usage"]
    assert set(usage) == {"tokens_used"} and usage["tokens_used"] > 0


@observes("file-details")
def file_details(server: MockServer, _timed: MockServer) -> None:
    video = finished(server)["video"]
    assert set(video) == {"url", "content_type", "file_name", "file_size"}
    clip = download(server, video["url"])
    assert (video["content_type"], video["file_size"]) == ("video/mp4", len(clip.body))
    assert video["url"].endswith(video["file_name"])


@observes("no-usage")
def no_usage(server: MockServer, _timed: MockServer) -> None:
    for variant in load_catalog().variants:
        reply = create(server, model=variant.model)
        assert "meta" not in reply.json
        assert reply.headers.get("x-aimlapi-credits-used", "0") == "0"


@observes("signed-url")
def signed_url(server: MockServer, _timed: MockServer) -> None:
    url = finished(server)["video"]["url"]
    assert urlsplit(url).hostname == "localhost" and len(url) > 200 and "Signature=" in url
    answer = requests.get(url, timeout=20)
    assert answer.content[4:8] == b"ftyp"


# Ids


def check_id(server: MockServer, pattern: str) -> None:
    reply = create(server)
    job_id = reply.json["id"]
    assert re.fullmatch(pattern, job_id), job_id
    assert unquote(reply.headers["x-inference-id"].replace("%2F", "%252F")) == job_id
    for _ in range(3):
        answer = poll(server, job_id)
        assert valid(answer)["id"] == job_id
        assert answer.headers["x-inference-id"] == reply.headers["x-inference-id"]
    assert download(server, answer.json["video"]["url"]).status == 200
    assert create(server).json["id"] != job_id


@observes("id-nanoid")
def id_nanoid(server: MockServer, _timed: MockServer) -> None:
    check_id(server, r"[A-Za-z0-9_-]{21}")


@observes("id-leading-dash")
def id_leading_dash(server: MockServer, _timed: MockServer) -> None:
    check_id(server, r"-[A-Za-z0-9_-]{19}_")


@observes("id-digits")
def id_digits(server: MockServer, _timed: MockServer) -> None:
    check_id(server, r"\d{18}")
    job_id = server.jobs[0].id
    assert int(float(job_id)) != int(job_id), "a double would hold it"


@observes("id-uuid-model")
def id_uuid_model(server: MockServer, _timed: MockServer) -> None:
    check_id(server, UUID.pattern + ":" + re.escape(MODEL))
    job_id = server.jobs[0].id
    plain = ask(server, "GET", f"{PATHS[0]}?generation_id={job_id}")
    assert valid(plain)["id"] == job_id, "colons and slashes arrive unencoded too"


@observes("id-awkward")
def id_awkward(server: MockServer, _timed: MockServer) -> None:
    check_id(server, ".*")
    job_id = server.jobs[0].id
    assert all(char in job_id for char in "+&=#% ") and not job_id.isascii()
