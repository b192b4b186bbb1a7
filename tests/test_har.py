"""The journal as HAR 1.2: what the format asks for, and no key in it."""

from __future__ import annotations

import http.client
import json
import re
import threading
from datetime import datetime
from typing import Any

import pytest

from kling_mock import MockServer
from kling_mock.exchanges.har import har_log
from kling_mock.scenarios import CATALOGUE
from kling_mock.validation import judge
from kling_mock.verdicts.beside import as_beside
from kling_mock.verdicts.evidence import trace_of

from .support import PATHS, ask, create, poll, until

KEY = "sk-very-secret-4711"


def _object(**properties: Any) -> dict[str, Any]:
    """An object with these members, optional ones written with a `_` at the end; `_name` may stand beside."""
    optional = {name for name in properties if name.endswith("_")}
    named = {name.rstrip("_"): schema for name, schema in properties.items()}
    return {
        "type": "object",
        "properties": named,
        "required": [name for name in properties if name not in optional],
        "patternProperties": {"^_": {}},
        "additionalProperties": False,
    }


TEXT, NUMBER = {"type": "string"}, {"type": "number", "minimum": -1}
DURATION = {"type": "number", "minimum": 0}
PAIRS = {"type": "array", "items": _object(name=TEXT, value=TEXT)}
DATE = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
SCHEMA = _object(
    log=_object(
        version={"const": "1.2"},
        creator=_object(name=TEXT, version=TEXT),
        pages={"type": "array"},
        entries={
            "type": "array",
            "items": _object(
                startedDateTime=DATE,
                time=DURATION,
                request=_object(
                    method=TEXT,
                    url={"type": "string", "pattern": r"^http://[^ ]+$"},
                    httpVersion=TEXT,
                    cookies=PAIRS,
                    headers=PAIRS,
                    queryString=PAIRS,
                    headersSize=NUMBER,
                    bodySize=NUMBER,
                    postData_=_object(mimeType=TEXT, text=TEXT, comment_=TEXT),
                ),
                response=_object(
                    status={"type": "integer", "minimum": 0},
                    statusText=TEXT,
                    httpVersion=TEXT,
                    cookies=PAIRS,
                    headers=PAIRS,
                    content=_object(
                        size=NUMBER,
                        mimeType=TEXT,
                        text_=TEXT,
                        comment_=TEXT,
                        compression_={"type": "integer"},
                    ),
                    redirectURL=TEXT,
                    headersSize=NUMBER,
                    bodySize=NUMBER,
                ),
                cache=_object(),
                timings=_object(
                    blocked=NUMBER,
                    dns=NUMBER,
                    connect=NUMBER,
                    send=DURATION,
                    wait=DURATION,
                    receive=DURATION,
                    ssl=NUMBER,
                ),
            ),
        },
    )
)  # fmt: skip


def entries(server: MockServer) -> list[dict[str, Any]]:
    """The entries, after the whole was held against the format."""
    log = json.loads(json.dumps(har_log(server.exchanges)))
    assert [str(error.message) for error in judge(SCHEMA).iter_errors(log)] == []
    assert KEY not in json.dumps(log)
    found: list[dict[str, Any]] = log["log"]["entries"]
    return found


def test_an_empty_journal_is_a_log(server: MockServer) -> None:
    assert entries(server) == []


def test_requests_and_answers_are_whole(server: MockServer) -> None:
    made = create(server, key=KEY, prompt="Ein Schloß 🏰").json["id"]
    poll(server, made, key=KEY)
    first, second = entries(server)
    assert first["request"]["method"] == "POST"
    assert first["request"]["url"] == f"{server.url}{PATHS[0]}"
    assert json.loads(first["request"]["postData"]["text"])["prompt"] == "Ein Schloß 🏰"
    assert first["request"]["postData"]["mimeType"] == "application/json"
    assert first["response"]["status"] == 200
    assert first["response"]["statusText"] == "OK"
    assert json.loads(first["response"]["content"]["text"])["id"] == made
    assert first["response"]["content"]["mimeType"] == "application/json; charset=utf-8"
    assert first["_klingMock"]["job_id"] == made
    assert second["request"]["queryString"] == [{"name": "generation_id", "value": made}]
    assert "postData" not in second["request"]


def test_keys_are_hidden_wherever_they_stand(server: MockServer) -> None:
    made = create(server, key=KEY, prompt=f"my key is {KEY}").json["id"]
    ask(server, "GET", f"{PATHS[0]}?generation_id={made}&key={KEY}", key=KEY)
    ask(server, "GET", f"/v2/{KEY}", key=KEY)
    shown = entries(server)
    assert shown[1]["request"]["queryString"][1] == {"name": "key", "value": "[key]"}
    headers = {header["name"]: header["value"] for header in shown[0]["request"]["headers"]}
    assert headers["authorization"] == "Bearer sk-v…"


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CATALOGUE if "hangs" not in name and "slow" not in name])
def test_every_scenario_makes_a_valid_log(timed: MockServer, name: str) -> None:
    timed.use(name)
    for method in ("POST", "GET"):
        try:
            if method == "POST":
                create(timed, key=KEY)
            else:
                poll(timed, timed.jobs[-1].id if timed.jobs else "none", key=KEY)
        except (http.client.HTTPException, OSError):
            pass
    assert entries(timed)


def test_an_answer_that_was_reset_has_status_0(server: MockServer) -> None:
    server.use("create-lost-reply")
    with pytest.raises(OSError):
        create(server)
    (entry,) = entries(server)
    assert entry["response"]["status"] == 0
    assert entry["response"]["headers"] == []
    assert entry["response"]["_error"] == "the connection was reset"


def test_an_open_exchange_has_status_0(server: MockServer) -> None:
    server.use("create-hangs")
    failed: list[OSError] = []

    def hang() -> None:
        try:
            create(server)
        except OSError as error:
            failed.append(error)
        except http.client.HTTPException:
            pass

    thread = threading.Thread(target=hang)
    thread.start()
    until(lambda: server.traffic.held)
    (entry,) = entries(server)
    server.reset()
    thread.join(20)
    assert entry["response"]["status"] == 0
    assert entry["time"] == 0


def test_times_are_those_of_the_virtual_clock(server: MockServer) -> None:
    create(server)
    server.clock.advance(3600)
    create(server)
    first, second = (datetime.fromisoformat(entry["startedDateTime"]) for entry in entries(server))
    assert 3600 <= (second - first).total_seconds() < 3700


def test_a_shortened_body_says_so(server: MockServer) -> None:
    server.configure(max_recorded_body=100)
    create(server, prompt="x" * 500)
    (entry,) = entries(server)
    data = entry["request"]["postData"]
    assert len(data["text"]) == 100
    assert re.fullmatch(r"the first 100 of \d+ bytes", data["comment"])
    assert entry["request"]["bodySize"] > 500


def test_the_control_api_hands_it_out(server: MockServer) -> None:
    create(server, key=KEY)
    answer = ask(server, "GET", "/_mock/exchanges.har", key=None)
    assert answer.headers["content-disposition"] == 'attachment; filename="kling-mock.har"'
    beside = as_beside(trace_of(server.space, one=False, over=False))
    assert answer.json == json.loads(json.dumps(har_log(server.exchanges, beside=beside)))


def test_odd_targets_make_valid_urls(server: MockServer) -> None:
    for target in (f"{PATHS[0]}?generation_id=a+b%20c&x=%E9%23", "/v2/%E2%82%AC%20x?y=[1]", "/v2/%zz?%"):
        ask(server, "GET", target)
    assert len(entries(server)) == 3


def test_a_key_in_the_query_alone_is_hidden(server: MockServer) -> None:
    ask(server, "GET", f"{PATHS[0]}?api_key={KEY}&generation_id={KEY}", key=None)
    (entry,) = entries(server)
    assert entry["request"]["queryString"][0] == {"name": "api_key", "value": "[key]"}


def test_cookies_are_named(server: MockServer) -> None:
    ask(server, "GET", "/nothing", headers={"Cookie": f"session={KEY}; a=b; {KEY}"})
    (entry,) = entries(server)
    assert entry["request"]["cookies"] == [{"name": "session", "value": "…"}, {"name": "a", "value": "…"}]


def test_a_compressed_answer_has_both_sizes(server: MockServer) -> None:
    server.use("gzip")
    reply = create(server, headers={"Accept-Encoding": "gzip"})
    response = entries(server)[0]["response"]
    content = response["content"]
    assert response["bodySize"] == len(reply.body)
    assert content["size"] == len(content["text"]) == response["bodySize"] + content["compression"]


def test_an_answer_that_was_broken_off_says_so(server: MockServer) -> None:
    job = create(server).json["id"]
    with pytest.raises(http.client.IncompleteRead) as caught:
        poll(server, job, headers={"X-Mock-Scenario": "poll-truncated"})
    response = entries(server)[1]["response"]
    assert response["content"]["text"] == caught.value.partial.decode()
    sent = len(caught.value.partial)
    assert re.fullmatch(rf"broken off after {sent} of \d+ bytes", response["content"]["comment"])
    assert response["bodySize"] == sent
